"""What stands in a cell: a measured figure with its interval, and how it stands to another."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from ..core.results import Figure, Pair

ABSENT = "–"
MARKS = {"ahead": "▲", "behind": "▼", "undecided": "≈", "": ""}


def fixed(value: float, digits: int = 1, sign: str = "") -> str:
    """`value` with `digits` decimals, 0 never as -0; `sign`: "+" puts one before positive numbers too."""
    return f"{round(value, digits) + 0.0:{sign}.{digits}f}"


@dataclass(frozen=True)
class Value:
    """A figure of a table.

    Attributes:
        low, high: ends of the interval; None where there is none to show.
        outcome: of a paired test against the baseline, or between two systems; empty: none was made, or none is shown.
        best: true for the best of its column.
        signed: true for a difference.
    """

    value: float
    low: float | None = None
    high: float | None = None
    outcome: Literal["", "ahead", "behind", "undecided"] = ""
    best: bool = False
    signed: bool = False
    digits: int = 1

    @property
    def figure(self) -> str:
        return fixed(self.value, self.digits, "+" if self.signed else "")

    @property
    def interval(self) -> str:
        """`[58.9, 63.4]`; empty where there is none."""
        if self.low is None or self.high is None:
            return ""
        return f"[{fixed(self.low, self.digits)}, {fixed(self.high, self.digits)}]"

    @property
    def mark(self) -> str:
        return MARKS[self.outcome]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.figure, self.interval, self.mark)))


def shown(figure: Figure | None) -> Value | None:
    """A figure; the ends of one whose blocks all score the same are not shown, since nobody saw such a spread."""
    if figure is None:
        return None
    if figure.agreeing:
        return Value(figure.value)
    return Value(figure.value, figure.low, figure.high)


def difference(pair: Pair | None) -> Value | None:
    """A paired difference with its mark."""
    if pair is None:
        return None
    outcome = pair.outcome
    value = replace(shown(pair.difference) or Value(0), signed=True)
    return value if outcome == "not told apart" else replace(value, outcome=outcome)
