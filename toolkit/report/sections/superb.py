"""The scores of the SUPERB benchmark: columns of the table of systems, and the table of published rows."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.superb_results import SuperbResult, SuperbRow
from ..section import Cell, Table, listed
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import fixed

SCORES = ("Overall ↑", "Generalizability ↑", "Ranking ↓")


def scores(run: Run) -> dict[str, dict[str, float]]:
    """Headings of scores that any system has, each with the value of every system that has it."""
    if run.superb is None:
        return {}
    values = {heading: _values(run.superb.rows, n) for n, heading in enumerate(SCORES)}
    return {heading: of_systems for heading, of_systems in values.items() if of_systems}


def _values(rows: Sequence[SuperbRow], n: int) -> dict[str, float]:
    values = {row.system: (row.overall, row.generalizability, row.ranking)[n] for row in rows}
    return {system: value for system, value in values.items() if value is not None}


def notes(run: Run) -> list[str]:
    """How to read the columns, and which measures of the benchmark this run has."""
    if run.superb is None or not run.superb.measures:
        return []
    words = ["Ranking: mean rank over the tasks among the systems that have all of them, 1 the best."]
    if not any(row.overall is not None for row in run.superb.rows):
        words.append("Overall and Generalizability need all ten tasks of the benchmark.")
    measures = f"Measures of the benchmark in this run: {listed(run.superb.measures)}"
    missing = [name for name in run.superb.published_measures if name not in run.superb.measures]
    words.append(f"{measures}; published, and not here: {listed(missing)}." if missing else f"{measures}.")
    return [" ".join(words)]


def published(run: Run) -> list[Table]:
    """The published rows, as printed."""
    superb = run.superb
    if superb is None or not superb.published:
        return []
    names = superb.published_measures
    ranked = sum(row.ranking is not None for row in superb.published)
    titles = ["Model", "M parameters", "GMACs", *names, "Overall", "Generalizability"]
    titles += ["Ranking ↓"] if ranked else []
    headings = [Heading(title, "left" if i == 0 else "right") for i, title in enumerate(titles)]
    rows: list[list[Cell]] = []
    for row in superb.published:
        figures = [_printed(row.values.get(name), 2) for name in names]
        scores: list[Cell] = [_printed(row.overall, 1), _printed(row.generalizability, 0)]
        scores += [None if row.ranking is None else fixed(row.ranking)] if ranked else []
        rows.append([row.system, _printed(row.parameters, 2), _printed(row.gmacs, 1), *figures, *scores])
    note = f"Ranking is computed here: the mean rank over the tasks among the {ranked} rows that have all of them."
    notes = [*([note] if ranked else []), *_told(superb)]
    return [Table("SUPERB, rows of its leaderboard and of papers", headings, rows, notes, "paper")]


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
