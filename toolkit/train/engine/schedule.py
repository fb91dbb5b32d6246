"""Optimiser and learning rate of a run."""

from __future__ import annotations

import inspect
import math
from collections.abc import Sequence
from functools import cache
from typing import Any

import torch

from .config import OptimConfig


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


@cache
def _eager(kind: type[torch.optim.Optimizer]) -> type[torch.optim.Optimizer]:
    """An optimiser without the wrappers that only torch.compile needs.

    The first call of one of them imports torch._dynamo and sympy, 1.3 s and more in every process that trains. What
    they wrap is the same code, so the weights are the same bits.
    """
    names = ("step", "zero_grad", "add_param_group", "state_dict", "load_state_dict")
    plain: dict[str, Any] = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    plain["step"] = torch.no_grad()(plain["step"])
    return type(f"Eager{kind.__name__}", (kind,), plain)


def _parted(group: dict[str, Any], spared: set[int]) -> list[dict[str, Any]]:
    """A group in two, the second without weight decay; itself alone if it has none of `spared`."""
    kept, without = ([p for p in group["params"] if (id(p) in spared) is wanted] for wanted in (False, True))
    return [{**group, "params": kept}, {**group, "params": without, "weight_decay": 0.0}] if without else [group]


def optimiser(
    config: OptimConfig, groups: Sequence[dict[str, Any]], spared: Sequence[torch.nn.Parameter] = ()
) -> torch.optim.Optimizer:
    """AdamW, Adam or SGD over `groups` ({"params": [...], "lr_scale": 1.0}); the loop sets the rate of each step.

    Other entries of a group go to torch's optimiser, e.g. maximize. Parameters without `requires_grad` are left out;
    those in `spared` have no weight decay.
    """
    groups = [{"lr_scale": 1.0, **g, "params": [p for p in g["params"] if p.requires_grad]} for g in groups]
    groups = [part for group in groups for part in _parted(group, {id(p) for p in spared})]
    shared: dict[str, Any] = {"lr": config.peak_lr, "weight_decay": config.weight_decay, "fused": True}
    if config.name == "sgd":
        sgd: Any = _eager(torch.optim.SGD)
        return sgd(groups, momentum=config.betas[0], **shared)
    kind: Any = _eager(torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam)
    return kind(groups, betas=config.betas, eps=config.eps, **shared)
