"""Folds: one value of a table is left out of training and tested on; the predictions of all folds are one test set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..core.errors import UserError
from ..core.results import Figure, Fold, Metric
from ..core.seed import seed_of
from .base import OUT, Example, Fitted, Notes, TaskData, Unusable
from .task_config import TaskConfig

if TYPE_CHECKING:
    from ..data.kaldi import DataDir

DEV_SHARE = 0.2  # of the utterances that are not left out


def folds_by_utterance(name: str, config: TaskConfig, sets: Mapping[str, DataDir], seed: int) -> dict[str, str]:
    """The fold that tests each utterance of the task's set: its value in the table `folds`, or that value's group.

    Utterances without a value are in none. With `fold_groups` n the values are dealt, in an order drawn from the seed,
    into the groups `1 of n` to `n of n`. Raises Unusable where there are fewer than two values or than groups.
    """
    import numpy as np

    data = sets[config.sets.train]
    table = data.tables.get(config.folds, {})
    value_of = {u.id: table[u.id] for u in data if u.id in table}
    values = sorted({*value_of.values()})
    if len(values) < max(2, config.fold_groups):
        where, needed = f"task {name}: {data.path / config.folds}", max(2, config.fold_groups)
        reason = f"folds need at least {needed} values of {config.folds} and {config.sets.train} has {len(values)}"
        raise Unusable(reason, where, OUT)
    if not config.fold_groups:
        return value_of
    order = np.random.default_rng(seed_of(seed, name, "groups of folds")).permutation(len(values))
    group = {values[i]: f"{k % config.fold_groups + 1} of {config.fold_groups}" for k, i in enumerate(order)}
    return {id: group[value] for id, value in value_of.items()}


def fold_of(data: TaskData, values: Mapping[str, str], left_out: str, seed: int, notes: Notes) -> TaskData:
    """The task with `left_out` as its test set, a fifth of the other utterances as dev and the rest to train on.

    Args:
        data: the task with all utterances of its set in each part.
        values: utterance id -> its fold; an utterance without one is left out, which `notes` say.
        seed: draws dev; the same utterances for every row.

    Raises Unusable where a part is empty.
    """
    config = data.config
    ids = sorted({e.id for examples in data.parts.values() for e in examples})
    for id in ids:
        if id not in values:
            notes.ledger.drop(id, f"no {config.folds}", f"task {data.name}, set {config.sets.train}")
    rest = [id for id in ids if values.get(id, left_out) != left_out]
    drawn = sorted(rest, key=lambda id: seed_of(seed, data.name, "fold", left_out, id))  # whichever others there are
    dev = {*drawn[: max(round(DEV_SHARE * len(rest)), 1)]}
    members = {"train": set(rest) - dev, "dev": dev, "test": {id for id in ids if values.get(id) == left_out}}
    parts = {part: [e for e in examples if e.id in members[part]] for part, examples in data.parts.items()}
    if empty := [part for part, examples in parts.items() if not examples]:
        reason = f"no utterance is left for {empty[0]} where {config.folds} {left_out} is left out"
        raise Unusable(reason, f"task {data.name}: {config.sets.train}", OUT)
    return replace(data, parts=parts)


def tree_of(fitted: Fitted) -> dict[str, Any]:
    """What is kept of a fold until all are scored: JSON values, without the weights.

    Raises UserError for a type that makes further results, which cannot be put together.
    """
    if fitted.further is not None:
        raise UserError("a task type with further results cannot be scored over folds", "folds", "leave `folds` empty")
    lists = {id: p if isinstance(p, str) else p.tolist() for id, p in fitted.predictions.items()}
    return {
        "lr": fitted.lr,
        "dev": list(fitted.dev.items()),
        "predictions": lists,
        "layer_weights": fitted.layer_weights,
        "diverged": list(fitted.diverged),
    }


def together(data: TaskData, trees: Sequence[Mapping[str, Any]]) -> tuple[TaskData, Fitted]:
    """All folds as one test set: the examples that one of them predicts, and their predictions.

    Layer weights and figures on dev are means over the folds, of the rates that no fold lost; the rate is the first's.
    """
    import numpy as np

    predictions = {
        id: p if isinstance(p, str) else np.array(p) for tree in trees for id, p in tree["predictions"].items()
    }
    tested: list[Example] = [e for e in data.parts["test"] if e.id in predictions]
    by_rate = [dict(tree["dev"]) for tree in trees]
    diverged = tuple(dict.fromkeys(lr for tree in trees for lr in tree["diverged"]))
    rates = [lr for lr in by_rate[0] if lr not in diverged]
    dev = {lr: float(np.mean([of_fold[lr] for of_fold in by_rate])) for lr in rates}
    weights: list[float] = np.mean([tree["layer_weights"] for tree in trees], 0).tolist()
    fitted = Fitted(trees[0]["lr"], dev, predictions, weights, {}, diverged=diverged)
    return replace(data, parts={**data.parts, "test": tested}), fitted


def of_fold(data: TaskData, fitted: Fitted, left_out: str, tree: Mapping[str, Any]) -> Fold:
    """The deciding figure of one fold alone."""
    examples = [e for e in data.parts["test"] if e.id in tree["predictions"]]
    value = data.config.implementation.figure(data, examples, fitted.predictions)
    return Fold(left_out, tree["lr"], value)


def mean_of(folds: Sequence[Fold], metric: Metric, confidence: float = 95.0) -> Figure:
    """The mean of the folds' own figures, as SUPERB gives for emotion, with Student's interval over the folds."""
    import numpy as np
    from scipy.special import stdtrit

    values = np.array([fold.value for fold in folds], float)
    half = stdtrit(len(values) - 1, 0.5 + confidence / 200) * values.std(ddof=1) / len(values) ** 0.5
    name, title = f"{metric.name}_folds", f"{metric.heading}, mean of folds"
    of_folds = Metric(name, metric.unit, metric.better, title, "folds", minor=True)
    mean, bound = float(values.mean()), 100.0 if metric.better == "high" else np.inf
    low, high = max(mean - half, 0.0), min(mean + half, bound)
    return Figure(of_folds, mean, float(low), float(high), len(values), "folds", "fold", len(values), confidence)
