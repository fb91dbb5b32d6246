"""Compare ways of distilling over tasks, speakers and seeds, and hold published directions against them: ways.json.

Inputs: folders of task runs. Systems whose names differ in their seed alone (both.s1, both.s2) are one way. A figure of
a way is the mean over its seeds. Its interval has two parts, added as squares: the bootstrap over speakers (or
utterances) of that mean, all systems on the same draws, and Student's t over the seeds; with one seed, the first alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit
from scipy.stats import rankdata

from ..core.errors import UserError
from ..core.files import write_json
from ..core.record import Ledger
from ..core.results import Figure, Metric
from ..core.schema import dump
from ..core.seed import seed_of
from ..core.step import Step, main
from ..core.ways_results import MEAN, WAYS, Direction, Outcome, Way, WaysResult
from .bootstrap import CONFIDENCE, limits_of, ratio, resampled, sum_by_block
from .classification import macro_f1_of_sums
from .compare_probes import Compared, Scored, read_systems
from .config import ClaimConfig, WaysConfig
from .items import values

Array = np.ndarray[Any, np.dtype[np.float64]]
_SEEDED = re.compile(r"(?P<way>.+)\.s(?P<seed>\d+)(\.at(?P<percent>[0-9.]+))?")


@dataclass(frozen=True)
class Drawn:
    """A figure of several systems, percent, and what it is on common draws of speakers.

    Attributes:
        value: by system.
        replicas: by system [R].
        blocks, block_count: what was drawn, and how many of them there are.
        n: utterances.
    """

    metric: Metric
    value: dict[str, float]
    replicas: dict[str, Array]
    blocks: str
    block_count: int
    n: int


def draw(scored: Mapping[str, Scored], seed: int) -> Drawn:
    """The deciding figure of a task that items give, over the utterances that all systems have.

    Raises UserError if no utterance, or no such figure, is common to all.
    """
    first = next(iter(scored.values()))
    metric = next(
        (
            f.metric
            for f in first.result.figures
            if f.metric.statistic != "folds" and all(s.result.figure(f.metric.name) for s in scored.values())
        ),
        None,
    )
    shared = set.intersection(*(set(s.items.ids) for s in scored.values()))
    if metric is None or not shared:
        lacking = "utterance" if metric else "figure"
        remedy = "score all on the same sets with the same config"
        raise UserError(f"task {first.result.task}: no {lacking} that all systems have", str(first.folder), remedy)
    labels = first.result.confusion.labels if first.result.confusion else ()
    columns, widths = [], []
    ids = sorted(shared)
    for system in scored.values():
        place = {id: i for i, id in enumerate(system.items.ids)}
        columns.append(values(metric, system.items.chosen([place[id] for id in ids]), labels))
        widths.append(columns[-1].shape[1])
    by_speaker = all(s.result.decides.blocks == "speaker" for s in scored.values())
    speaker = dict(zip(first.items.ids, first.items.speakers, strict=True))
    sums_BK = sum_by_block(np.concatenate(columns, 1), [speaker[id] for id in ids] if by_speaker else ids)
    replicas_RK = np.concatenate([*resampled(sums_BK, seed)])
    statistic = ratio if metric.statistic == "ratio" else macro_f1_of_sums
    of, edges = {}, np.cumsum([0, *widths])
    for name, start, end in zip(scored, edges, edges[1:]):
        whole = statistic(sums_BK[:, start:end].sum(0, keepdims=True))
        of[name] = 100 * float(whole[0]), 100 * statistic(replicas_RK[:, start:end])
    return Drawn(
        metric,
        {name: value for name, (value, _) in of.items()},
        {name: replicas for name, (_, replicas) in of.items()},
        "speaker" if by_speaker else "utterance",
        len(sums_BK),
        len(ids),
    )


def mean_of(tasks: Sequence[Drawn]) -> Drawn:
    """The mean over tasks, of error rates 100 minus the rate, for the systems that have all of them."""
    names = [name for name in tasks[0].value if all(name in task.value for task in tasks)]

    def goodness(task: Drawn, x: Any) -> Any:
        return x if task.metric.better == "high" else 100 - x

    return Drawn(
        MEAN,
        {name: float(np.mean([goodness(task, task.value[name]) for task in tasks])) for name in names},
        {name: np.mean([goodness(task, task.replicas[name]) for task in tasks], 0) for name in names},
        " or ".join(dict.fromkeys(task.blocks for task in tasks)),
        min(task.block_count for task in tasks),
        sum(task.n for task in tasks),
    )


def figure_of(task: Drawn, plus: Sequence[str], minus: Sequence[str] = ()) -> tuple[Figure, float | None]:
    """(mean over systems, standard deviation over two or more of them); the interval is of speakers and seeds.

    Args:
        plus: a system for each seed.
        minus: the system that is subtracted from each; empty: none.
    """
    of_seed = [task.value[name] for name in plus]
    replicas = np.mean([task.replicas[name] for name in plus], 0)
    limits = (0.0, np.inf) if task.metric.better == "low" else (-np.inf if task.metric == MEAN else 0.0, 100.0)
    if minus:
        of_seed = [value - task.value[name] for value, name in zip(of_seed, minus, strict=True)]
        replicas = replicas - np.mean([task.replicas[name] for name in minus], 0)
        limits = (-np.inf, np.inf)
    estimate = float(np.mean(of_seed))
    drawn = limits_of(estimate, replicas, task.block_count)
    spread = float(np.std(of_seed, ddof=1)) if len(of_seed) > 1 else None
    low, high = drawn.low, drawn.high
    if low is not None and high is not None and spread is not None:
        t = stdtrit(len(of_seed) - 1, 0.5 + CONFIDENCE / 200) * spread / np.sqrt(len(of_seed))
        low, high = estimate - np.hypot(estimate - low, t), estimate + np.hypot(high - estimate, t)
        low, high = float(max(low, limits[0])), float(min(high, limits[1]))
    return Figure(task.metric, estimate, low, high, task.n, "utterances", task.blocks, task.block_count), spread


@dataclass(frozen=True)
class Group:
    """The systems of a way by seed; "" is that of one that stands for itself."""

    name: str
    share: float
    by_seed: dict[str, str]

    @staticmethod
    def all_of(systems: Sequence[Compared]) -> list[Group]:
        """In the order of the first system of each; those at a share of their training after those at its end."""
        groups: dict[str, Group] = {}
        for system in (compared.system for compared in systems if not compared.baseline):
            match = _SEEDED.fullmatch(system.name)
            name, seed = (match["way"], match["seed"]) if match else (system.name, "")
            name += f" at {match['percent']} %" if match and match["percent"] else ""
            groups.setdefault(name, Group(name, system.share, {})).by_seed[seed] = system.name
        return sorted(groups.values(), key=lambda group: group.share < 1)

    def common(self, rival: Group) -> list[tuple[str, str]]:
        """Pairs of systems of one seed; a system that stands for itself is paired with each of the other's."""
        if "" in self.by_seed or "" in rival.by_seed:
            return [(mine, theirs) for mine in self.by_seed.values() for theirs in rival.by_seed.values()]
        return [(self.by_seed[seed], rival.by_seed[seed]) for seed in self.by_seed if seed in rival.by_seed]


def way_of(group: Group, tasks: Mapping[str, Drawn], mean: Drawn, ranking: float | None) -> Way:
    """The figures of a way: those of tasks that all its students have."""
    students = tuple(group.by_seed.values())
    figures: dict[str, Figure] = {}
    spread: dict[str, float] = {}
    for task, drawn in tasks.items():
        if all(name in drawn.value for name in students):
            figures[task], deviation = figure_of(drawn, students)
            spread |= {} if deviation is None else {task: deviation}
    whole = figure_of(mean, students)[0] if all(name in mean.value for name in students) else None
    return Way(group.name, students, len(students), group.share, figures, spread, whole, ranking)


def rankings(groups: Sequence[Group], tasks: Mapping[str, Drawn]) -> dict[str, float]:
    """Mean rank over the tasks, 1 the best, of the ways at the end of their training that have all tasks."""
    ended = [
        group
        for group in groups
        if group.share == 1 and all(n in task.value for task in tasks.values() for n in group.by_seed.values())
    ]
    ranks = []
    for task in tasks.values():
        means = [np.mean([task.value[name] for name in group.by_seed.values()]) for group in ended]
        ranks.append(rankdata(-task.metric.sign * np.array(means)))
    return {group.name: float(rank) for group, rank in zip(ended, np.mean(ranks, 0), strict=True)} if ended else {}


def direction(
    text: str, claim: ClaimConfig, groups: Sequence[Group], tasks: Mapping[str, Drawn], mean: Drawn
) -> Direction:
    """How a published direction comes out: shown or opposite where the interval of the difference leaves 0 out."""
    by_name = {group.name: group for group in groups}
    drawn = tasks.get(claim.task) if claim.task else mean

    def told(outcome: Outcome, difference: Figure | None = None, seeds: int = 0, why: str = "") -> Direction:
        return Direction(
            text, claim.printed, claim.better, claim.worse, claim.task, outcome, difference, seeds, why or claim.note
        )

    if not claim.better:
        return told("not tested")
    gone = [name for name in (claim.better, claim.worse) if name not in by_name]
    if gone or drawn is None:
        return told("not tested", why=f"no {gone[0] if gone else f'task {claim.task}'} in this run")
    pairs = [p for p in by_name[claim.better].common(by_name[claim.worse]) if all(name in drawn.value for name in p)]
    if not pairs:
        return told("not tested", why="no seed that both have, with every task")
    difference, _ = figure_of(drawn, [mine for mine, _ in pairs], [theirs for _, theirs in pairs])
    low, high, sign = difference.low, difference.high, drawn.metric.sign
    if low is None or high is None or low <= 0 <= high:
        return told("not shown", difference, len(pairs))
    return told("shown" if low * sign > 0 else "opposite", difference, len(pairs))


def compare_ways(systems: Sequence[Compared], config: WaysConfig, ledger: Ledger) -> WaysResult:
    """All ways and directions. Raises UserError if there is no trained system with a task."""
    groups = Group.all_of(systems)
    trained = [compared for compared in systems if not compared.baseline]
    scored: dict[str, dict[str, Scored]] = {}
    for compared in trained:
        for task, result in compared.tasks.items():
            of_task = scored.setdefault(task, {})
            first = next(iter(of_task.values()), result)
            if first.result.conditions == result.result.conditions:
                of_task[compared.system.name] = result
            else:
                ledger.drop(compared.system.name, "other conditions than the first system", f"task {task}")
    if not scored:
        raise UserError("no trained system was scored", "--in", "name folders that tasks.fit made")
    tasks = {task: draw(of_task, seed_of(config.seed, task)) for task, of_task in scored.items()}
    mean, ranks = mean_of([*tasks.values()]), rankings(groups, tasks)
    titles = {task: next(iter(of_task.values())).result.title for task, of_task in scored.items()}
    directions = (direction(text, claim, groups, tasks, mean) for text, claim in config.claims.items())
    return WaysResult(titles, tuple(way_of(g, tasks, mean, ranks.get(g.name)) for g in groups), tuple(directions))


def run(step: Step[WaysConfig]) -> None:
    result = compare_ways(read_systems(step.ins), step.config, step.ledger)
    write_json(step.out / WAYS, dump(result))
    step.counts |= {"ways": len(result.ways), "directions": len(result.directions)}


if __name__ == "__main__":
    main(run)
