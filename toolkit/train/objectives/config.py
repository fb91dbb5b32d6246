"""Configs of the objectives; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

PRESETS = {"paper-code": (0.8, 1.0), "paper-text": (1.0, 0.8), "labels": (1.0, 0.0)}


@dataclass(frozen=True)
class MaskedConfig:
    """Masks and loss. Defaults: as published for base."""

    mask_prob: float = 0.8
    "starts of masks per utterance: int(mask_prob · frames / span + U(0, 1)); overlaps leave about 57 % masked"
    span: int = 10
    "frames under one mask"
    min_masks: int = 2
    "fewest masks per utterance"
    trim: bool = True
    "let frames go until every utterance of a micro-batch has as many masked as the one with fewest (as published)"
    temperature: float = 0.1
    "cosine similarities are divided by this"
    penalty: float = 10.0
    "weight of the mean square of the convolutional features"
    unmasked_weight: float = 0.0
    "weight of the loss at frames that are not masked"
    final_dim: int = 256
    "dimension in which predictions and unit embeddings are compared (256 base, 768 large)"

    def __post_init__(self) -> None:
        if not 0 < self.mask_prob <= 1 or self.span < 1 or self.min_masks < 1:
            raise ValueError("objective.mask_prob must be in (0, 1], span and min_masks at least 1")
        if self.temperature <= 0 or self.final_dim < 1:
            raise ValueError("objective.temperature and final_dim must be above 0")
        if self.unmasked_weight < 0 or self.penalty < 0:
            raise ValueError("objective.unmasked_weight and penalty must not be below 0")


@dataclass(frozen=True)
class Seq2SeqConfig:
    """What is learnt, and by which weights."""

    preset: Literal["paper-code", "paper-text", "labels", "own"] = "paper-code"
    "paper-code: labels 0.8, KL 1.0, as published command lines have it; paper-text: 1.0 and 0.8; labels: no KL; own"
    ce: float = 1.0
    "weight of the labels, where preset is own"
    kl: float = 0.0
    "weight of the KL divergence, where preset is own"
    temperature: float = 2.0
    "of the KL divergence"
    top: int = 0
    """tokens, the teacher's likeliest at each position, that train.soft_labels keeps: the KL divergence is then of
    those and of all others together, and the teacher is not loaded; 0 = of all, computed in every step, as published"""
    mse: float = 0.0
    "weight of the hidden states' mean square error; 0 = none, as published"
    encoder: Literal["trained", "frozen"] = "trained"
    "frozen: a student that has its teacher's encoder then hears through it once for both"
    recompute: bool = False
    "compute blocks again in the backward pass instead of keeping what is inside them: less memory, a third more time"
    freeze_embeddings: bool = False
    "leave the decoder's tokens and positions as they are"

    def __post_init__(self) -> None:
        if min(self.ce, self.kl, self.mse) < 0 or self.temperature <= 0:
            raise ValueError("objective.ce, kl and mse must not be below 0, and temperature must be above 0")
        if self.top < 0 or (self.top and (self.mse or not self.weights[1])):
            raise ValueError("objective.top is of the KL divergence alone: set mse to 0, and a preset that has one")
        if self.preset == "own" and self.ce + self.kl == 0:
            raise ValueError("objective.ce and kl are both 0: there is nothing to learn")

    @property
    def weights(self) -> tuple[float, float]:
        """(of the labels, of KL)."""
        return (self.ce, self.kl) if self.preset == "own" else PRESETS[self.preset]
