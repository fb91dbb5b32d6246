"""Parquet files with embedded audio, as `datasets` of Hugging Face stores them: a column {bytes, path}, and text.

Read by row groups in small batches, so that no file is in memory as a whole; the audio bytes become files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as arrow
import pyarrow.parquet as parquet

from ...core.files import atomic
from .sources import SourceError

ROWS_AT_ONCE = 16  # of a minute of audio at 44.1 kHz each: 80 MB
_BEGINNINGS = ((b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"))
_FRAME_SYNC = 0xE0  # upper bits of the second byte of an MPEG audio frame, after 0xFF


@dataclass(frozen=True)
class RowGroup:
    """A row group: rows of one file that are stored, and read, together.

    Attributes:
        file: the parquet file; number: of the group in it, from 0.
        first: number of its first row among the rows of all files of its split; rows: how many it has.
        size: bytes, compressed.
    """

    file: Path
    number: int
    first: int
    rows: int
    size: int


def row_groups(files: Sequence[Path], wanted: Sequence[str]) -> list[RowGroup]:
    """The row groups of the files of a split, in order. Raises SourceError (parquet, columns)."""
    groups: list[RowGroup] = []
    first = 0
    for file in files:
        with _opened(file) as opened:
            missing = [name for name in wanted if name not in opened.schema_arrow.names]
            if missing:
                columns = ", ".join(opened.schema_arrow.names)
                message = f"no column {', '.join(missing)} among {columns}"
                raise SourceError("columns", message, str(file), "is this the release that the recipe reads?")
            for k in range(opened.num_row_groups):
                told = opened.metadata.row_group(k)
                groups.append(RowGroup(file, k, first, told.num_rows, told.total_byte_size))
                first += told.num_rows
    return groups


def column(files: Sequence[Path], name: str) -> list[Any]:
    """A column of all files, in order, as Python values; None if a file has no such column."""
    values: list[Any] = []
    for file in files:
        with _opened(file) as opened:
            if name in opened.schema_arrow.names:
                values += _read(file, lambda f=opened: f.read([name]).column(name).to_pylist())
            else:
                values += [None] * opened.metadata.num_rows
    return values


def rows(group: RowGroup, names: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    """(number of the row in its split, column -> value) of a row group; missing columns are left out.

    A row with text that is not UTF-8 has no columns.
    """
    with _opened(group.file) as opened:
        columns = [name for name in names if name in opened.schema_arrow.names]
        batches = opened.iter_batches(ROWS_AT_ONCE, [group.number], columns)
        number = group.first
        while batch := _read(group.file, lambda: next(batches, None)):
            for row in _python(batch):
                yield number, row
                number += 1


def _python(batch: arrow.RecordBatch) -> Iterator[dict[str, Any]]:
    """The rows of a batch as Python values; a row that cannot be decoded is empty."""
    for i in range(batch.num_rows):
        try:
            yield batch.slice(i, 1).to_pylist()[0]
        except UnicodeDecodeError:
            yield {}


def ending_of(sound: bytes) -> str:
    """`.wav`, `.flac`, `.ogg` or `.mp3`, by how encoded audio begins; empty if it is none of them."""
    if sound[:4] in (b"RIFF", b"RF64") and sound[8:12] == b"WAVE":
        return ".wav"
    for beginning, ending in _BEGINNINGS:
        if sound.startswith(beginning):
            return ending
    return ".mp3" if len(sound) > 1 and sound[0] == 0xFF and sound[1] & _FRAME_SYNC == _FRAME_SYNC else ""


def write_sound(folder: Path, name: str, sound: object) -> Path:
    """Write the bytes of an audio column, {bytes, path}, to folder/name with the ending of their format, or not at all.

    Raises SourceError (no audio, unreadable).
    """
    data = sound.get("bytes") if isinstance(sound, dict) else sound
    if not isinstance(data, bytes) or not data:
        message = "no audio bytes in its row"
        raise SourceError("no audio", message, name, "get the release with embedded audio")
    ending = ending_of(data)
    if not ending:
        raise SourceError("unreadable", f"not wav, flac, ogg or mp3: it begins with {data[:8]!r}", name)
    path = folder / f"{name}{ending}"
    with atomic(path) as temporary:
        temporary.write_bytes(data)
    return path


def _opened(file: Path) -> parquet.ParquetFile:
    return _read(file, lambda: parquet.ParquetFile(file))


def _read(file: Path, read: Any) -> Any:
    try:
        return read()
    except UnicodeDecodeError as e:
        raise SourceError("encoding", f"no UTF-8: {e}", str(file), "get the file anew") from None
    except (arrow.ArrowInvalid, arrow.ArrowNotImplementedError, OSError) as e:
        if isinstance(e, OSError) and e.errno:  # an error of the disk; arrow's own errors have no number
            raise
        output = str(e).splitlines()[0] if str(e) else type(e).__name__
        raise SourceError("parquet", f"no readable parquet file: {output}", str(file), "get the file anew") from None
