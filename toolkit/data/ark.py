"""Kaldi archives: feature matrices and recordings. The only module that imports kaldiio.

kaldiio's licence allows evaluation only; all other modules use this one, so that kaldiio is easy to replace.
An scp line is `id file.ark:offset`. Shape legend: T frames, D dimensions, N samples, C channels.
"""

from __future__ import annotations

import re
import struct
import wave
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import kaldiio
import numpy as np

from ..core.errors import UserError
from ..core.files import atomic
from ..core.links import absent
from .ids import fault
from .tables import read_table

Array = np.ndarray[Any, np.dtype[Any]]
BROKEN = (  # errors of kaldiio for a broken entry; a size from a damaged header may exceed the memory
    *(ValueError, EOFError, AssertionError, MemoryError, OverflowError, OSError, RuntimeError),
    *(struct.error, wave.Error),
)
_PLACE = re.compile(r"(.+):(\d+)")


def write_features(ark: Path, items: Iterable[tuple[str, Array]], final: Path | None = None) -> int:
    """Write float32 matrices [T, D] (or vectors) to `ark`, and `<ark's name>.scp` beside it; returns their number.

    Args:
        items: (id, matrix), in the order of the file.
        final: path of the ark that the scp names, if the file will be renamed; default: `ark`.

    Both files are written whole or not at all. Raises UserError for an id that an ark cannot hold.
    """
    return _write(
        ark, ((id, np.ascontiguousarray(x, dtype=np.float32)) for id, x in items), kaldiio.matio.write_array, final
    )


def write_waves(ark: Path, items: Iterable[tuple[str, int, Array]], final: Path | None = None) -> int:
    """Write recordings (id, samples per second, int16 samples [N] or [N, C]) as wav in an ark; see write_features."""
    return _write(
        ark, ((id, (rate, x)) for id, rate, x in items), lambda f, item: kaldiio.matio.write_wav(f, *item), final
    )


def _write(ark: Path, items: Iterable[tuple[str, Any]], write: Any, final: Path | None) -> int:
    name, count, seen = str(final or ark), 0, set()
    with (
        atomic(ark.with_suffix(".scp")) as index,  # renamed last: an scp without its ark would mislead
        atomic(ark) as temporary,
        open(temporary, "wb") as f,
        open(index, "w", encoding="utf-8", newline="\n") as scp,
    ):
        for id, item in items:
            if (odd := fault(id)) or id in seen:
                raise UserError(f"id {id!r} {odd or 'is given twice'}", name, "rename it")
            seen.add(id)
            f.write(f"{id} ".encode())
            scp.write(f"{id} {name}:{f.tell()}\n")
            write(f, item)
            count += 1
    return count


class Features(Mapping[str, Array]):
    """Matrices of an scp by id, each read when it is asked for. Raises UserError for a broken scp or entry.

    An ark is searched at the path in the scp, then beside the scp.
    """

    def __init__(self, scp: Path) -> None:
        if not scp.is_file():
            raise UserError(absent(scp, "scp"), str(scp), "run the stage that makes it")
        self.scp = scp
        self.places, problems = read_table(scp)
        if broken := [p for p in problems if p.fatal]:
            raise UserError("; ".join(map(str, broken[:10])), str(scp), "make it again")

    def __getitem__(self, id: str) -> Array:
        return read_array(self.places[id], self.scp.parent)

    def __iter__(self) -> Iterator[str]:
        return iter(self.places)

    def __len__(self) -> int:
        return len(self.places)


def read_array(place: str, beside: Path | None = None) -> Array:
    """The matrix or vector at `file.ark:offset`. Raises UserError if there is none."""
    array = _read(place, beside)
    if not isinstance(array, np.ndarray):
        raise UserError("a recording where features belong", place, "name the scp of the features")
    return array


def read_wave(place: str) -> tuple[int, Array]:
    """(samples per second, float32 samples [N, C]) of the recording at `file.ark:offset`. Raises UserError."""
    entry = _read(place, None)
    if isinstance(entry, np.ndarray):
        raise UserError("features where a recording belongs", place, "name the ark of the audio")
    rate, wave_NC = entry
    scale = 1.0 / (np.iinfo(wave_NC.dtype).max + 1.0) if wave_NC.dtype.kind == "i" else 1.0
    return int(rate), np.asarray(wave_NC, dtype=np.float32).reshape(len(wave_NC), -1) * np.float32(scale)


def _read(place: str, beside: Path | None) -> Any:
    parts = _PLACE.fullmatch(place)
    path = Path(parts[1] if parts else place)
    if beside and not path.is_file() and (beside / path.name).is_file():
        path = beside / path.name
    if not path.is_file():
        raise UserError(absent(path, "ark"), str(path), "mend the path, or run the stage that makes it")
    with open(path, "rb") as f:  # opened here: kaldiio would run a path that ends in `|` as a command
        f.seek(int(parts[2]) if parts else 0)
        try:
            return _entry(f)
        except BROKEN as e:
            detail = " ".join(str(e).split())[:200]
            raise UserError(f"no whole entry of an ark here: {detail}", place, "make the ark again") from None


def _entry(f: BinaryIO) -> Any:
    begins = f.read(3)
    f.seek(-len(begins), 1)
    if not begins:
        raise ValueError("it is past the end of the file")
    if begins in (b"PKL", b"NPY"):  # kaldiio would unpickle it
        raise ValueError("a pickle, which could run anything")
    return kaldiio.matio.read_kaldi(f)
