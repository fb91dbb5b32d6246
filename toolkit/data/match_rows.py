"""Which recording a row of a table of transcripts means."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence

from ..text.invisible import strip_invisible
from .transcripts import LostRow, TranscriptRow


def match(
    rows: Iterable[TranscriptRow], recordings: Iterable[str], corpus: str
) -> tuple[dict[str, TranscriptRow], list[tuple[TranscriptRow, str, str]]]:
    """(recording -> its row, (row, reason, detail) of rows without a recording).

    A row's path may be relative to the corpus, absolute, the end of a path, a bare name, or without its ending, if it
    means exactly one recording; a/1.wav never means b/1.wav. Rows with a whole path are matched first. Names are
    compared in NFC, for some systems store Arabic letters with hamza as two characters, and without invisible ones.
    """
    places = _Places(recordings)
    matched: dict[str, TranscriptRow] = {}
    bad: list[tuple[TranscriptRow, str, str]] = []
    meant = [(row, *places.of(row.path, corpus)) for row in rows]
    for row, candidates, _ in sorted(meant, key=lambda m: not m[2]):
        if not candidates:
            bad.append((row, "transcript without audio", f"no recording {row.path}"))
        elif len(candidates) > 1:
            bad.append((row, "ambiguous path", f"{row.path} may be {' or '.join(sorted(candidates)[:3])}"))
        elif candidates[0] in matched:
            first = matched[candidates[0]].line
            bad.append((row, "duplicate row", f"{candidates[0]} has its row in line {first} already"))
        else:
            matched[candidates[0]] = row
    return matched, sorted(bad, key=lambda b: b[0].line)


def spoilt(
    lost: Sequence[LostRow], matched: Collection[str], recordings: Iterable[str], corpus: str
) -> dict[str, LostRow]:
    """Recording without a row of its own -> the row that may mean it and cannot be used.

    Such a recording is more than one without a row: who speaks and what is said stood in the table.
    """
    places = _Places(recordings if lost else ())
    rows: dict[str, LostRow] = {}
    for row in lost:
        meant = places.of(row.path, corpus)[0] if row.path else []
        for rel in meant or [
            rel for field in row.fields if field.strip() for rel in places.of(field.strip(), corpus)[0]
        ]:
            if rel not in matched:
                rows.setdefault(rel, row)
    return rows


class _Places:
    """Recordings by whole path, by name and by name without ending, all in NFC and without invisible characters."""

    def __init__(self, recordings: Iterable[str]) -> None:
        self.by: tuple[dict[str, list[str]], ...] = ({}, {}, {}, {})
        for rel in recordings:
            path = _compared(rel)
            name = path.rpartition("/")[2]
            for table, key in zip(self.by, (path, path.rpartition(".")[0], name, name.rpartition(".")[0]), strict=True):
                table.setdefault(key, []).append(rel)

    def of(self, given: str, corpus: str) -> tuple[list[str], bool]:
        """(recordings that the path `given` may mean, True if it is a whole path)."""
        path = _compared(given).replace("\\", "/").removeprefix("./")
        path = path.removeprefix(_compared(corpus).rstrip("/") + "/")
        name = path.rpartition("/")[2]
        for i, (table, key) in enumerate(zip(self.by, (path, path, name, name), strict=True)):
            recordings = table.get(key, ())
            if possible := [r for r in recordings if _same_folders(path, _compared(r))]:
                return possible, i < 2
        return [], False


def _compared(path: str) -> str:
    return strip_invisible(unicodedata.normalize("NFC", path))


def _same_folders(a: str, b: str) -> bool:
    """True if the folders of two paths agree, from the last one upwards, for the length of the shorter path."""
    return all(x == y for x, y in zip(a.split("/")[-2::-1], b.split("/")[-2::-1], strict=False))
