"""Micro-batches that all rows have left: a step is of the others, a rank without any takes part, nothing is NaN."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from dummies import Three, dev, load
from ranks import in_ranks

from toolkit.core.errors import UserError
from toolkit.data.batches import Left
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import train
from toolkit.train.engine.objective import At, Batch, Objective, Term
from toolkit.train.engine.ranks import World
from toolkit.train.engine.validation import Validation

LOOP = LoopConfig(total_steps=8, log_every=2, checkpoint_every=3, tensorboard=False, prefetch=0)
EMPTY: dict[str, Any] = {"left": Left([], [3]), "group": "asr"}
GONE = {(0, 0), (2, 1), (3, 0), (3, 1), (6, 0)}  # (step, micro-batch); of step 3 all


class Plain(Objective):
    """One term whose weight is not known before, and one that is only logged."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)
        torch.nn.init.constant_(self.layer.weight, 0.5)
        torch.nn.init.zeros_(self.layer.bias)

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        gap = self.layer(batch["x"])[:, 0] - batch["y"]
        return {"loss": Term(gap.pow(2).sum(), len(gap)), "gap": Term(gap.detach().abs().sum(), len(gap), 0)}


OBJECTIVES = {"plain": Plain, "declared": Three}


def fit(world: World, out: Path, name: str, stop: int = 0, groups: bool = False) -> dict[str, Any]:
    """A training whose micro-batches in GONE are empty; `stop`: the step at which it fails, as a killed one does."""

    def batches(step: int, number: int) -> Batch:
        if stop and step == stop:
            raise UserError("stopped")
        return EMPTY if (step, number) in GONE else load(step, number)

    objective = OBJECTIVES[name]()
    loop = replace(LOOP, grad_groups=groups)
    trained = train(objective, batches, OptimConfig(peak_lr=0.05), loop, out, micro_batches=2, world=world, label="")
    return {"weights": {n: t.numpy().tobytes() for n, t in objective.state_dict().items()}, "trained": trained}


def made(out: Path) -> dict[str, bytes]:
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


@pytest.mark.parametrize("name", OBJECTIVES)
@pytest.mark.parametrize("groups", [False, True])
def test_two_ranks_give_the_bytes_of_one_and_so_does_a_run_that_was_stopped(
    name: str, groups: bool, tmp_path: Path
) -> None:
    """Rank 0 has nothing in the first step, before the names of the terms are known; in step 3 no rank has anything."""
    whole = fit(World.alone(), tmp_path / "one", name, groups=groups)
    rows = np.genfromtxt(tmp_path / "one/loss.tsv", names=True, missing_values="-")
    assert np.isfinite(rows["loss"]).all() and whole["trained"].skipped == 0 and rows["step"][-1] == 8
    results = in_ranks(2, fit, tmp_path / "two", name, 0, groups)
    assert results == [whole, whole]
    if not groups:  # the norm of a gradient is rounded otherwise where it is made of parts
        assert made(tmp_path / "two") == made(tmp_path / "one")
    with pytest.raises(UserError, match="stopped"):
        fit(World.alone(), tmp_path / "cut", name, stop=5, groups=groups)
    assert fit(World.alone(), tmp_path / "cut", name, groups=groups) == whole
    assert made(tmp_path / "cut") == made(tmp_path / "one")


def test_a_step_is_the_mean_of_what_is_left_and_an_empty_one_changes_nothing(tmp_path: Path) -> None:
    """By hand: plain gradient descent on the sum of all rows over their number."""
    weight, bias = np.full(4, 0.5), 0.0
    optim = OptimConfig(name="sgd", peak_lr=0.05, warmup=0, schedule="constant", betas=(0.0, 0.0), weight_decay=0.0)
    for step in range(LOOP.total_steps):
        parts = [load(step, m) for m in (0, 1) if (step, m) not in GONE]
        if parts:
            x, y = (np.concatenate([part[n].astype(np.float64) for part in parts]) for n in "xy")
            slope = 2 * (x @ weight + bias - y) / len(x)
            weight, bias = weight - 0.05 * slope @ x, bias - 0.05 * slope.sum()
    objective = Plain()

    def batches(step: int, number: int) -> Batch:
        return EMPTY if (step, number) in GONE else load(step, number)

    train(objective, batches, replace(optim, clip=0.0), LOOP, tmp_path, micro_batches=2, label="")
    np.testing.assert_allclose(objective.layer.weight.detach().numpy()[0], weight, rtol=1e-4)
    assert float(objective.layer.bias.detach()) == pytest.approx(bias, rel=1e-4)


def test_a_dev_batch_that_is_empty_counts_for_nothing(tmp_path: Path) -> None:
    whole = dev((3, 2))
    more = Validation(lambda i: EMPTY if i == 1 else whole.batch(min(i, 1)), 3, whole.score, whole.metrics)
    figures = []
    for name, validation in (("whole", whole), ("more", more)):
        loop = replace(LOOP, total_steps=1)
        trained = train(Three(), load, OptimConfig(), loop, tmp_path / name, micro_batches=2, validation=validation,
                        label="")  # fmt: skip
        figures.append(trained.dev)
    assert figures[0] == figures[1] and figures[0]["count"] == 5


def test_groups_have_no_norm_of_an_empty_batch(tmp_path: Path) -> None:
    """A zero would lower their mean."""
    fit(World.alone(), tmp_path, "plain", groups=True)
    rows = np.genfromtxt(tmp_path / "loss.tsv", names=True, missing_values="-")
    norms = np.concatenate([rows[n][np.isfinite(rows[n])] for n in rows.dtype.names if n.startswith("grad_norm_")])
    assert len(norms) and (norms > 0).all()
