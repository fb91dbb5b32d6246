"""Which recording a row of a table of transcripts means."""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from ..text.invisible import name_of, strip_invisible
from .tables import CONTRADICTION
from .transcripts import COLUMNS, LostRow, TranscriptRow

BESIDE = [meaning for meaning in COLUMNS if meaning != "path"]  # what rows say of a recording


def match(
    rows: Iterable[TranscriptRow], recordings: Iterable[str], corpus: str
) -> tuple[dict[str, TranscriptRow], list[tuple[TranscriptRow, str, str]]]:
    """(recording -> its row, (row, reason, detail) of rows without a recording).

    A row's path may be relative to the corpus, absolute, the end of a path, a bare name, or without its ending, if it
    means exactly one recording; a/1.wav never means b/1.wav. Rows with a whole path go before the others, which may
    mean a recording that is not there. Of a recording's rows that agree the first counts, with what later ones say
    beyond it; of rows that contradict, none.
    Names are compared in NFC, for some systems store Arabic letters with hamza as two characters, and without
    invisible ones.
    """
    places = _Places(recordings)
    of: dict[str, tuple[list[TranscriptRow], list[TranscriptRow]]] = {}  # those with a whole path, the others
    bad: list[tuple[TranscriptRow, str, str]] = []
    for row in rows:
        candidates, whole = places.of(row.path, corpus)
        if not candidates:
            quoted = ": its path stands in quotation marks, which are part of it" * row.path.startswith('"')
            bad.append((row, "transcript without audio", f"no recording {row.path}{quoted}"))
        elif len(candidates) > 1:
            bad.append((row, "ambiguous path", f"{row.path} may be {' or '.join(sorted(candidates)[:3])}"))
        else:
            of.setdefault(candidates[0], ([], []))[not whole].append(row)
    matched: dict[str, TranscriptRow] = {}
    for rel, (whole_paths, others) in of.items():
        first, *more = whole_paths or others
        dispute = disputed([first, *more])
        if not dispute:
            matched[rel] = _joined([first, *more])
            later = more + (others if whole_paths else [])
            bad += [(row, "duplicate row", f"{rel} has its row in line {first.line} already") for row in later]
            continue
        for row in whole_paths + others:
            against = next((r for r in (first, *more) if _difference(row, r)), None)
            told = f"{_difference(row, against)} in line {against.line}" if against else dispute
            bad.append((row, CONTRADICTION, f"{rel} has {told}"))
    return matched, sorted(bad, key=lambda b: b[0].line)


def _difference(row: TranscriptRow, against: TranscriptRow) -> str:
    """In what two rows of a recording contradict, such as another speaker; empty if they do not.

    A field that says nothing contradicts nothing.
    """
    pairs = {m: (name_of(getattr(row, m)), name_of(getattr(against, m))) for m in BESIDE}
    return " and ".join(f"another {meaning}" for meaning, (a, b) in pairs.items() if a and b and a != b)


def disputed(rows: Sequence[TranscriptRow]) -> str:
    """A meaning of which rows of a recording say two things, and their lines; empty if there is none."""
    for meaning in BESIDE if len(rows) > 1 else ():
        lines: dict[str, int] = {}
        for row in rows:
            if value := name_of(getattr(row, meaning)):
                lines.setdefault(value, row.line)
        if len(lines) > 1:
            one, two, *_ = lines.values()
            return f"one {meaning} in line {one}, another in line {two}"
    return ""


def _joined(rows: Sequence[TranscriptRow]) -> TranscriptRow:
    """The first of rows that do not contradict each other, with what the later ones say and it does not."""
    first, *more = rows
    lacking = [m for m in BESIDE if not getattr(first, m)] if more else []
    values = {m: next((value for r in more if (value := getattr(r, m))), "") for m in lacking}
    return replace(first, **values)  # type: ignore[arg-type]


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
