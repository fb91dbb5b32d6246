"""Word and character error rates: edits of each utterance, summed over the corpus.

Definitions: rate = sum of substitutions, deletions and insertions over sum of reference lengths. An empty
hypothesis is all deletions. An empty reference adds its insertions to the edits and nothing to the length.
White space counts as one character between two words in the character error rate, as in ESPnet and jiwer.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from rapidfuzz.distance import Levenshtein

from ..core.errors import UserError

SHOWN_IDS = 5


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
class ErrorTable:
    """Errors of every utterance, in the order of `ids`."""

    ids: list[str]
    errors: list[Errors]

    @property
    def total(self) -> Errors:
        return (
            Errors(*(sum(column) for column in zip(*self.errors, strict=True))) if self.errors else Errors(0, 0, 0, 0)
        )

    @property
    def percent(self) -> float:
        """Corpus-level error rate in percent; above 100 when insertions outnumber what was right."""
        return error_rate(self.errors)

    def edits_and_lengths(self) -> tuple[np.ndarray, np.ndarray]:
        """Edits [N] and reference lengths [N] of the utterances: what the bootstrap resamples."""
        return np.array([e.edits for e in self.errors], float), np.array([e.length for e in self.errors], float)


def words(text: str) -> list[str]:
    """Tokens of the word error rate: what white space separates."""
    return text.split()


def characters(text: str) -> list[str]:
    """Tokens of the character error rate: code points, with one space between two words."""
    return list(" ".join(text.split()))


def count_errors(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> Errors:
    """Errors of a minimal alignment (each edit costs 1) of two token sequences.

    The number of edits is unique; among alignments of equal cost rapidfuzz's is taken, as jiwer does.
    """
    numbers: dict[Hashable, int] = {}
    # Integers, since rapidfuzz hashes strings of more than one character one by one.
    reference_ids = [numbers.setdefault(token, len(numbers)) for token in reference]
    hypothesis_ids = [numbers.setdefault(token, len(numbers)) for token in hypothesis]
    tags = [op.tag for op in Levenshtein.editops(reference_ids, hypothesis_ids)]
    return Errors(tags.count("replace"), tags.count("delete"), tags.count("insert"), len(reference_ids))


def error_table(
    references: Mapping[str, str], hypotheses: Mapping[str, str], tokens: Callable[[str], Sequence[Hashable]] = words
) -> ErrorTable:
    """Errors by utterance id, sorted; ids tie the two, never their order.

    Args:
        references, hypotheses: utterance id -> text.
        tokens: what cuts a text into tokens: `words` (WER) or `characters` (CER).

    Raises UserError naming ids that only one side has: an utterance that was not recognised must be
    given as an empty hypothesis.
    """
    check_same_ids(references, hypotheses)
    ids = sorted(references)
    return ErrorTable(ids, [count_errors(tokens(references[i]), tokens(hypotheses[i])) for i in ids])


def error_rate(errors: Iterable[Errors]) -> float:
    """Sum of edits over sum of reference lengths, in percent. Raises UserError when no reference has a token."""
    edits = length = 0
    for e in errors:
        edits, length = edits + e.edits, length + e.length
    if length == 0:
        raise UserError("no error rate: the references are all empty", "", "give references with at least one token")
    return 100.0 * edits / length


def check_same_ids(references: Mapping[str, object], hypotheses: Mapping[str, object]) -> None:
    """Raise UserError naming the utterances that only one side has."""
    problems = []
    for what, ids in (
        ("without a hypothesis", references.keys() - hypotheses.keys()),
        ("without a reference", hypotheses.keys() - references.keys()),
    ):
        if ids:
            more = f" and {len(ids) - SHOWN_IDS} more" if len(ids) > SHOWN_IDS else ""
            problems.append(f"{len(ids)} utterances {what}: {', '.join(sorted(ids)[:SHOWN_IDS])}{more}")
    if problems:
        raise UserError(
            "; ".join(problems), "", "score the same utterances; write an empty hypothesis where there is none"
        )
