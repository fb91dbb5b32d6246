"""Configs of the objectives; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
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
        if self.top < 0 or (self.top and (self.mse or not self.weights[1])):
            raise ValueError("objective.top needs mse 0 and a preset with a KL divergence")
        if self.preset == "own" and self.ce + self.kl == 0:
            raise ValueError("objective.ce and kl are both 0: there is nothing to learn")

    @property
    def weights(self) -> tuple[float, float]:
        """(of the labels, of KL)."""
        return (self.ce, self.kl) if self.preset == "own" else PRESETS[self.preset]
