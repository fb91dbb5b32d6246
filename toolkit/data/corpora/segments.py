"""What a corpus says of its utterances: those there are, those that are left out, how many there should be."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ...core.step import Step
from ..recordings import shown


@dataclass(frozen=True)
class Take:
    """Limits on what is taken from a corpus. Test and dev sets are never filtered by length."""

    min_seconds: float = 0.1
    """shorter utterances of training sets are dropped, seconds; larger drops more"""
    max_seconds: float = 0.0
    """longer utterances of training sets are dropped, seconds; smaller drops more; 0: no limit"""
    follow_links: bool = False
    """true: also take recordings that are links to files outside the corpus; false: drop them"""


@dataclass(frozen=True)
class CorpusConfig:
    """Settings of a corpus that has none of its own."""

    take: Take = field(default_factory=Take)
    """limits and links"""


@dataclass(slots=True)
class CorpusSegment:
    """An utterance as its corpus has it.

    Attributes:
        set: data directory it belongs to.
        original: the corpus's own id, kept in utt2orig.
        audio: its recording, relative to the corpus (or a file that the step itself made below its output).
        speaker: the corpus's own name; empty if it says none: then nobody else's.
        start, end: seconds in the recording; (0, None): all of it.
        text: transcript; None where the set has none.
        programme: recording, programme or video it is cut from, by the corpus's own name; empty: unknown.
        dialect, gender, emotion: empty where the corpus does not say it.
        id: the utterance's id, where the speaker's name is to be taken as it is too; empty: speaker-original.
        more: further tables of utterances, e.g. {"text_Ali": "..."}; one that is no text has `unknown` where empty.
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
    """of the utterance; gather fills it in"""
    recording_seconds: float = 0.0
    """of its recording; gather fills it in"""

    @property
    def whole(self) -> bool:
        return self.end is None and self.start == 0


@dataclass(slots=True)
class Drop:
    """An utterance that is left out: its own id, a category that can be counted, a sentence."""

    original: str
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Published:
    """What the corpus's makers say that a set has; None if they say nothing."""

    utterances: int | None = None
    recordings: int | None = None
    speakers: int | None = None
    hours: float | None = None


def trains(name: str) -> bool:
    """True if a set of this name is one to train on: only such a set is ever filtered."""
    return "train" in name


def drop(step: Step[Any], original: str, reason: str, detail: str = "") -> None:
    """A row of the ledger, whatever characters the corpus has in its names."""
    step.ledger.drop(shown(original), reason, shown(detail))
