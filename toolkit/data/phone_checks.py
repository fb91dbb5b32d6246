"""Lines of a phone table (phones.ctm), and what is wrong with the table of a data directory."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from .kaldi import PHONES
from .phone_times import PhoneTimes
from .tables import Problem


def read_line(line: str) -> tuple[str, float, float, str] | None:
    """(utterance, start, end, phone) of a line of a phone table; None if it is no such line."""
    fields = line.split()
    try:
        start, duration = float(fields[2]), float(fields[3])
    except (ValueError, IndexError):
        return None
    if len(fields) != 5 or not (0 <= start < math.inf and 0 <= duration < math.inf):
        return None
    return fields[0], start, start + duration, fields[4]


def phones(path: Path, ids: Mapping[str, str], times: PhoneTimes) -> Iterator[Problem]:
    """Lines of a phone table that cannot be read or are of no utterance, in order, then what is odd about its times."""
    if not path.is_file():
        return
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        for i, line in enumerate(f, 1):
            row = read_line(line)
            if row is None:
                message = f"not `utterance 1 start duration phone`: {line.strip()[:60]}"
                yield Problem(PHONES, i, "columns", message, "mend the line")
                continue
            if row[0] not in ids:
                yield Problem(PHONES, i, "extra", f"{row[0]} is no utterance here", "take the line out", id=row[0])
            times.add(i, *row[:3])
    yield from times.problems()
