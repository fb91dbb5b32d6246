"""Results in the words that measuring steps and reports share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Metric:
    """A figure that can be compared.

    Attributes:
        name: column name, e.g. "wer".
        unit: e.g. "%", "nats", "fraction".
        better: "high" if a larger value is the better one, "low" if a smaller one is.
    """

    name: str
    unit: str
    better: Literal["high", "low"]

    def improves(self, value: float, best: float | None) -> bool:
        """True if `value` is strictly better than `best`; None: nothing was measured before."""
        return best is None or (value > best if self.better == "high" else value < best)
