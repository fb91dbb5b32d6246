"""Paired differences between the rows, as score.compare_probes leaves them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .probes import Row, estimate_of
from .resultfile import ResultFile
from .tables import Estimate

PAIRS = "pairs.json"


@dataclass(frozen=True)
class Pair:
    """On one task, `row` minus `other` in points."""

    task: str
    row: str
    other: str
    difference: Estimate


def read_pairs(folder: Path) -> list[Pair]:
    """Raises UserError for a broken file."""
    files = ResultFile.read_list(folder / PAIRS)
    return [Pair(f.text("task"), f.text("row"), f.text("other"), estimate_of(f)) for f in files]


def pair(rows: Sequence[Row], pairs: Sequence[Pair]) -> list[Pair]:
    """Enter every pair into the tasks of both of its rows; return those that name a row or task not among `rows`."""
    tasks = {(row.name, name): task for row in rows for name, task in row.tasks.items()}
    strange = []
    for p in pairs:
        mine, theirs = tasks.get((p.row, p.task)), tasks.get((p.other, p.task))
        if mine is None or theirs is None:
            strange.append(p)
            continue
        mine.paired[p.other] = p.difference
        theirs.paired[p.row] = p.difference.negated
    return strange
