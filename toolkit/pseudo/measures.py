"""Measures of a label: error rates against a reference, and scores that need no reference. One pass over single
utterances, before packing; nothing is decoded again, and no audio is opened.

Error rates are those of one utterance under one profile: substitutions, deletions and insertions divided by the words
(WER) or characters (CER) of the reference, in percent. They may exceed 100. An empty label has 100. A reference that is
empty under the profile counts as no reference.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from ..score.edits import Edits, character_edits, single_spaced, word_edits
from ..score.repetition import letter_ratio, loop
from ..text.normalise import Profile
from .boilerplate import SPELLING, boilerplate_share
from .labelled import Labelled
from .script import foreign_share

BATCH = 5000  # utterances with texts in memory at a time
NO_REFERENCE, EMPTY_REFERENCE, REFERENCE = range(3)
NO_FAULT, EMPTY, CUT_OFF = range(3)


@dataclass(frozen=True)
class Score:
    """A score that every label gets.

    Attributes:
        meaning: description with unit.
        worse: the bad end of the score, higher or lower; empty if it has none.
        of_reference: True if it needs a reference.
        bins: (first edge, last edge, number of bins) of its histogram.
    """

    meaning: str
    worse: str
    bins: tuple[float, float, int]
    of_reference: bool = False


SCORES: dict[str, Score] = {
    "wer": Score("word error rate against the reference, %", "higher", (0, 200, 40), True),
    "cer": Score("character error rate against the reference, %", "higher", (0, 200, 40), True),
    "seconds": Score("of the audio", "", (0, 30, 30)),
    "words": Score("of the label, under the profile", "", (0, 60, 60)),
    "confidence": Score("mean log-probability of a token, nats", "lower", (-3, 0, 60)),
    "entropy": Score("mean entropy of the distributions that tokens were chosen from, nats", "higher", (0, 5, 50)),
    "no_speech": Score("probability of no speech", "higher", (0, 1, 50)),
    "repetition": Score("letters over letters compressed (score.repetition)", "higher", (0, 6, 60)),
    "loop": Score("words that a phrase covers which is said again and again", "higher", (0, 60, 60)),
    "characters_per_second": Score("characters of the label, spaces too, over seconds", "higher", (0, 40, 40)),
    "script": Score("share of letters that are not of the language's script", "higher", (0, 1, 50)),
    "boilerplate": Score("share of words in phrases that Whisper writes over silence", "higher", (0, 1, 50)),
    "agreement": Score("1 - word edits / words of the longer one, against the proxy model's label; symmetric", "lower",
                       (0, 1, 50)),
}  # fmt: skip
LABEL_FREE = tuple(name for name, score in SCORES.items() if score.worse and not score.of_reference)


@dataclass(frozen=True)
class Measures:
    """Measures of N utterances, in the order of ids.

    Attributes:
        profile: id of the profile.
        ids, sets, dialects: of each utterance.
        columns: name in SCORES -> float64 [N]; NaN if unknown.
        words, characters: edits against the references; 0 of 0 without a reference.
        reference: int8 [N], NO_REFERENCE, EMPTY_REFERENCE or REFERENCE.
        fault: int8 [N]: EMPTY and CUT_OFF labels are never kept; a label that is both is EMPTY.
    """

    profile: str
    ids: list[str]
    sets: list[str]
    dialects: list[str]
    columns: dict[str, np.ndarray]
    words: Edits
    characters: Edits
    reference: np.ndarray
    fault: np.ndarray

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def seconds(self) -> np.ndarray:
        return self.columns["seconds"]

    @property
    def whole(self) -> np.ndarray:
        """Mask [N] of the usable labels: neither empty nor cut off."""
        mask: np.ndarray = self.fault == NO_FAULT
        return mask

    @property
    def referenced(self) -> np.ndarray:
        """Mask [N] of the utterances that have error rates."""
        mask: np.ndarray = self.reference == REFERENCE
        return mask


def measure(utterances: Iterable[Labelled], profile: Profile) -> Measures:
    """Measure every utterance once. Memory holds the texts of BATCH utterances, and the numbers of all."""
    rows = iter(utterances)
    parts = [_measured(batch, profile) for batch in iter(lambda: list(islice(rows, BATCH)), [])]
    parts = parts or [_measured([], profile)]
    return Measures(
        profile.id,
        [id for part in parts for id in part.ids],
        [name for part in parts for name in part.sets],
        [name for part in parts for name in part.dialects],
        {name: np.concatenate([part.columns[name] for part in parts]) for name in SCORES},
        Edits.joined([part.words for part in parts]),
        Edits.joined([part.characters for part in parts]),
        np.concatenate([part.reference for part in parts]),
        np.concatenate([part.fault for part in parts]),
    )


def _measured(batch: Sequence[Labelled], profile: Profile) -> Measures:
    spelt = single_spaced(profile(row.label.text) for row in batch)
    words = [text.split() for text in spelt]
    references = ["" if row.known.reference is None else row.known.reference for row in batch]
    references = single_spaced(map(profile, references))
    compared = [text if reference else "" for text, reference in zip(spelt, references, strict=True)]
    of_words, of_characters = word_edits(references, compared), character_edits(references, compared)
    seconds = [row.label.seconds if math.isnan(row.known.seconds) else row.known.seconds for row in batch]
    told = words if profile is SPELLING else [SPELLING(row.label.text).split() for row in batch]
    columns: dict[str, Iterable[float | None]] = {
        "wer": _percent(of_words),
        "cer": _percent(of_characters),
        "seconds": seconds,
        "words": map(len, words),
        "confidence": (row.label.avg_logprob for row in batch),
        "entropy": (row.label.entropy for row in batch),
        "no_speech": (row.label.no_speech for row in batch),
        "repetition": (letter_ratio(row.label.text) for row in batch),
        "loop": (math.prod(loop(spelt_words)) for spelt_words in words),
        "characters_per_second": (len(text) / s if s > 0 else None for text, s in zip(spelt, seconds, strict=True)),
        "script": (foreign_share(row.label.text, row.label.language) for row in batch),
        "boilerplate": map(boilerplate_share, told),
        "agreement": _agreement(batch, spelt, profile),
    }
    return Measures(
        profile.id,
        [row.known.id for row in batch],
        [row.known.set for row in batch],
        [row.known.dialect for row in batch],
        {name: _finite(values) for name, values in columns.items()},
        of_words,
        of_characters,
        np.array([_reference(row.known.reference, text) for row, text in zip(batch, references)], np.int8),
        np.array([EMPTY if not text else NO_FAULT if row.label.ended else CUT_OFF for row, text in zip(batch, spelt)],
                 np.int8),
    )  # fmt: skip


def _reference(written: str | None, spelt: str) -> int:
    return NO_REFERENCE if written is None else REFERENCE if spelt else EMPTY_REFERENCE


def _percent(edits: Edits) -> Iterator[float | None]:
    """Rates of utterances, percent; None for an empty reference. 100 e / n is exact if it is a whole number."""
    for e, n in zip(edits.edits.tolist(), edits.lengths.tolist(), strict=True):
        yield 100 * e / n if n else None


def _agreement(batch: Sequence[Labelled], spelt: Sequence[str], profile: Profile) -> list[float | None]:
    """1 - edits / words of the longer text, 0 to 1, the same in both directions; 1 for two empty texts."""
    rates: list[float | None] = [None] * len(batch)
    numbers = [i for i, row in enumerate(batch) if row.proxy is not None]
    others = single_spaced(profile(batch[i].proxy or "") for i in numbers)
    edits = word_edits(others, [spelt[i] for i in numbers]).edits.tolist()
    for i, proxy, e in zip(numbers, others, edits, strict=True):
        longer = max(len(proxy.split()), len(spelt[i].split()))
        rates[i] = 1 - e / longer if longer else 1.0
    return rates


def _finite(values: Iterable[float | None]) -> np.ndarray:
    """float64 [N]; NaN for None and for values that are not finite."""
    column = np.array([math.nan if value is None else value for value in values], np.float64)
    column[~np.isfinite(column)] = math.nan
    return column
