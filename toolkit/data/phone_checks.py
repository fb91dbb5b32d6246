"""Checks of phones.ctm, the phones of the utterances of a data directory and their times."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path

from .kaldi import PHONES
from .tables import Problem

PHONES_OFF = 0.05  # s by which times of phones may be off: they are rounded, often to frames


def phones(path: Path, ids: Mapping[str, str], seconds: Mapping[str, float]) -> Iterator[Problem]:
    """Lines of phones.ctm that are not `utt 1 start_s duration_s phone`, or not within their utterance, in order."""
    if not path.is_file():
        return
    past: list[tuple[int, str]] = []
    overlapping: list[tuple[int, str]] = []
    before: tuple[str, float] = "", 0.0
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        for i, line in enumerate(f, 1):
            fields = line.split()
            try:
                good = len(fields) == 5 and float(fields[2]) >= 0 and float(fields[3]) >= 0
            except ValueError:
                good = False
            if not good:
                message = f"not `utterance 1 start duration phone`: {line.strip()[:60]}"
                yield Problem(PHONES, i, "columns", message, "mend the line")
            elif fields[0] not in ids:
                yield Problem(
                    PHONES, i, "extra", f"{fields[0]} is no utterance here", "take the line out", id=fields[0]
                )
            else:
                start, end = float(fields[2]), float(fields[2]) + float(fields[3])
                if end > seconds.get(fields[0], math.inf) + PHONES_OFF:
                    past.append((i, f"{fields[0]}, of {seconds[fields[0]]:.2f} s: to {end:.2f} s"))
                if before[0] == fields[0] and start < before[1] - PHONES_OFF:
                    overlapping.append(
                        (i, f"{fields[0]}: at {start:.2f} s, where the one above ends at {before[1]:.2f} s")
                    )
                before = fields[0], end
    for reason, lines, where in (
        ("past end", past, "end past their utterance"),
        ("overlap", overlapping, "begin before the one above ends"),
    ):
        if lines:
            message = f"{len(lines)} phones {where}; the first is this: {lines[0][1]}"
            yield Problem(PHONES, lines[0][0], reason, message, "mend the times, or make it again", level="warning")
