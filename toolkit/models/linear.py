"""Products of float32 matrices on a CPU through oneDNN, and the Linear layer made of them.

torch uses MKL for float32 products, which leaves half of a non-Intel processor with AVX-512 unused (measured on AMD
Zen 5: 95 GFLOP/s per core, oneDNN 190); on Intel both are equally fast. On a GPU, in another precision or in a build
without oneDNN, the layer is torch's own. So it is without gradients, unless its shapes are declared to recur: oneDNN
builds and keeps a kernel for every shape, which pays for repeated shapes (crops of training, Whisper's windows) but not
for utterances that all have different lengths.

Shapes: M rows, I inputs, O outputs; B windows, H heads, L queries, S keys, K width of a head.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
MANY = 64  # number of queries from which on attention uses `affine`


def affine(x_MI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, [M, O], without a gradient, for shapes that recur; both may be transposed views."""
    if not _fast(x_MI):
        return F.linear(x_MI, weight_OI, bias_O)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(_plain(x_MI), _plain(weight_OI), bias_O, "none", [], "")
    return product


def attention(query_BHLK: Tensor, key_BHSK: Tensor, value_BHSK: Tensor) -> Tensor:
    """softmax(q kᵀ / √K) v, [B, H, L, K], without mask and gradient, for shapes that recur.

    Head by head through `affine`, so that the L × S weights stay in the cache: on a CPU where MKL is slow this takes
    half the time of torch's own; for a few queries it would take longer.
    """
    if not _fast(query_BHLK) or query_BHLK.shape[2] < MANY:
        return F.scaled_dot_product_attention(query_BHLK, key_BHSK, value_BHSK)
    found_BHLK = torch.empty(query_BHLK.shape, dtype=query_BHLK.dtype)
    scaled_BHLK = query_BHLK * query_BHLK.shape[-1] ** -0.5
    for b in range(found_BHLK.shape[0]):
        for h in range(found_BHLK.shape[1]):
            weights_LS = affine(scaled_BHLK[b, h], key_BHSK[b, h]).softmax(1)
            found_BHLK[b, h] = affine(weights_LS, value_BHSK[b, h].contiguous().T)
    return found_BHLK


def _fast(x: Tensor) -> bool:
    return HAS_ONEDNN and x.device.type == "cpu" and x.dtype == torch.float32 and x.numel() > 0


def _plain(x: Tensor) -> Tensor:
    """x itself if it or its transpose is contiguous, else a copy: oneDNN is a thousand times slower on others."""
    return x if x.is_contiguous() or x.T.is_contiguous() else x.contiguous()


class _Affine(torch.autograd.Function):
    """`affine` with its gradients."""

    @staticmethod
    def forward(ctx: Any, x_MI: Tensor, weight_OI: Tensor, bias_O: Tensor | None) -> Tensor:
        ctx.save_for_backward(x_MI, weight_OI)
        return affine(x_MI, weight_OI, bias_O)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_MO: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x_MI, weight_OI = ctx.saved_tensors
        wanted = ctx.needs_input_grad
        return (
            affine(gradient_MO, weight_OI.T) if wanted[0] else None,
            affine(gradient_MO.T, x_MI.T) if wanted[1] else None,
            gradient_MO.sum(0) if wanted[2] else None,
        )


class Linear(nn.Linear):
    """torch.nn.Linear, with the same parameters and, up to rounding, the same numbers; it has no second derivatives.

    Attributes:
        recurs: True if its shapes recur without gradients, too.
    """

    recurs = False

    def forward(self, input: Tensor) -> Tensor:
        own = _fast(input) and self.weight.dtype == torch.float32 and (torch.is_grad_enabled() or self.recurs)
        if not own or input.shape[-1] != self.in_features or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        rows_MI = input.reshape(-1, self.in_features)
        if torch.is_grad_enabled():
            rows_MO: Tensor = _Affine.apply(rows_MI, self.weight, self.bias)
        else:
            rows_MO = affine(rows_MI, self.weight, self.bias)
        return rows_MO.view(*input.shape[:-1], self.out_features)


class RecurringLinear(Linear):
    """A Linear whose shapes recur, with and without gradients."""

    recurs = True
