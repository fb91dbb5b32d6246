"""What a task's head is fed: batches of features (or of waveforms), in the order of training and of evaluation.

Shapes: N frames or samples of a batch, B utterances, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import UserError
from ..core.seed import seed_of
from ..data.audio import SAMPLE_RATE, AudioError
from ..data.bad_clips import BadClips, BadClipsOfRun
from ..data.batches import Left
from ..data.judge import Limits
from ..data.listen import decoded
from ..data.provenance import Rules
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


NOTHING = np.empty(0)


class Feed:
    """Batches of one task on one row.

    Attributes:
        means: batches have the means of utterances, not their frames.
        live: features are computed for each batch: "all" of them, those of "crops", or none ("").
    """

    def __init__(
        self, config: TasksConfig, data: TaskData, source: Source, bad_clips: BadClipsOfRun | None = None
    ) -> None:
        """`bad_clips`: remembers those of training and dev, which leave their batches; one of test raises UserError."""
        self._bad_clips = {part: self._of_part(part, data, bad_clips) for part in ("train", "dev") if bad_clips}
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

    @staticmethod
    def _of_part(part: str, data: TaskData, bad_clips: BadClipsOfRun) -> BadClips:
        rules = Rules(False, Limits())  # they have been judged when their features were computed
        return bad_clips.of(part, len({e.id for e in data.parts[part]}), rules, f"{data.name}, {part}")

    def batch(self, part: str, examples: Sequence[Example], at: tuple[int, int] | None = None) -> dict[str, Any]:
        """Features (or waveforms) and targets of `examples`, which stay in it as they are; bad clips are not in it.

        Args:
            at: step and place of the first of them, in training.
        """
        every = bool(self.source.tuned) or self.live == "all"
        features = None if every else self.source.sets[self.task.sets.of(part)]
        read = partial(self._read, examples, at, None if self.means else features)
        wanted = [i for i, e in enumerate(examples) if every or not self.means or (at and self._is_cropped(e))]
        heard = {i: self._heard(part, examples[i], partial(read, i)) for i in wanted}
        kept = [i for i in range(len(examples)) if heard.get(i, NOTHING) is not None]
        left = {"left": Left(kept, [])} if len(kept) < len(examples) else {}
        if not kept:
            return {**left, "examples": []}
        chosen = [examples[i] for i in kept]
        batch: dict[str, Any] = {**self.type.targets(chosen), "examples": chosen, **left}
        places = [place for place, i in enumerate(kept) if i in heard]
        parts = [value for value in heard.values() if value is not None]
        if features and not self.means:
            return {**batch, "states_NLD": np.concatenate(parts), "lengths_B": np.array([len(s) for s in parts])}
        if features:
            batch |= {"states_NLD": features.means([e.u for e in chosen]), "lengths_B": np.ones(len(chosen), np.int64)}
        if parts:
            samples_B = np.array([len(wave_N) for wave_N in parts])
            batch |= {"wave_N": np.concatenate(parts), "samples_B": samples_B, "live_B": np.array(places)}
        return batch

    def _read(
        self, examples: Sequence[Example], at: tuple[int, int] | None, frames: SetFeatures | None, i: int
    ) -> Array:
        """Frames of an example of a batch, or its waveform if they are not given. Raises AudioError."""
        if frames:
            return frames.states(examples[i].u)
        return self._wave(examples[i], at and (at[0], at[1] + i))

    def _heard(self, part: str, example: Example, read: Callable[[], Array]) -> Array | None:
        """What is read of an example; None if its clip cannot be decoded any more. Raises UserError in a test set."""
        if part in self._bad_clips:
            return self._bad_clips[part].use(example.utterance, read)
        try:
            return read()
        except AudioError as e:
            problem = f"{example.id} could be read before and cannot now: {e.reason}: {e.what}"
            remedy = "mend it, as all rows are scored on the same utterances"
            raise UserError(problem, example.utterance.path, remedy) from None

    def _is_cropped(self, example: Example) -> bool:
        return 0 < self.task.crop_seconds < example.utterance.seconds

    def _wave(self, example: Example, at: tuple[int, int] | None) -> Array:
        wave_N: Array = decoded(example.utterance)
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
