"""Trainings of an audio LLM by a schedule: what each drew, how its gradients vary, and figures over the steps."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.results import Metric
from ...core.schedule_results import WHOLE, Drawn, Gradient
from ..render import plots
from ..section import Block, Cell, Picture, Pictures, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..sources.schedules import ScheduledRun
from ..value import ABSENT, fixed

BASE = "base"


def schedules(run: Run) -> Section | None:
    """None if nothing was trained by a schedule."""
    if not run.schedules:
        return None
    arms = {arm: runs for arm, runs in _arms(run.schedules).items() if arm != BASE}
    if not arms:
        return None
    pictures = [*figures_over_steps(run, list(arms)), *losses(arms)]
    blocks: list[Block] = [Pictures(pictures)] if pictures else []
    blocks += [drawn_table(arms)]
    blocks += [table for table in (label_table(arms), gradient_table(arms)) if table]
    return Section("schedules", "Schedules", blocks)


def _arms(runs: Sequence[ScheduledRun]) -> dict[str, list[ScheduledRun]]:
    """Arm -> its trainings, in the order of the inputs."""
    arms: dict[str, list[ScheduledRun]] = {}
    for scheduled in runs:
        arms.setdefault(scheduled.arm, []).append(scheduled)
    return arms


def drawn_table(arms: dict[str, list[ScheduledRun]]) -> Table:
    """Of each arm's first training and each task: draws, coverage, uses."""
    tasks = list(dict.fromkeys(task for runs in arms.values() for task in runs[0].result.drawn))
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        result = runs[0].result
        rows.append([arm, result.schedule, f"{result.steps:,}", *(_drawn(result.drawn.get(task)) for task in tasks)])
    headings = [Heading("Arm", "left"), Heading("Schedule", "left"), Heading("Steps"), *map(Heading, tasks)]
    notes = [
        "Of each task: items drawn, share of its items drawn at least once (coverage), and how often each of these was "
        "drawn. First seed of each arm."
    ]
    return Table("What each schedule drew", headings, rows, notes, "this run")


def _drawn(drawn: Drawn | None) -> str | None:
    if drawn is None:
        return None
    return f"{drawn.draws:,}; {100 * drawn.coverage:.0f} %; {drawn.uses:.1f}×"


def label_table(arms: dict[str, list[ScheduledRun]]) -> Table | None:
    """Shares of the labels among what was drawn of each task; None if no task has labels."""
    pairs = list(
        dict.fromkeys(
            (task, label)
            for runs in arms.values()
            for task, drawn in runs[0].result.drawn.items()
            for label in drawn.labels
        )
    )
    if not pairs:
        return None
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        drawn = runs[0].result.drawn
        shares = [drawn[task].labels.get(label) if task in drawn else None for task, label in pairs]
        if any(share is not None for share in shares):
            rows.append([arm, *(None if share is None else fixed(100 * share) for share in shares)])
    headings = [Heading("Arm", "left"), *(Heading(f"{task}: {label}") for task, label in pairs)]
    notes = [f"Percent of the draws of each task. {ABSENT}: the arm drew none of it. First seed of each arm."]
    return Table("Shares of labels among the draws", headings, rows, notes, "this run")


def gradient_table(arms: dict[str, list[ScheduledRun]]) -> Table | None:
    """Norm of the gradient by arm and task; None if no training measured it."""
    tasks = list(dict.fromkeys(task for runs in arms.values() for task in runs[0].result.gradients if task != WHOLE))
    rows: list[list[Cell]] = []
    for arm, runs in arms.items():
        every = [scheduled.result.gradients for scheduled in runs]
        whole = _mean([of[WHOLE] for of in every if WHOLE in of])
        if whole is None:
            continue
        of_tasks = [_mean([of[task] for of in every if task in of]) for task in tasks]
        spread = whole.variance**0.5 / whole.mean if whole.mean else 0.0
        cells = [None if g is None else f"{g.mean:.2f}; {g.variance:.3f}" for g in of_tasks]
        rows.append([arm, f"{whole.mean:.2f}", f"{whole.variance:.3f}", f"{spread:.2f}", *cells])
    if not rows:
        return None
    headings = [Heading("Arm", "left"), Heading("Step: mean"), Heading("Variance"), Heading("Deviation / mean")]
    headings += [Heading(f"{task}: mean; variance") for task in tasks]
    notes = [
        "Norm of the gradient before it is cut, over the steps after the first tenth; mean over the seeds. Of a task: "
        "the part of a step's gradient that is its items', so it grows with their number in a step: compare arms by "
        f"whole steps. {ABSENT}: the arm drew none of the task."
    ]
    return Table("Norm of the gradient", headings, rows, notes, "this run")


def _mean(gradients: Sequence[Gradient]) -> Gradient | None:
    if not gradients:
        return None
    count = len(gradients)
    return Gradient(sum(g.mean for g in gradients) / count, sum(g.variance for g in gradients) / count)


def figures_over_steps(run: Run, arms: Sequence[str]) -> list[Picture]:
    """The deciding figure of each task over the share of the steps, a line for each arm that was scored on the way."""
    result, pictures = run.ways, []
    if result is None:
        return []
    scored = {_arm(way.name) for way in result.ways if way.share < 1}
    base = next((way for way in result.ways if way.name == BASE), None)
    for i, (task, title) in enumerate(result.titles.items()):
        lines = []
        metric: Metric | None = None
        for arm in (arm for arm in arms if arm in scored):
            points = {100 * w.share: w.figures[task] for w in result.ways if _arm(w.name) == arm and task in w.figures}
            if base and task in base.figures:
                points[0.0] = base.figures[task]
            if points:
                metric = next(iter(points.values())).metric
                places = sorted(points)
                lines.append((arm, places, [points[place].value for place in places]))
        if metric:
            drawn = plots.lines_plot(f"steps{i}", lines, "% of the steps", f"{title} {metric.heading} {metric.unit}")
            pictures.append(Picture(f"{title} over the steps", drawn, "mean over the seeds; 0: the base, untuned"))
    return pictures


def _arm(name: str) -> str:
    return name.partition(" at ")[0]


def losses(arms: dict[str, list[ScheduledRun]]) -> list[Picture]:
    """The training loss of the first training of each arm."""
    lines = []
    for arm, runs in arms.items():
        if "loss" in runs[0].curves:
            lines.append((arm, *runs[0].curves["loss"]))
    if not lines:
        return []
    return [Picture("Training loss", plots.lines_plot("losses", lines, "step", "loss, nats"), "first seed of each arm")]
