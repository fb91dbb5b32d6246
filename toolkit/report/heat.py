"""Heat maps as tables: layer weights and confusions, readable by eye and by screen reader, in any script."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .probes import Confusion, Row, task_name

NUMBERED = 14
"""columns up to which the figures stand in the cells"""


@dataclass(frozen=True)
class Square:
    """`share` of the strongest colour in [0, 1], the figure in the cell, and what it says in full."""

    share: float
    figure: str
    said: str


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


def layer_heats(rows: Sequence[Row]) -> list[Heat]:
    """Per task, the weights of each row's layers, as shares of their sum."""
    heats = []
    for name in dict.fromkeys(n for row in rows for n in row.tasks):
        weighted = [
            (row.title, weights) for row in rows if name in row.tasks and (weights := row.tasks[name].layer_weights)
        ]
        if weighted:
            width = max(len(weights) for _, weights in weighted)
            heats.append(
                Heat(task_name(name), "layer", [str(i) for i in range(width)], [_weights(*w) for w in weighted])
            )
    return heats


def _weights(title: str, weights: Sequence[float]) -> tuple[str, list[Square]]:
    total = sum(weights) or 1.0
    shares = [weight / total for weight in weights]
    top = max(shares) or 1.0
    return title, [
        Square(max(s / top, 0.0), f"{100 * s:.0f}", f"layer {i}: {100 * s:.1f} %") for i, s in enumerate(shares)
    ]


def confusion_heats(rows: Sequence[Row]) -> list[Heat]:
    """A heat map per row and task that has a confusion matrix: shares of each true class."""
    return [
        _confusion(f"{task_name(name)}, {row.title}", task.confusion)
        for row in rows
        for name, task in row.tasks.items()
        if task.confusion
    ]


def _confusion(title: str, confusion: Confusion) -> Heat:
    rows = []
    for label, counts in zip(confusion.labels, confusion.counts):
        total = sum(counts)
        shares = [n / total if total else 0.0 for n in counts]
        squares = [
            Square(share, f"{100 * share:.0f}", f"{label} taken for {other}: {n:g} of {total:g}")
            for share, other, n in zip(shares, confusion.labels, counts)
        ]
        rows.append((label, squares))
    note = f"percent of each true class; n {sum(map(sum, confusion.counts)):,g}"
    return Heat(title, "true ↓ said →", confusion.labels, rows, note)
