"""The items of a task, as tasks.fit writes them: reference, answer, and the two counts of a figure."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.results import ABOUT, OF, Metric, TaskResult
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
    try:
        header, *lines = path.read_text(encoding="utf-8").rstrip("\n").split("\n")
    except FileNotFoundError:
        raise broken(path, "it is missing") from None
    except UnicodeDecodeError as e:
        raise broken(path, f"it is not UTF-8 ({e})") from None
    heads = header.split("\t")
    if tuple(heads[: len(ABOUT)]) != ABOUT:
        raise broken(path, "its first line is not the names of the columns")
    counted = (f.metric for f in result.figures if {f.metric.name, f.metric.name + OF} <= {*heads})
    metric = next(counted, None)
    if metric is None:
        return None, []
    places = heads.index(metric.name), heads.index(metric.name + OF)
    items = []
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        try:
            part, whole = (float(cells[place]) for place in places)
            id, speaker, reference, answer = cells[: len(ABOUT)]
        except (ValueError, IndexError):
            raise broken(path, f"line {number} does not fit the names of the columns") from None
        items.append(Item(id, speaker, reference, answer, part if metric.better == "low" else whole - part, whole))
    return metric, items
