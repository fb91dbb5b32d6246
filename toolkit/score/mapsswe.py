"""MAPSSWE: the matched-pairs sentence-segment word-error test of two systems on the same utterances.

Segments. Both systems' alignments to one reference are laid side by side. A word is good where both have it right; an
insertion lies between two words. Errors are of one segment as long as fewer than two good words stand between them, as
in NIST's sc_stats; a segment never leaves its utterance. So what lies outside segments is right in both, and segments
are far enough apart to be taken for independent. (sc_stats forgets words that the second system alone inserts behind
the last word of an utterance whose end both have right; here they count.)

Test. Of n segments with differences d of the two systems' errors: Z = mean(d) / (s / √n), s over n − 1, two-sided
against the normal distribution: for large n, as a rule 50 or more.

Source: Gillick and Cox, "Some statistical issues in the comparison of speech recognition algorithms", ICASSP 1989;
Pallett, Fisher and Fiscus, "Tools for the analysis of benchmark speech recognition tests", ICASSP 1990.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein
from scipy.special import ndtr

from .weighted_alignment import Costs, Operation, align

GOOD_BETWEEN = 2  # good words that part two segments
NIST = Costs(substitution=4, deletion=3, insertion=3)  # sclite's: its alignments may have more edits than the least
FEW = 50  # segments below which the normal distribution is a rough one

Span = tuple[int, int]  # of an error in the reference: a word i is (i, i + 1), an insertion before it (i, i)


@dataclass(frozen=True)
class Mapsswe:
    """Outcome of the test.

    Attributes:
        segments: how many.
        mean: mean difference of errors per segment, first system − second.
        deviation: standard deviation of the differences.
        z: 0 if no segment differs from another.
        p: two-sided; 1 where z is 0.
    """

    segments: int
    mean: float
    deviation: float
    z: float
    p: float


def mapsswe(segments_N2: np.ndarray) -> Mapsswe:
    """The test on errors [N, 2] of both systems in each segment.

    Where all differences are equal there is no spread to test against, hence no verdict: z is 0, p 1, as in sc_stats.
    """
    differences = np.asarray(segments_N2, float).reshape(-1, 2) @ np.array([1.0, -1.0])
    count = len(differences)
    if count < 2 or np.ptp(differences) == 0:
        return Mapsswe(count, float(differences.mean()) if count else 0.0, 0.0, 0.0, 1.0)
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    z = mean / (deviation / count**0.5)
    return Mapsswe(count, mean, deviation, z, float(2 * ndtr(-abs(z))))


def segments(first: Sequence[Span], second: Sequence[Span]) -> list[tuple[int, int]]:
    """Errors of both systems in each segment of one utterance, of their errors' places."""
    errors: list[tuple[int, int]] = []
    end = -GOOD_BETWEEN  # where the segment at hand ends
    for (start, stop), system in sorted([(span, 0) for span in first] + [(span, 1) for span in second]):
        if start - end >= GOOD_BETWEEN or not errors:
            errors.append((0, 0))
        one, two = errors[-1]
        errors[-1] = (one + (system == 0), two + (system == 1))
        end = max(end, stop)
    return errors


def errors_at(reference: Sequence[Hashable], hypothesis: Sequence[Hashable], costs: Costs | None = None) -> list[Span]:
    """Where the errors of a hypothesis lie in its reference, in order.

    Args:
        costs: None: a least-edit alignment, the one that the word error rate counts; else of least cost under these.
    """
    if costs is None:
        edits = Levenshtein.editops(reference, hypothesis)
        return [(edit.src_pos, edit.src_pos + (edit.tag != "insert")) for edit in edits]
    path = align(reference, hypothesis, costs)
    places = [(step.reference, step.operation) for step in path if step.operation is not Operation.CORRECT]
    return [(at, at + (operation is not Operation.INSERTION)) for at, operation in places]


def segments_of(triples: Iterable[tuple[str, str, str]], costs: Costs | None = None) -> tuple[np.ndarray, list[int]]:
    """(errors [M, 2] of all segments, number of the utterance of each) of triples reference, first, second."""
    errors: list[tuple[int, int]] = []
    utterance: list[int] = []
    for number, (reference, *hypotheses) in enumerate(triples):
        if hypotheses[0] == hypotheses[1] == reference:
            continue
        words = reference.split()
        first, second = (errors_at(words, text.split(), costs) for text in hypotheses)
        here = segments(first, second)
        errors += here
        utterance += [number] * len(here)
    return np.array(errors, np.int64).reshape(-1, 2), utterance
