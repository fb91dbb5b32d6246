"""Whether the times of a phone table (phones.ctm) can be those of its utterances: one set of rules for all its readers.

Lines are `utterance 1 start duration phone`, in seconds from the beginning of the utterance. An aligner may leave out
silence at both ends and between words, and fail on a few utterances. What is told:
  past end   phones end after their utterance; the message names what the times may be instead (frames, milliseconds,
             samples, seconds from the recording's beginning, late by a constant) where most utterances then fit;
  overlap    two phones at a time; `order`: lines that are not in the order of time, which readers sort;
  shifted    nearly all utterances lack phones at one end, and most have them up to the very other end;
  coverage   phones cover little of their utterances; `lacking`: utterances without a phone.
A fault of a few utterances is a warning. One of more than FEW of them is of the table, and an error: no measure
against such phones means anything.

Of what nothing here can tell: a table that is late by less than PHONES_OFF, and one that is late where an aligner left
out more silence than that at the end of most utterances.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from .kaldi import PHONES, Utterance
from .tables import Problem, few

PHONES_OFF = 0.05  # s by which times of phones may be off: they are rounded, often to frames
FEW, FEWEST = 0.2, 3  # share and number of the utterances up to which a fault is theirs, and not of the table
NEARLY_ALL, MOST = 0.9, 0.5  # shares of the utterances
THIN, BARE = 0.5, 0.05  # shares of the utterances' seconds: less than THIN is told, less than BARE an error
SHIFT = 0.2  # s at one end of nearly all utterances that are odd where most have nothing to spare at the other
SURE = 10  # utterances from which on a habit of all of them is told
UNITS = {  # per second
    25: "frames of 40 ms", 50: "frames of 20 ms", 100: "frames of 10 ms", 1000: "milliseconds",
    8000: "samples at 8 kHz", 16000: "samples at 16 kHz", 22050: "samples at 22.05 kHz", 44100: "samples at 44.1 kHz",
    48000: "samples at 48 kHz", 10_000_000: "units of 100 ns",
}  # fmt: skip
AGAIN = "mend the times, or make it again"


@dataclass(slots=True)
class _Timed:
    """The phones of an utterance.

    Attributes:
        first, last: s, where the first begins and the last ends; covered: s with a phone.
        past, over: phones past the end, and phones that begin before another has ended.
    """

    first: float = math.inf
    last: float = 0.0
    covered: float = 0.0
    past: int = 0
    over: int = 0


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
    _timed: dict[str, _Timed] = field(default_factory=dict)
    _firsts: dict[str, tuple[int, str]] = field(default_factory=dict)  # reason -> (line, detail) of the first
    _strangers: dict[str, None] = field(default_factory=dict)
    _run: list[tuple[float, float, int]] = field(default_factory=list)  # of the utterance at hand
    _id: str = ""
    _unsorted: int = 0

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

    def add(self, line: int, id: str, start: float, end: float) -> None:
        """Take in a line of an utterance; one that is not among `places` is only remembered."""
        if id not in self.places:
            if len(self._strangers) < SURE:
                self._strangers[id] = None
            return
        if id != self._id:
            self._close()
            self._id = id
        self._run.append((start, end, line))

    def _close(self) -> None:
        """Judge the lines of an utterance that stand together."""
        if not self._run:
            return
        place, timed = self.places[self._id], self._timed.setdefault(self._id, _Timed())
        before = -math.inf
        for start, _, line in self._run:
            if start < before - PHONES_OFF:
                self._unsorted += 1
                self._firsts.setdefault("order", (line, f"{self._id}: at {start:.2f} s, below one at {before:.2f} s"))
            before = start
        reached = -math.inf
        for start, end, line in sorted(self._run):
            if end > place.seconds + PHONES_OFF:
                timed.past += 1
                self._firsts.setdefault("past end", (line, f"{self._id}, of {place.seconds:.2f} s: to {end:.2f} s"))
            if start < reached - PHONES_OFF:
                timed.over += 1
                detail = f"{self._id}: at {start:.2f} s, where the one above ends at {reached:.2f} s"
                self._firsts.setdefault("overlap", (line, detail))
            timed.covered += max(0.0, end - max(start, reached, 0.0))
            reached = max(reached, end)
        first, _, line = min(self._run)
        if first < timed.last - PHONES_OFF and reached > timed.first + PHONES_OFF:  # of lines that stand apart
            timed.over += 1
            self._firsts.setdefault("overlap", (line, f"{self._id}: at {first:.2f} s, and elsewhere in the table"))
        timed.first, timed.last = min(timed.first, first), max(timed.last, reached)
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
        yield from self._past_end(known)
        if self._unsorted:
            line, detail = self._firsts["order"]
            message = f"{self._unsorted:,} lines are not in the order of time; the first is this: {detail}"
            yield Problem(self.file, line, "order", message, "sort them; readers here do", level="warning")
        if not _many(sum(self._timed[id].past > 0 for id in known), len(known)):  # else times mean nothing
            yield from self._overlaps()
            thin = list(self._coverage(known))
            yield from thin or self._shifted(known)
        lacking = len(self.places) - len(self._timed)
        if lacking > max(FEWEST, (1 - NEARLY_ALL) * len(self.places)):
            names = few([id for id in self.places if id not in self._timed], 3)
            message = f"{lacking:,} of {len(self.places):,} utterances have no phone: {names}"
            yield Problem(self.file, 0, "lacking", message, "align them too, or leave it so", level="warning")

    def _past_end(self, known: list[str]) -> Iterator[Problem]:
        past = [id for id in known if self._timed[id].past]
        if not past:
            return
        line, detail = self._firsts["past end"]
        phones, count = sum(self._timed[id].past for id in past), f"{len(past):,} of {len(known):,} utterances"
        if not _many(len(past), len(known)):
            message = f"{phones:,} phones of {count} end past their utterance; the first is this: {detail}"
            yield Problem(self.file, line, "past end", message, AGAIN, level="warning")
            return
        cause, remedy = self._cause(known)
        message = f"phones of {count} end past their utterance{cause}; the first is this: {detail}"
        yield Problem(self.file, line, "past end", message, remedy)

    def _cause(self, known: list[str]) -> tuple[str, str]:
        """(what the times may be instead, what to do); the former is empty if nothing fits most utterances."""
        seconds = {id: self.places[id].seconds for id in known}
        later = [id for id in known if self.places[id].start > PHONES_OFF]
        inside = [
            id
            for id in later
            if self._timed[id].first >= self.places[id].start - PHONES_OFF
            and self._timed[id].last <= self.places[id].start + seconds[id] + PHONES_OFF
        ]
        if later and len(inside) >= (1 - FEW) * len(later):
            words = ": they fit as seconds from the beginning of the recording, not of the utterance"
            return words, "take the segment's beginning off each start"
        for rate, unit in UNITS.items():
            fits = [id for id in known if self._timed[id].last / rate <= seconds[id] + PHONES_OFF]
            filled = _middle([self._timed[id].last / rate / seconds[id] for id in known])
            if len(fits) >= (1 - FEW) * len(known) and filled >= MOST:
                return f": they fit as {unit}, not seconds", f"divide starts and durations by {rate:,}"
        late = _quantile([self._timed[id].first for id in known], 1 - NEARLY_ALL)
        inside = [id for id in known if self._timed[id].last - late <= seconds[id] + PHONES_OFF]
        if late > PHONES_OFF and len(inside) >= (1 - FEW) * len(known):
            words = f", and nearly none begins before {late:.2f} s: they fit as late by about {late:.2f} s"
            return words, f"compare one with its recording; take about {late:.2f} s off each start"
        return "", "are they seconds, from the utterance's beginning? Make it again from these recordings"

    def _overlaps(self) -> Iterator[Problem]:
        over = [id for id, timed in self._timed.items() if timed.over]
        if not over:
            return
        line, detail = self._firsts["overlap"]
        phones = sum(self._timed[id].over for id in over)
        message = f"{phones:,} phones of {len(over):,} utterances begin before the one above ends"
        level = "error" if _many(len(over), len(self._timed)) else "warning"
        remedy = "leave one tier of them, e.g. phones without words" if level == "error" else AGAIN
        yield Problem(self.file, line, "overlap", f"{message}; the first is this: {detail}", remedy, level=level)

    def _shifted(self, known: list[str]) -> Iterator[Problem]:
        """Phones that lean on one end of their utterances, as times do that are late, or early, and were cut to fit."""
        if len(known) < SURE:
            return
        before = [self._timed[id].first for id in known]
        behind = [self.places[id].seconds - self._timed[id].last for id in known]
        for word, spare, other_end, where in (
            ("late", before, behind, "before {:.2f} s, and most have one up to their end"),
            ("early", behind, before, "in the last {:.2f} s, and most have one from their beginning on"),
        ):
            least = _quantile(spare, 1 - NEARLY_ALL)
            if least >= SHIFT and sum(s <= 2 * PHONES_OFF for s in other_end) >= MOST * len(known):
                message = (
                    f"nearly no utterance has a phone {where.format(least)}: are the times {word}, and cut to fit?"
                )
                remedy = "compare one with its recording, and mend the times if they are shifted"
                yield Problem(self.file, 0, "shifted", message, remedy, level="warning")

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


def _quantile(values: list[float], share: float) -> float:
    return sorted(values)[int(share * (len(values) - 1))]


def _middle(values: list[float]) -> float:
    return _quantile(values, 0.5)
