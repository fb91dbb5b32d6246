"""The items of a task, as tasks.fit writes them: reference, answer, and the two counts of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.items_table import read_items_table
from ...core.results import Metric, TaskResult
from .resultfile import broken


@dataclass(frozen=True)
class Item:
    """An item that was scored.

    Attributes:
        errors: edits, or what was not right of what was counted.
        length: of its reference: what the errors are a share of.
    """

    id: str
    speaker: str
    reference: str
    answer: str
    errors: float
    length: float


def read_items(path: Path, result: TaskResult) -> tuple[Metric | None, list[Item]]:
    """The first figure that is counted item by item, and the items; (None, []) if no figure is.

    Raises UserError for a table that is missing or damaged.
    """
    table = read_items_table(path, broken)
    metric = next((f.metric for f in result.figures if f.metric.name in table.metrics), None)
    if metric is None:
        return None, []
    place, items = 2 * table.metrics.index(metric.name), []
    for (id, speaker, reference, answer), numbers in zip(table.rows, table.numbers, strict=True):
        part, whole = numbers[place : place + 2]
        items.append(Item(id, speaker, reference, answer, part if metric.better == "low" else whole - part, whole))
    return metric, items
