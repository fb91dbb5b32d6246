"""What is raced of ours with downstream tasks: the two halves of tasks.fit, features once and heads on them."""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.core.record import Ledger
from toolkit.data.kaldi import DataDir
from toolkit.models.encoder import load_encoder
from toolkit.tasks.base import Notes
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.examples import build
from toolkit.tasks.features import SetFeatures, compute
from toolkit.tasks.feed import Source
from toolkit.tasks.task_config import SETS, TaskConfig
from toolkit.tasks.unit import Fit
from toolkit.tasks.upstream import Network
from toolkit.train.engine.config import LoopConfig, OptimConfig
from toolkit.train.engine.loop import TrainingRun
from toolkit.train.engine.ranks import World

from .processes import peak_of

CPU = torch.device("cpu")
AS_PUBLISHED: dict[str, Any] = {"warmup": 0.0, "weight_decay": 0.0, "clip": 1.0, "betas": (0.9, 0.999)}


class Computing:
    """Features of all sets: every frame and the means, written to `out`, which a new round writes anew."""

    def __init__(self, data: str, model: str, out: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.sets = [DataDir.read(Path(data) / name) for name in SETS]
        self.upstream, self.out = Network(load_encoder(model)), Path(out)

    def run(self) -> dict[str, Any]:
        shutil.rmtree(self.out, ignore_errors=True)
        for of_set in self.sets:
            compute(self.upstream, of_set.utterances, self.out / of_set.path.name, True, CPU, of_set.path.name)
        return {"audio_seconds": sum(of_set.seconds for of_set in self.sets)}

    def output(self) -> np.ndarray:
        return np.empty(0)


class _Training:
    """A task on features that were computed before. Output: trained parameters [1]."""

    def __init__(self, data: str, features: str, rates: list[float], steps: int, threads: int, **task: Any) -> None:
        """Args:
        rates: learning rates.
        steps: of each.
        task: other fields of its section.
        """
        torch.set_num_threads(threads)
        section = TaskConfig.variant(task["type"])(steps=steps, lr=tuple(rates), **task)
        self.config = TasksConfig(
            tasks={"task": section}, optimizer="adam", schedule="constant", threads=threads, **AS_PUBLISHED
        )
        self.sets = {name: SetFeatures.open(Path(features) / name) for name in SETS}
        dirs = {name: DataDir.read(Path(data) / name) for name in SETS}
        rate = self.sets["train"].rate
        self.data = build("task", self.config.tasks["task"], dirs, self.sets, rate, Notes(Ledger("race")))

    def fit(self, folder: str) -> Fit:
        return Fit(self.config, self.data, Source(self.sets), Path(folder), "race", CPU)

    def output(self) -> np.ndarray:
        return np.array([sum(p.numel() for p in self.fit("nowhere").objective().parameters())])


class Whole(_Training):
    """A round is all steps at all rates, the choice on dev, the predictions of test; checkpoints too."""

    def run(self) -> dict[str, Any]:
        with tempfile.TemporaryDirectory() as folder:
            fitted = self.fit(f"{folder}/training").run()
        return {"rates": len(fitted.dev) + len(fitted.diverged)}


class Stepping(_Training):
    """A round is one optimiser step at the first rate, its batch read in it."""

    def __init__(self, threads: int, **given: Any) -> None:
        super().__init__(threads=threads, **given)
        self.feed, (lr, *_) = self.fit("nowhere").feed, self.data.config.lr
        world, self.settings = World.alone(), ExitStack()
        loop = LoopConfig(threads=threads, total_steps=self.data.config.steps, precision="fp32")
        self.settings.enter_context(world.computing(threads, loop.deterministic))  # as train does
        optim = OptimConfig("adam", lr, schedule="constant", **AS_PUBLISHED)
        self.loop = TrainingRun(self.fit("nowhere").objective(), optim, loop, Path("nowhere"), world, "")

    def run(self) -> dict[str, Any]:
        step = self.loop.state.step
        numbers = range(len(self.feed.pieces(step)))
        self.loop.step([self.feed.step(step, n) for n in numbers], numbers)
        return {"pieces": len(numbers)}


class Watched(Whole):
    """The same; a round says as own_mb what was held that no file stands behind."""

    def run(self) -> dict[str, Any]:
        with peak_of([os.getpid()]) as most:
            figures = super().run()
        return {**figures, "own_mb": most[1]}
