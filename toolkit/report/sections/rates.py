"""Learning rates: the figure on dev at each that was tried, and what each fold chose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...core.results import TaskResult
from ..board import Board, Column
from ..render import plots
from ..section import Block, Cell, Folded, Picture, Pictures, Section, Table, listed
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, Value


@dataclass(frozen=True)
class Curve:
    """A system on a task: (rate, figure on dev) in the order of the rates, the rates that were chosen or diverged."""

    title: str
    points: list[tuple[float, float]]
    chosen: frozenset[float]
    diverged: frozenset[float]

    @property
    def rates(self) -> set[float]:
        return {rate for rate, _ in self.points} | self.diverged


def rates(run: Run) -> Section | None:
    """A picture and a table for each task of which several learning rates were tried."""
    drawn, tables = [], []
    for i, column in enumerate(run.board.tasks):
        if curves := curves_of(run.board, column):
            drawn.append(_picture(i, column, curves))
            tables.append(rate_table(column, curves))
    blocks: list[Block] = [Pictures(drawn), Folded("Figures on dev by learning rate", tables)] if drawn else []
    return Section("rates", "Curves over learning rates", blocks) if blocks else None


def curves_of(board: Board, column: Column) -> list[Curve]:
    """A curve for each system that tried several rates; folds of a task may have chosen several of them."""
    curves = []
    for system in board.systems:
        result = board.result(system.name, column.task)
        if result is None or result.chosen.tried < 2:
            continue
        points = sorted((float(rate), value) for rate, value in result.chosen.dev.items())
        curves.append(Curve(system.title, points, frozenset(_chosen(result)), frozenset(result.chosen.diverged)))
    return curves


def _chosen(result: TaskResult) -> list[float]:
    if result.folds:
        return [fold.lr for fold in result.folds]
    return [] if result.chosen.lr is None else [result.chosen.lr]


def _picture(number: int, column: Column, curves: Sequence[Curve]) -> Picture:
    lines = [(curve.title, curve.points, sorted(curve.chosen)) for curve in curves]
    lost = [
        f"{curve.title} at {listed(f'{rate:g}' for rate in sorted(curve.diverged))}"
        for curve in curves
        if curve.diverged
    ]
    under = f"ring: chosen{'; diverged: ' + ', '.join(lost) if lost else ''}"
    return Picture(f"{column.caption}, on dev", plots.rate_plot(f"rate{number}", lines, column.measure), under)


def rate_table(column: Column, curves: Sequence[Curve]) -> Table:
    """A row for each system, a column for each rate, the highest first."""
    tried = sorted(set().union(*(curve.rates for curve in curves)), reverse=True)
    rows: list[list[Cell]] = []
    for curve in curves:
        values = dict(curve.points)
        cells: list[Cell] = []
        for rate in tried:
            diverged = "diverged" if rate in curve.diverged else None
            cells.append(Value(values[rate], best=rate in curve.chosen) if rate in values else diverged)
        rows.append([curve.title, *cells])
    headings = [Heading("System", "left"), *(Heading(f"{rate:g}") for rate in tried)]
    notes = ["Bold: the rate that dev chose."]
    if any(len(curve.chosen) > 1 for curve in curves):
        notes = ["Bold: each rate that the dev set of a fold chose; figures are means over the folds."]
    if any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not tried.")
    return Table(f"{column.heading} on dev by learning rate", headings, rows, notes, "this run")


def fold_tables(board: Board) -> list[Table]:
    """For each task with folds, the learning rate that the dev set of each fold chose."""
    tables = []
    for column in board.tasks:
        results = [(s.title, r) for s in board.systems if (r := board.result(s.name, column.task)) and r.folds]
        parts = list(dict.fromkeys(fold.left_out for _, result in results for fold in result.folds))
        rows: list[list[Cell]] = []
        for title, result in results:
            chosen = {fold.left_out: f"{fold.lr:g}" for fold in result.folds}
            rows.append([title, *(chosen.get(part) for part in parts)])
        if rows:
            headings = [Heading("System", "left"), *map(Heading, parts)]
            title = f"{column.title}: learning rate of each fold, by what was left out"
            tables.append(Table(title, headings, rows, mark="this run"))
    return tables
