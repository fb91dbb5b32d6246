"""Several terms of different denominators against one big batch in float64 and plain autograd."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from dummies import SCALES, Three, gradients, micro
from ranks import in_ranks

from toolkit.train.engine.config import LoopConfig
from toolkit.train.engine.gradient import Passes
from toolkit.train.engine.objective import At, Objective, Term
from toolkit.train.engine.ranks import World

STEP = 2
SHAPES = {
    "one": [(6, 2)],
    "two": [(5, 1), (2, 3)],
    "three": [(1, 2), (7, 1), (3, 5)],
    "four": [(4, 1), (2, 2), (9, 3), (1, 4)],
    "no items in one": [(4, 0), (3, 2)],
    "no rows in one": [(0, 2), (3, 1)],
    "the first term is empty everywhere": [(0, 2), (0, 3)],
    "the last term is empty everywhere": [(4, 0), (3, 0)],
    "one without anything": [(0, 0), (5, 2), (3, 1), (0, 0)],
    "the last without anything": [(5, 2), (0, 0)],
    "a rank without anything": [(0, 0), (5, 2), (0, 0), (3, 1)],
}


def micros(name: str) -> list[dict[str, Any]]:
    return [micro((5, i), *shape, group="ab"[i % 2]) for i, shape in enumerate(SHAPES[name])]


def oracle(batches: list[dict[str, Any]]) -> tuple[float, dict[str, torch.Tensor | None]]:
    """Loss and gradients of the whole step at once: sum over terms of scale * sum / weight."""
    model = Three().double()
    teacher = model.frozen["teacher"].double()
    x, y, w = (torch.from_numpy(np.concatenate([b[n] for b in batches])) for n in "xyw")
    loss = torch.zeros((), dtype=torch.float64)
    if len(x):
        out = (model.student(x) + model.base(x))[:, 0]
        loss = loss + SCALES["squares"] * (out - y).pow(2).mean()
        distance = (out - teacher(x)[:, 0].detach()).pow(2)
        loss = loss + SCALES["teacher"] * (1 + STEP) * (distance * w).sum() / w.sum()
    count = sum(b["items"] for b in batches)
    if count:
        powers = [b["items"] * model.items(torch.from_numpy(b["z"])).pow(4).sum() for b in batches]
        loss = loss + SCALES["items"] * sum(powers) / count
    loss.backward()
    return loss.item(), {n: p.grad for n, p in model.named_parameters()}


def agrees(made: dict[str, Any], name: str) -> None:
    loss, grads = oracle(micros(name))
    assert made["loss"] == pytest.approx(loss, rel=1e-12)
    for parameter, wanted in grads.items():
        given = made["grads"][parameter]
        if wanted is None or not wanted.any():
            assert given is None or not given.any(), parameter
        else:
            torch.testing.assert_close(torch.from_numpy(given), wanted, rtol=1e-12, atol=1e-12)
    norm = math.sqrt(sum(float(g.pow(2).sum()) for g in grads.values() if g is not None))
    assert made["norm"] == pytest.approx(norm, rel=1e-12)


@pytest.mark.parametrize("grad_groups", [False, True])
@pytest.mark.parametrize("name", SHAPES)
def test_terms_of_micro_batches_are_those_of_one_big_batch(name: str, grad_groups: bool) -> None:
    agrees(gradients(World.alone(), micros(name), STEP, grad_groups), name)


@pytest.mark.parametrize("grad_groups", [False, True])
@pytest.mark.parametrize("name", [name for name in SHAPES if len(SHAPES[name]) % 2 == 0])
def test_terms_in_two_ranks_are_those_of_one_big_batch(name: str, grad_groups: bool) -> None:
    """Also where one of them has nothing to learn from: it must not let the other one wait."""
    one, two = in_ranks(2, gradients, micros(name), STEP, grad_groups)
    for made in (one, two):
        agrees(made, name)
    unused = [n for n, g in one["grads"].items() if g is None]
    assert unused == [n for n, g in gradients(World.alone(), micros(name), STEP)["grads"].items() if g is None]


def norms(batches: list[dict[str, Any]]) -> list[float]:
    """Norm of what each micro-batch adds to the gradient, given the totals of all of them."""
    totals = {"squares": sum(len(b["x"]) for b in batches), "teacher": sum(b["w"].sum() for b in batches)}
    totals["items"] = sum(b["items"] for b in batches)
    made = []
    for b in batches:
        model = Three().double()
        model.frozen["teacher"].double()
        terms = model({n: torch.as_tensor(v) if n in "xywz" else v for n, v in b.items()}, At(0, STEP, 10))
        torch.stack([t.scale * t.sum / totals[n] for n, t in terms.items() if t.scale]).sum().backward()
        made.append(math.sqrt(sum(float(p.grad.pow(2).sum()) for p in model.parameters() if p.grad is not None)))
    return made


def test_the_norm_of_each_micro_batch_is_that_of_what_it_adds() -> None:
    wanted = norms(micros("four"))
    alone = gradients(World.alone(), micros("four"), STEP, True)["norms"]
    ranks = in_ranks(2, gradients, micros("four"), STEP, True)
    for made in (alone, ranks[0]["norms"], ranks[1]["norms"]):
        assert [group for group, _ in made] == ["a", "b", "a", "b"]
        assert [n for _, n in made] == pytest.approx(wanted, rel=1e-12)


class Undeclared(Three):
    def weights(self, batch: Any, at: At) -> dict[str, float]:
        return {"squares": float(len(batch["x"]))}


class Wrong(Three):
    def weights(self, batch: Any, at: At) -> dict[str, float]:
        return {**super().weights(batch, at), "items": 1.0}


class Silent(Three):
    weights = Objective.weights


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (Undeclared, "no weight for teacher, items"),
        (Wrong, "items: Objective.weights said"),
        (Silent, "several scaled"),
    ],
)
def test_weights_that_are_not_declared_or_are_wrong_are_a_developers_error(kind: type[Three], message: str) -> None:
    objective = kind().double()
    objective.frozen["teacher"].double()
    passes = Passes(objective, list(objective.student.parameters()), LoopConfig(), World.alone())
    with pytest.raises(ValueError, match=message):
        passes.gradient(micros("two"), range(2), STEP)


class Mean(Objective):
    """One term, of scale 0.5."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor([2.0], dtype=torch.float64))

    def forward(self, batch: Any, at: At) -> dict[str, Term]:
        return {"mean": Term((self.weight * batch["x"]).sum(), len(batch["x"]), 0.5)}


def test_one_scaled_term_needs_no_weights() -> None:
    """d/dw of 0.5 * mean(w * x) is 0.5 * mean(x)."""
    objective = Mean()
    passes = Passes(objective, [objective.weight], LoopConfig(), World.alone())
    gradient = passes.gradient([{"x": np.array([1.0, 2.0])}, {"x": np.array([6.0])}], range(2), 0)
    assert objective.weight.grad is not None
    assert (objective.weight.grad * gradient.scale).tolist() == [1.5]
    assert gradient.pairs == {"loss": (9.0, 3.0), "mean": (18.0, 3.0)}
