"""Objectives small enough to be computed by hand, and what ranks do with them."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from toolkit.core.results import Metric
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import TrainingRun, train
from toolkit.train.engine.objective import At, Batch, Objective, Term
from toolkit.train.engine.ranks import World
from toolkit.train.engine.validation import Validation

WIDTH = 4
SCALES = {"squares": 1.0, "teacher": 0.3, "items": 2.5}


def linear(seed: int, outputs: int = 1) -> nn.Linear:
    layer = nn.Linear(WIDTH, outputs)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))
    return layer


class Three(Objective):
    """Three terms of different denominators: rows, weights of rows against a frozen teacher, and items.

    A second layer gets a gradient from items alone. The scale of the teacher's term grows with the step.
    """

    metrics = (Metric("loss", "", "low"), Metric("squares", "", "low"))

    def __init__(self, teacher: int = 7, noise: float = 0.0) -> None:
        super().__init__()
        self.noise = noise
        self.student, self.items = linear(1), linear(2)
        self.base = linear(3).requires_grad_(False)
        self.frozen["teacher"] = linear(teacher)

    def weights(self, batch: Batch, at: At) -> dict[str, float]:
        rows = {"squares": float(len(batch["x"])), "teacher": float(np.sum(batch["w"]))}
        return {name: weight for name, weight in (rows | {"items": float(batch["items"])}).items() if weight}

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        x, y, w = batch["x"], batch["y"], batch["w"]
        if self.noise and self.training:
            x = x + self.noise * torch.randn(x.shape, generator=torch.Generator().manual_seed(at.seed))
        terms: dict[str, Term] = {}
        if len(x):
            out = self.student(x)[:, 0] + self.base(x)[:, 0]
            terms["squares"] = Term((out - y).pow(2).sum(), len(x), SCALES["squares"])
            with torch.no_grad():
                theirs = self.frozen["teacher"](x)[:, 0]
            scale = SCALES["teacher"] * (1 + at.step)
            terms["teacher"] = Term(((out - theirs).pow(2) * w).sum(), w.sum(), scale)
        if batch["items"]:
            value = self.items(batch["z"]).pow(4).sum() * batch["items"]
            terms["items"] = Term(value, batch["items"], SCALES["items"])
        return {**terms, "rows": Term(float(len(x)), 1, 0)}

    def predict(self, batch: Batch) -> dict[str, Any]:
        return {id: float(value) for id, value in zip(batch["ids"], self.student(batch["x"])[:, 0], strict=True)}


def micro(seed: Sequence[int], rows: int, items: int, kind: Any = np.float64, group: str = "") -> dict[str, Any]:
    """A micro-batch of `rows` rows and a term of weight `items`."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((rows, WIDTH))
    w = rng.uniform(0.5, 2.0, rows)
    values = {"x": x, "y": rng.standard_normal(rows), "w": w, "z": rng.standard_normal((1, WIDTH))}
    return {**{name: v.astype(kind) for name, v in values.items()}, "items": items, "group": group}


def gradients(world: World, micros: list[dict[str, Any]], step: int, grad_groups: bool = False) -> dict[str, Any]:
    """Gradient of one step from this rank's share of `micros`, as the engine gives it, in float64."""
    loop = LoopConfig(total_steps=10, grad_groups=grad_groups, tensorboard=False)
    run = TrainingRun(Three().double(), OptimConfig(), loop, Path("nowhere"), world, "")
    run.objective.frozen["teacher"].double()
    mine = range(world.rank, len(micros), world.size)
    gradient = run.passes.gradient([micros[m] for m in mine], mine, step)
    grads = {
        n: None if p.grad is None else p.grad.numpy() * gradient.scale for n, p in run.objective.named_parameters()
    }
    loss, weight = gradient.pairs["loss"]
    return {"grads": grads, "loss": loss / weight if weight else None, "norm": gradient.norm, **gradient._asdict()}


GROUPS = ("asr", "did", "ser")


def load(step: int, number: int) -> dict[str, Any]:
    """Micro-batches of three groups with rows and items that come and go; `ser` comes late."""
    group = GROUPS[(step + number) % (2 if step < 6 else 3)]
    return micro((step, number), 3 + (step + number) % 3, (step * 3 + number) % 4, np.float32, group)


def mean_output(outputs: Mapping[str, float]) -> dict[str, float]:
    """Spread and order of a set: no sum over batches gives either."""
    values = np.array([*outputs.values()])
    return {"median": float(np.median(values)), "count": float(len(values))}


MEDIAN = (Metric("median", "", "high"), Metric("count", "", "high"))


def dev(rows: Sequence[int]) -> Validation:
    """A dev set of batches of so many rows."""

    def batch(i: int) -> dict[str, Any]:
        first = sum(rows[:i])
        return {**micro((99, i), rows[i], i % 2, np.float32), "ids": [f"u{first + r:03}" for r in range(rows[i])]}

    return Validation(batch, len(rows), mean_output, MEDIAN)


def fit(
    world: World,
    out: Path,
    loop: LoopConfig,
    micro_batches: int = 2,
    rows: Sequence[int] = (),
    kill: tuple[int, int] | None = None,
    teacher: int = 7,
) -> dict[str, Any]:
    """A training of Three in `out`; `kill`: (step, rank) at which that rank ends itself with SIGKILL."""

    def batches(step: int, number: int) -> dict[str, Any]:
        if kill == (step, world.rank):
            os.kill(os.getpid(), signal.SIGKILL)
        return load(step, number)

    objective = Three(teacher, noise=0.1)
    optim = OptimConfig(peak_lr=0.05, clip=1.0, weight_decay=0.1)
    trained = train(
        objective, batches, optim, loop, out, micro_batches=micro_batches, world=world, label="",
        validation=dev(rows) if rows else None, identity="three",
    )  # fmt: skip
    weights: dict[str, Tensor] = objective.state_dict()
    return {"weights": {n: t.numpy().tobytes() for n, t in weights.items()}, "trained": trained}
