"""Cross-entropy and KL divergence in chunks against the formulas written out in float64."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit.train.objectives.soft_targets import CHUNK, Likeliest, soft_targets

weights = st.sampled_from([0.0, 0.8, 1.0, 2.5])


def written_out(
    states_ND: Tensor, weight_VD: Tensor, labels_N: Tensor, theirs_NV: Tensor | None, ce: float, kl: float, T: float
) -> tuple[Tensor, Tensor, Tensor]:
    """(loss, CE, KL) a position after the other, from probabilities, not from log_softmax."""
    total_ce = total_kl = 0 * (states_ND.sum() + weight_VD.sum())
    for n, label in enumerate(labels_N.tolist()):
        z_V = weight_VD @ states_ND[n]
        total_ce = total_ce - (z_V[label] - z_V.exp().sum().log())
        if theirs_NV is not None:
            p_V = (theirs_NV[n] / T).exp() / (theirs_NV[n] / T).exp().sum()
            q_V = (z_V / T).exp() / (z_V / T).exp().sum()
            total_kl = total_kl + T * T * (p_V * (p_V / q_V).log()).sum()
    return ce * total_ce + kl * total_kl, total_ce, total_kl


def drawn(positions: int, width: int, theirs: int, tokens: int, seed: int) -> dict[str, Tensor]:
    """float64 inputs; those of the student want gradients, and so do the teacher's, which must get none."""
    g = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=g, dtype=torch.float64, requires_grad=True)

    labels_N = torch.randint(0, tokens, (positions,), generator=g)
    return {
        "states_ND": normal(positions, width),
        "weight_VD": normal(tokens, width),
        "labels_N": labels_N,
        "teacher_NE": normal(positions, theirs),
        "teacher_VE": normal(tokens, theirs),
    }


@given(
    st.integers(0, 9), st.integers(1, 6), st.integers(1, 6), st.integers(2, 30), st.integers(1, 11),
    weights, weights, st.sampled_from([0.5, 1.0, 2.0, 7.0]), st.floats(-3, 3), st.integers(0, 10**6),
)  # fmt: skip
@settings(max_examples=120)
def test_losses_and_both_gradients_are_those_of_the_formula(
    positions: int, width: int, theirs: int, tokens: int, chunk: int,
    ce: float, kl: float, temperature: float, upstream: float, seed: int,
) -> None:  # fmt: skip
    x = drawn(positions, width, theirs, tokens, seed)
    sums = soft_targets(**x, ce_weight=ce, kl_weight=kl, temperature=temperature, chunk=chunk)
    teacher_NV = (x["teacher_NE"] @ x["teacher_VE"].T).detach()
    wanted = written_out(x["states_ND"], x["weight_VD"], x["labels_N"], teacher_NV, ce, kl, temperature)
    near = {"rtol": 2e-5, "atol": 2e-5}  # logits are float32 inside
    torch.testing.assert_close(sums[0].double(), wanted[0], **near)
    torch.testing.assert_close(sums[1].double(), wanted[1], **near)
    if kl:
        torch.testing.assert_close(sums[2].double(), wanted[2], **near)
    student = [x["states_ND"], x["weight_VD"]]
    ours = torch.autograd.grad(sums[0] * upstream, student, retain_graph=True)
    for a, b in zip(ours, torch.autograd.grad(wanted[0] * upstream, student), strict=True):
        torch.testing.assert_close(a, b, **near)
    sums[0].backward()
    assert x["teacher_NE"].grad is None and x["teacher_VE"].grad is None
    assert sums[3].item() == sum(
        int((x["weight_VD"] @ s).argmax()) == label for s, label in zip(x["states_ND"], x["labels_N"].tolist())
    )


@given(
    st.integers(0, 7), st.integers(2, 20), st.integers(1, 20), st.integers(1, 9),
    weights, weights, st.sampled_from([0.5, 1.0, 2.0, 7.0]), st.integers(0, 10**6),
)  # fmt: skip
@settings(max_examples=120)
def test_of_some_tokens_all_others_are_one_outcome(
    positions: int, tokens: int, kept: int, chunk: int, ce: float, kl: float, temperature: float, seed: int
) -> None:
    """KL of two distributions over the kept tokens and one for all others, a token after the other, in float64."""
    x = drawn(positions, 5, 5, tokens, seed)
    theirs_NV = ((x.pop("teacher_NE") @ x.pop("teacher_VE").T).detach() / temperature).softmax(1)
    top = theirs_NV.topk(min(kept, tokens), 1)
    sums = soft_targets(
        **x, likeliest=Likeliest(top.indices, top.values.log()),
        ce_weight=ce, kl_weight=kl, temperature=temperature, chunk=chunk,
    )  # fmt: skip
    wanted_ce = written_out(x["states_ND"], x["weight_VD"], x["labels_N"], None, 1.0, 0.0, 1.0)[1]
    divergence = every = 0 * wanted_ce
    for n in range(positions):
        p_V, q_V = theirs_NV[n], (x["weight_VD"] @ x["states_ND"][n] / temperature).softmax(0)
        every = every + (p_V * (p_V / q_V).log()).sum()
        ones = top.indices[n].tolist()
        others = [v for v in range(tokens) if v not in ones]
        divergence = divergence + sum(p_V[v] * (p_V[v] / q_V[v]).log() for v in ones)
        if others:
            divergence = divergence + p_V[others].sum() * (p_V[others].sum() / q_V[others].sum()).log()
    near = {"rtol": 5e-5, "atol": 5e-5}
    if kl:
        torch.testing.assert_close(sums[2].double(), (temperature**2 * divergence).double(), **near)
        assert sums[2].item() <= temperature**2 * every.item() + 1e-3
    wanted = ce * wanted_ce + kl * temperature**2 * divergence
    student = [x["states_ND"], x["weight_VD"]]
    ours = torch.autograd.grad(sums[0], student, retain_graph=True)
    for a, b in zip(ours, torch.autograd.grad(wanted, student), strict=True):
        torch.testing.assert_close(a, b, **near)


def test_a_hand_worked_case() -> None:
    """Student logits (ln 3, 0), so softmax (3/4, 1/4); teacher (0, 0), so (1/2, 1/2); label 1; T = 1.

    CE = ln 4; KL = 1/2 ln(2/3) + 1/2 ln 2 = 1/2 ln(4/3).
    """
    states_ND, weight_VD = torch.ones(1, 1), torch.tensor([[math.log(3)], [0.0]])
    loss, ce, kl, right = soft_targets(
        states_ND, weight_VD, torch.tensor([1]), torch.ones(1, 1), torch.zeros(2, 1), ce_weight=0.8, kl_weight=1.0
    )
    assert ce.item() == pytest.approx(math.log(4))
    assert kl.item() == pytest.approx(math.log(4 / 3) / 2)
    assert loss.item() == pytest.approx(0.8 * math.log(4) + math.log(4 / 3) / 2)
    assert right.item() == 0


def test_a_teacher_that_says_the_same_has_no_divergence_and_no_gradient() -> None:
    x = drawn(5, 4, 4, 9, 0)
    x["teacher_NE"], x["teacher_VE"] = x["states_ND"].detach().clone(), x["weight_VD"].detach().clone()
    loss, _, kl, _ = soft_targets(**x, ce_weight=0.0, kl_weight=1.0, temperature=2.0)
    assert abs(kl.item()) < 1e-6
    loss.backward()
    for name in ("states_ND", "weight_VD"):
        assert x[name].grad is not None and x[name].grad.abs().max() < 1e-6


def test_logits_of_thousands_give_finite_losses_and_gradients() -> None:
    """exp(2000) is infinite; an aimed-at label of probability 0 costs the difference of the logits."""
    states_ND = torch.full((2, 1), 1000.0, requires_grad=True)
    weight_VD = torch.tensor([[2.0], [-2.0], [0.0]], requires_grad=True)
    x = {"teacher_NE": torch.full((2, 1), 1000.0), "teacher_VE": torch.tensor([[-2.0], [2.0], [0.0]])}
    loss, ce, kl, _ = soft_targets(states_ND, weight_VD, torch.tensor([1, 1]), **x, kl_weight=1.0, temperature=2.0)
    assert ce.item() == pytest.approx(2 * 4000)
    assert kl.item() == pytest.approx(2 * 4 * 2000)
    loss.backward()
    assert states_ND.grad is not None and states_ND.grad.isfinite().all()
    assert weight_VD.grad is not None and weight_VD.grad.isfinite().all()


class Largest(TorchDispatchMode):
    """Notes the largest tensor that any operation returns."""

    elements = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for each in result if isinstance(result, (tuple, list)) else (result,):
            if isinstance(each, Tensor):
                self.elements = max(self.elements, each.numel())
        return result


def test_no_tensor_of_all_positions_and_all_tokens_is_ever_made() -> None:
    """2,000 x 5,000: nothing, forward or backward, is larger than a chunk of logits; a formula without chunks is."""
    positions, tokens, width = 2000, 5000, 4
    x = {name: t.detach().float() if t.is_floating_point() else t for name, t in drawn(8, width, 4, tokens, 0).items()}
    x = {name: t.repeat(positions // 8, *[1] * (t.ndim - 1)) if len(t) == 8 else t for name, t in x.items()}
    x["states_ND"].requires_grad_()
    x["weight_VD"].requires_grad_()
    with Largest() as seen:
        soft_targets(**x, kl_weight=1.0, temperature=2.0)[0].backward()
    assert seen.elements == max(CHUNK * tokens, tokens * width)
    with Largest() as naive:
        torch.nn.functional.cross_entropy(x["states_ND"] @ x["weight_VD"].T, x["labels_N"]).backward()
    assert naive.elements == positions * tokens


def test_what_is_kept_for_the_backward_pass_is_as_large_as_the_inputs() -> None:
    x = {name: t.float() if t.is_floating_point() else t for name, t in drawn(700, 4, 4, 900, 0).items()}
    kept: list[Tensor] = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t) or t, lambda t: t):
        loss = soft_targets(**{**x, "states_ND": x["states_ND"].detach().requires_grad_()}, kl_weight=1.0)[0]
    saved = sum(t.numel() for t in kept)
    assert loss.requires_grad and 0 < saved <= 700 * 4 + 900 * 4
