"""Utterances of a corpus: those that are taken, those that are left out, and their published numbers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ...core.step import Step
from ...text.invisible import shown
from ..channels import Choice
from ..judge import check_limits
from ..pace import Pace, Stated
from .sources import Report, SourceError


@dataclass(frozen=True)
class Take:
    """Limits on what is taken from a corpus. Test and dev sets are never filtered by length, but warned of."""

    min_seconds: float = 0.1
    """shorter utterances of training sets are dropped, seconds; larger drops more"""
    max_seconds: float = 0.0
    """longer utterances of training sets are dropped, seconds; smaller drops more; 0: no limit"""
    follow_links: bool = False
    """true: also take recordings that are links to files outside the corpus; false: drop them"""
    min_letters_per_second: float = 1.0
    """training utterances longer than 5 s with fewer letters in the transcript per second are dropped; larger drops
    more; 0: no limit. A digit stands for up to 8 letters"""
    max_letters_per_second: float = 35.0
    """training utterances with more letters in the transcript per second are dropped; smaller drops more; 0: no
    limit"""
    stated_lengths: bool = True
    """true: training utterances whose recording is not as long as the corpus's own table says, or of which it says what
    is no number, are dropped; false: that column of the table is not read"""
    channel: Choice = "auto"
    """what is read of recordings of several channels that differ. auto: utterances of training sets are dropped, those
    of other sets refused. left, right, 3 to 8, mean: that. both: a recording of each of two, if it has no transcript.
    Of others is read, whatever stands here, the mean if they are alike (they correlate with 0.3 or more), left if they
    are opposite in phase (-0.3 or less), the only one that is not silent"""
    silent_dbfs: float = -60.0
    """later steps, which decode, leave an utterance of a training set out as silent if its loudest tenth of a second is
    below this level, dB of full scale (0 is the loudest); a larger value drops more"""
    max_clipped: float = 0.05
    """later steps, which decode, leave an utterance of a training set out as clipped if a larger share of its samples
    is at full scale, 0 to 1; smaller drops more"""

    def __post_init__(self) -> None:
        if not self.min_seconds >= 0 or not (self.max_seconds == 0 or self.max_seconds > self.min_seconds):
            raise ValueError("take.min_seconds: 0 or more, and below take.max_seconds, if that is not 0")
        check_limits(self, "take.")

    @property
    def pace(self) -> Pace:
        return Pace(self.min_letters_per_second, self.max_letters_per_second)


@dataclass(frozen=True)
class CorpusConfig:
    """Settings of a corpus that has none of its own."""

    take: Take = field(default_factory=Take)
    """limits and links"""


@dataclass(slots=True)
class CorpusSegment:
    """An utterance of a corpus.

    Attributes:
        set: data directory it belongs to.
        original: the corpus's own id, kept in utt2orig.
        audio: its recording, relative to the corpus (or a file that the step itself made below its output).
        speaker: the corpus's own name; empty if it gives none: then each utterance has its own speaker.
        start, end: seconds in the recording; (0, None): the whole recording.
        text: transcript; None if the set has none.
        programme: recording, programme or video it is cut from, by the corpus's own name; empty: unknown.
        dialect, gender, emotion: empty if the corpus does not give it.
        id: id to use, together with the speaker's name as it is; empty: speaker-original.
        stated: its length, or its recording's, as the corpus itself states it.
        channel: left or right of its recording's two channels; gather fills it in, as side, A or B if both are taken,
            mix, what was decided, odd, what is to be warned of, and notes, oddities of its recording that do no harm.
        doubt: what is to be warned of its transcript, if it is not trained on.
        more: further tables of utterances, e.g. {"text_Ali": "..."}; empty values become `unknown`, except in texts,
            and in tables.PARTIAL, which then lack the utterance.
    """

    set: str
    original: str
    audio: str
    speaker: str = ""
    start: float = 0.0
    end: float | None = None
    text: str | None = None
    programme: str = ""
    dialect: str = ""
    gender: str = ""
    emotion: str = ""
    id: str = ""
    more: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """length of the utterance; gather fills it in"""
    recording_seconds: float = 0.0
    """length of its recording; gather fills it in"""
    stated: Sequence[Stated] = ()
    channel: str = ""
    side: str = ""
    mix: str = ""
    odd: str = ""
    notes: Sequence[str] = ()
    doubt: str = ""

    @property
    def whole(self) -> bool:
        return self.end is None and self.start == 0


@dataclass(slots=True)
class Drop:
    """An utterance that is left out: its original id, a reason (short, countable), a sentence, its set if known."""

    original: str
    reason: str
    detail: str = ""
    set: str = ""


@dataclass(frozen=True)
class Published:
    """Published numbers of a set; None if the makers do not give them."""

    utterances: int | None = None
    recordings: int | None = None
    speakers: int | None = None
    hours: float | None = None


def of_set(
    set: str, items: Iterable[CorpusSegment | Drop], but: Set[str] = frozenset()
) -> Iterator[CorpusSegment | Drop]:
    """What a reader yields of the rows of one set, which loses the drops among them, too.

    Args:
        but: reasons of drops that were no rows of the set.
    """
    try:
        for item in items:
            if isinstance(item, Drop) and item.reason not in but:
                item.set = item.set or set
            yield item
    except SourceError as e:
        yield Drop(e.where, e.reason, e.what, set)


def report_to(step: Step[Any], set: str = "") -> Report:
    """What readers of lines call with the error of a line that cannot be used: it writes a ledger row."""
    return lambda e: drop(step, e.where, e.reason, e.what, set)


def drop(step: Step[Any], original: str, reason: str, detail: str = "", set: str = "") -> None:
    """Write a ledger row, escaping odd characters of the corpus's names. `set`: the one that loses an utterance."""
    step.ledger.drop(shown(original), reason, shown(detail), set)
