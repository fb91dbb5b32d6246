"""Config of the training loop and of its optimiser; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ...core.config import check_threads


@dataclass(frozen=True)
class LoopConfig:
    """Length, precision and safety of a training."""

    total_steps: int = 1000
    "number of optimiser steps; the learning rate schedule spans them, so a longer training must start anew"
    seed: int = 1
    "random seed of initial weights, order of the data, crops, masks and dropout"
    precision: Literal["auto", "fp32", "bf16"] = "auto"
    """number format of the computation; bf16: bfloat16 autocast; fp32: float32; auto: bf16 on a GPU that supports it,
    else fp32"""
    log_every: int = 10
    "steps averaged in each row of loss.tsv; larger gives fewer, smoother rows"
    validate_every: int = 0
    "steps between two validations, plus one at the end; smaller is slower; 0: at the end only"
    checkpoint_every: int = 0
    """steps between two checkpoints, plus one at the end; a killed training resumes from the last one; 0: no
    checkpoints at all"""
    checkpoint_minutes: float = 20.0
    """also save a checkpoint when the last one is older than this many minutes, if checkpoint_every is above 0; the
    next checkpoint deletes it"""
    keep: int = 2
    "number of checkpoints kept on disk; older ones are deleted"
    best: str = ""
    """metric of the dev set, e.g. loss: the result has the weights of the validation with its best value; empty: the
    weights of the last step"""
    keep_at: tuple[float, ...] = ()
    """shares of total_steps, above 0 and up to 1, at which the weights are also exported, e.g. 0.1 1: share 0.1 becomes
    a model in OUT/at/10; more shares take more disk and change nothing else"""
    grad_groups: bool = False
    """true: log mean and variance of the gradient norm of each group's micro-batches (grad_norm_*, grad_var_*); takes
    the memory of one more set of gradients"""
    bad_steps: int = 20
    """steps in a row with a loss or gradient that is not finite before training stops with an error; fewer in a row are
    skipped"""
    threads: int = 1
    "CPU threads per process; small networks are fastest with 1"
    deterministic: bool = False
    """true, on a GPU: sum in a fixed order, so that a resumed training equals an uninterrupted one bit for bit, as on a
    CPU; slower, and fails if an operation has no deterministic kernel"""
    prefetch: int = 2
    "threads that read batches ahead; more hide slow disks; 0: read each batch when the step needs it"
    tensorboard: bool = True
    "true: also write the curves for TensorBoard"

    def __post_init__(self) -> None:
        for name in ("total_steps", "log_every", "keep", "bad_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"loop.{name} must be at least 1, not {getattr(self, name)}")
        check_threads("loop.threads", self.threads)
        if self.best and not self.validate_every:
            raise ValueError(f"loop.best {self.best} needs loop.validate_every: one validation leaves no choice")
        if not all(0 < share <= 1 for share in self.keep_at):
            raise ValueError(f"loop.keep_at {self.keep_at}: shares must be above 0 and at most 1 (the last step)")
        if not self.checkpoint_minutes > 0:
            raise ValueError(f"loop.checkpoint_minutes must be above 0, not {self.checkpoint_minutes}")


@dataclass(frozen=True)
class OptimConfig:
    """Optimiser and learning rate schedule."""

    name: Literal["adamw", "adam", "sgd"] = "adamw"
    """adamw: weight decay separate from the gradient (fairseq calls it adam); adam: weight decay added to the gradient;
    sgd: gradient descent, whose momentum is the first of betas"""
    peak_lr: float = 5e-4
    "learning rate after the warm-up, the highest of the training; larger learns faster and may diverge"
    warmup: float = 0.08
    """length of the warm-up, in which the learning rate rises linearly from 0: below 1 a share of total_steps, from 1
    on a number of steps"""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """learning rate after the warm-up; linear: falls linearly to 0; cosine: falls to 0 along half a cosine; constant:
    stays at peak_lr"""
    betas: tuple[float, float] = (0.9, 0.98)
    "decay rates of Adam's averages of the gradient and of its square, 0 to 1; nearer 1 averages over more steps"
    eps: float = 1e-6
    "small number added to Adam's denominator; larger makes steps of small gradients smaller"
    weight_decay: float = 0.01
    "strength of the weight decay; larger pulls weights harder towards 0; 0: none"
    decay_biases: bool = True
    "false: weight decay leaves biases as they are"
    clip: float = 10.0
    "largest norm of the gradient: a longer gradient is scaled down to it; smaller clips more often; 0: never"

    def __post_init__(self) -> None:
        if self.peak_lr <= 0:
            raise ValueError(f"optim.peak_lr must be above 0, not {self.peak_lr}")
        if min(self.warmup, self.clip, self.weight_decay) < 0:
            raise ValueError("optim.warmup, clip and weight_decay must not be negative")
