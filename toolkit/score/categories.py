"""What kind of error an utterance has: the six kinds of "To Distill or Not to Distill?" (arXiv 2406.04512), by rule.

There, people read the output. Here, rules look at spelling alone; the rules and their thresholds are heuristics of
ours, not the paper's, and their counts are not to be set beside its figures. Every rule says what it cannot see. An
utterance gets the first category that fits, in the order of ORDER; `correct` where no word is wrong, `other` where
none fits.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from .alignment import CORRECT as RIGHT
from .alignment import DELETION, INSERTION, SUBSTITUTION, Column, align, edits, likeness, stretches
from .dialect import Lexicon, take
from .repetition import RATIO, Repetition, repetition

CORRECT, OTHER = "correct", "other"
EMPTY, DETERIORATION, MSA = "empty", "deterioration", "MSA translation"
HALLUCINATION, INCOMPLETE, DIALECTAL = "hallucination", "incomplete", "dialectal inaccuracy"
ORDER = (EMPTY, DETERIORATION, MSA, HALLUCINATION, INCOMPLETE, DIALECTAL)
CATEGORIES = (CORRECT, *ORDER, OTHER)

Evidence = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Thresholds:
    """Thresholds of the error categories; all of them ours."""

    loop_count: int = 3
    """deterioration: smallest number of times in a row that the hypothesis repeats a phrase for it to be a loop; larger
    finds fewer loops"""
    loop_words: int = 6
    """deterioration: smallest number of words that such a loop covers (a speaker's own `la la la` has three); larger
    finds fewer loops"""
    letter_ratio: float = RATIO
    """deterioration: compression ratio of the letters above which a text without an exact loop counts as repeating
    itself; larger finds fewer"""
    msa_margin: float = 0.1
    """MSA translation, with an MSA reference: smallest WER difference, 0 to 1, by which the hypothesis is closer to the
    MSA reference than to the dialect reference; larger finds fewer"""
    msa_reach: float = 0.7
    """MSA translation, with an MSA reference: largest WER of the hypothesis against the MSA reference, 0 to 1; larger
    finds more"""
    msa_share: float = 0.5
    """MSA translation, by the lexicon: smallest share of the reference's dialect words that became their MSA words, 0
    to 1; larger finds fewer"""
    likeness: float = 0.5
    """two words count as one misheard word if their spelling is at least this similar, 0 to 1 (1 - edits / letters of
    the longer word)"""
    invented_share: float = 0.7
    """hallucination: smallest share of the hypothesis's words, 0 to 1, that resemble no reference word at their place;
    larger finds fewer"""
    invented_words: int = 3
    "hallucination: smallest number of such words; larger finds fewer"
    inserted_words: int = 4
    """hallucination: also if one stretch of the hypothesis has this many words more than the reference; larger finds
    fewer"""
    missing_share: float = 0.3
    "incomplete: smallest share of the reference's words without a word in the hypothesis, 0 to 1; larger finds fewer"
    missing_words: int = 2
    "incomplete: smallest number of such words; larger finds fewer"

    def __post_init__(self) -> None:
        for name in ("msa_margin", "msa_reach", "msa_share", "likeness", "invented_share", "missing_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be 0 to 1, not {getattr(self, name)}")
        for name in ("loop_count", "loop_words", "invented_words", "inserted_words", "missing_words"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


@dataclass(frozen=True)
class Case:
    """One utterance as the rules see it: normalised words.

    Attributes:
        msa: words of its reference in MSA; None where there is none.
    """

    reference: Sequence[str]
    hypothesis: Sequence[str]
    lexicon: Lexicon
    msa: Sequence[str] | None = None
    limits: Thresholds = field(default_factory=Thresholds)

    @cached_property
    def columns(self) -> list[Column]:
        return align(self.reference, self.hypothesis)

    @cached_property
    def repeated(self) -> tuple[Repetition, Repetition]:
        """Of the reference and of the hypothesis."""
        return repetition(" ".join(self.reference)), repetition(" ".join(self.hypothesis))

    @cached_property
    def dialect_words(self) -> list[str]:
        """Words of the reference that are in the lexicon, or not in the MSA reference where there is one."""
        if self.msa is not None:
            return [column.reference for column in align(self.reference, self.msa) if column.kind in _OF_REFERENCE]
        return [word for word in self.reference if word in self.lexicon]

    @property
    def judged(self) -> bool:
        """Whether the rules of MSA translation and of dialectal inaccuracy have something to look at."""
        return bool(self.dialect_words)


_OF_REFERENCE = (SUBSTITUTION, DELETION)


@dataclass(frozen=True)
class Verdict:
    """The category of an utterance and what it rests on.

    Attributes:
        why: a sentence of figures, without words of the texts.
        evidence: words of the texts: (of the reference, of the hypothesis), either of them "" where there is none.
    """

    category: str
    why: str = ""
    evidence: Evidence = ()


def categorise(case: Case) -> Verdict:
    """The first category of ORDER whose rule fits."""
    if not edits(case.columns):
        return Verdict(CORRECT)
    for category in ORDER:
        found = RULES[category](case)
        if found is not None:
            return Verdict(category, *found)
    return Verdict(OTHER, f"{edits(case.columns)} edits in {len(case.reference)} words")


Found = tuple[str, Evidence] | None


def empty(case: Case) -> Found:
    """The hypothesis has no word, the reference has some.

    Cannot see: whether anything was to be heard.
    """
    return None if case.hypothesis else (f"0 of {len(case.reference)} words", ())


def deterioration(case: Case) -> Found:
    """The hypothesis is caught in a loop that the reference has not.

    A phrase stands there loop_count times in a row, over loop_words words and more than in the reference; or its
    letters compress by more than letter_ratio, and the reference's do not.
    Cannot see: a loop that the speaker made and the reference left out; gibberish that does not repeat itself, which
    is hallucination here.
    """
    said, heard = case.repeated
    looped = heard.loop_count >= case.limits.loop_count and heard.loop_words >= case.limits.loop_words
    if looped and (heard.loop_count > said.loop_count or heard.loop_words > said.loop_words):
        return f"a phrase of {heard.loop_length} words {heard.loop_count} times in a row", ()
    if heard.letter_ratio > case.limits.letter_ratio >= said.letter_ratio:
        return f"letters compress {heard.letter_ratio:.1f} times, those of the reference {said.letter_ratio:.1f}", ()
    return None


def msa_translation(case: Case) -> Found:
    """The hypothesis says in MSA what the reference says in dialect.

    With an MSA reference: the word error rate to it is at most msa_reach, and by msa_margin less than to the reference.
    Without: of the reference's dialect function words in our lexicon, at least the share msa_share stands in the
    hypothesis as an MSA word that means it, between the same correct words; and the rest is no hallucination.
    Cannot see: without an MSA reference, a translation of an utterance that has no word of the lexicon (how many it
    could judge is said), or of content words alone; one translated word of one is a whole translation to it.
    """
    if case.msa is not None:
        to_msa, to_said = _rate(case.msa, case.hypothesis), _rate(case.reference, case.hypothesis)
        if to_msa <= case.limits.msa_reach and to_msa + case.limits.msa_margin <= to_said:
            return f"WER {100 * to_msa:.0f} % to the MSA reference, {100 * to_said:.0f} % to the reference", ()
        return None
    pairs = translated(case)
    if not pairs or len(pairs) < case.limits.msa_share * len(case.dialect_words):
        return None
    if _invented(case, sum(len(phrase.split()) for _, phrase in pairs)):
        return None
    return f"{len(pairs)} of {len(case.dialect_words)} dialect words in MSA", pairs


def translated(case: Case) -> Evidence:
    """(dialect word, MSA phrase) of each word that the lexicon finds translated."""
    pairs = []
    for stretch in stretches(case.columns):
        heard = [column.hypothesis for column in stretch if column.hypothesis]
        for column in stretch:
            if phrase := take(case.lexicon.msa(column.reference), heard):
                pairs.append((column.reference, " ".join(phrase)))
    return tuple(pairs)


def hallucination(case: Case) -> Found:
    """The hypothesis says what nobody said.

    At least invented_words words, and the share invented_share of all, are inserted or stand for a word they are not
    like (likeness); or a stretch has inserted_words words more than the reference has there; or there is any word
    where the reference has none.
    Cannot see: what was said and is missing in the reference; sense (a misheard word of another meaning is like the
    right one); Latin letters for an Arabic reference are unlike it however right they sound.
    """
    if not case.reference:
        return f"{len(case.hypothesis)} words where the reference is empty", ()
    if invented := _invented(case):
        return f"{invented} of {len(case.hypothesis)} words like nothing in the reference", ()
    more = max((_surplus(stretch, INSERTION, DELETION) for stretch in stretches(case.columns)), default=0)
    return (f"{more} words more than the reference in one stretch", ()) if more >= case.limits.inserted_words else None


def incomplete(case: Case) -> Found:
    """A part of the reference is missing.

    At least missing_words words, and the share missing_share of the reference's, are deleted; a deletion that an
    insertion beside it makes up for does not count.
    Cannot see: where the missing words are in the audio; words that the reference has and nobody said.
    """
    missing = sum(max(0, _surplus(stretch, DELETION, INSERTION)) for stretch in stretches(case.columns))
    if missing < case.limits.missing_words or missing < case.limits.missing_share * len(case.reference):
        return None
    return f"{missing} of {len(case.reference)} words missing", ()


def dialectal(case: Case) -> Found:
    """A dialect word of the reference was not recognised.

    One of our lexicon, or, where there is an MSA reference, one that MSA has not, is replaced or missing.
    Cannot see: without an MSA reference, dialect content words (so it finds too few); whether the word was wrong
    because it is dialect.
    """
    left = list(case.dialect_words)
    lost = tuple(
        (column.reference, column.hypothesis)
        for column in case.columns
        if column.kind in _OF_REFERENCE and take([(column.reference,)], left)
    )
    return (f"{len(lost)} of {len(case.dialect_words)} dialect words not recognised", lost) if lost else None


RULES: dict[str, Callable[[Case], Found]] = {
    EMPTY: empty,
    DETERIORATION: deterioration,
    MSA: msa_translation,
    HALLUCINATION: hallucination,
    INCOMPLETE: incomplete,
    DIALECTAL: dialectal,
}


def _rate(reference: Sequence[str], hypothesis: Sequence[str]) -> float:
    return edits(align(reference, hypothesis)) / max(1, len(reference))


def _invented(case: Case, accounted: int = 0) -> int:
    """Words of the hypothesis like nothing where they stand, less those accounted for; 0 where they are too few."""
    count = -accounted + sum(bool(c.hypothesis) and not _near(c, case.limits.likeness) for c in case.columns)
    enough = count >= case.limits.invented_words and count >= case.limits.invented_share * len(case.hypothesis)
    return count if enough else 0


def _near(column: Column, least: float) -> bool:
    if column.kind == SUBSTITUTION:
        return likeness(column.reference, column.hypothesis) >= least
    return column.kind == RIGHT


def _surplus(stretch: Sequence[Column], kind: str, other: str) -> int:
    """How many more columns of one kind than of the other a stretch of errors has."""
    return sum((column.kind == kind) - (column.kind == other) for column in stretch)
