"""Word errors against several references at once: MR-WER, and AV-WER beside it.

Each reference is aligned to the hypothesis on its own (a substitution costs 2, an insertion and a deletion 1; the
back-trace prefers a substitution, then a deletion, then an insertion). Then, for every word of the hypothesis: it is
correct if it is correct against any reference, else a substitution if it is one against any, else an insertion. A
deletion counts only where all references delete at the same slot. MR-WER = (S + D + I) / (S + D + C); AV-WER is the
mean of the single-reference rates, of these alignments: they may have more edits than those of least edits.

A slot is what the evaluation of MGB-3 takes for one: the number of words of the hypothesis before the deletion, and
that of the deletions of this reference in the utterance so far. So references that differ in an earlier deletion
share no later slot; to number the deletions within each place between two words would find more of them.

Source: Ali, Magdy, Bell and Renals, "Multi-reference WER for evaluating ASR for languages with no orthographic rules",
ASRU 2015; Ali, Vogel and Renals, "Speech recognition challenge in the wild: Arabic MGB-3", ASRU 2017.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .edits import Errors
from .weighted_alignment import Aligned, Costs, Operation, align

COSTS = Costs(substitution=2, deletion=1, insertion=1)


class MultiErrors(NamedTuple):
    """Counts of one utterance, in words, against all of its references at once."""

    substitutions: int
    deletions: int
    insertions: int
    correct: int

    @property
    def edits(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def length(self) -> int:
        """What MR-WER divides by; unlike a reference's length it depends on the hypothesis."""
        return self.substitutions + self.deletions + self.correct


class Scored(NamedTuple):
    """Errors of one utterance against all of its references at once, and against each by the same alignment."""

    merged: MultiErrors
    single: list[Errors]


def multi_errors(references: Sequence[Sequence[str] | None], hypothesis: Sequence[str]) -> Scored:
    """Errors of `hypothesis` against the words of `references`, at least one of which has the utterance.

    Args:
        references: words of each; an empty one takes part like any other. None: it lacks the utterance, and the others
            decide; against it there are no errors, over no words.
    """
    merged = [Operation.INSERTION] * len(hypothesis)
    deleted: Counter[tuple[int, int]] = Counter()
    single = []
    for reference in references:
        if reference is None:
            single.append(Errors(0, 0, 0, 0))
            continue
        path = align(reference, hypothesis, COSTS)
        single.append(_counts(path, len(reference)))
        deleted.update(_slots(path))
        for operation, _, before in path:
            if operation is Operation.CORRECT or (
                operation is Operation.SUBSTITUTION and merged[before] is Operation.INSERTION
            ):
                merged[before] = operation
    present = sum(reference is not None for reference in references)
    if not present:
        raise ValueError("no reference has the utterance")
    operations = Counter(merged)
    deletions = sum(times == present for times in deleted.values())
    insertions, correct = operations[Operation.INSERTION], operations[Operation.CORRECT]
    return Scored(MultiErrors(operations[Operation.SUBSTITUTION], deletions, insertions, correct), single)


def _counts(path: Sequence[Aligned], length: int) -> Errors:
    counts = Counter(step.operation for step in path)
    return Errors(counts[Operation.SUBSTITUTION], counts[Operation.DELETION], counts[Operation.INSERTION], length)


def _slots(path: Sequence[Aligned]) -> Iterator[tuple[int, int]]:
    """(words of the hypothesis before it, its number in the utterance) of every deletion."""
    number = 0
    for step in path:
        if step.operation is Operation.DELETION:
            number += 1
            yield step.hypothesis, number
