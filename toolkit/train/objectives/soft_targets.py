"""Cross-entropy and Kullback-Leibler divergence over a large vocabulary, without the logits of a batch in memory.

Positions are taken a chunk at a time: logits of student and teacher, both losses and their gradients by the states are
made, added up, and forgotten. So a batch costs two chunks of logits where autograd would keep six tensors of all of
them (of 32 labels padded to 448 and 51,865 tokens: 3 GB each).

Shapes: N positions, D width of the student, E of the teacher, V tokens.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

CHUNK = 512  # positions


class _SoftTargets(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        states_ND: Tensor,
        weight_VD: Tensor,
        labels_N: Tensor,
        teacher_NE: Tensor | None,
        teacher_VE: Tensor | None,
        ce_weight: float,
        kl_weight: float,
        temperature: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        wanted = ctx.needs_input_grad
        gradient_ND = torch.zeros_like(states_ND) if wanted[0] else None
        gradient_VD = torch.zeros_like(weight_VD) if wanted[1] else None
        weight, sums = weight_VD.to(states_ND.dtype), torch.zeros(3, dtype=torch.float64, device=states_ND.device)
        for first in range(0, len(states_ND), chunk):
            part = slice(first, first + chunk)
            logits = F.linear(states_ND[part], weight).float()
            labels = labels_N[part]
            teacher = None
            if teacher_NE is not None and teacher_VE is not None:
                teacher = F.linear(teacher_NE[part], teacher_VE.to(teacher_NE.dtype)).float()
            found, gradient = _losses(logits, labels, teacher, ce_weight, kl_weight, temperature)
            sums += found
            gradient = gradient.to(states_ND.dtype)
            if gradient_ND is not None:
                gradient_ND[part] = gradient @ weight
            if gradient_VD is not None:
                gradient_VD += (gradient.T @ states_ND[part]).to(gradient_VD.dtype)
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
            *(None,) * 7,
        )


def _losses(
    logits_NV: Tensor, labels_N: Tensor, teacher_NV: Tensor | None, ce_weight: float, kl_weight: float, T: float
) -> tuple[Tensor, Tensor]:
    """([sum of CE, of KL · T², of right answers], gradient of their weighted sum by the logits).

    KL's gradient is T · (softmax(student / T) − softmax(teacher / T)); CE's is softmax(student) − the label.
    """
    rows = torch.arange(len(labels_N), device=logits_NV.device)
    log_NV = logits_NV.log_softmax(1)
    ce = -log_NV[rows, labels_N].sum()
    right = (logits_NV.argmax(1) == labels_N).sum()
    kl = torch.zeros_like(ce)
    gradient_NV = torch.zeros_like(logits_NV)
    if teacher_NV is not None and kl_weight:
        student_NV, theirs_NV = (logits_NV / T).log_softmax(1), (teacher_NV / T).log_softmax(1)
        theirs = theirs_NV.exp()
        kl = (theirs * (theirs_NV - student_NV)).sum() * T**2
        gradient_NV = (student_NV.exp_() - theirs) * (kl_weight * T)
    if ce_weight:
        gradient_NV += log_NV.exp_() * ce_weight
        gradient_NV[rows, labels_N] -= ce_weight
    return torch.stack([ce.double(), kl.double(), right.double()]), gradient_NV


def soft_targets(
    states_ND: Tensor,
    weight_VD: Tensor,
    labels_N: Tensor,
    teacher_NE: Tensor | None = None,
    teacher_VE: Tensor | None = None,
    *,
    ce_weight: float = 1.0,
    kl_weight: float = 0.0,
    temperature: float = 1.0,
    chunk: int = CHUNK,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """(ce_weight · CE + kl_weight · KL, CE, KL, right answers), summed over the positions; the first has a gradient.

    CE = −Σ log softmax(z)[label]; KL = T² Σ softmax(z' / T) · (log softmax(z' / T) − log softmax(z / T)), where z are
    the student's logits, states_ND @ weight_VD.T, and z' the teacher's. Nothing flows into the teacher.

    Source: Hinton et al., "Distilling the Knowledge in a Neural Network", 2015; the weights: objectives/seq2seq.py.
    """
    found: tuple[Tensor, Tensor, Tensor, Tensor] = _SoftTargets.apply(
        states_ND, weight_VD, labels_N, teacher_NE, teacher_VE, ce_weight, kl_weight, temperature, chunk
    )
    return found
