"""Which labels are kept: `wer <= 20`, `confidence >= -0.6, repetition <= 2.4`; an empty criterion keeps every label.

A criterion is a list of comparisons, commas between them, all of which must hold: the name of a score, <= or >=, and a
number. A score that is not known of a label fails every comparison. Labels that are empty or cut off are never kept.

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
    """A score, at most or at least a limit."""

    score: str
    at_most: bool
    limit: float

    def __str__(self) -> str:
        return f"{self.score} {'<=' if self.at_most else '>='} {self.limit:g}"

    def holds(self, values_N: np.ndarray) -> np.ndarray:
        """Mask [N]; NaN holds never."""
        mask: np.ndarray = values_N <= self.limit if self.at_most else values_N >= self.limit
        return mask

    @property
    def failed(self) -> str:
        return f"{self.score} {'above' if self.at_most else 'below'} {self.limit:g}"


Criterion = tuple[Comparison, ...]


@dataclass(frozen=True)
class Selection:
    """What one criterion does with N labels.

    Attributes:
        reasons: why labels are dropped, each once.
        code: int16 [N]: 0 of a label that is kept, else the place of its reason in `reasons`, from 1.
    """

    name: str
    criterion: Criterion
    reasons: tuple[str, ...]
    code: np.ndarray

    @property
    def kept(self) -> np.ndarray:
        """Mask [N]."""
        mask: np.ndarray = self.code == 0
        return mask

    def dropped(self) -> dict[str, int]:
        """Labels dropped by reason."""
        counts = np.bincount(self.code, minlength=len(self.reasons) + 1).tolist()
        return {reason: n for reason, n in zip(self.reasons, counts[1:], strict=True) if n}

    def __str__(self) -> str:
        return ", ".join(map(str, self.criterion))


def parse(text: str) -> Criterion:
    """The comparisons of a criterion; none of an empty text. Raises ValueError saying what is wrong with which part."""
    if not text.strip():
        return ()
    return tuple(_comparison(part.strip(), text) for part in text.split(","))


def _comparison(part: str, whole: str) -> Comparison:
    found = _COMPARISON.fullmatch(part)
    if not found:
        what = f"`{part[:80]}` is no comparison" if part else "a comma with nothing beside it"
        raise ValueError(f"{what} in `{whole[:80]}`: {FORM}")
    name, sign, number = found.groups()
    if name not in SCORES:
        near = difflib.get_close_matches(name.lower(), SCORES, 1, 0.4)
        hint = f"did you mean {near[0]}? " if near else ""
        raise ValueError(f"unknown score {name} in `{whole[:80]}`: {hint}there are {', '.join(SCORES)}")
    if not math.isfinite(float(number)):
        raise ValueError(f"{number} in `{whole[:80]}` is no finite number")
    return Comparison(name, sign == "<=", float(number))


def select(measures: Measures, name: str, criterion: Criterion) -> Selection:
    """Keep or drop each label, for the first reason that there is, in the order of the criterion."""
    code_N, reasons = np.zeros(len(measures), np.int16), list[str]()
    for reason, fails_N in _failures(measures, criterion):
        if reason not in reasons:
            reasons.append(reason)
        code_N[(code_N == 0) & fails_N] = reasons.index(reason) + 1
    return Selection(name, criterion, tuple(reasons), code_N)


def _failures(measures: Measures, criterion: Criterion) -> Iterator[tuple[str, np.ndarray]]:
    """(reason, mask [N] of the labels it holds for)."""
    yield "empty label", measures.fault == EMPTY
    yield "label cut off", measures.fault == CUT_OFF
    for comparison in criterion:
        values_N = measures.columns[comparison.score]
        if SCORES[comparison.score].of_reference:
            yield "no reference", measures.reference == NO_REFERENCE
            yield "empty reference", measures.reference == EMPTY_REFERENCE
        yield f"{comparison.score} unknown", np.isnan(values_N)
        yield comparison.failed, ~comparison.holds(values_N)
