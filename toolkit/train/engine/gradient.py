"""The gradient of one optimiser step: forward and backward passes of all micro-batches, summed over all ranks."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ...core.seed import seed_of
from ...data.batches import is_empty
from .config import LoopConfig
from .loss import Denominators, Weighed, declares, denominators, refuse_other_weights
from .objective import At, Batch, Objective, Term
from .ranks import World
from .totals import Totals

ALL = "all"  # group of a batch without a group
HEARD = "micro-batches that are not empty"  # counted beside the terms, among which no name is like it


class Gradient(NamedTuple):
    """Result of a step's passes; the gradients are in `p.grad` and must still be multiplied by `scale`.

    Attributes:
        pairs: column -> (sum, weight) over all ranks: "loss" first, then the terms.
        norm: norm of the scaled gradient.
        scale: ranks / weight; NaN if nothing in the step has a weight. (DDP has divided the sum by the ranks.)
        norms: (group, norm of its gradient) of each micro-batch of all ranks, in order; empty without loop.grad_groups.
        heard: micro-batches of all ranks that are not empty.
    """

    pairs: dict[str, tuple[float, float]]
    norm: float
    scale: float
    norms: list[tuple[str, float]]
    heard: int


class Passes:
    """Computes gradients of an objective on this rank's device, together with the other ranks."""

    def __init__(self, objective: Objective, parameters: list[nn.Parameter], loop: LoopConfig, world: World) -> None:
        self.objective, self.parameters, self.loop, self.world = objective, parameters, loop, world
        self.bf16 = computes_in_bf16(loop, world.device)
        self.names: list[str] | None = None  # of the terms, once known: a rank whose micro-batches are empty needs them
        weighed = Weighed(objective, world.size).to(world.device)
        self.shared: nn.Module = weighed
        if world.size > 1:
            ignored = [name for name, p in weighed.named_parameters() if not p.requires_grad]
            # Else DDP sends them to all ranks at the start, e.g. a base of billions of weights.
            DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(weighed, ignored)
            self.shared = DistributedDataParallel(weighed, find_unused_parameters=weighed.may_leave_out)

    def gradient(self, batches: Iterable[Batch], numbers: Sequence[int], step: int) -> Gradient:
        """Gradient of step `step` from the micro-batches `numbers` of this rank.

        They are taken one by one, so that they need not be in memory together, unless their weights come first.
        """
        self.shared.train()
        ats = [self.at(step, "step", step, number) for number in numbers]
        batches = list(batches) if declares(self.objective) else batches
        known = denominators(self.objective, zip(batches, ats, strict=True), self.world)
        totals = Totals(self.world.device)
        alone = Alone(self.parameters) if self.loop.grad_groups else None
        own = 0
        for batch, at in zip(batches, ats, strict=True):
            own += not is_empty(batch)
            with alone.next(str(batch.get("group", "")), is_empty(batch)) if alone else nullcontext():
                self._pass(batch, at, known, totals, at is not ats[-1] or alone is not None)
        totals.add({HEARD: (own, 0.0)})
        if alone:
            alone.together(self.world)
        grads = [p.grad for p in self.parameters if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(grads).to(self.world.device)  # on the CPU without gradients
        pairs, (norm_of_sum,) = totals.over(self.world, norm, agree=known is not None or self.names is None)
        heard = int(pairs.pop(HEARD)[0])
        if known is None and heard:
            self.names = [name for name in pairs if name != "loss"]
        if known:
            refuse_other_weights(known, pairs)
        weight = pairs["loss"][1]
        scale = self.world.size / weight if weight else math.nan
        norms = alone.norms(self.world, numbers, weight) if alone else []
        if known and weight:  # denominators differ between steps: average the losses of the steps
            pairs["loss"] = pairs["loss"][0] / weight, 1.0
        return Gradient(pairs, norm_of_sum * scale, scale, norms, heard)

    def at(self, step: int, *of: Any) -> At:
        """The place of a micro-batch in the run; its seed follows from the run's seed and `of`."""
        return At(seed_of(self.loop.seed, *of), step, self.loop.total_steps)

    @contextmanager
    def ready(self, at: At) -> Iterator[None]:
        """Context of a forward pass: seeds torch's generator, sets autocast after loop.precision."""
        seed_torch(at.seed, self.world.device)
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.bf16):
            yield

    def _pass(self, batch: Batch, at: At, known: Denominators | None, totals: Totals, more_to_come: bool) -> None:
        """Forward and backward pass of one micro-batch. Ranks exchange gradients with a step's last micro-batch."""
        terms: dict[str, Term]
        with self._quiet(more_to_come):
            with self.ready(at):
                loss, weight, terms = self.shared(on(batch, self.world.device), at, known)
            if loss.requires_grad:
                loss.backward()
        pairs = {n: (t.sum, t.weight) for n, t in terms.items() if n != "loss"}
        totals.add(
            {"loss": (loss, weight), **(dict.fromkeys(self.names or (), (0.0, 0.0)) if is_empty(batch) else pairs)}
        )

    def _quiet(self, more_to_come: bool) -> AbstractContextManager[Any]:
        shared = self.shared
        return shared.no_sync() if isinstance(shared, DistributedDataParallel) and more_to_come else nullcontext()


def computes_in_bf16(loop: LoopConfig, device: torch.device) -> bool:
    """True if passes on this device are in bfloat16."""
    has_bf16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return loop.precision == "bf16" or (loop.precision == "auto" and has_bf16)


def seed_torch(seed: int, device: torch.device) -> None:
    """Seed torch's generators of the CPU and of the device in use.

    torch.manual_seed also seeds those of every kind of device that is not in use: it notes a traceback for each, to do
    so once they start, which takes longer than a step of a small head.
    """
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed(seed)


class Alone:
    """Norm of each micro-batch's own gradient, and the sum of the gradients, as in ordinary backward passes."""

    def __init__(self, parameters: list[nn.Parameter]) -> None:
        self.parameters = parameters
        self.sums: list[Tensor | None] = [None] * len(parameters)
        self.mine: list[tuple[str, Tensor] | None] = []

    @contextmanager
    def next(self, group: str, empty: bool) -> Iterator[None]:
        """Context of the passes of a micro-batch; an empty one has no norm."""
        yield
        grads = [p.grad for p in self.parameters]
        own = [g for g in grads if g is not None]
        self.mine.append(None if empty else (group or ALL, torch.nn.utils.get_total_norm(own)))
        for i, (parameter, grad) in enumerate(zip(self.parameters, grads, strict=True)):
            before = self.sums[i]
            if grad is not None:
                self.sums[i] = grad if before is None else before.add_(grad)
            parameter.grad = None

    def together(self, world: World) -> None:
        """Put the sum into `p.grad`, over all ranks as DDP would: each divided by the ranks, then added.

        A parameter that has no gradient on any rank stays without one.
        """
        used = [s is not None for s in self.sums]
        if world.size > 1:
            used = [any(ranks) for ranks in zip(*world.gather(used), strict=True)]
        for i, parameter in enumerate(self.parameters):
            if used[i]:
                total = self.sums[i]
                parameter.grad = torch.zeros_like(parameter) if total is None else total
        if world.size > 1:
            _average([p.grad for p in self.parameters if p.grad is not None], world.size)

    def norms(self, world: World, numbers: Sequence[int], weight: float) -> list[tuple[str, float]]:
        """(group, norm / weight) of the micro-batches of all ranks, by number."""
        rows = [(n, own[0], float(own[1])) for n, own in zip(numbers, self.mine, strict=True) if own]
        every = sorted(row for rank in world.gather(rows) for row in rank)
        return [(group, value / weight if weight else math.nan) for _, group, value in every]


def _average(grads: list[Tensor], size: int) -> None:
    """Mean over ranks in place; one exchange for each kind of number."""
    for dtype in dict.fromkeys(g.dtype for g in grads):
        same = [g for g in grads if g.dtype == dtype]
        flat = torch.cat([g.flatten() for g in same]).mul_(1 / size)
        dist.all_reduce(flat)
        for grad, part in zip(same, flat.split([g.numel() for g in same]), strict=True):
            grad.copy_(part.view_as(grad))


def on(batch: Batch, device: torch.device) -> Batch:
    """The batch with its arrays as tensors on `device`."""
    tensors = {n: torch.as_tensor(v).to(device) for n, v in batch.items() if isinstance(v, (np.ndarray, Tensor))}
    return {**batch, **tensors}
