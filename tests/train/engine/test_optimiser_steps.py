"""Five steps of the loop against Adam's formula in float64; and steps and runs that are not finite."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from toolkit.core.errors import UserError
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import Trained, train
from toolkit.train.engine.objective import At, Batch, Objective, Term
from toolkit.train.engine.schedule import learning_rate
from toolkit.train.engine.validation import Validation

OPTIM = OptimConfig(name="adamw", peak_lr=0.05, warmup=2, betas=(0.7, 0.8), eps=0.05, weight_decay=0.2, clip=0.5)
LOOP = LoopConfig(total_steps=20, log_every=1, tensorboard=False, prefetch=0)
STEPS, ROWS, WIDTH = 5, 8, 5


class Regression(Objective):
    """Squared error of a linear map; `seen` are the seeds of its micro-batches."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(WIDTH, 1)
        self.seen: list[int] = []
        with torch.no_grad():
            self.linear.weight.copy_(torch.linspace(-1, 1, WIDTH))
            self.linear.bias.zero_()

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        self.seen.append(at.seed)
        x = batch["x"].to(self.linear.weight.dtype)
        return {"loss": Term((self.linear(x)[:, 0] - batch["y"]).pow(2).sum(), len(x))}


def batches(step: int, number: int) -> dict[str, Any]:
    x = np.random.default_rng([step, number]).standard_normal((ROWS, WIDTH)).astype(np.float32)
    return {"x": x, "y": x.sum(1)}


def fit(out: Path, objective: Objective, load: Callable[[int, int], Batch] = batches, **more: Any) -> Trained:
    return train(objective, load, more.pop("optim", OPTIM), more.pop("loop", LOOP), out, label="", **more)


def by_hand(optim: OptimConfig, steps: int) -> tuple[list[Tensor], list[float]]:
    """Parameters after so many steps, and the norm of the gradient of each; Kingma and Ba 2015, algorithm 1.

    Weight decay: added to the gradient (adam), or taken from the weights (adamw: Loshchilov and Hutter 2019).
    """
    twin, norms = Regression().double(), []
    weights = [p.detach().clone() for p in twin.parameters()]
    m, v = ([torch.zeros_like(w) for w in weights] for _ in range(2))
    for t in range(steps):
        batch = {name: torch.from_numpy(values).double() for name, values in batches(t, 0).items()}
        for p, w in zip(twin.parameters(), weights, strict=True):
            p.data = w.clone()
        grads = torch.autograd.grad(twin(batch, At(0, t, steps))["loss"].sum / ROWS, list(twin.parameters()))
        norms.append(math.sqrt(sum(float(g.pow(2).sum()) for g in grads)))
        cut = min(1.0, optim.clip / norms[-1]) if optim.clip else 1.0
        lr, (b1, b2) = learning_rate(optim, t, steps), optim.betas
        for i, w in enumerate(weights):
            g = grads[i] * cut + (optim.weight_decay * w if optim.name == "adam" else 0)
            m[i], v[i] = b1 * m[i] + (1 - b1) * g, b2 * v[i] + (1 - b2) * g * g
            m_hat, v_hat = m[i] / (1 - b1 ** (t + 1)), v[i] / (1 - b2 ** (t + 1))
            decay = lr * optim.weight_decay * w if optim.name == "adamw" else 0
            weights[i] = w - decay - lr * m_hat / (v_hat.sqrt() + optim.eps)
    return weights, norms


@pytest.mark.parametrize("name", ["adamw", "adam"])
@pytest.mark.parametrize("clip", [0.0, 0.5])
def test_steps_are_those_of_the_formula_and_rows_have_their_rate_and_norm(
    name: Any, clip: float, tmp_path: Path
) -> None:
    optim = replace(OPTIM, name=name, clip=clip)
    wanted, norms = by_hand(optim, STEPS)
    assert min(norms) > 0.5  # so that clipping takes part in every step
    objective = Regression()
    fit(tmp_path, objective, optim=optim, loop=replace(LOOP, total_steps=STEPS))
    for p, want in zip(objective.parameters(), wanted, strict=True):
        torch.testing.assert_close(p, want.float(), atol=1e-5, rtol=1e-4)
    header, *rows = [row.split("\t") for row in (tmp_path / "loss.tsv").read_text().splitlines()]
    table = {column: [float(row[i]) for row in rows] for i, column in enumerate(header)}
    assert table["lr"] == pytest.approx([learning_rate(optim, s, STEPS) for s in range(STEPS)])
    assert table["grad_norm"] == pytest.approx(norms, rel=1e-4)  # as it was before the cut


def test_every_micro_batch_of_every_step_has_its_own_seed(tmp_path: Path) -> None:
    objective = Regression()
    fit(tmp_path, objective, micro_batches=2)
    assert len(objective.seen) == len(set(objective.seen)) == 2 * LOOP.total_steps


@pytest.mark.parametrize("where", ["the last step", "dev"])
def test_a_run_that_ends_not_finite_is_refused(where: str, tmp_path: Path) -> None:
    def load(step: int, number: int) -> Batch:
        batch = batches(step, number)
        last = where == "the last step" and step == LOOP.total_steps - 1
        return {**batch, "y": batch["y"] * math.nan} if last else batch

    def dev(i: int) -> Batch:
        return {**batches(999, i), "y": np.full(ROWS, math.nan if where == "dev" else 0.0, np.float32)}

    with pytest.raises(UserError, match="diverged") as error:
        fit(tmp_path, Regression(), load, validation=Validation(dev, 1))
    assert "peak_lr" in error.value.remedy


def test_a_gradient_that_is_not_finite_under_a_finite_loss_is_skipped(tmp_path: Path) -> None:
    class Root(Regression):
        """√0 is finite, its slope is not."""

        def forward(self, batch: Batch, at: At) -> dict[str, Term]:
            loss = super().forward(batch, at)["loss"]
            root = (self.linear.bias * 0).sqrt().sum() if batch["bad"] else 0
            return {"loss": loss._replace(sum=loss.sum + root)}

    objective = Root()
    trained = fit(tmp_path, objective, lambda step, m: {**batches(step, m), "bad": step in (3, 4)})
    assert trained.skipped == 2 and trained.step == LOOP.total_steps
    assert all(p.isfinite().all() for p in objective.parameters())
