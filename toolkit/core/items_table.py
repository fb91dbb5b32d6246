"""The table of a task's items, `<task>.items.tsv`: of each a line, with two counts for every metric that is a ratio."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError
from .results import ABOUT, OF

Broken = Callable[[Path, str], UserError]


@dataclass(frozen=True)
class ItemsTable:
    """The cells of a table.

    Attributes:
        metrics: names of the metrics that are counted.
        rows: of each item utterance, speaker, reference and answer.
        numbers: of each item the two counts of the first metric, then those of the second, ...
    """

    metrics: list[str]
    rows: list[list[str]]
    numbers: list[list[float]]


def read_items_table(path: Path, broken: Broken) -> ItemsTable:
    """The cells of a table. Raises what `broken` makes of the file and a sentence, for one that is damaged."""
    try:
        header, *lines, end = path.read_text(encoding="utf-8").split("\n")
    except FileNotFoundError:
        raise broken(path, "it is missing") from None
    except ValueError:  # one line, which has no end; or no UTF-8
        raise broken(path, "it is no table in UTF-8") from None
    heads = header.split("\t")
    metrics = heads[len(ABOUT) :: 2]
    if end or heads != [*ABOUT, *(head for name in metrics for head in (name, name + OF))]:
        raise broken(path, "its last line has no end" if end else "its first line is not the names of the columns")
    rows, numbers = [], []
    for number, line in enumerate(lines, 2):
        cells = line.split("\t")
        try:
            numbers.append([float(cell) for cell in cells[len(ABOUT) :]])
            rows.append(cells[: len(ABOUT)])
            if len(cells) != len(heads):
                raise ValueError
        except ValueError:
            raise broken(path, f"line {number} does not fit the names of the columns") from None
    return ItemsTable(metrics, rows, numbers)
