"""What is kept of a teacher at every label of packed windows: its likeliest tokens and their log-probabilities.

A folder has tokens.npy (uint16 [P, K]) and logprobs.npy (float16 [P, K]), position after position, window after window;
counts.npy (int32 [W, 4]): positions of each window without and with timestamps, each without and with the text before;
soft.json. Memory-mapped: nothing is held but what is asked for.

Shapes: W windows, P positions, N positions of some windows, K tokens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from ..core.files import read_json, sha256_of, write_json
from ..data.labels import write_npy
from ..pseudo.windows import WINDOWS

HEADER, TOKENS, LOGPROBS, COUNTS = "soft.json", "tokens.npy", "logprobs.npy", "counts.npy"
AGAIN = "make them again: python3 -m toolkit.train.soft_labels"


@dataclass(frozen=True)
class SoftHeader:
    """What soft labels are.

    Attributes:
        teacher: what a report calls it.
        parameters: that it has.
        windows: SHA-256 of the windows.jsonl whose labels they stand beside.
        top: tokens kept of each position.
        temperature: of the log-probabilities.
        timestamps: whether they were made of labels with timestamps, too.
        previous: whether they were made of windows that are told the text before them, too.
    """

    teacher: str
    parameters: int
    windows: str
    top: int
    temperature: float
    timestamps: bool
    previous: bool

    @property
    def shown(self) -> list[tuple[bool, bool]]:
        """(with timestamps, with the text before), every way in which a window may be shown."""
        return [(t, p) for t in (False, True)[: 1 + self.timestamps] for p in (False, True)[: 1 + self.previous]]


class SoftLabels:
    """Soft labels of all windows of a folder of pseudo.pack."""

    def __init__(self, folder: Path) -> None:
        """Raises UserError if there are none, or damaged ones."""
        self.folder, self.header = folder, read_soft_header(folder)
        refuse_damaged(folder / COUNTS)
        try:
            self.counts_W4 = np.load(folder / COUNTS)
            self._tokens_PK, self._logprobs_PK = (_mapped(folder / name) for name in (TOKENS, LOGPROBS))
        except (OSError, ValueError) as e:
            raise UserError(f"damaged soft labels: {e}", str(folder), AGAIN) from None
        shape = (int(self.counts_W4.sum()), self.header.top)
        if self._tokens_PK.shape != shape or self._logprobs_PK.shape != shape:
            raise UserError("damaged soft labels: counts and arrays do not belong together", str(folder), AGAIN)
        self._begin = np.concatenate([[0], np.cumsum(self.counts_W4.reshape(-1), dtype=np.int64)])

    def refuse_others(self, pack: Path) -> None:
        """Raise UserError if they do not stand beside these windows."""
        if sha256_of(pack / WINDOWS) != self.header.windows:
            raise UserError(f"soft labels of other windows than {pack}", str(self.folder), AGAIN)

    def of(self, window: int, timed: bool, told: bool) -> tuple[np.ndarray, np.ndarray]:
        """(tokens int64, log-probabilities float32) [N, K] of a window that is shown so.

        One that has no text before it is the same, told or not.
        """
        counts = self.counts_W4[window]
        way = 2 * timed + told if counts[2 * timed + told] else 2 * timed
        first, last = self._begin[4 * window + way : 4 * window + way + 2]
        return self._tokens_PK[first:last].astype(np.int64), self._logprobs_PK[first:last].astype(np.float32)


def is_soft(folder: Path) -> bool:
    return (folder / HEADER).is_file()


def read_soft_header(folder: Path) -> SoftHeader:
    """Raises UserError if there is none, or a broken one."""
    try:
        return SoftHeader(**read_json(folder / HEADER))
    except TypeError as e:
        raise UserError(f"not a header of soft labels: {e}", str(folder / HEADER), AGAIN) from None


def write_part(folder: Path, rows: Sequence[Sequence[tuple[np.ndarray, np.ndarray] | None]], top: int) -> None:
    """The arrays of some windows: of each, tokens and log-probabilities [N, K] of the four ways, None for none."""
    folder.mkdir(parents=True)
    counts = [[0 if pair is None else len(pair[0]) for pair in row] for row in rows]
    pairs = [pair for row in rows for pair in row if pair is not None]
    np.save(folder / COUNTS, np.array(counts, np.int32).reshape(-1, 4))
    for i, (name, kind) in enumerate(((TOKENS, np.uint16), (LOGPROBS, np.float16))):
        np.save(folder / name, np.concatenate([np.empty((0, top), kind), *(pair[i].astype(kind) for pair in pairs)]))


def join_parts(folder: Path, header: SoftHeader, parts: Sequence[Path]) -> int:
    """Write what is in the folders `parts`, in order, as one, the header last; returns the number of positions."""
    counts = np.concatenate([np.load(part / COUNTS) for part in parts])
    positions = int(counts.sum())
    np.save(folder / COUNTS, counts)
    for name, kind in ((TOKENS, "<u2"), (LOGPROBS, "<f2")):
        write_npy(folder / name, kind, (positions, header.top), _pieces(parts, name))
    write_json(folder / HEADER, asdict(header))
    return positions


def _pieces(parts: Sequence[Path], name: str) -> Iterable[bytes]:
    return (np.load(part / name).tobytes() for part in parts)


def _mapped(path: Path) -> np.ndarray[Any, Any]:
    array: np.ndarray[Any, Any] = np.load(path, mmap_mode="r")
    return array
