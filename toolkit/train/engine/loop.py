"""The one training loop: pre-training, fine-tuning, probing, distilling; each brings its objective.

A step s sees `micro_batches` micro-batches. Rank r of W takes numbers r, r + W, ... of them, so what a
step computes does not depend on how many processes share it. Everything random in micro-batch m of
step s (masks, dropout, crops) is seeded from (seed, s, m): a step is a function of the weights, the
optimiser's moments and its number. So a resumed run equals an uninterrupted one, and no state
of a generator is stored: bit for bit on a CPU, and on a GPU if `deterministic` is set (else
attention kernels sum gradients in any order).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from ...core.errors import UserError
from ...core.progress import Progress
from ...core.schedule_results import WHOLE
from ...data.batches import prefetch
from .checkpoint import BEST, State, digest, load, load_weights, rotate, save, save_weights, steps_saved
from .config import LoopConfig, OptimConfig
from .gradient import Passes
from .history import History, Window, group_columns
from .kept import keep, shares_at
from .objective import Batch, Batches, Objective
from .ranks import World
from .schedule import learning_rate, optimiser
from .validation import Validation, metric_of, validate


class Diverged(UserError):
    """A run whose loss or gradient is no longer finite: the learning rate is too high, or the data are broken."""


@dataclass(frozen=True)
class Trained:
    """Result of a run: last training means and last dev figures, by name ("loss", ...).

    Attributes:
        best: `step` and `value` of the validation whose weights the objective ends with; empty: the last step's.
    """

    step: int
    skipped: int
    train: dict[str, float]
    dev: dict[str, float]
    best: dict[str, float]


def ended_at(trained: Trained, step: int) -> Trained:
    """The result for the weights of an earlier step, of which only the step is known."""
    return Trained(step, trained.skipped, {}, {}, {})


def train(
    objective: Objective,
    batches: Batches,
    optim: OptimConfig,
    loop: LoopConfig,
    out: Path,
    *,
    micro_batches: int | Callable[[int], int] = 1,
    validation: Validation | None = None,
    step_seconds: float = 0.0,
    identity: str = "",
    label: str = "train",
    world: World | None = None,
    smaller: str = "halve data.micro_seconds and double data.micro_batches",
) -> Trained:
    """Train `objective` in place; goes on from the newest checkpoint in `out` if there is one.

    Args:
        batches: micro-batch number m (0-based) of step s (0-based) as `batches(s, m)`: a pure function,
            called from `loop.prefetch` threads. Numpy arrays and tensors in it are moved to the device.
            `batch["group"]` names the micro-batch's group, for `loop.grad_groups`.
        out: gets loss.tsv, checkpoints/, tensorboard/, and weights in at/ as `loop.keep_at` says.
        micro_batches: micro-batches in a step, over all ranks, or a function of the step's number (0-based) that gives
            them, for one rank alone; their gradients are added.
        validation: the dev set; used in eval mode with fixed seeds.
        step_seconds: mean audio-seconds in a step, for the bar; 0 = the bar counts steps.
        identity: a checkpoint is used only if it has this identity.
        label: text before the progress bar; "" = no bar.
        world: ranks and device; default: this process alone on the CPU.
        smaller: remedy of the error if the GPU's memory is too small.

    Raises:
        Diverged: too many steps that were not finite.
        UserError: a checkpoint of another identity, base or shape; no such metric as `loop.best`; no GPU memory left.
    """
    run = TrainingRun(objective, optim, loop, out, world or World.alone(), identity, validation)
    if isinstance(micro_batches, int) and micro_batches % run.world.size:
        raise UserError(
            f"{micro_batches} micro-batches cannot be shared by {run.world.size} processes",
            "data.micro_batches",
            f"make them a multiple of {run.world.size}",
        )
    with run.world.computing(loop.threads, loop.deterministic):
        run.resume()
        try:
            counted = (lambda _: micro_batches) if isinstance(micro_batches, int) else micro_batches
            run.go(batches, counted, step_seconds, label)
        except torch.OutOfMemoryError as e:
            raise UserError(
                f"the GPU's memory is full: {str(e).split('. ')[0]}",
                f"step {run.state.step} of {out}",
                smaller,
            ) from None
    run.refuse_diverged()
    if run.state.best:
        run.world.agree(run.state.step)  # wait for rank 0, which may still be writing the weights
        load_weights(out / BEST, run.objective)
    return Trained(run.state.step, run.state.skipped, run.state.train, run.state.dev, run.state.best)


class TrainingRun:
    """One training run; driven by `train`, or by a caller that does one step at a time."""

    def __init__(
        self,
        objective: Objective,
        optim: OptimConfig,
        loop: LoopConfig,
        out: Path,
        world: World,
        identity: str,
        validation: Validation | None = None,
    ) -> None:
        self.optim, self.loop, self.out, self.world, self.validation = optim, loop, out, world, validation
        self.objective = objective.to(world.device)
        for module in objective.frozen.values():
            module.to(world.device).requires_grad_(False).eval()
        self.metric = metric_of(loop.best, objective, validation)
        biases = [p for name, p in objective.named_parameters() if name.rpartition(".")[2] == "bias"]
        self.optimiser = optimiser(optim, objective.groups(), [] if optim.decay_biases else biases)
        self.parameters = [p for g in self.optimiser.param_groups for p in g["params"]]
        self.passes = Passes(objective, self.parameters, loop, world)
        self.state = State(identity)
        self.window = Window({})
        self.saved = time.monotonic()

    def resume(self) -> None:
        """Load the newest checkpoint, if one exists and this run makes checkpoints."""
        if not self.loop.checkpoint_every:
            return
        base = digest(self.objective.unsaved_state()) if self.world.first else None
        saved = steps_saved(self.out)
        step = self.world.agree(saved[-1] if saved else 0)
        if step:
            self.state = load(self.out, step, self.state.identity, base, self.objective, self.optimiser)
            self.window = Window(self.state.window)
        else:
            self.state.base = base or ""

    def go(self, batches: Batches, count: Callable[[int], int], step_seconds: float, label: str) -> None:
        """Do the remaining steps. `count`: micro-batches of a step."""
        loop, state, world = self.loop, self.state, self.world

        def mine(step: int) -> range:
            return range(world.rank, count(step), world.size)

        wanted = ((step, m) for step in range(state.step, loop.total_steps) for m in mine(step))
        ahead = prefetch(batches, wanted, loop.prefetch)
        unit, each = ("audio s", step_seconds) if step_seconds else ("steps", 1.0)
        bar = Progress(label, loop.total_steps * each, unit, state.step * each) if world.first and label else None
        dev_only = tuple(m.name for m in self.validation.metrics) if self.validation else ()
        history = History(self.out, state.step, loop.tensorboard, dev_only) if world.first else None
        with bar or nullcontext(), history or nullcontext():
            while state.step < loop.total_steps:
                numbers = mine(state.step)
                self.step((next(ahead) for _ in numbers), numbers)
                self.after_step(history)
                if bar:
                    loss = state.train.get("loss")  # loss of the last logged row
                    bar.add(each, "" if loss is None else f"loss {loss:.3f}")
        if world.first and loop.checkpoint_every:
            rotate(self.out, loop.keep, loop.checkpoint_every)

    def after_step(self, history: History | None) -> None:
        """Validate, write a row, keep weights and save a checkpoint, each if it is due; the checkpoint comes last."""
        loop, validation = self.loop, self.validation
        if validation and self.due(loop.validate_every):
            self.state.dev = self.validate(validation)
            self.keep_best()
        if self.due(loop.log_every) or (validation and self.due(loop.validate_every)):
            self.report(history)
        if self.world.first:
            for share in shares_at(self.state.step, loop):
                keep(self.out, share, self.objective)
        if loop.checkpoint_every and (self.due(loop.checkpoint_every) or self.long_ago()):
            self.save()

    def due(self, every: int) -> bool:
        """True if something done every `every` steps, and after the last step, is due now."""
        step = self.state.step
        return step == self.loop.total_steps or (every > 0 and step % every == 0)

    def long_ago(self) -> bool:
        """True if the last checkpoint is older than `checkpoint_minutes`."""
        return time.monotonic() - self.saved > 60 * self.loop.checkpoint_minutes

    def save(self) -> None:
        """Save a checkpoint on rank 0; clocks of other ranks may differ, so they only reset theirs."""
        self.state.window, self.saved = self.window.sums, time.monotonic()
        if self.world.first:
            loop = self.loop
            save(self.out, self.state, self.objective, self.optimiser, loop.keep, loop.checkpoint_every)

    def step(self, batches: Iterable[Batch], numbers: Sequence[int]) -> None:
        """One optimiser step on this rank's micro-batches; adds the sums of all ranks to the window."""
        loop, state = self.loop, self.state
        gradient = self.passes.gradient(batches, numbers, state.step)
        if not gradient.heard:  # bad clips were all that this step had: nothing is learnt, and nothing is wrong
            self.optimiser.zero_grad(set_to_none=True)
            state.step += 1
            return
        loss, norm = gradient.pairs["loss"][0], gradient.norm
        good = math.isfinite(loss) and math.isfinite(norm)
        if good:
            cut = min(1.0, self.optim.clip / (norm + 1e-6)) if self.optim.clip else 1.0
            torch._foreach_mul_([p.grad for p in self.parameters if p.grad is not None], gradient.scale * cut)
            for group in self.optimiser.param_groups:
                group["lr"] = learning_rate(self.optim, state.step, loop.total_steps) * group["lr_scale"]
            self.optimiser.step()
            for name, pair in [*gradient.pairs.items(), ("grad_norm", (norm, 1.0))]:
                self.window.add(name, *pair)
            for group_name, micro_norm in [*gradient.norms, *([(WHOLE, norm)] if gradient.norms else [])]:
                self.window.add_norm(group_name, micro_norm)
        self.optimiser.zero_grad(set_to_none=True)
        state.step += 1
        self.count(good)

    def count(self, good: bool) -> None:
        """Count a skipped step; all ranks see the same sums, so they skip and give up together."""
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
        """Raise Diverged for a run whose last step or validation was not finite, unless it ends with a best one."""
        if self.state.best:
            return
        if self.state.in_a_row or not math.isfinite(self.state.dev.get("loss", 0.0)):  # no examples: NaN
            raise Diverged(
                f"the run diverged: {self.state.skipped} of {self.state.step} steps were skipped as not finite, "
                f"and its end is not finite either",
                str(self.out),
                "lower optim.peak_lr or lengthen optim.warmup, and redo it with --fresh",
            )

    def validate(self, validation: Validation) -> dict[str, float]:
        """Figures of the dev set."""
        return validate(self.passes, validation, self.state.step)

    def keep_best(self) -> None:
        """Save these weights if the metric `loop.best` is the best so far."""
        if self.metric is None:
            return
        name = self.metric.name
        if name not in self.state.dev:
            raise UserError(f"no figure {name} of the dev set", "loop.best", f"name one of {', '.join(self.state.dev)}")
        value = self.state.dev[name]
        if math.isfinite(value) and self.metric.improves(value, self.state.best.get("value")):
            self.state.best = {"step": self.state.step, "value": value}
            if self.world.first:
                save_weights(self.out / BEST, self.objective)

    def report(self, history: History | None) -> None:
        """Write the window's means to loss.tsv and TensorBoard, and begin a new window."""
        state = self.state
        means = self.window.means()
        norm, norms = means.pop("grad_norm", math.nan), group_columns(means)
        self.window = Window({})
        state.train = means or state.train
        if history is None:
            return
        rate = learning_rate(self.optim, state.step - 1, self.loop.total_steps)
        rest = {"lr": rate, "grad_norm": norm, "skipped": state.skipped, **norms}
        dev = state.dev if self.validation and self.due(self.loop.validate_every) else {}
        row = means or dict.fromkeys(state.train, math.nan)
        history.write(state.step, row, dev if self.validation else None, rest)
        parts = {"train": means, "dev": dev, "optim": rest}
        history.show(
            state.step, {f"{part}/{name}": v for part, columns in parts.items() for name, v in columns.items()}
        )
