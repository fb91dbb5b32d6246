"""What is raced of ours: the library as the steps call it."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.core.config import load_config
from toolkit.data.frames import frames_of
from toolkit.train.config import PretrainConfig
from toolkit.train.engine.loop import TrainingRun
from toolkit.train.engine.ranks import World
from toolkit.train.objectives.masked import MaskedPrediction
from toolkit.train.start import build
from toolkit.units import mfcc
from toolkit.units.clustering import State, fit
from toolkit.units.config import KmeansConfig
from toolkit.units.frames import mean_frame
from toolkit.units.nearest import Nearest

from .arrays import RATE, cropped_batches, read_waves


class Mfcc:
    """Utterance by utterance, as units.label computes them."""

    def __init__(self, waves: str) -> None:
        torch.set_num_threads(1)
        self.waves = read_waves(Path(waves))

    def run(self) -> None:
        self.made = [mfcc.mfcc(torch.from_numpy(wave_N)) for wave_N in self.waves]

    def output(self) -> np.ndarray:
        return torch.cat(self.made).numpy()


class _Reached(Exception):
    """The inertia that was asked for."""


class Kmeans:
    """units.kmeans without reading and writing: centring, all starts, all iterations."""

    def __init__(self, frames: str, seed: int, threads: int, until: float = 0.0, **config: Any) -> None:
        """Args:
        until: inertia per frame, of all frames, at which to stop.
        """
        torch.set_num_threads(threads)
        self.x_ND, self.seed, self.until = torch.from_numpy(np.load(frames)), seed, until
        self.config = KmeansConfig(threads=threads, **config)

    def run(self) -> dict[str, Any]:
        mean_D = mean_frame(self.x_ND)
        state = State()
        with suppress(_Reached):
            fit(self.x_ND - mean_D, self.config, self.seed, state, self._look)
        best = state.best if state.centroids is None else state.centroids
        assert best is not None
        self.centroids_KD = best + mean_D
        return {"iterations": sum(frames == len(self.x_ND) for _, frames, _, _ in state.history)}

    def _look(self, state: State, frames: int) -> None:
        if state.history[-1][1] == len(self.x_ND) and state.history[-1][3] <= self.until:
            raise _Reached

    def output(self) -> np.ndarray:
        return self.centroids_KD.numpy()


class Assign:
    """The nearest centroid of every frame."""

    def __init__(self, frames: str, centroids: str, threads: int) -> None:
        torch.set_num_threads(threads)
        self.x_ND, self.nearest = torch.from_numpy(np.load(frames)), Nearest(torch.from_numpy(np.load(centroids)))

    def run(self) -> None:
        self.units_N = self.nearest(self.x_ND)[0]

    def output(self) -> np.ndarray:
        return self.units_N.numpy()


class Pretraining:
    """Updates of the training loop with a recipe's config; a round is an update on the next of the batches."""

    def __init__(self, config: str, waves: str, units: int, seconds: float, threads: int, **fields: str) -> None:
        """Args:
        seconds: most audio in a batch.
        fields: of the config, other than its file says.
        """
        given: PretrainConfig = load_config(PretrainConfig, Path(config), {"loop.threads": str(threads), **fields})
        random = np.random.default_rng(1)
        self.batches = [
            {"wave_BN": wave_BN, "labels_BT": random.integers(0, units, (len(wave_BN), frames_of(wave_BN.shape[1])))}
            for wave_BN in cropped_batches(read_waves(Path(waves)), seconds)
        ]
        world, self.settings = World.alone(), ExitStack()
        self.settings.enter_context(world.computing(threads, given.loop.deterministic))  # as train does
        objective = MaskedPrediction(build(given.model, given.loop.seed), given.objective, units, given.loop.seed)
        self.loop = TrainingRun(objective, given.optim, given.loop, Path("nowhere"), world, "")

    def run(self) -> dict[str, Any]:
        batch = self.batches[self.loop.state.step % len(self.batches)]
        self.loop.step([batch], range(1))
        return {"audio_seconds": batch["wave_BN"].size / RATE}

    def output(self) -> np.ndarray:
        return np.empty(0)
