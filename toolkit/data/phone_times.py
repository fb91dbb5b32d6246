"""Whether the times of a phone table (phones.ctm) can be those of its utterances: one set of rules for all its readers.

Lines are `utterance 1 start duration phone`, in seconds from the beginning of the utterance. An aligner may leave out
silence at both ends and between words, and fail on a few utterances. What is told:
  past end   phones end after their utterance; the message names what the times may be instead (an end in the place of
             the duration, frames, milliseconds, samples, seconds from the recording's beginning, late by a constant)
             where most utterances then fit;
  scaled     all times are the same share of the true ones;
  overlap    two phones at a time, of two tiers, or of a table that is doubled;
  order      lines that are not in the order of time, which readers sort;
  shifted    nearly all utterances lack phones at one end, and most have them up to the very other end; or a part of
             them does, for the same time;
  coverage   phones cover little of their utterances; `lacking`: utterances without a phone; `strangers`: lines of none.
A fault of a few utterances is a warning. One of more than FEW of them is of the table, and an error: no measure
against such phones means anything.

Of what nothing here can tell: a table that is late by less than PHONES_OFF, and one that is late, or scaled, where an
aligner left out more silence than that at the end of most utterances; and times of a part of the utterances that are
late and cut to fit where an aligner left out the silences.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .kaldi import PHONES, Utterance
from .phone_causes import (
    DOUBLED,
    ENDS,
    FEW,
    FEWEST,
    MOST,
    NEARLY_ALL,
    PHONES_OFF,
    SHIFT,
    SURE,
    Extent,
    cause,
    quantile,
    scale,
)
from .phone_labels import PhoneLabels
from .phone_lines import PhoneLine
from .phone_spans import TimedPhones
from .tables import Problem, few

THIN, BARE = 0.5, 0.05  # shares of the utterances' seconds: less than THIN is told, less than BARE an error
AGAIN = "mend the times, or make it again"
STRANGERS = "strangers"  # the reason of lines that are of no utterance


@dataclass(frozen=True)
class _Place:
    """An utterance: where it begins in its recording, and its length; s, NaN where that is not known."""

    start: float
    seconds: float


@dataclass
class PhoneTimes:
    """The rules, for one table. Feed every line to `add`, in the order of the file, then ask for `problems`.

    Attributes:
        places: utterance -> where it is in its recording.
        file: name of the table.
    """

    places: Mapping[str, _Place]
    file: str = PHONES
    _timed: dict[str, TimedPhones] = field(default_factory=dict)
    _firsts: dict[str, tuple[int, str]] = field(default_factory=dict)  # reason -> (line, detail) of the first
    _strangers: dict[str, int] = field(default_factory=dict)  # id -> its lines
    _labels: PhoneLabels = field(init=False)
    _run: list[tuple[float, float, int, str]] = field(default_factory=list)  # of the utterance at hand
    _id: str = ""
    _unsorted: int = 0

    def __post_init__(self) -> None:
        self._labels = PhoneLabels(self.file)

    @classmethod
    def of(
        cls, utterances: Iterable[Utterance], file: str = PHONES, seconds: Mapping[str, float] | None = None
    ) -> PhoneTimes:
        """The rules for a table of these utterances.

        Args:
            seconds: utterance -> length, of those whose length something knows better than the utterance itself.
        """
        known = seconds or {}
        return cls({u.id: _Place(u.start, known.get(u.id, u.seconds)) for u in utterances}, file)

    def add(self, row: PhoneLine) -> None:
        """Take in a line of an utterance; one that is not among `places` is only counted."""
        if row.id not in self.places:
            self._strangers[row.id] = self._strangers.get(row.id, 0) + 1
            return
        self._labels.add(row)
        if row.id != self._id:
            self._close()
            self._id = row.id
        self._run.append((row.start, row.end, row.number, row.phone))

    def _close(self) -> None:
        """Judge the lines of an utterance that stand together."""
        if not self._run:
            return
        place, timed = self.places[self._id], self._timed.setdefault(self._id, TimedPhones())
        before = timed.last - PHONES_OFF if timed.spans else -math.inf  # of lines that stand apart
        timed.count([(start, end, phone) for start, end, _, phone in self._run])
        for start, _, line, _ in self._run:
            if start < before - PHONES_OFF:
                self._unsorted += 1
                self._firsts.setdefault("order", (line, f"{self._id}: at {start:.2f} s, below one at {before:.2f} s"))
            before = start
        reached, taken = -math.inf, []
        for start, end, line, _ in sorted(self._run):
            if end > place.seconds + PHONES_OFF:
                timed.past += 1
                self._firsts.setdefault("past end", (line, f"{self._id}, of {place.seconds:.2f} s: to {end:.2f} s"))
            if start < reached - PHONES_OFF:
                timed.over += 1
                detail = f"{self._id}: at {start:.2f} s, where the one above ends at {reached:.2f} s"
                self._firsts.setdefault("overlap", (line, detail))
            elif timed.spans and timed.overlaps(start, end):
                timed.over += 1
                self._firsts.setdefault("overlap", (line, f"{self._id}: at {start:.2f} s, and elsewhere in the table"))
            taken.append((start, end))
            reached = max(reached, end)
        for start, end in taken:
            timed.take(start, end)
        timed.first, timed.last = min(timed.first, taken[0][0]), max(timed.last, reached)
        self._run = []

    def problems(self) -> Iterator[Problem]:
        """What is odd about the table. An error means that no measure against it means anything."""
        self._close()
        if not self._timed:
            if self._strangers:
                first = next(iter(self._strangers))
                message = f"it has none of the {len(self.places):,} utterances; its first is {first}"
                remedy = "is it of another set, or of recordings? Its first column is the utterance"
                yield Problem(self.file, 0, "lacking", message, remedy)
            return
        known = [id for id in self._timed if math.isfinite(self.places[id].seconds)]
        extents = [self._extent(id) for id in known]
        yield from self._past_end(known, extents)
        means = not _many(sum(self._timed[id].past > 0 for id in known), len(known))  # else times mean nothing
        overlaps = list(self._overlaps()) if means else []
        if self._unsorted and not any(p.level == "error" for p in overlaps):
            line, detail = self._firsts["order"]
            message = f"{self._unsorted:,} lines are not in the order of time; the first is this: {detail}"
            yield Problem(self.file, line, "order", message, "sort them; readers here do", level="warning")
        yield from overlaps
        if means:
            yield from list(self._coverage(known)) or list(_scaled(extents, self.file)) or _shifted(extents, self.file)
        yield from self._labels.problems()
        yield from self._lacking()

    def _extent(self, id: str) -> Extent:
        place, timed = self.places[id], self._timed[id]
        return Extent(timed.first, timed.last, place.seconds, place.start)

    def _lacking(self) -> Iterator[Problem]:
        """Utterances without a line, and lines without an utterance."""
        lacking, remedy = len(self.places) - len(self._timed), "align them too, or leave it so"
        if self._strangers:
            lines, ids = sum(self._strangers.values()), few(list(self._strangers), 3)
            message = (
                f"{lines:,} lines are of {len(self._strangers):,} ids that are no utterance here, and not read: {ids}"
            )
            remedy = "is an id written in two ways? Its first column is the utterance"
            yield Problem(self.file, 0, STRANGERS, message, remedy, level="warning")
        if lacking > max(FEWEST, (1 - NEARLY_ALL) * len(self.places)):
            names = few([id for id in self.places if id not in self._timed], 3)
            message = f"{lacking:,} of {len(self.places):,} utterances have no phone: {names}"
            yield Problem(self.file, 0, "lacking", message, remedy, level="warning")

    def _past_end(self, known: list[str], extents: list[Extent]) -> Iterator[Problem]:
        past = [id for id in known if self._timed[id].past]
        if not past:
            return
        line, detail = self._firsts["past end"]
        phones, count = sum(self._timed[id].past for id in past), f"{len(past):,} of {len(known):,} utterances"
        if not _many(len(past), len(known)):
            message = f"{phones:,} phones of {count} end past their utterance; the first is this: {detail}"
            yield Problem(self.file, line, "past end", message, AGAIN, level="warning")
            return
        words, remedy = ENDS if self._have_ends(known) else cause(extents)
        message = f"phones of {count} end past their utterance{words}; the first is this: {detail}"
        yield Problem(self.file, line, "past end", message, remedy)

    def _overlaps(self) -> Iterator[Problem]:
        over = [id for id, timed in self._timed.items() if timed.over]
        if not over:
            return
        line, detail = self._firsts["overlap"]
        phones = sum(self._timed[id].over for id in over)
        level = "error" if _many(len(over), len(self._timed)) else "warning"
        words, remedy = "", "leave one tier of them, e.g. phones without words" if level == "error" else AGAIN
        if sum(self._timed[id].is_doubled for id in over) >= NEARLY_ALL * len(over):
            words, remedy = DOUBLED
        elif self._have_ends(over):
            words, remedy = ENDS
        message = f"{phones:,} phones of {len(over):,} utterances begin before the one above ends{words}"
        yield Problem(self.file, line, "overlap", f"{message}; the first is this: {detail}", remedy, level=level)

    def _have_ends(self, ids: Collection[str]) -> bool:
        """True if the fourth column of nearly all these utterances is the end of the phones, not their duration."""
        return sum(self._timed[id].has_ends for id in ids) >= (1 - FEW) * len(ids)

    def _coverage(self, known: list[str]) -> Iterator[Problem]:
        seconds = math.fsum(self.places[id].seconds for id in known)
        share = math.fsum(self._timed[id].covered for id in known) / seconds if seconds else 1.0
        if share < THIN:
            message = f"phones cover {100 * share:.1f} % of the seconds of their {len(known):,} utterances"
            bare = share < BARE and self.file == PHONES  # a table of events may be sparse
            level = "error" if bare and _many(len(known), len(known)) else "warning"
            yield Problem(self.file, 0, "coverage", message, "are times and durations in seconds?", level=level)


def _many(count: int, of: int) -> bool:
    """True if a fault of `count` of the utterances is of the whole table."""
    return count > max(FEWEST, FEW * of)


def _scaled(rows: list[Extent], file: str) -> Iterator[Problem]:
    """Times that are all the same share of the true ones, as of audio at another speed or sampling rate."""
    if (factor := scale(rows)) < 1:
        message = f"the last phone ends at {factor:.3f} of the length of short and long utterances alike"
        remedy = f"are the times of audio at another speed or sampling rate? Then divide them by {factor:.4f}"
        yield Problem(file, 0, "scaled", message, remedy, level="warning")


def _shifted(rows: list[Extent], file: str) -> Iterator[Problem]:
    """Phones that lean on one end of their utterances, as times do that are late, or early, and were cut to fit."""
    if len(rows) < SURE:
        return
    before = [row.first for row in rows]
    behind = [row.seconds - row.last for row in rows]
    for word, spare, other_end, where in (
        ("late", before, behind, "before {:.2f} s, and most have one up to their end"),
        ("early", behind, before, "in the last {:.2f} s, and most have one from their beginning on"),
    ):
        least = quantile(spare, 1 - NEARLY_ALL)
        remedy = "compare one with its recording, and mend the times if they are shifted"
        if least >= SHIFT and sum(s <= 2 * PHONES_OFF for s in other_end) >= MOST * len(rows):
            message = f"nearly no utterance has a phone {where.format(least)}: are the times {word}, and cut to fit?"
            yield Problem(file, 0, "shifted", message, remedy, level="warning")
            continue
        part = [s for s, end in zip(spare, other_end, strict=True) if s >= SHIFT and end <= 2 * PHONES_OFF]
        if _many(len(part), len(rows)) and quantile(part, NEARLY_ALL) - quantile(part, 1 - NEARLY_ALL) <= PHONES_OFF:
            where = where.format(quantile(part, 0.5)).replace("most have", "have")
            message = (
                f"{len(part):,} of {len(rows):,} utterances alike have no phone {where}: "
                f"are their times {word}, and cut to fit?"
            )
            yield Problem(file, 0, "shifted", message, remedy, level="warning")
