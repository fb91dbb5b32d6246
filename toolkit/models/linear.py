"""Products of float32 matrices on a CPU through oneDNN, and the Linear layer made of them.

torch hands float32 products to MKL, which leaves half of a processor unused that has AVX-512 and is not Intel's
(measured on AMD Zen 5: 95 GFLOP/s a core, oneDNN 190); where MKL does use all of it, the two are equally fast.
On a GPU, in another precision, in a build without oneDNN the layer is torch's own; and it is without gradients:
oneDNN builds and keeps a kernel for every shape that it meets, which pays where shapes come again, as the lengths of
training do, and costs more than it saves on utterances that are each of a length of their own.

Shapes: M rows, I inputs, O outputs.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

HAS_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def affine(x_MI: Tensor, weight_OI: Tensor, bias_O: Tensor | None = None) -> Tensor:
    """x @ weight.T + bias, [M, O], without a gradient, for shapes that recur; both may be transposed views."""
    if not HAS_ONEDNN or x_MI.device.type != "cpu" or x_MI.dtype != torch.float32 or not x_MI.numel():
        return F.linear(x_MI, weight_OI, bias_O)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(_plain(x_MI), _plain(weight_OI), bias_O, "none", [], "")
    return product


def _plain(x: Tensor) -> Tensor:
    """As it is where it or its transpose is contiguous: oneDNN takes other layouts too, a thousand times as slowly."""
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
    """torch.nn.Linear, its parameters and its numbers within rounding; gradients of gradients it does not have."""

    def forward(self, input: Tensor) -> Tensor:
        own = (
            HAS_ONEDNN
            and torch.is_grad_enabled()
            and input.device.type == "cpu"
            and input.dtype == self.weight.dtype == torch.float32
        )
        if not own or input.shape[-1] != self.in_features or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        rows: Tensor = _Affine.apply(input.reshape(-1, self.in_features), self.weight, self.bias)
        return rows.view(*input.shape[:-1], self.out_features)
