"""Criteria for labels, e.g. `wer <= 20` or `confidence >= -0.6, repetition <= 2.4`; an empty one keeps every label.

A criterion is a list of comparisons separated by commas, which must all hold: the name of a score, <= or >=, a number.
If a label's score is unknown, every comparison with it fails. Labels that are empty or cut off are never kept.

The paper's filter is `wer <= 80`: WER(norm(reference), norm(label)) of single utterances, at most lambda.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from .measures import CUT_OFF, EMPTY, EMPTY_REFERENCE, NO_REFERENCE, SCORES, Measures

_COMPARISON = re.compile(r"([^\W\d]\w*)\s*(<=|>=)\s*([-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d+)?)", re.I | re.A)
FORM = "write `score <= number` or `score >= number`, commas between several"


@dataclass(frozen=True)
class Comparison:
    """A comparison of a score with a limit: at most, or at least."""

    score: str
    at_most: bool
    limit: float

    def __str__(self) -> str:
        return f"{self.score} {'<=' if self.at_most else '>='} {self.limit:g}"

    def holds(self, values_N: np.ndarray) -> np.ndarray:
        """Mask [N], True if the comparison holds; it never holds for NaN."""
        mask: np.ndarray = values_N <= self.limit if self.at_most else values_N >= self.limit
        return mask

    @property
    def failed(self) -> str:
        return f"{self.score} {'above' if self.at_most else 'below'} {self.limit:g}"


Criterion = tuple[Comparison, ...]


@dataclass(frozen=True)
class Selection:
    """The effect of one criterion on N labels.

    Attributes:
        reasons: the reasons for which labels are dropped.
        code: int16 [N]: 0 for a label that is kept, else the number of its reason in `reasons`, from 1.
    """

    name: str
    criterion: Criterion
    reasons: tuple[str, ...]
    code: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """Mask [N], True for kept labels."""
        mask: np.ndarray = self.code == 0
        return mask

    def dropped(self) -> dict[str, int]:
        """Reason -> number of labels dropped."""
        counts = np.bincount(self.code, minlength=len(self.reasons) + 1).tolist()
        return {reason: n for reason, n in zip(self.reasons, counts[1:], strict=True) if n}

    def __str__(self) -> str:
        return ", ".join(map(str, self.criterion))


def parse(text: str) -> Criterion:
    """The comparisons of a criterion; () for an empty text. Raises ValueError that names the wrong part."""
    if not text.strip():
        return ()
    return tuple(_comparison(part.strip(), text) for part in text.split(","))


def _comparison(part: str, whole: str) -> Comparison:
    match = _COMPARISON.fullmatch(part)
    if not match:
        message = f"`{part[:80]}` is no comparison" if part else "a comma with nothing beside it"
        raise ValueError(f"{message} in `{whole[:80]}`: {FORM}")
    name, sign, number = match.groups()
    if name not in SCORES:
        near = difflib.get_close_matches(name.lower(), SCORES, 1, 0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"unknown score {name} in `{whole[:80]}`: {hint}there are {', '.join(SCORES)}")
    if not math.isfinite(float(number)):
        raise ValueError(f"{number} in `{whole[:80]}` is no finite number")
    return Comparison(name, sign == "<=", float(number))


def select(measures: Measures, name: str, criterion: Criterion) -> Selection:
    """Keep or drop each label; the reason is the first that holds, in the order of the criterion."""
    code_N, reasons = np.zeros(len(measures), np.int16), list[str]()
    for reason, fails_N in _failures(measures, criterion):
        if reason not in reasons:
            reasons.append(reason)
        code_N[(code_N == 0) & fails_N] = reasons.index(reason) + 1
    return Selection(name, criterion, tuple(reasons), code_N)


def _failures(measures: Measures, criterion: Criterion) -> Iterator[tuple[str, np.ndarray]]:
    """(reason, mask [N] of the labels for which it holds), in order."""
    yield "empty label", measures.fault == EMPTY
    yield "label cut off", measures.fault == CUT_OFF
    for comparison in criterion:
        values_N = measures.columns[comparison.score]
        if SCORES[comparison.score].of_reference:
            yield "no reference", measures.reference == NO_REFERENCE
            yield "empty reference", measures.reference == EMPTY_REFERENCE
        yield f"{comparison.score} unknown", np.isnan(values_N)
        yield comparison.failed, ~comparison.holds(values_N)
