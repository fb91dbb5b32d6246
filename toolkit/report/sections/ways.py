"""Ways of distilling: their figures over seeds, what comes early and late, and published directions."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace

from ...core.results import Figure, Metric
from ...core.ways_results import Direction, WaysResult
from ..board import ARROWS
from ..section import Block, Cell, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, Value, fixed, shown


def ways(run: Run) -> Section | None:
    """None if no ways were compared."""
    result = run.ways
    if result is None:
        return None
    result = ordered(result, run)
    teachers = {trained.teacher for trained in run.trainings if trained.teacher}
    blocks: list[Block] = [way_table(result, teachers, "Arm" if run.schedules else "Way")]
    blocks += [direction_table(result)] if result.directions else []
    return Section("ways", "Arms over seeds" if run.schedules else "Ways of distilling", blocks)


def ordered(result: WaysResult, run: Run) -> WaysResult:
    """Tasks in the order of the run, and ways in that of the table of systems, at their end before at a share."""
    tasks = {task: n for n, task in enumerate(run.board.order)}
    rows = {system.name: n for n, system in enumerate(run.board.systems)}
    titles = dict(sorted(result.titles.items(), key=lambda pair: tasks.get(pair[0], len(tasks))))
    ways = sorted(result.ways, key=lambda way: (way.share < 1, rows.get(way.students[0], len(rows))))
    return replace(result, titles=titles, ways=tuple(ways))


def way_table(result: WaysResult, teachers: Container[str] = (), noun: str = "Way") -> Table:
    """A row for each way, those at a share of their training last; the best of each column in bold.

    teachers: names that are no way, but what students learnt of.
    """
    titles = {task: title for task, title in result.titles.items() if _metric(result, task)}
    best = {task: _best([way.figures[task] for way in result.ways if task in way.figures]) for task in titles}
    best_mean = _best([way.mean for way in result.ways if way.mean])
    rows: list[list[Cell]] = []
    for way in result.ways:
        cells: list[Cell] = [_cell(way.figures.get(task), best[task]) for task in titles]
        ranking = None if way.ranking is None else fixed(way.ranking)
        title, seeds = (f"{way.name} (teacher)", None) if way.name in teachers else (way.name, str(way.seeds))
        rows.append([title, seeds, *cells, _cell(way.mean, best_mean), ranking])
    headings = [Heading(noun, "left"), Heading("Seeds")]
    for task, title in titles.items():
        metric = _metric(result, task)
        words = (title, metric.heading, metric.unit, ARROWS[metric.better]) if metric else (title,)
        headings.append(Heading(" ".join(filter(None, words))))
    headings += [Heading("Mean ↑"), Heading("Ranking ↓")]
    several = any(way.seeds > 1 for way in result.ways)
    of_seeds = (
        ", and Student's t of the seeds, whose variance is pooled over the ways with several, added as squares."
        if several
        else ". One seed of each: another may lie outside."
    )
    notes = [
        f"Mean over the seeds, in bold the best. [ ]: 95 % interval: bootstrap over speakers (or utterances){of_seeds}",
        "Mean: over the tasks, of error rates 100 minus the rate, which may pass 100. Ranking: mean rank over the "
        "tasks, 1 the best, among all at the end of their training; `at 10 %`: after so much of its steps.",
        *_spreads(result),
    ]
    early = [i for i, way in enumerate(result.ways) if way.share < 1][:1]
    return Table(
        "Ways of distilling" if noun == "Way" else f"{noun}s", headings, rows, notes, "this run", first=frozenset(early)
    )


def _metric(result: WaysResult, task: str) -> Metric | None:
    return next((way.figures[task].metric for way in result.ways if task in way.figures), None)


def _best(figures: list[Figure]) -> float | None:
    """The best value; None if there is nothing to choose from."""
    values = [figure.value for figure in figures]
    if len(set(values)) < 2:
        return None
    return max(values) if figures[0].metric.better == "high" else min(values)


def _cell(figure: Figure | None, best: float | None) -> Value | None:
    value = shown(figure)
    return replace(value, best=figure.value == best) if value and figure else value


def _spreads(result: WaysResult) -> list[str]:
    """How far seeds of one way are apart in each task."""
    words = []
    for task, title in result.titles.items():
        squares = [(way.spread[task] ** 2, way.seeds - 1) for way in result.ways if task in way.spread]
        freedom = sum(n for _, n in squares)
        words += [f"{title} {fixed((sum(x * n for x, n in squares) / freedom) ** 0.5)}"] if freedom else []
    return [f"Standard deviation of one seed, pooled, in points: {', '.join(words)}."] if words else []


MEASURES = {  # what a difference is, where it is not one of figures
    "until": "percent of the steps by which the first is as good sooner as the second is at {at:g} %",
    "change": "what the first gains from {at:g} % of its steps to the end, less what the second gains",
    "rank": "mean ranks over the tasks by which the first is ahead",
}


def direction_table(result: WaysResult) -> Table:
    """What was published, and whether it shows here."""
    rows = [_direction(result, told) for told in result.directions]
    titles = ["Published direction", "As printed", "Here"]
    headings = [*(Heading(title, "left") for title in titles), Heading("Difference, points"), Heading("Seeds")]
    headings += [Heading("Outcome", "left")]
    note = (
        "Shown, opposite: the 95 % interval of the difference of the mean over the tasks, or of the task named, lies "
        f"on one side of 0; not shown: it does not. {ABSENT}: nothing in this run can tell. Of twenty such tests one "
        "comes out by chance. A way that is not in this run is added by an option of the recipe."
    )
    if any(told.measure != "figure" or told.note.startswith("one seed") for told in result.directions):
        note += " Differences are paired by seed: the mean over seeds, with Student's t of the seeds' differences."
    if any(told.alone for told in result.directions):
        note += " Each is by one seed alone: another may say the opposite."
    return Table("Published directions", headings, rows, [note], "this run")


def _direction(result: WaysResult, told: Direction) -> list[Cell]:
    value = shown(told.difference)
    here = f"{told.better} − {told.worse}" if told.better else None
    here = f"{here}, {result.titles.get(told.task, told.task)}" if here and told.task else here
    here = f"{here}: {MEASURES[told.measure].format(at=told.at)}" if here and told.measure in MEASURES else here
    seeds = " and ".join(map(str, told.seeds)) or None
    outcome = f"{told.outcome} ({told.note})" if told.note else told.outcome
    return [told.text, told.printed or None, here, replace(value, signed=True) if value else None, seeds, outcome]
