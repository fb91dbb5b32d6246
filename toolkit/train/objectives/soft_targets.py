"""Cross-entropy and Kullback-Leibler divergence over a large vocabulary, without the logits of a batch in memory.

Positions are processed in chunks: the logits of student and teacher, both losses and their gradients by the states are
computed, added up and dropped. So a batch needs memory for two chunks of logits; autograd would keep six
tensors of all logits (3 GB each for 32 labels padded to 448 and 51,865 tokens).

Shapes: N positions, D width of the student, E of the teacher, V tokens, K likeliest ones.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...models.linear import affine

CHUNK = 512  # positions
BLOCK = 1 << 20  # logits that a CPU works on at once
TINY = 1e-30  # probability that counts as none


class Likeliest(NamedTuple):
    """Stored part of a teacher: its likeliest tokens, and their log-probabilities at the temperature of the loss."""

    tokens_NK: Tensor
    logprobs_NK: Tensor

    def part(self, part: slice) -> Likeliest:
        return Likeliest(self.tokens_NK[part], self.logprobs_NK[part])


class _SoftTargets(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states_ND: Tensor,
        weight_VD: Tensor,
        labels_N: Tensor,
        teacher_NE: Tensor | None,
        teacher_VE: Tensor | None,
        likeliest: Likeliest | None,
        ce_weight: float,
        kl_weight: float,
        temperature: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wanted = ctx.needs_input_grad
        gradient_ND = torch.zeros_like(states_ND) if wanted[0] else None
        gradient_VD = None if len(states_ND) or not wanted[1] else torch.zeros_like(weight_VD)
        weight, sums = weight_VD.to(states_ND.dtype), torch.zeros(3, dtype=torch.float64, device=states_ND.device)
        for first in range(0, len(states_ND), chunk):
            part = slice(first, first + chunk)
            logits = affine(states_ND[part], weight).float()
            labels = labels_N[part]
            teacher: Tensor | Likeliest | None = likeliest.part(part) if likeliest else None
            if teacher_NE is not None and teacher_VE is not None and kl_weight:
                teacher = affine(teacher_NE[part], teacher_VE.to(teacher_NE.dtype)).float()
            sums += _losses(logits, labels, teacher, ce_weight, kl_weight, temperature)
            gradient = logits.to(states_ND.dtype)
            if gradient_ND is not None:
                gradient_ND[part] = affine(gradient, weight.T)
            if wanted[1]:
                product = affine(gradient.T, states_ND[part].T).to(weight_VD.dtype)
                gradient_VD = product if gradient_VD is None else gradient_VD.add_(product)
        ctx.save_for_backward(gradient_ND, gradient_VD)
        ce, kl, right = sums.float()
        ctx.mark_non_differentiable(ce, kl, right)
        return ce_weight * ce + kl_weight * kl, ce, kl, right

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor, *_: Any) -> tuple[Tensor | None, ...]:
        by_states, by_weight = ctx.saved_tensors
        return (
            None if by_states is None else by_states * gradient.to(by_states.dtype),
            None if by_weight is None else by_weight * gradient.to(by_weight.dtype),
            *(None,) * 8,
        )


def _losses(
    logits_NV: Tensor,
    labels_N: Tensor,
    teacher: Tensor | Likeliest | None,
    ce_weight: float,
    kl_weight: float,
    T: float,
) -> Tensor:
    """[sum of CE, of KL · T², of right answers]; the gradient of their weighted sum replaces the logits.

    KL's gradient is T · (softmax(student / T) − softmax(teacher / T)); CE's is softmax(student) − the label. Logits
    [N, V] of the teacher are overwritten. A few positions at a time: so intermediate values stay in the cache.
    """
    sums = torch.zeros(3, dtype=torch.float64, device=logits_NV.device)
    block = max(1, BLOCK // logits_NV.shape[1]) if logits_NV.device.type == "cpu" else len(logits_NV)
    for first in range(0, len(logits_NV), block):
        part = slice(first, first + block)
        theirs = teacher.part(part) if isinstance(teacher, Likeliest) else None if teacher is None else teacher[part]
        sums += _block(logits_NV[part], labels_N[part], theirs, ce_weight, kl_weight, T)
    return sums


def _block(
    logits_NV: Tensor,
    labels_N: Tensor,
    teacher: Tensor | Likeliest | None,
    ce_weight: float,
    kl_weight: float,
    T: float,
) -> Tensor:
    rows = torch.arange(len(labels_N), device=logits_NV.device)
    right = (logits_NV.argmax(1) == labels_N).sum()
    log_NV = logits_NV.log_softmax(1)
    ce = -log_NV[rows, labels_N].sum()
    kl = torch.zeros_like(ce)
    if teacher is None or not kl_weight:
        gradient_NV = logits_NV.zero_()
    else:
        student_NV = logits_NV.div_(T).log_softmax(1)
        if isinstance(teacher, Likeliest):
            divergence, target_NV = _of_some(teacher, student_NV)
        else:
            divergence, target_NV = _of_all(teacher, student_NV, T)
        kl = divergence * T**2
        gradient_NV = torch.exp(student_NV, out=logits_NV).sub_(target_NV).mul_(kl_weight * T)
    if ce_weight:
        gradient_NV.add_(log_NV.exp_(), alpha=ce_weight)
        gradient_NV[rows, labels_N] -= ce_weight
    return torch.stack([ce.double(), kl.double(), right.double()])


def _of_all(teacher_NV: Tensor, student_NV: Tensor, T: float) -> tuple[Tensor, Tensor]:
    """(divergence, softmax(teacher / T), which replaces its logits) for log-probabilities of a student."""
    theirs_NV = teacher_NV.div_(T).log_softmax(1)
    target_NV = torch.exp(theirs_NV, out=teacher_NV)
    return theirs_NV.sub_(student_NV).mul_(target_NV).sum(), target_NV


def _of_some(teacher: Likeliest, student_NV: Tensor) -> tuple[Tensor, Tensor]:
    """(divergence, target of the student's probabilities), with all other tokens as one outcome.

    Only the sum of the other tokens is known: the student keeps their shares of it.
    """
    tokens_NK = teacher.tokens_NK.long()
    theirs_NK = teacher.logprobs_NK.to(student_NV)
    target_NV = student_NV.exp().scatter_(1, tokens_NK, 0)
    ours_N, total_N = target_NV.sum(1), theirs_NK.exp().sum(1)
    rest_N = (1 - total_N).clamp(min=0) * (ours_N > TINY)
    theirs_NK = theirs_NK - (total_N + rest_N).log()[:, None]  # they were rounded: make them sum to 1 again
    target_NV.mul_((rest_N / ours_N.clamp(min=TINY))[:, None]).scatter_(1, tokens_NK, theirs_NK.exp())
    divergence = (theirs_NK.exp() * (theirs_NK - student_NV.gather(1, tokens_NK))).sum()
    return divergence + (torch.xlogy(rest_N, rest_N) - torch.xlogy(rest_N, ours_N.clamp(min=TINY))).sum(), target_NV


def soft_targets(
    states_ND: Tensor,
    weight_VD: Tensor,
    labels_N: Tensor,
    teacher_NE: Tensor | None = None,
    teacher_VE: Tensor | None = None,
    *,
    likeliest: Likeliest | None = None,
    ce_weight: float = 1.0,
    kl_weight: float = 0.0,
    temperature: float = 1.0,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(ce_weight · CE + kl_weight · KL, CE, KL, right answers), summed over the positions; the first has a gradient.

    CE = −Σ log softmax(z)[label]; KL = T² Σ softmax(z' / T) · (log softmax(z' / T) − log softmax(z / T)), where z are
    the student's logits, states_ND @ weight_VD.T, and z' the teacher's. Nothing flows into the teacher. With
    `likeliest`, in place of the teacher's states and output layer, all tokens but those are one outcome of both
    distributions: no more than the KL of all, and equal to it where K is V.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; the weights: objectives/seq2seq.py.
    """
    sums: tuple[Tensor, Tensor, Tensor, Tensor] = _SoftTargets.apply(
        states_ND, weight_VD, labels_N, teacher_NE, teacher_VE, likeliest, ce_weight, kl_weight, temperature, chunk
    )
    return sums
