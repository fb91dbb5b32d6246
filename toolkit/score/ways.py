"""Compare ways of distilling over tasks, speakers and seeds, and hold published directions against them: ways.json.

Inputs: folders of task runs. Systems whose names differ in their seed alone (both.s1, both.s2) are one way. A figure of
a way is the mean over its seeds. Its interval has two parts, added as squares. The first is the bootstrap over speakers
(or utterances) of that mean, all systems and all tasks of the same speakers on the same draws. The second is Student's
t of the seeds, whose variance is pooled over all ways that have several: so one seed of a way has its part too. Without
such a way there is only the first. With `paired` a difference of two ways is that of their systems of one seed, the
mean over seeds, with Student's t of these differences; of one seed there is then no verdict.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy.special import stdtrit
from scipy.stats import rankdata

from ..core.errors import UserError
from ..core.files import write_json
from ..core.record import Ledger
from ..core.results import Figure, Metric, percent
from ..core.schema import dump
from ..core.seed import seed_of
from ..core.step import Step, main
from ..core.ways_results import MEAN, WAYS, Direction, Outcome, Way, WaysResult
from .bootstrap import CONFIDENCE, Interval, agreeing, limits_of, ratio, resampled, sum_by_block
from .classification import LABEL_STATISTICS
from .compare_probes import Compared, Scored, read_systems
from .config import ClaimConfig, WaysConfig
from .items import bounds, values
from .way_measures import measured

Array = np.ndarray[Any, np.dtype[np.float64]]
_SEEDED = re.compile(r"(?P<way>.+)\.s(?P<seed>\d+)(\.at(?P<percent>[0-9.]+))?")


@dataclass(frozen=True)
class Drawn:
    """A figure of several systems, a fraction, and what it is on common draws of speakers.

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

    Tasks of the same speakers (or utterances) get the same draws of them. Raises UserError if no utterance, or no such
    figure, is common to all.
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
    by_speaker = all(s.result.decides.blocks == "speaker" for s in scored.values())
    speaker = dict(zip(first.items.ids, first.items.speakers, strict=True))
    ids = sorted(shared, key=lambda id: (speaker[id], id) if by_speaker else (id, id))
    labels = first.result.confusion.labels if first.result.confusion else ()
    columns, widths = [], []
    for system in scored.values():
        place = {id: i for i, id in enumerate(system.items.ids)}
        columns.append(values(metric, system.items.chosen([place[id] for id in ids]), labels))
        widths.append(columns[-1].shape[1])
    blocks = [speaker[id] for id in ids] if by_speaker else ids
    sums_BK = sum_by_block(np.concatenate(columns, 1), blocks)
    replicas_RK = np.concatenate([*resampled(sums_BK, seed_of(seed, *dict.fromkeys(blocks)))])
    statistic = LABEL_STATISTICS.get(metric.statistic, ratio)
    value, replicas, edges = {}, {}, np.cumsum([0, *widths])
    for name, start, end in zip(scored, edges, edges[1:]):
        value[name] = float(statistic(sums_BK[:, start:end].sum(0, keepdims=True))[0])
        replicas[name] = statistic(replicas_RK[:, start:end])
    return Drawn(metric, value, replicas, "speaker" if by_speaker else "utterance", len(sums_BK), len(ids))


def mean_of(tasks: Sequence[Drawn]) -> Drawn:
    """The mean over tasks, of error rates 1 minus the rate, for the systems that have all of them."""
    names = [name for name in tasks[0].value if all(name in task.value for task in tasks)]

    def goodness(task: Drawn, x: Any) -> Any:
        return x if task.metric.better == "high" else 1 - x

    return Drawn(
        MEAN,
        {name: float(np.mean([goodness(task, task.value[name]) for task in tasks])) for name in names},
        {name: np.mean([goodness(task, task.replicas[name]) for task in tasks], 0) for name in names},
        " or ".join(dict.fromkeys(task.blocks for task in tasks)),
        min(task.block_count for task in tasks),
        sum(task.n for task in tasks),
    )


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
            share = float(match["percent"]) / 100 if match and match["percent"] else system.share
            groups.setdefault(name, Group(name, share, {})).by_seed[seed] = system.name
        return sorted(groups.values(), key=lambda group: group.share < 1)

    @property
    def students(self) -> tuple[str, ...]:
        return tuple(self.by_seed.values())

    @property
    def variance(self) -> float:
        """Of the mean over its seeds, where that of one seed is 1; 0 for a system that stands for itself."""
        return 0.0 if "" in self.by_seed else 1 / len(self.by_seed)

    def has(self, drawn: Drawn) -> bool:
        """True if all its systems have the figure."""
        return all(name in drawn.value for name in self.students)

    def deviation(self, drawn: Drawn) -> float | None:
        """Standard deviation over its seeds; None with one."""
        return float(np.std([drawn.value[n] for n in self.students], ddof=1)) if len(self.by_seed) > 1 else None


@dataclass(frozen=True)
class Seeds:
    """Standard deviation of a figure over seeds of one way, pooled over the ways, and its degrees of freedom."""

    deviation: float
    freedom: int

    @staticmethod
    def pooled(drawn: Drawn, groups: Sequence[Group], share: float = 1.0) -> Seeds | None:
        """Of the ways at a share of their training; None if none has several seeds."""
        several = [g for g in groups if g.share == share and g.has(drawn) and len(g.by_seed) > 1]
        freedom = sum(len(g.by_seed) - 1 for g in several)
        squares = sum((g.deviation(drawn) or 0.0) ** 2 * (len(g.by_seed) - 1) for g in several)
        return Seeds(float(np.sqrt(squares / freedom)), freedom) if freedom else None

    def half(self, variance: float) -> float:
        """Half of the 95 % interval of a figure with so many times the variance of one seed."""
        return float(stdtrit(self.freedom, 0.5 + CONFIDENCE / 200) * self.deviation * np.sqrt(variance))


def figure_of(drawn: Drawn, seeds: Seeds | None, way: Group, rival: Group | None = None) -> Figure:
    """The mean over a way's systems, less that over a rival's, in percent, with its interval of speakers and seeds."""
    estimate = float(np.mean([drawn.value[name] for name in way.students]))
    replicas = np.mean([drawn.replicas[name] for name in way.students], 0)
    limits = (-np.inf, 1.0) if drawn.metric == MEAN else bounds(drawn.metric)
    variance = way.variance
    if rival:
        estimate -= float(np.mean([drawn.value[name] for name in rival.students]))
        replicas = replicas - np.mean([drawn.replicas[name] for name in rival.students], 0)
        ends = max(map(abs, limits))
        limits, variance = (-ends, ends), variance + rival.variance
    interval = agreeing(limits_of(estimate, replicas, drawn.block_count, limits=limits), limits)
    if seeds and variance and interval.low is not None and interval.high is not None:
        half = seeds.half(variance)
        low = max(estimate - np.hypot(estimate - interval.low, half), limits[0])
        high = min(estimate + np.hypot(interval.high - estimate, half), limits[1])
        interval = Interval(estimate, float(low), float(high), interval.blocks, interval.agreeing)
    about = {"n": drawn.n, "unit_of_n": "utterances", "blocks": drawn.blocks, "block_count": drawn.block_count}
    return percent(drawn.metric, interval.percent, **about)


@dataclass(frozen=True)
class Comparison:
    """All ways on all tasks.

    Attributes:
        tasks: by name; `mean` is over them.
        seeds: of each task, and of the mean under "", at each share of a training.
    """

    groups: list[Group]
    tasks: dict[str, Drawn]
    mean: Drawn
    seeds: dict[tuple[str, float], Seeds | None]

    @staticmethod
    def of(groups: list[Group], tasks: dict[str, Drawn]) -> Comparison:
        mean = mean_of([*tasks.values()])
        shares = {group.share for group in groups}
        seeds = {(t, s): Seeds.pooled(d, groups, s) for t, d in {**tasks, "": mean}.items() for s in shares}
        return Comparison(groups, tasks, mean, seeds)

    def way(self, group: Group, ranking: float | None) -> Way:
        """The figures of a way: those of tasks that all its students have."""
        own = {task: drawn for task, drawn in self.tasks.items() if group.has(drawn)}
        figures = {task: figure_of(drawn, self.seeds[task, group.share], group) for task, drawn in own.items()}
        spread = {task: 100 * x for task, drawn in own.items() if (x := group.deviation(drawn)) is not None}
        whole = figure_of(self.mean, self.seeds["", group.share], group) if group.has(self.mean) else None
        return Way(group.name, group.students, len(group.by_seed), group.share, figures, spread, whole, ranking)

    def rankings(self) -> dict[str, float]:
        """Mean rank over the tasks, 1 the best, of the ways at the end of their training that have all tasks."""
        ended = [group for group in self.groups if group.share == 1 and group.has(self.mean)]
        ranks = [
            rankdata([-drawn.metric.sign * np.mean([drawn.value[n] for n in group.students]) for group in ended])
            for drawn in self.tasks.values()
        ]
        return {group.name: float(rank) for group, rank in zip(ended, np.mean(ranks, 0), strict=True)} if ended else {}

    def direction(self, text: str, claim: ClaimConfig, paired: bool = False) -> Direction:
        """How a published direction comes out: shown or opposite where the difference's interval leaves 0 out."""
        by_name = {group.name: group for group in self.groups}
        drawn = self.tasks.get(claim.task) if claim.task else self.mean
        told = Direction(text, claim.printed, claim.better, claim.worse, claim.task, "not tested", note=claim.note)
        gone = [name for name in (claim.better, claim.worse) if name and name not in by_name]
        if gone or drawn is None:
            return replace(told, note=f"no {gone[0] if gone else f'task {claim.task}'} in this run")
        if not claim.better:
            return told
        better, worse = by_name[claim.better], by_name[claim.worse]
        if not (better.has(drawn) and worse.has(drawn)):
            return replace(told, note="a student lacks a task")
        seeds, sign = self.seeds[claim.task, max(better.share, worse.share)], drawn.metric.sign
        counts = (len(better.by_seed), len(worse.by_seed))
        if claim.measure == "figure" and not paired:
            difference = figure_of(drawn, seeds, better, worse)
        else:
            told = replace(told, measure=claim.measure, at=claim.at, seeds=counts)
            of = [*self.tasks.values()] if claim.measure == "rank" else [drawn]
            value, reason = measured(self, of, claim)
            if value is None:
                return replace(told, note=reason)
            difference, sign = value, sign if claim.measure == "figure" else 1
            if len(set(better.by_seed) & set(worse.by_seed)) < 2:
                return replace(told, difference=difference, note="one seed: another may say the opposite")
        low, high = difference.low, difference.high
        outcome: Outcome = "shown" if (low or 0) * sign > 0 else "opposite"
        if low is None or high is None or low <= 0 <= high:
            outcome = "not shown"
        return replace(told, outcome=outcome, difference=difference, seeds=counts, alone=seeds is None)


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
    tasks = {task: draw(of_task, config.seed) for task, of_task in scored.items()}
    titles = {task: next(iter(of_task.values())).result.title for task, of_task in scored.items()}
    comparison = Comparison.of(groups, tasks)
    ranks = comparison.rankings()
    ways = tuple(comparison.way(group, ranks.get(group.name)) for group in groups)
    return WaysResult(
        titles, ways, tuple(comparison.direction(text, claim, config.paired) for text, claim in config.claims.items())
    )


def run(step: Step[WaysConfig]) -> None:
    result = compare_ways(read_systems(step.ins), step.config, step.ledger)
    write_json(step.out / WAYS, dump(result))
    step.counts |= {"ways": len(result.ways), "directions": len(result.directions)}


if __name__ == "__main__":
    main(run)
