"""Which word was recognised as which: one minimal word alignment of a reference and a hypothesis, and only one.

The number of edits of a minimal alignment is unique, the alignment is not. Here, of all alignments:
1. the fewest edits, each costing 1: as many as wer.count_errors finds;
2. of those the most correct words, which is the fewest substitutions (`a b` against `b c` is a deletion, a correct
   word and an insertion, where the error rate may have counted two substitutions);
3. of those the least edit distance, in characters, between the words that replace each other;
4. of those, from the beginning on, a pair of words before a deletion before an insertion.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, zip_longest
from typing import NamedTuple

from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

CORRECT, SUBSTITUTION, DELETION, INSERTION = "correct", "substitution", "deletion", "insertion"
KINDS = (CORRECT, SUBSTITUTION, DELETION, INSERTION)
MOST_CELLS = 1_000_000  # half a second; no utterance of speech has a thousand words


class Column(NamedTuple):
    """A word of the reference above a word of the hypothesis; "" if there is none."""

    kind: str
    """One of KINDS."""
    reference: str
    hypothesis: str


def align(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Column]:
    """The alignment of two sequences of words that the rules above choose.

    Above MOST_CELLS pairs of words (1,000 words against 1,000) rules 2 to 4 yield to speed: it is a minimal alignment
    still, the one that rapidfuzz finds.
    """
    if list(reference) == list(hypothesis):
        return [Column(CORRECT, word, word) for word in reference]
    if len(reference) * len(hypothesis) > MOST_CELLS:
        return _any_minimal(reference, hypothesis)
    replaced, edit = _prices(reference, hypothesis)
    rest = _costs(reference, hypothesis, replaced, edit)
    columns, i, j = [], 0, 0
    while i < len(reference) or j < len(hypothesis):
        both = i < len(reference) and j < len(hypothesis)
        if both and rest[i][j] == rest[i + 1][j + 1] + replaced[i][j]:
            kind = CORRECT if reference[i] == hypothesis[j] else SUBSTITUTION
            columns.append(Column(kind, reference[i], hypothesis[j]))
            i, j = i + 1, j + 1
        elif i < len(reference) and rest[i][j] == rest[i + 1][j] + edit:
            columns.append(Column(DELETION, reference[i], ""))
            i += 1
        else:
            columns.append(Column(INSERTION, "", hypothesis[j]))
            j += 1
    return columns


def edits(columns: Sequence[Column]) -> int:
    """How many columns are errors."""
    return sum(column.kind != CORRECT for column in columns)


def stretches(columns: Sequence[Column]) -> Iterator[list[Column]]:
    """The errors between two correct words, one stretch after the other: words may be aligned across in them."""
    for wrong, run in groupby(columns, lambda column: column.kind != CORRECT):
        if wrong:
            yield list(run)


def likeness(a: str, b: str) -> float:
    """How alike two words are spelt: 1 − edit distance / characters of the longer one; 1 for the same word."""
    return float(Levenshtein.normalized_similarity(a, b))


def _prices(reference: Sequence[str], hypothesis: Sequence[str]) -> tuple[list[list[int]], int]:
    """(cost of pairing word i with word j, cost of a deletion or insertion), the four rules in one whole number.

    A distance in characters is worth less than one substitution, all substitutions together less than one edit.
    """
    pairs = min(len(reference), len(hypothesis))
    swap = 1 + pairs * max(map(len, (*reference, *hypothesis)), default=0)
    edit = 1 + 2 * pairs * swap
    if not pairs:
        return [], edit
    distances = cdist(reference, hypothesis, scorer=Levenshtein.distance).tolist()
    return [[distance and edit + swap + distance for distance in row] for row in distances], edit


def _costs(
    reference: Sequence[str], hypothesis: Sequence[str], replaced: list[list[int]], edit: int
) -> list[list[int]]:
    """[i][j]: least cost of aligning reference[i:] with hypothesis[j:]."""
    last = [edit * left for left in range(len(hypothesis), -1, -1)]
    rows = [last]
    for i in range(len(reference) - 1, -1, -1):
        below, right = rows[-1], rows[-1][-1] + edit
        row = [right]
        for pair, deleted, diagonal in zip(reversed(replaced[i] if hypothesis else []), below[-2::-1], below[::-1]):
            right = min(diagonal + pair, deleted + edit, right + edit)
            row.append(right)
        rows.append(row[::-1])
    return rows[::-1]


def _any_minimal(reference: Sequence[str], hypothesis: Sequence[str]) -> list[Column]:
    columns = []
    for op in Levenshtein.opcodes(reference, hypothesis):
        spoken, heard = reference[op.src_start : op.src_end], hypothesis[op.dest_start : op.dest_end]
        columns += [Column(_KIND_OF[op.tag], r, h) for r, h in zip_longest(spoken, heard, fillvalue="")]
    return columns


_KIND_OF = {"equal": CORRECT, "replace": SUBSTITUTION, "delete": DELETION, "insert": INSERTION}
