"""One minimal alignment of two token sequences under weighted costs, with a stated choice among equals.

Word error rates do not need it (see edits.py); what is defined by one certain alignment does: scores against several
references, and comparisons that must agree with another scorer.

Source: Wagner and Fischer, "The string-to-string correction problem", Journal of the ACM 21, 1974.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from enum import Enum
from itertools import pairwise
from typing import NamedTuple


class Operation(Enum):
    """What an alignment does at one place."""

    CORRECT = "correct"
    SUBSTITUTION = "substitution"
    DELETION = "deletion"
    INSERTION = "insertion"


class Costs(NamedTuple):
    """Of one edit each; a correct token costs nothing."""

    substitution: int = 1
    deletion: int = 1
    insertion: int = 1


class Aligned(NamedTuple):
    """An operation, and how many tokens of the reference and of the hypothesis stand before it."""

    operation: Operation
    reference: int
    hypothesis: int


def align(reference: Sequence[Hashable], hypothesis: Sequence[Hashable], costs: Costs) -> list[Aligned]:
    """The operations, in order, of one alignment of least cost.

    Where several are minimal, it is the one that the back-trace from the end meets when it prefers a substitution (or a
    correct token), then a deletion, then an insertion.
    Time and memory grow as the product of the two lengths.
    """
    least = _least_costs(reference, hypothesis, costs)
    steps = [(Operation.DELETION, 1, 0, costs.deletion), (Operation.INSERTION, 0, 1, costs.insertion)]
    path = []
    i, j = len(reference), len(hypothesis)
    while i or j:
        if i and j:
            same = reference[i - 1] == hypothesis[j - 1]
            if least[i][j] == least[i - 1][j - 1] + (0 if same else costs.substitution):
                i, j = i - 1, j - 1
                path.append(Aligned(Operation.CORRECT if same else Operation.SUBSTITUTION, i, j))
                continue
        for operation, back_i, back_j, cost in steps:
            if i >= back_i and j >= back_j and least[i][j] == least[i - back_i][j - back_j] + cost:
                i, j = i - back_i, j - back_j
                path.append(Aligned(operation, i, j))
                break
    return path[::-1]


def _least_costs(reference: Sequence[Hashable], hypothesis: Sequence[Hashable], costs: Costs) -> list[list[int]]:
    """Table [n + 1][m + 1] of the least cost of every pair of beginnings."""
    substitution, deletion, insertion = costs
    row = [insertion * j for j in range(len(hypothesis) + 1)]
    table = [row]
    for token in reference:
        left = row[0] + deletion
        below = [left]
        for (diagonal, above), heard in zip(pairwise(row), hypothesis):
            left = min(diagonal if token == heard else diagonal + substitution, above + deletion, left + insertion)
            below.append(left)
        row = below
        table.append(row)
    return table
