"""Figures of a dev set: means of the terms, and scores of all predictions as one set."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch

from ...core.errors import UserError
from ...core.results import Metric
from ...data.batches import is_empty, prefetch
from .gradient import Passes, on
from .loss import loss_of
from .objective import Batch, Objective, Output, Outputs
from .totals import Totals


@dataclass(frozen=True)
class Validation:
    """A dev set, validated every `loop.validate_every` steps.

    Attributes:
        batch: batch(i) is dev batch i of `count`, a pure function.
        count: number of dev batches.
        score: predictions of the whole set, by example id -> the figures named by `metrics`; None: terms only.
        metrics: figures of `score`; columns dev_<name> of loss.tsv.
    """

    batch: Callable[[int], Batch]
    count: int
    score: Callable[[Outputs], Mapping[str, float]] | None = None
    metrics: tuple[Metric, ...] = ()


def metric_of(best: str, objective: Objective, validation: Validation | None) -> Metric | None:
    """The metric that `loop.best` names; None for "". Raises UserError for an unknown one."""
    if not best:
        return None
    if validation is None:
        problem = f"loop.best {best} picks weights by a dev set, and there is none"
        raise UserError(problem, "loop.best", "give a dev set, or leave loop.best empty")
    metrics = {m.name: m for m in (*objective.metrics, *validation.metrics)}
    if best not in metrics:
        raise UserError(f"no figure {best} of the dev set", "loop.best", f"name one of {', '.join(metrics)}")
    return metrics[best]


@torch.no_grad()
def validate(passes: Passes, validation: Validation, step: int) -> dict[str, float]:
    """Means of the terms over the dev set, and the scores of its predictions; the same on all ranks.

    Random choices are the same every time. Raises ValueError if two dev batches hold one example.
    """
    objective, world = passes.objective, passes.world
    objective.eval()
    totals, outputs, scales = Totals(world.device), dict[str, Output](), dict[str, float]()
    size = world.size if validation.count >= world.size else 1  # too few batches: every rank does all
    mine = range(world.rank % size, validation.count, size)
    ahead = prefetch(lambda _, i: validation.batch(i), ((0, i) for i in mine), passes.loop.prefetch)
    for i, batch in zip(mine, ahead):
        if is_empty(batch):
            continue
        at = passes.at(step, "dev", i)
        with passes.ready(at):
            terms, predicted = objective.examine(on(batch, world.device), at, validation.score is not None)
        totals.add({name: (term.sum, term.weight) for name, term in terms.items()})
        scales |= {name: term.scale for name, term in terms.items()}
        _refuse_repeated(outputs, predicted)
        outputs |= predicted
    pairs, _ = totals.over(world, agree=True)
    for rank in world.gather(scales):
        scales |= rank
    figures = {"loss": loss_of(pairs, scales)}
    figures |= {name: n / d if d else torch.nan for name, (n, d) in pairs.items() if name != "loss"}
    if validation.score is not None:
        figures |= validation.score(_every(world.gather(outputs), size))
    return figures


def _every(ranks: list[dict[str, Output]], size: int) -> dict[str, Output]:
    """Predictions of all ranks as one set, in the order of their ids."""
    every: dict[str, Output] = {}
    for outputs in ranks[:size]:
        _refuse_repeated(every, outputs)
        every |= outputs
    return dict(sorted(every.items()))


def _refuse_repeated(before: Outputs, more: Outputs) -> None:
    if repeated := before.keys() & more.keys():
        raise ValueError(f"example {min(repeated)} is in two dev batches")
