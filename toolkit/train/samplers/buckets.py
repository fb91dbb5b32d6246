"""Batches counted in seconds, of a few exact lengths, as a pure function of (seed, step).

Every utterance belongs to the longest length that it fills. All micro-batches of a step have one length, so
that ranks need not wait for each other and there are few shapes. Utterances that do not fill a last step of
their length are cut to the next shorter length for this epoch; those of the shortest length wait for the next
epoch. The number of steps of an epoch depends only on the lengths, so step s is in epoch s // steps.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import UserError
from ...core.seed import seed_of
from ...data.frames import HOP, RATE, frames_in
from .base import Coverage, Draw, Integers, Tally


@dataclass(frozen=True, eq=False)
class Crops(Draw):
    """A micro-batch of speech: utterances `items`, each from frame `starts` on, `frames` frames long.

    It unpacks to (rows, starts, frames), the arguments of `LabelledSpeech.batch`.
    """

    starts: Integers
    frames: int

    @property
    def rows(self) -> Integers:
        """The utterances."""
        return self.items

    def __iter__(self) -> Iterator[Any]:
        return iter((self.items, self.starts, self.frames))


class Buckets:
    """Sampler over utterances of `frames` frames each.

    Attributes:
        short: utterances that are shorter than the shortest length and never drawn.
        steps: steps in an epoch.
        seconds: mean audio-seconds in a step.
    """

    def __init__(
        self, frames: Integers, lengths_seconds: Sequence[float], micro_seconds: float, micro_batches: int, seed: int
    ) -> None:
        """Args:
            lengths_seconds: lengths of crops.
            micro_seconds: largest number of audio-seconds in a micro-batch, which has at least one crop.
            micro_batches: number of micro-batches in a step.

        Raises UserError if the utterances do not fill a single step.
        """
        self.frames, self.micro_batches, self.seed = frames, micro_batches, seed
        self.lengths, self.sizes, bucket = fitted(frames, lengths_seconds, micro_seconds)
        self.members = [np.flatnonzero(bucket == b) for b in range(len(self.lengths))]
        self.short = np.flatnonzero(bucket < 0)
        self.takes = self._takes()
        self.steps = sum(self.takes)
        if not self.steps:
            raise too_little(len(frames) - len(self.short), lengths_seconds, micro_seconds, micro_batches)
        crops = [n * micro_batches * size for n, size in zip(self.takes, self.sizes)]
        self.seconds = sum(n * T for n, T in zip(crops, self.lengths)) * HOP / RATE / self.steps
        self._epochs: dict[int, list[tuple[int, Integers]]] = {}
        self._lock = threading.Lock()

    def _takes(self) -> list[int]:
        """Steps of each length in an epoch."""
        takes, carried = [0] * len(self.lengths), 0
        for b in reversed(range(len(self.lengths))):
            takes[b], carried = divmod(len(self.members[b]) + carried, self.sizes[b] * self.micro_batches)
        return takes

    def epoch(self, number: int) -> list[tuple[int, Integers]]:
        """(bucket, utterances) of every step of an epoch."""
        with self._lock:
            if number not in self._epochs:
                self._epochs = {n: plan for n, plan in self._epochs.items() if n == number - 1}
                self._epochs[number] = self._plan(number)
            return self._epochs[number]

    def _plan(self, number: int) -> list[tuple[int, Integers]]:
        random = np.random.default_rng(seed_of(self.seed, "epoch", number))
        steps: list[tuple[int, Integers]] = []
        carried = np.empty(0, np.int64)
        for b in reversed(range(len(self.lengths))):
            pool = random.permutation(np.concatenate([carried, self.members[b]]))
            size = self.sizes[b] * self.micro_batches
            whole = self.takes[b] * size
            steps += [(b, part) for part in pool[:whole].reshape(-1, size)]
            carried = pool[whole:]
        return [steps[i] for i in random.permutation(len(steps))]

    def micro(self, step: int, number: int) -> Crops:
        """Micro-batch `number` of step `step`; crops start anywhere, by (seed, step, place in the step)."""
        epoch, position = divmod(step, self.steps)
        bucket, rows = self.epoch(epoch)[position]
        size, length = self.sizes[bucket], self.lengths[bucket]
        rows = rows[number * size : (number + 1) * size]
        return cropped(rows, self.frames, length, seed_of(self.seed, "crop", step, number))

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1, in audio-seconds. Plans every earlier epoch again."""
        times, seconds = np.zeros(len(self.frames), np.int64), 0.0
        epochs, rest = divmod(step, self.steps)
        for number in range(epochs + bool(rest)):
            for bucket, rows in self._plan(number)[: self.steps if number < epochs else rest]:
                times[rows] += 1  # an epoch has each utterance at most once
                seconds += len(rows) * self.lengths[bucket] * HOP / RATE
        drawn = np.flatnonzero(times)
        return Coverage({"": Tally(drawn, times[drawn])}, {"": seconds})


def cropped(rows: Integers, frames_N: Integers, length: int, seed: int, group: str = "") -> Crops:
    """Crops of `length` frames of utterances `rows` of `frames_N` frames; they start anywhere, by `seed`."""
    starts = np.random.default_rng(seed).integers(0, frames_N[rows] - length + 1)
    return Crops(rows, group, starts, length)


def each_once(frames: Integers, lengths_seconds: Sequence[float], micro_seconds: float) -> list[Crops]:
    """Micro-batches of a dev set: every utterance that is long enough once, from its first frame."""
    lengths, sizes, bucket = fitted(frames, lengths_seconds, micro_seconds)
    crops = []
    for b, (length, size) in enumerate(zip(lengths, sizes)):
        members = np.flatnonzero(bucket == b)
        parts = [members[i : i + size] for i in range(0, len(members), size)]
        crops += [Crops(rows, "", np.zeros_like(rows), length) for rows in parts]
    return crops


def too_little(count: int, lengths_seconds: Sequence[float], micro_seconds: float, micro_batches: int) -> UserError:
    """The error of `count` utterances that do not fill a step."""
    return UserError(
        f"{count} utterances of at least {min(lengths_seconds)} s "
        f"do not fill a step of {micro_batches} × {micro_seconds:g} s",
        "data.micro_seconds, data.micro_batches, data.lengths",
        "lower one of them, or take more data",
    )


def fitted(
    frames: Integers, lengths_seconds: Sequence[float], micro_seconds: float
) -> tuple[list[int], list[int], Integers]:
    """Lengths in frames, crops of each in a micro-batch, and the length that each utterance fills (-1: none)."""
    lengths = sorted({frames_in(s) for s in lengths_seconds})
    sizes = [max(1, int(micro_seconds / (T * HOP / RATE) + 1e-9)) for T in lengths]
    return lengths, sizes, np.searchsorted(lengths, frames, side="right") - 1
