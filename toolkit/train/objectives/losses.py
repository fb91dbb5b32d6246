"""Losses between a student and its teacher, each a class with the name by which a config asks for it.

A loss is a sum over units (entries of matrices, utterances, values), whose number is known before the forward pass, so
that it is the same for any split of a step into micro-batches. Another loss is one class here and a line of a config:
docs/adding-a-loss.md.

Sources: Jang et al., "STaR", ICASSP 2024, and its public code (STaRHuBERT ef09e5e); Lee et al., "FitHuBERT",
Interspeech 2022; Chang et al., "DistilHuBERT", ICASSP 2022. Shapes: B utterances, T frames, D the student's width,
E the teacher's, L layers compared.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.errors import UserError
from ...models.hubert import Inside
from .config import LossConfig
from .gram import gram_distance

SMALLEST = 1e-12  # probability below which an attention weight counts as 0


class Sizes(NamedTuple):
    """Widths of student and teacher, the teacher's layer for each of the student's, layer 0 first, and its depth."""

    student: int
    teacher: int
    paired: tuple[int, ...]
    depth: int


@dataclass(frozen=True)
class Heard:
    """One pass of a network over a micro-batch.

    Attributes:
        inside: its states, and its attention maps if a loss asks for them.
        own_BT: True for frames that are not padding; None: all.
    """

    inside: Inside
    own_BT: Tensor | None

    def state(self, layer: int, x0: str) -> Tensor:
        """State of a layer [B, T, width] in float32, 0 at frames of padding; `x0` says what layer 0 is."""
        inside = self.inside
        x_BTD = inside.projected if layer == 0 and x0 == "cnn" else inside.states[layer]
        assert x_BTD is not None
        x_BTD = _wide(x_BTD)
        return self.own(x_BTD)

    def own(self, x_BTX: Tensor) -> Tensor:
        """Values of frames [B, T] or [B, T, X], 0 at frames of padding."""
        if self.own_BT is None:
            return x_BTX
        return torch.where(self.own_BT.view(*self.own_BT.shape, *[1] * (x_BTX.ndim - 2)), x_BTX, 0.0)


def _wide(x: Tensor) -> Tensor:
    """In float32, if it is not wider already."""
    return x if x.dtype == torch.float64 else x.float()


LOSSES: dict[str, type[Loss]] = {}
OF_EVERY_LOSS = ("type", "weight", "between", "layers", "options")  # fields of a config that need not be named


class Loss(nn.Module):
    """A comparison of two passes.

    Attributes:
        name: what a config calls it.
        maps: True if it needs attention maps.
        reads: fields of its config, beside those of every loss, that change something.
        options: further numbers that it takes, with their defaults.
    """

    name: ClassVar[str] = ""
    maps: ClassVar[bool] = False
    reads: ClassVar[tuple[str, ...]] = ("x0", "heads")
    options: Mapping[str, float] = {}

    def __init_subclass__(cls) -> None:
        """Any subclass can be asked for by its name."""
        super().__init_subclass__()
        LOSSES[cls.name] = cls

    def __init__(self, config: LossConfig, sizes: Sizes, mean: bool) -> None:
        """`mean`: a mean over layers and entries, else a sum over both and a mean over utterances.

        Raises ValueError for weights of layers that do not fit, a field that the loss does not read, or an option that
        it does not have.
        """
        super().__init__()
        plain = LossConfig()
        for field in fields(config):
            given = getattr(config, field.name)
            if field.name not in (*OF_EVERY_LOSS, *self.reads) and given != getattr(plain, field.name):
                raise ValueError(f"{self.name} has no {field.name}: it would change nothing")
        self.config, self.sizes, self.mean = config, sizes, mean
        if unknown := [name for name in config.options if name not in self.options]:
            near = difflib.get_close_matches(unknown[0], self.options, 1)
            raise ValueError(f"no option {unknown[0]}" + (f"; did you mean {near[0]}?" if near else ""))
        self.options = {**self.options, **config.options}
        layers = self.compared()
        if len(config.layers) > len(layers):
            raise ValueError(f"layers has {len(config.layers)} weights, and {len(layers)} layers are compared")
        given = config.layers or (1.0,)
        weights = (*given[:1] * (len(layers) - len(given)), *given)
        share = sum(weights) if mean else 1.0
        self.layers = [(layer, weight / share) for layer, weight in zip(layers, weights, strict=True) if weight]
        self.heads = self._heads() if config.heads else None

    def compared(self) -> Sequence[int]:
        """The student's layers that are compared."""
        return range(0 if self.config.x0 != "none" else 1, len(self.sizes.paired))

    def units(self, frames: Sequence[int]) -> float:
        """Number of units of a micro-batch whose utterances have so many frames: entries, or utterances."""
        return float(self.entries(frames) if self.mean else len(frames))

    def entries(self, frames: Sequence[int]) -> int:
        """Number of entries that are compared in one layer; by default the frames."""
        return sum(frames)

    def forward(self, student: Heard, teacher: Heard) -> Tensor:
        """Sum over the units, a scalar with a gradient for the student."""
        return torch.stack([weight * self.distance(student, teacher, layer) for layer, weight in self.layers]).sum()

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        """Sum over the entries of one of the layers compared, a scalar."""
        raise NotImplementedError  # each loss has its own

    def _heads(self) -> nn.ModuleDict:
        width = (self.sizes.student, self.sizes.teacher)
        return nn.ModuleDict({str(layer): nn.Linear(*width) for layer, _ in self.layers})

    def _both(self, student: Heard, teacher: Heard, layer: int) -> tuple[Tensor, Tensor]:
        """States of a layer of the student, after its head if it has one, and of the teacher's layer for it."""
        x0, ours_BTD = self.config.x0, student.state(layer, self.config.x0)
        if self.heads is not None:
            ours_BTD = student.own(_wide(self.heads[str(layer)](ours_BTD)))
        return ours_BTD, teacher.state(self.sizes.paired[layer], x0)


def loss_of(name: str, config: LossConfig, sizes: Sizes, mean: bool) -> Loss:
    """The loss that a config asks for under `name`. Raises UserError, naming the place in the config."""
    wanted, place = config.type or name, f"objective.losses.{name}"
    if wanted not in LOSSES:
        near = difflib.get_close_matches(wanted, LOSSES, 1)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(LOSSES)}"
        raise UserError(f"no loss {wanted}", place, remedy)
    try:
        return LOSSES[wanted](config, sizes, mean)
    except ValueError as e:
        raise UserError(str(e), place, "mend the field named") from None


class LayerWise(Loss):
    """STaR: squared differences of the temporal Gram matrices X Xᵀ of each layer."""

    name = "layer_wise"
    reads = ("x0", "heads", "scale", "normalise", "way")

    def entries(self, frames: Sequence[int]) -> int:
        return sum(n * n for n in frames)

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        return gram_distance(*self.measured(student, teacher, layer), way=self.config.way)

    def measured(self, student: Heard, teacher: Heard, layer: int) -> tuple[Tensor, Tensor]:
        """States of both, of the size that the config asks for."""
        ours, theirs = self._both(student, teacher, layer)
        return self._sized(ours), self._sized(theirs)

    def _sized(self, x_BTD: Tensor) -> Tensor:
        if self.config.normalise:
            x_BTD = F.normalize(x_BTD, dim=-1)
        return x_BTD / x_BTD.shape[-1] ** 0.25 if self.config.scale == "width" else x_BTD


class IntraLayer(LayerWise):
    """STaR: squared differences of X Yᵀ, of the input X and the output Y of each layer."""

    name = "intra_layer"

    def compared(self) -> Sequence[int]:
        return range(1 if self.config.x0 != "none" else 2, len(self.sizes.paired))

    def _heads(self) -> nn.ModuleDict:
        width = (self.sizes.student, self.sizes.teacher)
        return nn.ModuleDict({str(n): nn.Linear(*width) for layer, _ in self.layers for n in (layer - 1, layer)})

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        before, after = (self.measured(student, teacher, n) for n in (layer - 1, layer))
        return gram_distance(*before, *after, way=self.config.way)


class Attention(Loss):
    """STaR's third term: KL divergence of the student's attention weights, averaged over heads, from the teacher's."""

    name = "attention"
    maps = True
    reads = ()

    def compared(self) -> Sequence[int]:
        return range(1, len(self.sizes.paired))

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        assert student.inside.maps is not None and teacher.inside.maps is not None
        ours_BTT = _wide(student.inside.maps[layer - 1]).clamp_min(SMALLEST)
        theirs_BTT = _wide(teacher.inside.maps[self.sizes.paired[layer] - 1])
        return student.own((torch.xlogy(theirs_BTT, theirs_BTT) - theirs_BTT * ours_BTT.log()).sum(-1)).sum()


class LastAttention(Attention):
    """The same of the last layer alone."""

    name = "last_attention"

    def compared(self) -> Sequence[int]:
        return [len(self.sizes.paired) - 1]


class MSE(Loss):
    """FitHuBERT: squared differences of states, through a head for each layer where the config has heads."""

    name = "mse"

    def __init__(self, config: LossConfig, sizes: Sizes, mean: bool) -> None:
        super().__init__(config, sizes, mean)
        if not config.heads and sizes.student != sizes.teacher:
            raise ValueError(
                f"states of width {sizes.student} cannot be subtracted from those of width {sizes.teacher}: "
                "set heads: true"
            )

    def entries(self, frames: Sequence[int]) -> int:
        return sum(frames) * self.sizes.teacher

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        ours_BTE, theirs_BTE = self._both(student, teacher, layer)
        return (ours_BTE - theirs_BTE).square().sum()


class Prediction(Loss):
    """DistilHuBERT: heads on the student's last layer predict layers of the teacher, by L1 and by their cosine.

    Per frame and layer: mean |h − t| over the width − `cosine` · log σ(cos(h, t)).
    """

    name = "prediction"
    reads = ("heads", "predicts")
    options: Mapping[str, float] = {"cosine": 1.0}

    def __init__(self, config: LossConfig, sizes: Sizes, mean: bool) -> None:
        depth = sizes.depth
        self.predicted = config.predicts or tuple(-(-depth * part // 3) for part in (1, 2, 3))
        if max(self.predicted) > depth or min(self.predicted) < 1:
            raise ValueError(f"predicts names layers {self.predicted}, the teacher has 1 to {depth}")
        super().__init__(replace(config, heads=True), sizes, mean)

    def compared(self) -> Sequence[int]:
        return self.predicted

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        assert self.heads is not None
        last_BTD = student.state(len(self.sizes.paired) - 1, "blocks")
        ours_BTE, theirs_BTE = _wide(self.heads[str(layer)](last_BTD)), teacher.state(layer, "blocks")
        alike_BT = F.logsigmoid(F.cosine_similarity(ours_BTE, theirs_BTE, -1))
        return student.own((ours_BTE - theirs_BTE).abs().mean(-1) - self.options["cosine"] * alike_BT).sum()


class Smoothness(Loss):
    """Squared steps from each frame's state to the next, of the student alone: what it says is to change slowly."""

    name = "smoothness"
    reads = ("x0",)

    def entries(self, frames: Sequence[int]) -> int:
        return sum(n - 1 for n in frames) * self.sizes.student

    def distance(self, student: Heard, teacher: Heard, layer: int) -> Tensor:
        x_BTD = student.state(layer, self.config.x0)
        steps_BTD = F.pad(x_BTD[:, 1:] - x_BTD[:, :-1], (0, 0, 1, 0))  # to each frame from the one before
        return student.own(steps_BTD).square().sum()
