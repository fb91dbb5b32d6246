"""A training on crops or whole utterances of speech: what pre-training and distilling do alike."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from .engine.config import OptimConfig
from .engine.kept import export_kept
from .engine.loop import Trained, ended_at, train
from .engine.objective import Objective
from .engine.ranks import World
from .engine.validation import Validation
from .speech import Speech, Training


class Optimised(Training, Protocol):
    """The config of a run with its optimiser."""

    @property
    def optim(self) -> OptimConfig: ...


def train_on(
    speech: Speech,
    objective: Objective,
    config: Optimised,
    out: Path,
    world: World,
    name: str,
    export: Callable[[Path, Trained], None],
) -> Trained:
    """Train on this rank; on the first one call `export` for out/hf, and for out/at/*/hf as loop.keep_at says.

    Raises UserError for checkpoints of another identity than `name`, or of another shape.
    """
    dev, crops = speech.dev, speech.dev_crops
    trained = train(
        objective,
        speech.batch,
        config.optim,
        config.loop,
        out,
        micro_batches=config.data.micro_batches,
        validation=Validation(lambda i: dev.batch(*crops[i]), len(crops)) if dev and crops else None,
        step_seconds=speech.sampler.seconds,
        identity=name,
        world=world,
    )
    if world.first:
        export(out / "hf", trained)
        export_kept(out, config.loop, objective, lambda folder, step: export(folder, ended_at(trained, step)))
    return trained
