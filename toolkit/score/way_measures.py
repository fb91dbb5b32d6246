"""Measures of ways of training that are no plain figure: how early one is as good, how it changes late, how it ranks.

Each is computed for each seed, from systems of that seed alone, so that ways are paired over seeds; the value is the
mean over seeds. Its interval has the two parts of a figure's: the bootstrap over speakers of that mean, and Student's t
of its values over seeds. Larger is always better for the first way: a figure of which less is better counts negatively.

Shapes: R replicas.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import stdtrit
from scipy.stats import rankdata

from ..core.results import Figure, Metric, percent
from .bootstrap import CONFIDENCE, Interval, limits_of

if TYPE_CHECKING:
    from .config import ClaimConfig
    from .ways import Comparison, Drawn, Group

Array = np.ndarray[Any, np.dtype[Any]]
EARLIER = Metric("earlier", "% of the steps", "high", "earlier by")
CHANGE = Metric("change", "%", "high", "change")
RANKS = Metric("ranks", "ranks", "high", "ranks ahead")
BASE = "base"  # way whose figure stands for no steps at all
WHOLE = 100.0


def measured(comparison: Comparison, drawn: Sequence[Drawn], claim: ClaimConfig) -> tuple[Figure | None, str]:
    """(what `better` has more than `worse` by the claim's measure, why there is none).

    Args:
        drawn: the figures that it is about: of one task, or the mean; for ranks, of every task.
    """
    groups = {group.name: group for group in comparison.groups}
    seeds = _seeds(groups[claim.better], groups[claim.worse])
    if not seeds:
        return None, "the two have no seed in common"
    rows: list[Array] = []  # of each seed: the value, then its replicas
    for seed in seeds:
        try:
            rows.append(_MEASURES[claim.measure](groups, drawn, claim, seed))
        except KeyError as e:
            return None, f"no {e.args[0]} in this run"
    values_SR = np.stack(rows)
    metric = {"until": EARLIER, "change": CHANGE, "rank": RANKS}.get(claim.measure, drawn[0].metric)
    return _figure(metric, values_SR, drawn[0]), ""


def _figure(metric: Metric, values_SR: Array, drawn: Drawn) -> Figure:
    """The mean over seeds, whose first column is the value and the others its replicas."""
    estimate, replicas_R = float(values_SR[:, 0].mean()), values_SR[:, 1:].mean(0)
    interval = limits_of(estimate, replicas_R, drawn.block_count)
    count = len(values_SR)
    if count > 1 and interval.low is not None and interval.high is not None:
        half = float(stdtrit(count - 1, 0.5 + CONFIDENCE / 200) * values_SR[:, 0].std(ddof=1) / np.sqrt(count))
        low = estimate - float(np.hypot(estimate - interval.low, half))
        interval = Interval(estimate, low, estimate + float(np.hypot(interval.high - estimate, half)), interval.blocks)
    about: dict[str, Any] = {"n": drawn.n, "unit_of_n": "utterances", "blocks": drawn.blocks}
    ends = interval.percent
    if metric.unit != "%":  # steps and ranks are no fractions
        ends = {
            name: value if isinstance(value, bool) or value is None else value / 100 for name, value in ends.items()
        }
    return percent(metric, ends, **about, block_count=drawn.block_count)


def _seeds(better: Group, worse: Group) -> list[str]:
    return [seed for seed in better.by_seed if seed in worse.by_seed]


def _goodness(drawn: Drawn, name: str) -> Array:
    """Value and replicas [1 + R] of a system, of which more is better."""
    return drawn.metric.sign * np.concatenate([[drawn.value[name]], drawn.replicas[name]])


def _system(groups: Mapping[str, Group], way: str, seed: str) -> str:
    """The system of a way and seed. Raises KeyError for one that is not in the run."""
    if way not in groups or seed not in groups[way].by_seed:
        raise KeyError(f"{way} with seed {seed}" if seed else way)
    return groups[way].by_seed[seed]


def _curve(groups: Mapping[str, Group], drawn: Drawn, way: str, seed: str) -> tuple[list[float], Array]:
    """(percents of the steps, goodness [P, 1 + R] there) of a way and seed, from the base on."""
    shares = {100 * group.share: name for name, group in groups.items() if name.partition(" at ")[0] == way}
    places = sorted(share for share, name in shares.items() if seed in groups[name].by_seed)
    values = [_goodness(drawn, _system(groups, shares[share], seed)) for share in places]
    if BASE in groups:
        places, values = [0.0, *places], [_goodness(drawn, groups[BASE].students[0]), *values]
    return places, np.stack(values)


def _plain(groups: Mapping[str, Group], drawn: Sequence[Drawn], claim: ClaimConfig, seed: str) -> Array:
    """The figure of `better` less that of `worse`, in the metric's own direction."""
    one, two = (_goodness(drawn[0], _system(groups, way, seed)) for way in (claim.better, claim.worse))
    return drawn[0].metric.sign * (one - two)


def _until(groups: Mapping[str, Group], drawn: Sequence[Drawn], claim: ClaimConfig, seed: str) -> Array:
    """Percents of the steps by which `better` is as good sooner than `worse` is at claim.at %.

    Between two scored shares it is taken to change in a line; one that is never as good counts as at the end.
    """
    target_R = _goodness(drawn[0], _system(groups, f"{claim.worse} at {claim.at:g} %", seed))
    places, values_PR = _curve(groups, drawn[0], claim.better, seed)
    reached_R = np.full(len(target_R), WHOLE)
    for p in range(len(places) - 1, -1, -1):
        at_least = values_PR[p] >= target_R
        if p:
            rise = values_PR[p] - values_PR[p - 1]
            part = np.clip((target_R - values_PR[p - 1]) / np.where(rise > 0, rise, 1.0), 0.0, 1.0)
            place = places[p - 1] + part * (places[p] - places[p - 1])
        else:
            place = np.full(len(target_R), places[0])
        reached_R = np.where(at_least, place, reached_R)
    return claim.at - reached_R


def _change(groups: Mapping[str, Group], drawn: Sequence[Drawn], claim: ClaimConfig, seed: str) -> Array:
    """How much more `better` gains from claim.at % of its steps to their end than `worse` does."""
    gains = [
        _goodness(drawn[0], _system(groups, way, seed))
        - _goodness(drawn[0], _system(groups, f"{way} at {claim.at:g} %", seed))
        for way in (claim.better, claim.worse)
    ]
    return gains[0] - gains[1]


def _rank(groups: Mapping[str, Group], drawn: Sequence[Drawn], claim: ClaimConfig, seed: str) -> Array:
    """Mean rank of `worse` less that of `better`, over the tasks, among the ways that have this seed at their end."""
    ended = [g.by_seed[seed] for g in groups.values() if g.share == 1 and seed in g.by_seed]
    ended = [name for name in ended if all(name in task.value for task in drawn)]
    better, worse = (ended.index(_system(groups, way, seed)) for way in (claim.better, claim.worse))
    ranks = np.mean([rankdata([-_goodness(task, name) for name in ended], axis=0) for task in drawn], 0)
    difference: Array = ranks[worse] - ranks[better]
    return difference


_MEASURES = {"figure": _plain, "until": _until, "change": _change, "rank": _rank}
