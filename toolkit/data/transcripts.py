"""A table of transcripts, speakers and labels beside a folder of recordings.

Tab-separated, the first line names the columns, quotation marks are text (QUOTE_NONE), UTF-8 with or without a
byte order mark.
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from .tables import BOM

COLUMNS = {  # what a column means -> names it goes by, the first of them that is there counts
    "path": ("path", "file", "filename", "file_name", "audio", "wav"),
    "text": ("text", "sentence", "transcript", "transcription"),
    "speaker": ("speaker", "speaker_id", "client_id", "spk"),
    "dialect": ("dialect", "lang", "language"),
    "gender": ("gender", "sex"),
    "emotion": ("emotion",),
}


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table; a field that its column leaves empty, or that has no column, is empty."""

    line: int
    path: str
    text: str = ""
    speaker: str = ""
    dialect: str = ""
    gender: str = ""
    emotion: str = ""


@dataclass(frozen=True)
class Transcripts:
    """The rows that can be used, the meanings that have a column, and (line, reason, detail) of the other rows."""

    rows: list[Row]
    columns: frozenset[str]
    bad: list[tuple[int, str, str]]


def read_transcripts(path: Path) -> Transcripts:
    """The table at `path`. Raises UserError where it has no column of paths."""
    lines = path.read_bytes().removeprefix(BOM).split(b"\n")
    header = lines[0].decode("utf-8", "replace").rstrip("\r").split("\t")
    names = [name.strip().lower() for name in header]
    places = {
        meaning: next(names.index(name) for name in known if name in names)
        for meaning, known in COLUMNS.items()
        if any(name in names for name in known)
    }
    if "path" not in places:
        wanted = COLUMNS["path"]
        near = [name for name in names if difflib.get_close_matches(name, wanted, 1)]
        hint = f"rename {near[0]!r} to path" if near else f"call the column of recordings {' or '.join(wanted[:2])}"
        raise UserError(f"no column of paths among {', '.join(header)}", f"{path}, line 1", hint)
    rows: list[Row] = []
    bad: list[tuple[int, str, str]] = []
    for i, raw in enumerate(lines[1:], 2):
        try:
            fields = raw.decode("utf-8").rstrip("\r").split("\t")
        except UnicodeDecodeError as e:
            bad.append((i, "encoding", f"no UTF-8: byte 0x{raw[e.start]:02X} at column {e.start + 1}"))
            continue
        if fields == [""]:
            continue
        fields += [""] * (len(names) - len(fields))
        if len(fields) > len(names) or not fields[places["path"]].strip():
            detail = f"{len(fields)} columns where {len(names)} belong" if len(fields) > len(names) else "no path"
            bad.append((i, "columns", detail))
            continue
        rows.append(Row(i, **{meaning: fields[place].strip() for meaning, place in places.items()}))
    return Transcripts(rows, frozenset(places), bad)


def find_table(corpus: Path, named: str) -> Path | None:
    """The table of a corpus: as named, or with `auto` the only .tsv at its top; None where there is none."""
    if named == "none":
        return None
    if named != "auto":
        path = corpus / named
        if not path.is_file():
            raise UserError("no such table of transcripts", str(path), "mend `table`, or set it to none")
        return path
    found = sorted(p for p in corpus.glob("*.tsv") if p.is_file() and not p.name.startswith("."))
    if len(found) > 1:
        names = ", ".join(p.name for p in found)
        raise UserError(f"several tables: {names}", str(corpus), "name one: table: FILE (or none)")
    return found[0] if found else None


def match(
    rows: Iterable[Row], recordings: Iterable[str], corpus: str
) -> tuple[dict[str, Row], list[tuple[Row, str, str]]]:
    """Recording -> its row, and (row, reason, detail) of rows without one.

    A row's path may be relative to the corpus, absolute, a bare name, or without its ending, as long as it means one
    recording only. Names are compared in NFC: some systems store Arabic letters with hamza as two characters.
    """
    places = _Places(recordings)
    found: dict[str, Row] = {}
    bad: list[tuple[Row, str, str]] = []
    for row in rows:
        candidates = places.of(row.path, corpus)
        if not candidates:
            bad.append((row, "transcript without audio", f"no recording {row.path}"))
        elif len(candidates) > 1:
            bad.append((row, "ambiguous path", f"{row.path} may be {' or '.join(sorted(candidates)[:3])}"))
        elif candidates[0] in found:
            first = found[candidates[0]].line
            bad.append((row, "duplicate row", f"{candidates[0]} has its row in line {first} already"))
        else:
            found[candidates[0]] = row
    return found, bad


class _Places:
    """Recordings by whole path, by name and by name without ending, all in NFC."""

    def __init__(self, recordings: Iterable[str]) -> None:
        self.by: tuple[dict[str, list[str]], ...] = ({}, {}, {}, {})
        for rel in recordings:
            path = unicodedata.normalize("NFC", rel)
            name = path.rpartition("/")[2]
            for table, key in zip(self.by, (path, path.rpartition(".")[0], name, name.rpartition(".")[0]), strict=True):
                table.setdefault(key, []).append(rel)

    def of(self, said: str, corpus: str) -> list[str]:
        path = unicodedata.normalize("NFC", said).replace("\\", "/").removeprefix("./")
        path = path.removeprefix(unicodedata.normalize("NFC", corpus).rstrip("/") + "/")
        name = path.rpartition("/")[2]
        for table, key in zip(self.by, (path, path, name, name), strict=True):
            if key in table:
                return table[key]
        return []
