"""Substitutions, deletions and insertions of many pairs of texts, fast and exactly as rapidfuzz and jiwer count them.

Their sum is unique; how it divides among the three is not where several alignments are minimal: then it is that of the
alignment that `rapidfuzz.distance.Levenshtein.editops` takes, which is jiwer's too.

Where the speed comes from: rapidfuzz's list of edits never becomes Python objects. Applied to a reference of dots and
a hypothesis of crosses, the list leaves a cross for every substitution and insertion; the rest follows from its length
and from those of the two texts. Words are compared by their 64-bit hashes, after whole words that begin or end both
texts are cut off. Two different words share a hash once in 10^19, so a corpus of 100,000 utterances has such a pair
within one utterance once in 10^12; `count_errors` numbers words instead, for those who cannot live with that.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rapidfuzz import process
from rapidfuzz.distance import Levenshtein, Postfix, Prefix

NONE = (0, 0, 0)


class Errors(NamedTuple):
    """Counts of one alignment, in tokens."""

    substitutions: int
    deletions: int
    insertions: int
    length: int
    """Tokens of the reference."""

    @property
    def edits(self) -> int:
        return self.substitutions + self.deletions + self.insertions


@dataclass(frozen=True)
class Edits:
    """Counts of N pairs, int64 [N] each, in tokens; `lengths` are those of the references."""

    substitutions: np.ndarray
    deletions: np.ndarray
    insertions: np.ndarray
    lengths: np.ndarray

    @property
    def edits(self) -> np.ndarray:
        return self.substitutions + self.deletions + self.insertions

    @property
    def total(self) -> Errors:
        counts = (self.substitutions, self.deletions, self.insertions, self.lengths)
        return Errors(*(int(count.sum()) for count in counts))

    @classmethod
    def of_errors(cls, errors: Sequence[Errors]) -> Edits:
        """From the errors of each pair."""
        columns_N4 = np.array(errors, np.int64).reshape(-1, 4)
        return cls(columns_N4[:, 0], columns_N4[:, 1], columns_N4[:, 2], columns_N4[:, 3])

    @classmethod
    def joined(cls, parts: Sequence[Edits]) -> Edits:
        """The pairs of several, one after the other."""
        names = ("substitutions", "deletions", "insertions", "lengths")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def of(self, numbers: np.ndarray | list[int]) -> Edits:
        """Counts of the pairs with these numbers (or under this mask), in their order."""
        return Edits(
            self.substitutions[numbers], self.deletions[numbers], self.insertions[numbers], self.lengths[numbers]
        )


def count_errors(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Errors:
    """Errors of a minimal alignment (each edit costs 1) of two token sequences.

    The number of edits is unique; among alignments of equal cost rapidfuzz's is taken, as jiwer does.
    """
    numbers: dict[Hashable, int] = {}
    # Integers, since rapidfuzz hashes strings of more than one character one by one.
    reference_ids = [numbers.setdefault(token, len(numbers)) for token in reference]
    hypothesis_ids = [numbers.setdefault(token, len(numbers)) for token in hypothesis]
    return Errors(*_counted(reference_ids, hypothesis_ids), len(reference_ids))


def word_edits(references: Sequence[str], hypotheses: Sequence[str]) -> Edits:
    """Edits of each pair in words, which white space separates. Raises ValueError if the lengths differ."""
    counts = _word_counts(references, hypotheses)
    return _edits(counts, [text.count(" ") + 1 if text else 0 for text in single_spaced(references)])


def character_edits(references: Sequence[str], hypotheses: Sequence[str]) -> Edits:
    """Edits of each pair in code points, one space between two words being one. Raises ValueError as word_edits."""
    references, hypotheses = single_spaced(references), single_spaced(hypotheses)
    counts: list[int] = []
    for one, second in zip(references, hypotheses, strict=True):
        counts += NONE if one == second else _counted(one, second)
    return _edits(counts, [len(text) for text in references])


def single_spaced(texts: Iterable[str]) -> list[str]:
    """Texts without outer white space, and with one space between words."""
    texts = list(texts)
    if _spaced(" ".join(texts)):  # one look at all of them, for nothing is wrong with most files
        return texts
    return [text if _spaced(text) else " ".join(text.split()) for text in texts]


def _spaced(text: str) -> bool:
    """True if that is sure: of white space, only the space is printable."""
    return "  " not in text and text.isprintable() and text.strip() == text


def _counted(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> tuple[int, int, int]:
    """Substitutions, deletions and insertions of one pair of token sequences, texts among them."""
    length, hypothesis_length = len(reference), len(hypothesis)
    edits = Levenshtein.editops(reference, hypothesis)
    crosses = edits.apply("." * length, "x" * hypothesis_length).count("x")  # substitutions and insertions
    deletions = len(edits) - crosses
    insertions = deletions - length + hypothesis_length
    return crosses - insertions, deletions, insertions


def _word_counts(references: Sequence[str], hypotheses: Sequence[str]) -> list[int]:
    """Substitutions, deletions and insertions of the first pair, then those of the second, and so on."""
    if len(references) != len(hypotheses):
        raise ValueError(f"{len(references)} references but {len(hypotheses)} hypotheses")
    begins, ends = (
        process.cpdist(references, hypotheses, scorer=affix.similarity, dtype=np.int32).tolist()
        for affix in (Prefix, Postfix)
    )
    counts: list[int] = []
    for one, second, begin, end in zip(references, hypotheses, begins, ends):
        if one == second:
            counts += NONE
            continue
        # Spaces that both have at the same place of what they share: whole words end there in both.
        length, longer = len(one), len(second) - len(one)
        first = one.rfind(" ", 0, begin) + 1
        room = (length if longer > 0 else length + longer) - first
        last = one.find(" ", length - (end if end < room else room))
        if last < 0:
            words, others = one[first:].split(), second[first:].split()
        else:
            words, others = one[first:last].split(), second[first : last + longer].split()
        counts += _counted(words, others) if words and others else (0, len(words), len(others))
    return counts


def _edits(counts: Sequence[int], lengths: Sequence[int]) -> Edits:
    columns_N3 = np.array(counts, np.int64).reshape(-1, 3)
    return Edits(columns_N3[:, 0], columns_N3[:, 1], columns_N3[:, 2], np.array(lengths, np.int64))
