"""What is wrong with the phone table (phones.ctm) of a data directory, and which of its lines a repair takes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterator, Mapping, Sequence
from pathlib import Path

from ..core.record import Ledger
from ..text.invisible import excerpt
from .kaldi import PHONES
from .malformed import Malformed
from .phone_lines import COMMA, EARLY, phone_lines
from .phone_times import STRANGERS, PhoneTimes
from .tables import Problem


def phones(path: Path, ids: Mapping[str, str], times: PhoneTimes) -> Iterator[Problem]:
    """Lines of a phone table that cannot be read, what is odd about its times, and ids that are of no utterance."""
    if not path.is_file():
        return
    lines: dict[str, list[int]] = {}  # id of no utterance -> its first line, number of its lines
    of_one_cause: dict[str, list[Malformed]] = {COMMA: [], EARLY: []}
    for row in phone_lines(path):
        if isinstance(row, Malformed) and row.kind in of_one_cause:
            of_one_cause[row.kind].append(row)
            continue
        if isinstance(row, Malformed):
            message = row.why if row.text else row.reason
            yield Problem(PHONES, row.line, row.kind, message, row.remedy)
            continue
        if row.id not in ids:
            lines.setdefault(row.id, [row.number, 0])[1] += 1
        times.add(row)
    yield from (_told_once(rows) for rows in of_one_cause.values() if rows)
    for id, (first, count) in lines.items():
        message = f"{id} is no utterance here, and has {count:,} lines"
        yield Problem(PHONES, first, "extra", message, "take them out", id=id)
    yield from (p for p in times.problems() if p.reason != STRANGERS)  # each has its line above


def _told_once(rows: Sequence[Malformed]) -> Problem:
    """One problem for all lines with a decimal comma, or with a start below 0."""
    first, ids = rows[0], {row.fields[0] for row in rows}
    count = f"{len(rows):,} lines of {len(ids):,} utterances have {first.reason}"
    if first.kind == EARLY:
        count += f", the earliest {min(float(row.fields[2]) for row in rows):.2f} s"
    return Problem(PHONES, first.line, first.kind, f"{count}; the first is this: {excerpt(first.text)}", first.remedy)


def drop_strangers(path: Path, kept: Container[str], renamed: Mapping[str, str], place: str, ledger: Ledger) -> None:
    """A ledger row for every id that only the phone table of a data directory knows.

    Args:
        kept: utterances of the repaired copy. Those that were dropped have rows in `ledger`.
        renamed: id there -> its id in the copy, where it is another.
        place: the table of all utterances.
    """
    if not (path / PHONES).is_file():
        return
    lines = Counter(renamed.get(row.id, row.id) for row in phone_lines(path / PHONES) if not isinstance(row, Malformed))
    have_rows = {row[0] for row in ledger.rows}
    for id, count in sorted(lines.items()):
        if id not in kept and id not in have_rows:
            ledger.drop(id, "line without its utterance", f"{count:,} lines in {PHONES}, and none in {place}")
