"""Probe heads: small networks that predict a task from the hidden states of an upstream network.

Every head begins with a learned layer mix: states weighted by a softmax and summed, as in SUPERB, each of them
standardised first (ours), because states of a pre-LN network grow from block to block.
A batch of utterances of unequal length is all frames in a row and the length of each utterance, so only
the recurrent head sees padding.

Shapes: N frames of all utterances of a batch, B utterances, L hidden states, D their dimension, C classes,
T frames of the longest utterance, H hidden units.

Source: Yang et al., "SUPERB: Speech processing Universal PERformance Benchmark", Interspeech 2021.
"""

from __future__ import annotations

from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

N = TypeVar("N", int, Tensor)
SMALLEST_STD = 1e-4  # a dimension that hardly varies in training must not explode on other data


class LayerMix(nn.Module):
    """Σ_l softmax(w)_l · (x_l − mean_l) / std_l, with w = 0 at the start.

    Args:
        mean_LD, std_LD: of the training set, per state and dimension; not trained.
    """

    mean_LD: Tensor
    std_LD: Tensor

    def __init__(self, mean_LD: Tensor, std_LD: Tensor) -> None:
        super().__init__()
        self.weight_L = nn.Parameter(torch.zeros(len(mean_LD)))
        self.register_buffer("mean_LD", mean_LD.float())
        self.register_buffer("std_LD", std_LD.float().clamp_min(SMALLEST_STD))

    @property
    def shares_L(self) -> Tensor:
        """Share of each state in the sum; adds up to 1."""
        return self.weight_L.softmax(0)

    def forward(self, states_NLD: Tensor) -> Tensor:
        """Mixed features [N, D]."""
        scale_LD = self.shares_L[:, None] / self.std_LD  # without the standardised states in memory
        mixed_ND: Tensor = _ScaledSum.apply(states_NLD, scale_LD)
        return mixed_ND - (self.mean_LD * scale_LD).sum(0)


class _ScaledSum(torch.autograd.Function):
    """Σ_l x_l · scale_l [N, D], state by state: in a tenth of einsum's time, and without a float32 copy of the states.

    Einsum makes a product of matrices for each of the D dimensions of it.
    """

    @staticmethod
    def forward(ctx: Any, x_NLD: Tensor, scale_LD: Tensor) -> Tensor:
        ctx.save_for_backward(x_NLD, scale_LD)
        sum_ND = x_NLD[:, 0].to(scale_LD.dtype) * scale_LD[0]
        for i in range(1, len(scale_LD)):
            sum_ND.addcmul_(x_NLD[:, i].to(scale_LD.dtype), scale_LD[i])
        return sum_ND

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor]:
        (x_NLD, scale_LD), (grad_ND,) = ctx.saved_tensors, grads
        of_scale = [(x_NLD[:, i].to(scale_LD.dtype) * grad_ND).sum(0) for i in range(len(scale_LD))]
        of_x = (grad_ND[:, None] * scale_LD).to(x_NLD.dtype) if ctx.needs_input_grad[0] else None
        return of_x, torch.stack(of_scale)


class Head(nn.Module):
    """A layer mix and the layers after it: frames [N, L, D] of utterances with `lengths_B` frames -> scores."""

    def __init__(self, mix: LayerMix) -> None:
        super().__init__()
        self.mix = mix

    def forward(self, states_NLD: Tensor, lengths_B: Tensor) -> Tensor:
        raise NotImplementedError


class FrameHead(Head):
    """One Linear per frame: scores [N, C]."""

    def __init__(self, mix: LayerMix, classes: int, generator: torch.Generator) -> None:
        super().__init__(mix)
        self.classify = nn.Linear(mix.mean_LD.shape[1], classes)
        initialise(self, generator)

    def forward(self, states_NLD: Tensor, lengths_B: Tensor) -> Tensor:
        scores_NC: Tensor = self.classify(self.mix(states_NLD))
        return scores_NC


class PooledHead(Head):
    """Linear -> mean over the frames of an utterance -> Linear: scores [B, C].

    Linear up to the mean, so the mean frame of an utterance (a length of 1) gives the same scores as all
    its frames.
    """

    def __init__(self, mix: LayerMix, hidden: int, classes: int, generator: torch.Generator) -> None:
        super().__init__(mix)
        self.project = nn.Linear(mix.mean_LD.shape[1], hidden)
        self.classify = nn.Linear(hidden, classes)
        initialise(self, generator)

    def forward(self, states_NLD: Tensor, lengths_B: Tensor) -> Tensor:
        projected_NH = self.project(self.mix(states_NLD))
        if len(lengths_B) < len(states_NLD):
            row_N = torch.repeat_interleave(torch.arange(len(lengths_B), device=lengths_B.device), lengths_B)
            sums_BH = projected_NH.new_zeros(len(lengths_B), projected_NH.shape[1]).index_add(0, row_N, projected_NH)
            projected_NH = sums_BH / lengths_B[:, None]
        scores_BC: Tensor = self.classify(projected_NH)
        return scores_BC


class CTCHead(Head):
    """Linear -> bidirectional LSTM -> Linear: log-probabilities [T, B, C], class 0 the blank.

    SUPERB's ASR head is one of Linear 1024 and 2 layers of 1024, and `plain`. Without layers the two Linears follow
    each other, as in its PR head (Linear 256). With a `stride` s it gives one score per s frames: the Linear sees s
    frames side by side, and T is `shortened(longest utterance)`.

    Args:
        plain: nothing follows the first Linear; else ReLU and dropout, if there are layers.
        augment: changes the mixed features [T, D] of each utterance in training.
    """

    def __init__(
        self,
        mix: LayerMix,
        hidden: int,
        layers: int,
        classes: int,
        dropout: float,
        stride: int,
        generator: torch.Generator,
        plain: bool = False,
        augment: nn.Module | None = None,
    ) -> None:
        super().__init__(mix)
        self.stride, self.plain, self.augment = stride, plain or not layers, augment
        self.project = nn.Linear(stride * mix.mean_LD.shape[1], hidden)
        self.drop = nn.Dropout(dropout)
        self.recur = nn.ModuleList(BLSTM(hidden if i == 0 else 2 * hidden, hidden) for i in range(layers))
        self.classify = nn.Linear(2 * hidden if layers else hidden, classes)
        initialise(self, generator)

    def forward(self, states_NLD: Tensor, lengths_B: Tensor) -> Tensor:
        of_each = self.mix(states_NLD).split(lengths_B.tolist())
        x_BTD = pad_sequence([self.augment(x_TD) if self.augment else x_TD for x_TD in of_each], batch_first=True)
        surplus = -x_BTD.shape[1] % self.stride
        x_BTD = nn.functional.pad(x_BTD, (0, 0, 0, surplus)).unflatten(1, (-1, self.stride)).flatten(2)
        short_B = shortened(lengths_B, self.stride)
        x_BTD = self.project(x_BTD)
        if not self.plain:
            x_BTD = self.drop(torch.relu(x_BTD))
        for layer in self.recur:
            x_BTD = self.drop(layer(x_BTD, short_B))
        return self.classify(x_BTD).log_softmax(-1).transpose(0, 1)


def shortened(lengths: N, stride: int) -> N:
    """Number of scores of a CTC head for `frames` frames; the last one may see fewer than `stride`."""
    return -(-lengths // stride)


class BLSTM(nn.Module):
    """Bidirectional LSTM over padded utterances [B, T, D] -> [B, T, 2H]; padding does not change their frames.

    Two LSTMs, the second on utterances reversed within their own lengths. Equals a packed nn.LSTM in a third of
    its time on a CPU, which has no fast kernel for packed sequences.
    """

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.onward = nn.LSTM(dim, hidden, batch_first=True)
        self.back = nn.LSTM(dim, hidden, batch_first=True)

    def forward(self, x_BTD: Tensor, lengths_B: Tensor) -> Tensor:
        step_T = torch.arange(x_BTD.shape[1], device=x_BTD.device)
        turned_BT = torch.where(step_T < lengths_B[:, None], lengths_B[:, None] - 1 - step_T, step_T)
        back_BTH = _at(self.back(_at(x_BTD, turned_BT))[0], turned_BT)
        return torch.cat([self.onward(x_BTD)[0], back_BTH], -1)


def _at(x_BTD: Tensor, step_BT: Tensor) -> Tensor:
    return x_BTD.gather(1, step_BT[..., None].expand_as(x_BTD))


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """PyTorch's own initial distributions, U(±1/√fan_in), drawn from `generator` instead of the global one."""
    for part in module.modules():
        if isinstance(part, (nn.Linear, nn.LSTM)):
            fan = part.in_features if isinstance(part, nn.Linear) else part.hidden_size
            for parameter in part.parameters():
                nn.init.uniform_(parameter, -(fan**-0.5), fan**-0.5, generator=generator)
