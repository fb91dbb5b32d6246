"""Configs of the objectives; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

PRESETS = {"paper-code": (0.8, 1.0), "paper-text": (1.0, 0.8), "labels": (1.0, 0.0)}


@dataclass(frozen=True)
class MaskedConfig:
    """Masks and loss of masked prediction. Defaults: as published for base."""

    mask_prob: float = 0.8
    """density of masks, above 0 and up to 1: int(mask_prob · frames / span + U(0, 1)) masks start in each utterance;
    larger hides more; 0.8 hides about 57 % of the frames, as masks overlap"""
    span: int = 10
    "length of each mask, frames (20 ms each); larger hides longer stretches"
    min_masks: int = 2
    "smallest number of masks per utterance"
    trim: bool = True
    """true: unmask random frames until all utterances of a micro-batch have equally many masked, as published; false:
    keep all masks"""
    temperature: float = 0.1
    "cosine similarities are divided by this before the softmax; smaller makes predictions sharper"
    penalty: float = 10.0
    "weight in the loss of the mean square of the front end's features; larger keeps these features smaller"
    unmasked_weight: float = 0.0
    "weight in the loss of frames that are not masked; 0: only masked frames count"
    final_dim: int = 256
    "dimension of the space in which predictions are compared with unit embeddings (256 base, 768 large)"

    def __post_init__(self) -> None:
        if not 0 < self.mask_prob <= 1 or self.span < 1 or self.min_masks < 1:
            raise ValueError("objective.mask_prob must be in (0, 1], span and min_masks at least 1")
        if self.temperature <= 0 or self.final_dim < 1:
            raise ValueError("objective.temperature and final_dim must be above 0")
        if self.unmasked_weight < 0 or self.penalty < 0:
            raise ValueError("objective.unmasked_weight and penalty must not be below 0")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """What a Whisper student learns, and the weights of its losses."""

    preset: Literal["paper-code", "paper-text", "labels", "own"] = "paper-code"
    """weights of the two main losses; paper-code: labels 0.8 and KL divergence 1.0, as in the published command lines;
    paper-text: 1.0 and 0.8; labels: labels alone; own: `ce` and `kl` below"""
    ce: float = 1.0
    "for preset own: weight of the cross-entropy of the labels"
    kl: float = 0.0
    "for preset own: weight of the KL divergence from the teacher's distribution"
    temperature: float = 2.0
    "teacher's and student's logits are divided by this in the KL divergence; larger gives unlikely tokens more weight"
    top: int = 0
    """number of the teacher's likeliest tokens per position that train.soft_labels stores: the KL divergence is then
    over these and the sum of all others, and the teacher is not loaded in training; larger is closer to the full
    distribution and takes more disk; 0: all tokens, computed in every step, as published"""
    mse: float = 0.0
    "weight of the mean square error between teacher's and student's hidden states; 0: none, as published"
    encoder: Literal["trained", "frozen"] = "trained"
    """trained: the student's encoder is trained; frozen: it stays as it is, and if it equals the teacher's it is
    computed once for both"""
    recompute: bool = False
    "true: compute blocks again in the backward pass instead of storing their insides: less memory, a third more time"
    freeze_embeddings: bool = False
    "true: token and position embeddings of the decoder stay as they are"

    def __post_init__(self) -> None:
        if min(self.ce, self.kl, self.mse) < 0 or self.temperature <= 0:
            raise ValueError("objective.ce, kl and mse must not be below 0, and temperature must be above 0")
        if self.top < 0:
            raise ValueError(f"objective.top must be 0 or more, not {self.top}")
        if self.top and (self.mse or not self.weights[1]):
            raise ValueError("objective.top needs mse 0 and a preset with a KL divergence")
        if self.preset == "own" and self.ce + self.kl == 0:
            raise ValueError("objective.ce and kl are both 0: there is nothing to learn")

    @property
    def weights(self) -> tuple[float, float]:
        """(of the labels, of KL)."""
        return (self.ce, self.kl) if self.preset == "own" else PRESETS[self.preset]


@dataclass(frozen=True)
class LossConfig:
    """One way to compare a student with its teacher, and its weight in the loss."""

    type: str = ""
    """layer_wise, intra_layer, attention, last_attention, mse, prediction or smoothness; empty: the name of the loss"""
    weight: tuple[float, ...] = (1.0,)
    """weight in the loss; two numbers, e.g. 1 0: it goes from the first to the second within `between`"""
    between: tuple[float, float] = (0.0, 1.0)
    """shares of the training between which the weight changes in a line, e.g. 0.2 0.6; equal ones make a jump, by which
    losses can follow each other"""
    x0: Literal["cnn", "blocks", "none"] = "cnn"
    """what stands for layer 0; cnn: the features before positions are added, as in STaR's code; blocks: the input of
    the first block; none: there is no layer 0, and an intra-layer loss begins with the second block"""
    layers: tuple[float, ...] = ()
    """weight of each layer compared, layer 0 first if there is one; of fewer numbers the first is of all layers before
    the others, as 0.1 1: the last layer counts ten times; only ratios count, but for paper-sum; empty: all equal"""
    heads: bool = False
    """true: the student's states go through a linear layer to the teacher's width first, one for each layer compared,
    which is dropped after training"""
    scale: Literal["none", "width"] = "none"
    "width: a Gram matrix is divided by √width, so that teachers and students of any width are of one size"
    normalise: bool = False
    "true: each frame's state is divided by its length, so that a Gram matrix holds cosines"
    way: Literal["cheaper", "frames", "widths"] = "cheaper"
    """how Gram matrices are compared; frames: entry by entry; widths: by an identity whose cost grows with the length
    of the audio, not with its square, in float32 not exact for matrices that are nearly equal; cheaper: whichever takes
    fewer multiplications"""
    predicts: tuple[int, ...] = ()
    """for a prediction: the teacher's layers that heads predict from the student's last, e.g. 4 8 12, which `layers`
    weighs; empty: three, evenly spaced, the last among them"""
    options: dict[str, float] = field(default_factory=dict)
    "further numbers of the type, e.g. the weight of the cosine of a prediction (cosine=1)"

    def __post_init__(self) -> None:
        if len(self.weight) not in (1, 2) or min(self.weight) < 0 or not max(self.weight):
            raise ValueError(f"weight {self.weight}: one number, or two; not below 0, nor all of them 0")
        if not 0 <= self.between[0] <= self.between[1] <= 1:
            raise ValueError(f"between {self.between}: two shares of the training, 0 to 1, the smaller first")
        if self.layers and (min(self.layers) < 0 or not max(self.layers)):
            raise ValueError("layers: weights must not be below 0, nor all of them 0")

    def weight_at(self, step: int, of: int) -> float:
        """The weight in step `step` (0-based) of `of`."""
        first, last = self.weight[0], self.weight[-1]
        begin, end = self.between
        share = step / of
        passed = float(share >= end) if share >= end or begin == end else max(0.0, (share - begin) / (end - begin))
        return first + (last - first) * passed


@dataclass(frozen=True)
class StarConfig:
    """What a student learns from its teacher. Defaults: layer-wise and intra-layer, STaR's best, as in its code."""

    losses: dict[str, LossConfig] = field(
        default_factory=lambda: {"layer_wise": LossConfig(), "intra_layer": LossConfig()}
    )
    "the losses by name, whose weighted sum is learnt"
    scaling: Literal["code-mean", "paper-sum"] = "code-mean"
    """code-mean: each loss is a mean over layers and over all entries of the matrices of a step; STaR's code takes the
    mean of a micro-batch of two and lets each weigh the same; paper-sum: a sum over layers and entries, a mean over
    utterances, as in its equations"""
    teacher_layers: tuple[int, ...] = ()
    """layer of the teacher for each layer of the student, counted from 1; empty: the same ones if the depths are equal,
    else evenly spaced, the last for the last"""
    mask_prob: float = 0.0
    """density of the masks of the student's input, 0 to 1: at masked frames its states are compared with those of the
    teacher that hears all, at the others with those of the teacher under the same mask (MaskHuBERT's two ways; its
    density is 0.8); 0: nothing is masked"""
    mask_span: int = 10
    "length of each mask, frames (20 ms each), if mask_prob is above 0"
    states_mb: float = 0.0
    """memory for what the teacher makes of the utterances, MB per process: what is kept there is heard once, 2 MB per
    second of audio of a base network; for whole utterances that all, or nearly all, fit, since what does not is heard
    utterance by utterance, which is slower, and crops hardly recur; 0: the teacher hears every micro-batch"""
    uncertainty: bool = False
    """true: a factor exp(-s) for each loss, whose s is learnt (Kendall et al., CVPR 2018), beside its weight"""

    def __post_init__(self) -> None:
        if not self.losses:
            raise ValueError("objective.losses names no loss: there is nothing to learn")
        if "loss" in self.losses:
            raise ValueError("objective.losses: a loss called loss, which is the name of their sum: rename it")
        if self.states_mb < 0 or (self.states_mb and self.mask_prob):
            raise ValueError("objective.states_mb must not be below 0, and must be 0 with mask_prob: masks never recur")
        if not 0 <= self.mask_prob <= 1 or self.mask_span < 1:
            raise ValueError("objective.mask_prob must be 0 to 1, and mask_span at least 1")
        if any(number < 1 for number in self.teacher_layers):
            raise ValueError("objective.teacher_layers are counted from 1")
