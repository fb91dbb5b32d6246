"""What a task's head is fed: batches of features (or of waveforms), in the order of training and of evaluation.

Shapes: N frames or samples of a batch, B utterances, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.seed import seed_of
from ..data.audio import SAMPLE_RATE
from ..train.objectives.classify import Features
from .base import Example, TaskData
from .config import TasksConfig
from .features import SetFeatures
from .live import Live
from .upstream import Upstream

if TYPE_CHECKING:
    from .base import Array


@dataclass(frozen=True)
class Source:
    """Where a row's features come from.

    Attributes:
        sets: features of each data directory, computed before.
        tuned: makes a fresh network to train with the head; None where the upstream is frozen.
        upstream: the frozen upstream, opened when features are computed anew; None where it is trained.
    """

    sets: Mapping[str, SetFeatures]
    tuned: Callable[[], Features] | None = None
    upstream: Callable[[], Upstream] | None = None


class Feed:
    """Batches of one task on one row.

    Attributes:
        means: batches have the means of utterances, not their frames.
        live: features are computed for each batch: "all" of them, those of "crops", or none ("").
    """

    def __init__(self, config: TasksConfig, data: TaskData, source: Source) -> None:
        self.config, self.data, self.source = config, data, source
        self.type, self.task = data.config.implementation, data.config
        self.pooled = self.type.needs == "means" and source.tuned is None
        self.means = self.pooled and config.by_means(data.config)
        cropped = "crops" if self.task.crop_seconds and self.means else ""
        self.live = "" if source.tuned else "all" if config.pads else cropped
        self._pass = lru_cache(4)(self._order)
        self.pieces = lru_cache(8)(self._pieces)

    def features(self) -> Features:
        """The module that a head gets its states from."""
        if self.source.tuned:
            return self.source.tuned()
        if not self.live:
            return Features()
        assert self.source.upstream
        return Live(self.source.upstream(), self.config.pads, self.pooled)

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation [L, D] in training: of frames, or of utterances' means where those are enough.

        So a head that needs means alone learns the same from means and from frames. Without `standardise`: 0 and 1.
        """
        features = self.source.sets[self.task.sets.train]
        if not self.config.standardise:
            return np.zeros(features.given_shape), np.ones(features.given_shape)
        if not self.pooled:
            return features.moments()
        means_ULD = features.means([e.u for e in self.data.parts["train"]]).astype(np.float64)
        return means_ULD.mean(0), means_ULD.std(0)

    def step(self, step: int, piece: int) -> dict[str, Any]:
        """Piece number `piece` of the batch of step `step`."""
        examples, first = self.pieces(step)[piece]
        return self.batch("train", examples, (step, first))

    def _pieces(self, step: int) -> list[tuple[list[Example], int]]:
        """The batch of a step in the pieces that are computed at once: examples, and the place of the first.

        The training set comes in a new order every time round, without a seam between two rounds.
        """
        examples, size = self.data.parts["train"], self.task.batch
        places = range(step * size, (step + 1) * size)
        drawn = [examples[self._pass(p // len(examples))[p % len(examples)]] for p in places]
        pieces, first = [], 0
        for piece in cut(drawn, self.task.piece_seconds, self.task.piece_utterances):
            pieces.append((piece, first))
            first += len(piece)
        return pieces

    def evaluated(self, part: str) -> list[list[Example]]:
        """The examples of a part in its order, in batches. Under the strict protocol they change no prediction."""
        examples, size = self.data.parts[part], self.task.eval_batch or self.task.batch
        chunks = (examples[start : start + size] for start in range(0, len(examples), size))
        return [piece for chunk in chunks for piece in cut(chunk, 0 if self.live else self.task.piece_seconds)]

    def batch(self, part: str, examples: Sequence[Example], at: tuple[int, int] | None = None) -> dict[str, Any]:
        """Features (or waveforms) and targets of `examples`, which stay in it as they are.

        Args:
            at: step and place of the first of them, in training.
        """
        batch: dict[str, Any] = {**self.type.targets(examples), "examples": list(examples)}
        if self.source.tuned or self.live == "all":
            return {**batch, **self._waves(examples, range(len(examples)), at)}
        features = self.source.sets[self.task.sets.of(part)]
        if self.means:
            batch["states_NLD"] = features.means([e.u for e in examples])
            batch["lengths_B"] = np.ones(len(examples), np.int64)
            cropped = [i for i, e in enumerate(examples) if at and self._is_cropped(e)]
            return {**batch, **(self._waves(examples, cropped, at) if cropped else {})}
        states = [features.states(e.u) for e in examples]
        batch["states_NLD"] = np.concatenate(states)
        batch["lengths_B"] = np.array([len(s) for s in states])
        return batch

    def _is_cropped(self, example: Example) -> bool:
        return 0 < self.task.crop_seconds < example.utterance.seconds

    def _waves(self, examples: Sequence[Example], chosen: Sequence[int], at: tuple[int, int] | None) -> dict[str, Any]:
        """Waveforms of the examples number `chosen`; in training cut to `crop_seconds` at a place that `at` draws."""
        waves = [self._wave(examples[i], at and (at[0], at[1] + i)) for i in chosen]
        samples_B = np.array([len(wave_N) for wave_N in waves])
        return {"wave_N": np.concatenate(waves), "samples_B": samples_B, "live_B": np.array(chosen)}

    def _wave(self, example: Example, at: tuple[int, int] | None) -> Array:
        wave_N: Array = example.utterance.audio()
        if self.task.gain_db:
            wave_N = wave_N * np.float32(10 ** (self.task.gain_db / 20))
        most = round(self.task.crop_seconds * SAMPLE_RATE)
        if at is None or not 0 < most < len(wave_N):
            return wave_N
        rng = np.random.default_rng(seed_of(self.config.seed, self.data.name, "crop", *at))
        start = int(rng.integers(len(wave_N) - most + 1))
        return wave_N[start : start + most]

    def _order(self, round: int) -> list[int]:
        rng = np.random.default_rng(seed_of(self.config.seed, self.data.name, "order", round))
        order: list[int] = rng.permutation(len(self.data.parts["train"])).tolist()
        return self.type.order(self.data, order, rng)


def cut(examples: Sequence[Example], most_seconds: float, most: int = 0) -> list[list[Example]]:
    """Neighbours in pieces of up to `most_seconds` of audio (a longer one alone) and `most` examples; 0: no limit."""
    pieces: list[list[Example]] = []
    seconds = 0.0
    for example in examples:
        seconds += example.utterance.seconds
        if not pieces or (most_seconds and seconds > most_seconds) or (most and len(pieces[-1]) == most):
            pieces.append([])
            seconds = example.utterance.seconds
        pieces[-1].append(example)
    return pieces
