"""The distance between two temporal Gram matrices, without keeping a T × T tensor for the backward pass.

For a student's states P, Q [T, D] and a teacher's R, S [T, E] it is ‖P Qᵀ − R Sᵀ‖², the sum over all pairs of frames.
Nothing says that D equals E, so a narrow student needs no projection. With Q = P and S = R it is STaR's layer-wise
term of one layer, with Q the next layer's states its intra-layer term.

Two ways, of which the cheaper one is taken: by rows of the difference itself (T × T, never whole in memory), or, for
long audio, by products of widths: ‖P Qᵀ − R Sᵀ‖² = tr(PᵀP QᵀQ) + tr(RᵀR SᵀS) − 2 tr(PᵀR SᵀQ). The gradient is
computed with the distance, since both need the same products.

Source: Jang et al., "STaR: Distilling Speech Temporal Relation for Lightweight Speech Self-Supervised Learning
Models", ICASSP 2024, eq. 2 to 4. Shapes: B utterances, T frames, D the student's width, E the teacher's.
"""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from ...models.linear import affine

ROWS = 256  # rows of the difference that are in memory at once
Way = Literal["cheaper", "frames", "widths"]


def gram_distance(
    p_BTD: Tensor, r_BTE: Tensor, q_BTD: Tensor | None = None, s_BTE: Tensor | None = None, way: Way = "cheaper"
) -> Tensor:
    """Sum over the utterances of ‖P Qᵀ − R Sᵀ‖², a scalar in float32 (float64 for float64); q, s None: Q = P, S = R.

    Frames of padding must be 0 in all of them. Nothing flows into the teacher's states.
    """
    given = [x if x is None or x.dtype == torch.float64 else x.float() for x in (p_BTD, q_BTD, r_BTE, s_BTE)]
    with torch.autocast(p_BTD.device.type, enabled=False):
        distance: Tensor = _Distance.apply(*given, way)
    return distance


class _Distance(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, p_BTD: Tensor, q_BTD: Tensor | None, r_BTE: Tensor, s_BTE: Tensor | None, way: Way) -> Tensor:
        alike = q_BTD is None
        frames, d, e = p_BTD.shape[1], p_BTD.shape[2], r_BTE.shape[2]
        by_widths = widths_are_cheaper(frames, d, e) if way == "cheaper" else way == "widths"
        compute = _by_widths if by_widths else _by_frames
        total, slope_p, slope_q = compute(
            p_BTD, p_BTD if q_BTD is None else q_BTD, r_BTE, r_BTE if s_BTE is None else s_BTE, alike
        )
        ctx.save_for_backward(slope_p, *([] if alike else [slope_q]))
        return total.to(p_BTD.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        slope_p, *slope_q = ctx.saved_tensors
        return gradient * slope_p, *([gradient * slope_q[0]] if slope_q else [None]), None, None, None


def widths_are_cheaper(frames: int, d: int, e: int) -> bool:
    """True if products of widths take fewer multiplications than those of frames, for distance and slope."""
    return d * d + e * e + d * e + d * (d + e) < frames * ((d + e) / 2 + d)


def _by_frames(
    p_BTD: Tensor, q_BTD: Tensor, r_BTE: Tensor, s_BTE: Tensor, alike: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(distance, its slopes by P and by Q), from `ROWS` rows of the difference at a time.

    P Qᵀ − R Sᵀ = [P, R] [Q, −S]ᵀ: one product. Where both sides are alike, the difference is symmetric: only what is
    on and above its diagonal is computed, and both slopes are in the first.
    """
    left_BTF, right_BTF = torch.cat([p_BTD, r_BTE], -1), torch.cat([q_BTD, -s_BTE], -1)
    total = torch.zeros((), dtype=torch.float64, device=p_BTD.device)
    slope_p, slope_q = torch.zeros_like(p_BTD), p_BTD if alike else torch.zeros_like(q_BTD)
    for first in range(0, p_BTD.shape[1], ROWS):
        rows = slice(first, first + ROWS)
        columns = slice(first if alike else 0, None)
        gap_BMN = _product(left_BTF[:, rows], right_BTF[:, columns])
        if alike:
            size = gap_BMN.shape[1]
            total += 2 * _square(gap_BMN) - _square(gap_BMN[:, :, :size])
            slope_p[:, rows] += 4 * _product(gap_BMN, p_BTD[:, columns].transpose(1, 2))
            slope_p[:, first + size :] += 4 * _product(
                gap_BMN[:, :, size:].transpose(1, 2), p_BTD[:, rows].transpose(1, 2)
            )
        else:
            total += _square(gap_BMN)
            slope_p[:, rows] = 2 * _product(gap_BMN, q_BTD.transpose(1, 2))
            slope_q += 2 * _product(gap_BMN.transpose(1, 2), p_BTD[:, rows].transpose(1, 2))
    return total, slope_p, slope_q


def _by_widths(
    p_BTD: Tensor, q_BTD: Tensor, r_BTE: Tensor, s_BTE: Tensor, alike: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """(distance, its slopes by P and by Q), from products [D, D], [E, E] and [D, E].

    Three large numbers make a small one: in float32 a distance below a millionth of ‖R Sᵀ‖² is lost in rounding.
    """
    ours_p_BDD, theirs_r_BEE, cross_p_BDE = _inner(p_BTD, p_BTD), _inner(r_BTE, r_BTE), _inner(p_BTD, r_BTE)
    ours_q_BDD, theirs_s_BEE, cross_q_BDE = (
        (ours_p_BDD, theirs_r_BEE, cross_p_BDE)
        if alike
        else (_inner(q_BTD, q_BTD), _inner(s_BTE, s_BTE), _inner(q_BTD, s_BTE))
    )
    total = _dot(ours_p_BDD, ours_q_BDD) + _dot(theirs_r_BEE, theirs_s_BEE) - 2 * _dot(cross_p_BDE, cross_q_BDE)
    slope_p = (4 if alike else 2) * (_product(p_BTD, ours_q_BDD) - _product(r_BTE, cross_q_BDE))
    slope_q = p_BTD if alike else 2 * (_product(q_BTD, ours_p_BDD) - _product(s_BTE, cross_p_BDE))
    return total.clamp_min(0), slope_p, slope_q


def _inner(a_BTD: Tensor, b_BTE: Tensor) -> Tensor:
    return _product(a_BTD.transpose(1, 2), b_BTE.transpose(1, 2))


def _product(a_BMK: Tensor, b_BNK: Tensor) -> Tensor:
    """a bᵀ [B, M, N] of each utterance; on a CPU one by one, through its fastest product."""
    if a_BMK.device.type != "cpu":
        return a_BMK @ b_BNK.transpose(1, 2)
    return torch.stack([affine(a_MK, b_NK) for a_MK, b_NK in zip(a_BMK, b_BNK, strict=True)])


def _square(x: Tensor) -> Tensor:
    return torch.linalg.vector_norm(x, dtype=torch.float64).square()


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a.double() * b.double()).sum()
