"""The phones of one utterance: the time that they cover, and what is odd about their lines."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field

from .phone_causes import FEW, FEWEST, NEARLY_ALL, PHONES_OFF

TOUCHING = 0.001  # s between phones that stand together: times are rounded

Spans = list[tuple[float, float]]  # start and end, s


@dataclass(slots=True)
class TimedPhones:
    """The phones of an utterance.

    Attributes:
        first, last: s, where the first begins and the last ends; covered: s with a phone.
        past, over: phones past the end, and phones that begin before another has ended.
        lines: their number; again: of those that stand there before, times and phone alike.
        as_ends: those of which the fourth column could be the end: it is above the start.
        runs: the lines that stood together, each run as its hash.
        spans: s, without a phone between them, in order of time.
    """

    first: float = math.inf
    last: float = 0.0
    covered: float = 0.0
    past: int = 0
    over: int = 0
    lines: int = 0
    again: int = 0
    as_ends: int = 0
    runs: set[int] = field(default_factory=set)
    spans: Spans = field(default_factory=list)

    def count(self, rows: Sequence[tuple[float, float, str]]) -> None:
        """Count lines that stand together (start, end, phone), those again, and those whose durations may be ends."""
        whole = hash(tuple(sorted(rows)))
        self.again += len(rows) if whole in self.runs else len(rows) - len(set(rows))
        self.runs.add(whole)
        self.lines += len(rows)
        self.as_ends += sum(end - start > start for start, end, _ in rows)

    @property
    def is_doubled(self) -> bool:
        """True if about all lines stand there twice, or more often."""
        return self.again >= (1 - FEW) * self.lines / 2

    @property
    def has_ends(self) -> bool:
        """True if nearly every fourth column is above the third, as durations are only of the first phones."""
        return self.lines >= FEWEST and self.as_ends >= NEARLY_ALL * self.lines

    def overlaps(self, start: float, end: float) -> bool:
        """True if more than rounding of this time has a phone."""
        i, common = self._at(start), 0.0
        while i < len(self.spans) and self.spans[i][0] < end:
            common += min(end, self.spans[i][1]) - max(start, self.spans[i][0])
            i += 1
        return common > PHONES_OFF

    def take(self, start: float, end: float) -> None:
        """Give this time a phone, and count the seconds that had none."""
        i = j = self._at(start)
        while j < len(self.spans) and self.spans[j][0] <= end + TOUCHING:
            start, end = min(start, self.spans[j][0]), max(end, self.spans[j][1])
            self.covered -= self.spans[j][1] - self.spans[j][0]
            j += 1
        self.spans[i:j] = [(start, end)]
        self.covered += end - start

    def _at(self, start: float) -> int:
        """Number of the spans that end before."""
        i = bisect_left(self.spans, (start, 0.0))
        return i - 1 if i and self.spans[i - 1][1] >= start - TOUCHING else i
