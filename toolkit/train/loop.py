"""The one training loop: pre-training, fine-tuning, probing, distilling; each brings its objective.

A step s sees `micro_batches` micro-batches. Rank r of W takes numbers r, r + W, ... of them, so what a
step computes does not depend on how many processes share it. Everything random in micro-batch m of
step s (masks, dropout, crops) is seeded from (seed, s, m): a step is a function of the weights, the
optimiser's moments and its number. That is why a run that goes on from a checkpoint equals one that
never stopped, without any generator's state being stored: bit for bit on a CPU, and on a GPU where
`deterministic` is set (else kernels of attention add up gradients in any order).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from ..core.config import check_threads
from ..core.errors import UserError
from ..core.progress import Progress
from ..core.seed import seed_of
from ..data.batches import prefetch
from .checkpoint import BEST, State, load, load_weights, rotate, save, save_weights, steps_saved
from .history import History, Window
from .ranks import World
from .schedule import OptimConfig, learning_rate, optimiser
from .totals import Pair, Totals

Batch = Mapping[str, Any]
Batches = Callable[[int, int], Batch]


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
    "steps between two passes over the dev set, one more at the end; 0 = at the end only"
    checkpoint_every: int = 0
    "steps between two checkpoints, one more at the end; 0 = none at all"
    checkpoint_minutes: float = 20.0
    "a run that is killed loses no more than so many: between two checkpoints there is one that the next replaces"
    keep: int = 2
    "checkpoints kept"
    best: str = ""
    "a figure of the dev set: the run ends with the weights of the validation where it was lowest; empty = the last"
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
        if not self.checkpoint_minutes > 0:
            raise ValueError(f"loop.checkpoint_minutes must be above 0, not {self.checkpoint_minutes}")


class Diverged(UserError):
    """A run whose loss or gradient is no longer finite: its learning rate is too high, or its data are broken."""


class Losses(NamedTuple):
    """What an objective says of one micro-batch; all scalars, sums and not means.

    Attributes:
        total: the loss, summed over `weight` units (frames, tokens, utterances); carries the gradient.
        weight: number of units. The loop divides by the sum over all micro-batches of all ranks.
        sums: name -> (numerator, denominator) of what is logged as the quotient of the two totals.
    """

    total: Tensor
    weight: Tensor | float
    sums: dict[str, Pair]


class Objective(nn.Module):
    """What is trained, and by which loss. Holds every parameter of the run, frozen ones too."""

    leaves_out = False  # whether a forward pass may leave parameters without a gradient, as layerdrop does
    dev_figures: tuple[str, ...] = ()  # names of `sums` that there are in eval mode only

    def forward(self, batch: Batch, seed: int) -> Losses:
        """Loss of a micro-batch on this objective's device.

        Random choices of the objective's own come from a generator seeded with `seed`; torch's global
        generator was seeded with it already (for dropout).
        """
        raise NotImplementedError

    def groups(self) -> list[dict[str, Any]]:
        """Optimiser's parameter groups; `lr_scale` multiplies the schedule's learning rate."""
        return [{"params": [p for p in self.parameters() if p.requires_grad], "lr_scale": 1.0}]


@dataclass(frozen=True)
class Trained:
    """How a run ended: last row of the training means and of the dev means, by name ("loss", ...).

    Attributes:
        best: `step` and `value` of the validation whose weights the objective ends with; empty: the last step's.
    """

    step: int
    skipped: int
    train: dict[str, float]
    dev: dict[str, float]
    best: dict[str, float]


def train(
    objective: Objective,
    batches: Batches,
    optim: OptimConfig,
    loop: LoopConfig,
    out: Path,
    *,
    micro_batches: int = 1,
    dev: Callable[[int], Batch] | None = None,
    dev_batches: int = 0,
    step_seconds: float = 0.0,
    identity: str = "",
    label: str = "train",
    world: World | None = None,
    smaller: str = "halve data.micro_seconds and double data.micro_batches",
) -> Trained:
    """Train `objective` in place; goes on from the newest checkpoint in `out` where there is one.

    Args:
        batches: micro-batch number m (0-based) of step s (0-based) as `batches(s, m)`: a pure function,
            called from `loop.prefetch` threads. Numpy arrays and tensors in it are moved to the device.
        out: gets loss.tsv, checkpoints/ and tensorboard/.
        micro_batches: micro-batches in a step, over all ranks; their gradients are added.
        dev: dev micro-batch i of `dev_batches`; seen in eval mode with a seed that is always the same.
        step_seconds: mean audio-seconds in a step, for the bar; 0 = the bar counts steps.
        identity: what a checkpoint must carry to be gone on from.
        label: stands before the bar; "" = no bar.
        world: ranks and device; default: this process alone on the CPU.
        smaller: what the user does where the GPU's memory is too small.

    Raises:
        Diverged: too many steps that were not finite.
        UserError: a checkpoint of another identity or shape; no GPU memory left.
    """
    run = Run(objective, optim, loop, out, world or World.alone(), identity)
    if micro_batches % run.world.size:
        raise UserError(
            f"{micro_batches} micro-batches cannot be shared by {run.world.size} processes",
            "data.micro_batches",
            f"make them a multiple of {run.world.size}",
        )
    with run.world.computing(loop.threads, loop.deterministic):
        run.resume()
        try:
            run.go(batches, micro_batches, dev, dev_batches, step_seconds, label)
        except torch.OutOfMemoryError as e:
            raise UserError(
                f"the GPU's memory is full: {str(e).split('. ')[0]}",
                f"step {run.state.step} of {out}",
                smaller,
            ) from None
    run.refuse_diverged()
    if run.state.best:
        run.world.agree(run.state.step)  # wait for rank 0, which may be writing them still
        load_weights(out / BEST, run.objective)
    return Trained(run.state.step, run.state.skipped, run.state.train, run.state.dev, run.state.best)


class Run:
    """One run's objects, and what is done to them; `train` drives it, and so may who wants one step at a time."""

    def __init__(
        self, objective: Objective, optim: OptimConfig, loop: LoopConfig, out: Path, world: World, identity: str
    ) -> None:
        self.optim, self.loop, self.out, self.world = optim, loop, out, world
        self.objective = objective.to(world.device)
        self.optimiser = optimiser(optim, objective.groups())
        self.parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
        self.state = State(identity)
        self.window = Window({})
        self.saved = time.monotonic()
        has_bf16 = world.device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
        self.bf16 = loop.precision == "bf16" or (loop.precision == "auto" and has_bf16)
        self.shared: nn.Module = objective
        if world.size > 1:
            self.shared = DistributedDataParallel(objective, find_unused_parameters=objective.leaves_out)

    def resume(self) -> None:
        """Go to the newest checkpoint, if there is one and this run makes any."""
        saved = steps_saved(self.out) if self.loop.checkpoint_every else []
        step = self.world.agree(saved[-1] if saved else 0)
        if step:
            self.state = load(self.out, step, self.state.identity, self.objective, self.optimiser)
            self.window = Window(self.state.window)

    def go(
        self,
        batches: Batches,
        micro_batches: int,
        dev: Callable[[int], Batch] | None,
        dev_batches: int,
        step_seconds: float,
        label: str,
    ) -> None:
        """Do the steps that are left."""
        loop, state, world = self.loop, self.state, self.world
        mine = range(world.rank, micro_batches, world.size)
        ahead = prefetch(batches, ((s, m) for s in range(state.step, loop.total_steps) for m in mine), loop.prefetch)
        unit, each = ("audio s", step_seconds) if step_seconds else ("steps", 1.0)
        bar = Progress(label, loop.total_steps * each, unit, state.step * each) if world.first and label else None
        history = History(self.out, state.step, loop.tensorboard, self.objective.dev_figures) if world.first else None
        with bar or nullcontext(), history or nullcontext():
            while state.step < loop.total_steps:
                self.step([next(ahead) for _ in mine], mine)
                if dev and self.due(loop.validate_every):
                    state.dev = self.validate(dev, dev_batches)
                    self.keep_best()
                if self.due(loop.log_every) or (dev and self.due(loop.validate_every)):
                    self.report(history, dev is not None)
                if loop.checkpoint_every and (self.due(loop.checkpoint_every) or self.long_ago()):
                    self.save()
                if bar:
                    bar.add(each, f"loss {state.train.get('loss', math.nan):.3f}")
        if world.first and loop.checkpoint_every:
            rotate(self.out, loop.keep, loop.checkpoint_every)

    def due(self, every: int) -> bool:
        """Whether what is done every so many steps, and after the last, is to be done now."""
        step = self.state.step
        return step == self.loop.total_steps or (every > 0 and step % every == 0)

    def long_ago(self) -> bool:
        """Whether the last checkpoint was."""
        return time.monotonic() - self.saved > 60 * self.loop.checkpoint_minutes

    def save(self) -> None:
        """A checkpoint, written by rank 0: the others may think that none is due yet."""
        self.state.window, self.saved = self.window.sums, time.monotonic()
        if self.world.first:
            loop = self.loop
            save(self.out, self.state, self.objective, self.optimiser, loop.keep, loop.checkpoint_every)

    def step(self, batches: list[Batch], numbers: Sequence[int]) -> None:
        """One optimiser step on this rank's micro-batches; adds to the window what all ranks measured."""
        loop, state, world = self.loop, self.state, self.world
        self.shared.train()
        totals = Totals(world.device)
        for batch, number in zip(batches, numbers, strict=True):
            with self.quiet(number != numbers[-1]):
                losses = self.forward(self.shared, batch, seed_of(loop.seed, "step", state.step, number))
                losses.total.backward()
            totals.add({"loss": (losses.total, losses.weight), **losses.sums})
        grads = [p.grad for p in self.parameters if p.grad is not None]
        pairs, (norm,) = totals.over(world, torch.nn.utils.get_total_norm(grads))
        loss, weight = pairs["loss"]
        scale = world.size / weight if weight else math.nan  # DDP has divided the sum of gradients by its size
        norm *= scale
        good = math.isfinite(loss) and math.isfinite(norm)
        if good:
            cut = min(1.0, self.optim.clip / (norm + 1e-6)) if self.optim.clip else 1.0
            torch._foreach_mul_(grads, scale * cut)
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.optim, state.step, loop.total_steps) * group["lr_scale"]
            self.optimiser.step()
            for name, pair in [*pairs.items(), ("grad_norm", (norm, 1.0))]:
                self.window.add(name, *pair)
        self.optimiser.zero_grad(set_to_none=True)
        state.step += 1
        self.count(good)

    def forward(self, module: nn.Module, batch: Batch, seed: int) -> Losses:
        torch.manual_seed(seed)
        with torch.autocast(self.world.device.type, torch.bfloat16, enabled=self.bf16):
            losses: Losses = module(_on(batch, self.world.device), seed)
        return losses

    def quiet(self, more_to_come: bool) -> AbstractContextManager[Any]:
        """Ranks speak of their gradients once a step, with the last micro-batch."""
        shared = self.shared
        return shared.no_sync() if isinstance(shared, DistributedDataParallel) and more_to_come else nullcontext()

    def count(self, good: bool) -> None:
        """Count a step that was skipped; every rank sees the same sums, so all skip alike and all give up alike."""
        state = self.state
        state.skipped += not good
        state.in_a_row = 0 if good else state.in_a_row + 1
        if state.in_a_row >= min(self.loop.bad_steps, self.loop.total_steps):
            raise Diverged(
                f"loss or gradient not finite in {state.in_a_row} steps in a row",
                f"step {state.step} of {self.out}",
                "lower optim.peak_lr, lengthen optim.warmup, or look at the audio of these batches",
            )

    def refuse_diverged(self) -> None:
        """Raise Diverged for a run whose last step or last look at the dev set was not finite."""
        if self.state.in_a_row or not all(map(math.isfinite, self.state.dev.values())):
            raise Diverged(
                f"the run diverged: {self.state.skipped} of {self.state.step} steps were skipped as not finite, "
                f"and its end is not finite either",
                str(self.out),
                "lower optim.peak_lr or lengthen optim.warmup, and redo it with --fresh",
            )

    @torch.no_grad()
    def validate(self, dev: Callable[[int], Batch], count: int) -> dict[str, float]:
        """Means over the dev set, every time with the same random choices."""
        self.objective.eval()
        totals = Totals(self.world.device)
        size = self.world.size if count >= self.world.size else 1  # too few to share: all see all, the quotients stay
        mine = range(self.world.rank % size, count, size)
        for i, batch in zip(mine, prefetch(lambda _, m: dev(m), ((0, i) for i in mine), self.loop.prefetch)):
            losses = self.forward(self.objective, batch, seed_of(self.loop.seed, "dev", i))
            totals.add({"loss": (losses.total, losses.weight), **losses.sums})
        pairs, _ = totals.over(self.world)
        return {name: n / d if d else math.nan for name, (n, d) in pairs.items()}

    def keep_best(self) -> None:
        """Keep these weights where loop.best is lower than ever. One number is compared with another, never names."""
        if not self.loop.best:
            return
        if self.loop.best not in self.state.dev:
            known = ", ".join(self.state.dev)
            raise UserError(f"no figure {self.loop.best} of the dev set", "loop.best", f"there are {known}")
        value = self.state.dev[self.loop.best]
        if math.isfinite(value) and value < self.state.best.get("value", math.inf):
            self.state.best = {"step": self.state.step, "value": value}
            if self.world.first:
                save_weights(self.out / BEST, self.objective)

    def report(self, history: History | None, has_dev: bool) -> None:
        """Close the window: a row of loss.tsv and TensorBoard's scalars."""
        state = self.state
        means = self.window.means()
        norm = means.pop("grad_norm", math.nan)
        self.window = Window({})
        state.train = means or state.train
        if history is None:
            return
        rate = learning_rate(self.optim, state.step - 1, self.loop.total_steps)
        rest = {"lr": rate, "grad_norm": norm, "skipped": state.skipped}
        dev = state.dev if self.due(self.loop.validate_every) else {}
        history.write(state.step, means or dict.fromkeys(state.train, math.nan), dev if has_dev else None, rest)
        groups = {"train": means, "dev": dev, "optim": rest}
        history.show(state.step, {f"{g}/{name}": v for g, row in groups.items() for name, v in row.items()})


def _on(batch: Batch, device: torch.device) -> Batch:
    """The batch with its arrays as tensors on `device`."""
    tensors = {n: torch.as_tensor(v).to(device) for n, v in batch.items() if isinstance(v, (np.ndarray, Tensor))}
    return {**batch, **tensors}
