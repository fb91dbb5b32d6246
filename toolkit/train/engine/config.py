"""Config of the training loop and of its optimiser; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.config import check_threads


@dataclass(frozen=True)
class LoopConfig:
    """How long, how exactly and how safely."""

    total_steps: int = 1000
    "optimiser steps; shapes the schedule, so a longer run is a new run"
    seed: int = 1
    "everything random follows from it"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    "auto: bf16 autocast on a GPU that computes in it, fp32 elsewhere"
    log_every: int = 10
    "steps that a row of loss.tsv averages"
    validate_every: int = 0
    "steps between two validations, one more at the end; 0 = at the end only"
    checkpoint_every: int = 0
    "steps between two checkpoints, one more at the end; 0 = none at all"
    checkpoint_minutes: float = 20.0
    "also save a checkpoint when the last one is older than this many minutes; the next checkpoint deletes it"
    keep: int = 2
    "checkpoints kept"
    best: str = ""
    "metric of the dev set: the run ends with the weights of the validation where it was best; empty = the last weights"
    keep_at: tuple[float, ...] = ()
    """shares of total_steps, above 0 up to 1, whose weights are exported too, e.g. 0.1 1: share 0.1 as a model in
    OUT/at/10; more shares take more disk and change nothing else"""
    grad_groups: bool = False
    """log mean and variance of the gradient norm of the micro-batches of each group (grad_norm_*, grad_var_*); takes
    the memory of one more set of gradients"""
    bad_steps: int = 20
    "steps in a row with a loss or gradient that is not finite before the run gives up; fewer are skipped"
    threads: int = 1
    "CPU threads per process: small networks are fastest on one"
    deterministic: bool = False
    """on a GPU: sum gradients in a fixed order everywhere, so that a run that was stopped equals one that was not bit
    for bit, as it does on a CPU; slower, and an operation that has no such kernel ends the run"""
    prefetch: int = 2
    "threads that read batches ahead; 0 = read them when wanted"
    tensorboard: bool = True
    "write scalars for TensorBoard"

    def __post_init__(self) -> None:
        for name in ("total_steps", "log_every", "keep", "bad_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"loop.{name} must be at least 1, not {getattr(self, name)}")
        check_threads("loop.threads", self.threads)
        if self.best and not self.validate_every:
            raise ValueError(f"loop.best {self.best} needs loop.validate_every: a best one of a single one is the last")
        if not all(0 < share <= 1 for share in self.keep_at):
            raise ValueError(f"loop.keep_at {self.keep_at}: shares must be above 0, and at most 1 (the last step)")
        if not self.checkpoint_minutes > 0:
            raise ValueError(f"loop.checkpoint_minutes must be above 0, not {self.checkpoint_minutes}")


@dataclass(frozen=True)
class OptimConfig:
    """How the weights move."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """adamw: decoupled weight decay, which is what fairseq calls adam; adam: decay added to the gradient; sgd: gradient
    descent, whose momentum is the first of betas"""
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
