"""The scores of the SUPERB benchmark: columns of the table of systems, and the table of published rows."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.superb_results import SuperbResult, SuperbRow
from ..section import Cell, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import fixed

SCORES = ("Overall ↑", "Generalizability ↑", "Ranking ↓")


def columns(run: Run) -> list[tuple[str, dict[str, str]]]:
    """Headings of scores that any system has, each with the figure of every system that has it."""
    if run.superb is None:
        return []
    scores = {heading: _figures(run.superb.rows, n) for n, heading in enumerate(SCORES)}
    return [(heading, figures) for heading, figures in scores.items() if figures]


def _figures(rows: Sequence[SuperbRow], n: int) -> dict[str, str]:
    values = {row.system: (row.overall, row.generalizability, row.ranking)[n] for row in rows}
    return {system: fixed(value) for system, value in values.items() if value is not None}


def notes(run: Run) -> list[str]:
    """How to read the columns."""
    if run.superb is None or not run.superb.measures:
        return []
    words = ["Ranking: mean rank over the tasks among the systems that have all of them, 1 the best."]
    if not any(row.overall is not None for row in run.superb.rows):
        words.append("Overall and Generalizability need all ten tasks of the benchmark.")
    words.append(f"Protocol: {run.superb.protocol}.")
    return [" ".join(words)]


def published(run: Run) -> list[Table]:
    """The published rows, as printed."""
    superb = run.superb
    if superb is None or not superb.published:
        return []
    names = superb.published_measures
    titles = ["Model", "M parameters", "GMACs", *names, "Overall", "Generalizability"]
    headings = [Heading(title, "left" if i == 0 else "right") for i, title in enumerate(titles)]
    rows: list[list[Cell]] = []
    for row in superb.published:
        figures = [_printed(row.values.get(name), 2) for name in names]
        scores = _printed(row.overall, 1), _printed(row.generalizability, 0)
        rows.append([row.system, _printed(row.parameters, 2), _printed(row.gmacs, 1), *figures, *scores])
    return [Table("SUPERB, rows of its leaderboard and of papers", headings, rows, _told(superb), "paper")]


def _printed(value: float | None, decimals: int) -> str | None:
    """As papers print it; four decimals for what is below 1."""
    return None if value is None else f"{value:.{4 if 0 < value < 1 else decimals}f}"


def _told(superb: SuperbResult) -> list[str]:
    """A sentence on each row about which something must be known."""
    told = []
    for row in superb.published:
        doubts = f"doubtful: {'; '.join(row.doubts)}" if row.doubts else ""
        if words := "; ".join(filter(None, (doubts, row.note))):
            told.append(f"{row.system}: {words}.")
    return told
