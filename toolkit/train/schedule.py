"""Optimiser and learning rate of a run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch


@dataclass(frozen=True)
class OptimConfig:
    """How the weights move."""

    name: Literal["adamw", "adam"] = "adamw"
    "adamw: decoupled weight decay, which is what fairseq calls adam; adam: decay added to the gradient"
    peak_lr: float = 5e-4
    "highest learning rate"
    warmup: float = 0.08
    "linear warm-up from 0: a share of total_steps below 1, a number of steps from 1 on"
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    "after the warm-up: to 0 linearly, to 0 along a half cosine, or level"
    betas: tuple[float, float] = (0.9, 0.98)
    "decay rates of Adam's two moments"
    eps: float = 1e-6
    "Adam's epsilon"
    weight_decay: float = 0.01
    "weight decay"
    clip: float = 10.0
    "the gradient's norm is cut to this; 0 = never"

    def __post_init__(self) -> None:
        if self.peak_lr <= 0:
            raise ValueError(f"optim.peak_lr must be above 0, not {self.peak_lr}")
        if min(self.warmup, self.clip, self.weight_decay) < 0:
            raise ValueError("optim.warmup, clip and weight_decay must not be negative")


def learning_rate(config: OptimConfig, step: int, total_steps: int) -> float:
    """Learning rate of step `step` (0 = the first). The peak is reached at the last step of the warm-up.

    No step has rate 0: a linear run ends at peak / (steps after the warm-up).
    """
    warmup = round(config.warmup * total_steps if config.warmup < 1 else config.warmup)
    if step < warmup:
        return config.peak_lr * (step + 1) / warmup
    if config.schedule == "constant":
        return config.peak_lr
    left = (total_steps - step) / max(total_steps - warmup, 1)
    return config.peak_lr * (left if config.schedule == "linear" else 0.5 * (1 - math.cos(math.pi * left)))


def optimiser(config: OptimConfig, groups: Sequence[dict[str, Any]]) -> torch.optim.Optimizer:
    """Adam or AdamW over `groups` ({"params": [...], "lr_scale": 1.0}); the loop sets the rate of each step."""
    kind = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
    groups = [{"lr_scale": 1.0, **g} for g in groups]
    return kind(
        groups, lr=config.peak_lr, betas=config.betas, eps=config.eps, weight_decay=config.weight_decay, fused=True
    )
