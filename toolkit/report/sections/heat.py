"""Heat maps as tables: layer weights and confusions, readable by eye and by screen reader, in any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.results import Confusion, System
from ..board import Board

NUMBERED = 14
"""columns up to which the figures stand in the cells"""


@dataclass(frozen=True)
class Square:
    """`share` of the strongest colour in [0, 1], the figure in the cell, and a sentence that tells it in full."""

    share: float
    figure: str
    tip: str


@dataclass(frozen=True)
class Heat:
    title: str
    corner: str
    columns: list[str]
    rows: list[tuple[str, list[Square]]]
    note: str = ""

    @property
    def numbered(self) -> bool:
        return len(self.columns) <= NUMBERED


def layer_heats(board: Board, systems: Sequence[System]) -> list[Heat]:
    """A heat map for each task: the weights of each system's layers, as shares of their sum."""
    heats = []
    for column in board.tasks:
        weighted = [
            (system.title, result.chosen.layer_weights)
            for system in systems
            if (result := board.result(system.name, column.task)) and result.chosen.layer_weights
        ]
        if weighted:
            width = max(len(weights) for _, weights in weighted)
            heats.append(Heat(column.title, "layer", [str(i) for i in range(width)], [_weights(*w) for w in weighted]))
    return heats


def _weights(title: str, weights: Sequence[float]) -> tuple[str, list[Square]]:
    total = sum(weights) or 1.0
    shares = [weight / total for weight in weights]
    top = max(shares) or 1.0
    return title, [
        Square(max(s / top, 0.0), f"{100 * s:.0f}", f"layer {i}: {100 * s:.1f} %") for i, s in enumerate(shares)
    ]


def confusion_heat(title: str, confusion: Confusion) -> Heat:
    """Shares of each true class."""
    rows = []
    for label, counts in zip(confusion.labels, confusion.counts):
        total = sum(counts)
        shares = [n / total if total else 0.0 for n in counts]
        squares = [
            Square(share, f"{100 * share:.0f}", f"{label} taken for {answer}: {n:g} of {total:g}")
            for share, answer, n in zip(shares, confusion.labels, counts)
        ]
        rows.append((label, squares))
    note = f"percent of each true class; n {sum(map(sum, confusion.counts)):,g}"
    return Heat(title, "true ↓ answer →", list(confusion.labels), rows, note)
