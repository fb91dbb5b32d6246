"""Whole utterances in padded micro-batches of about one length, counted in seconds, as a pure function of (seed, step).

Utterances of similar length, at least `ALIKE` times the longest of them, form a block, whose micro-batches hold as many
as fit into `micro_seconds` at that longest length. Each epoch deals the utterances of a block anew to its micro-batches
and shuffles these. An epoch has every utterance once; steps go on over its end, so that nothing is left out.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...core.errors import UserError
from ...core.seed import seed_of
from ...data.frames import HOP, RATE, frames_in
from .base import Coverage, Draw, Integers, Tally

ALIKE = 0.85  # at most so much of a micro-batch is padding: 1 - ALIKE


@dataclass(frozen=True, eq=False)
class Padded(Draw):
    """A micro-batch of whole utterances: `frames` of each, from frame `starts` on, which is 0 but for long ones.

    It unpacks to (rows, starts, frames), the arguments of `CroppedSpeech.batch`.
    """

    starts: Integers
    frames: Integers

    def __iter__(self) -> Iterator[Any]:
        return iter((self.items, self.starts, self.frames))


class Whole:
    """Sampler over utterances of `frames` frames each.

    Attributes:
        short: utterances without a single frame, which are never drawn.
        long: number of utterances of which a piece is drawn, a new one each time.
        batches: micro-batches in an epoch.
        seconds: mean audio-seconds in a step.
    """

    def __init__(self, frames: Integers, longest: float, micro_seconds: float, micro_batches: int, seed: int) -> None:
        """Args:
            longest: seconds; of a longer utterance a random piece of that length is drawn.
            micro_seconds: largest number of audio-seconds in a micro-batch, padding included; it has at least one
                utterance.

        Raises UserError if there is no utterance of a frame.
        """
        self.frames, self.micro_batches, self.seed = frames, micro_batches, seed
        self.own = np.minimum(frames, frames_in(longest))
        self.short, self.long = np.flatnonzero(frames < 1), int((frames > self.own).sum())
        if len(self.short) == len(frames):
            raise UserError("no utterance is long enough for a frame", "data", "take a set with audio")
        self.blocks = blocks_of(self.own, micro_seconds)
        self.batches = sum(-(-len(members) // size) for members, size in self.blocks)
        drawn = self.own[frames > 0].sum() * HOP / RATE
        self.seconds = float(drawn) * micro_batches / self.batches
        self._epochs: dict[int, list[Integers]] = {}
        self._lock = threading.Lock()

    def epoch(self, number: int) -> list[Integers]:
        """Utterances of every micro-batch of an epoch."""
        with self._lock:
            if number not in self._epochs:
                self._epochs = {n: plan for n, plan in self._epochs.items() if n == number - 1}
                self._epochs[number] = self._plan(number)
            return self._epochs[number]

    def _plan(self, number: int) -> list[Integers]:
        random = np.random.default_rng(seed_of(self.seed, "epoch", number))
        batches: list[Integers] = []
        for members, size in self.blocks:
            dealt = random.permutation(members)
            batches += [dealt[i : i + size] for i in range(0, len(dealt), size)]
        return [batches[i] for i in random.permutation(len(batches))]

    def micro(self, step: int, number: int) -> Padded:
        """Micro-batch `number` of step `step`."""
        epoch, place = divmod(step * self.micro_batches + number, self.batches)
        return self._drawn(self.epoch(epoch)[place], seed_of(self.seed, "piece", step, number))

    def _drawn(self, rows: Integers, seed: int) -> Padded:
        free = self.frames[rows] - self.own[rows]
        return Padded(rows, "", np.random.default_rng(seed).integers(0, free + 1), self.own[rows])

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1, in audio-seconds. Plans every earlier epoch again."""
        times = np.zeros(len(self.frames), np.int64)
        epochs, rest = divmod(step * self.micro_batches, self.batches)
        for number in range(epochs + bool(rest)):
            for rows in self._plan(number)[: self.batches if number < epochs else rest]:
                times[rows] += 1
        drawn = np.flatnonzero(times)
        return Coverage({"": Tally(drawn, times[drawn])}, {"": float((times * self.own).sum()) * HOP / RATE})


def blocks_of(frames: Integers, micro_seconds: float) -> list[tuple[Integers, int]]:
    """(utterances, how many of them are in a micro-batch) of each block, the longest first; without empty ones."""
    order = np.argsort(-frames, kind="stable")
    order = order[frames[order] > 0]
    blocks, first = [], 0
    while first < len(order):
        longest = int(frames[order[first]])
        end = first + int(np.searchsorted(-frames[order[first:]], -ALIKE * longest, side="right"))
        blocks.append((order[first:end], max(1, int(micro_seconds * RATE / HOP / longest + 1e-9))))
        first = end
    return blocks


def whole_once(frames: Integers, longest: float, micro_seconds: float) -> list[Padded]:
    """Micro-batches of a dev set: every utterance once, long ones from their first frame on."""
    own = np.minimum(frames, frames_in(longest))
    batches = [
        members[i : i + size] for members, size in blocks_of(own, micro_seconds) for i in range(0, len(members), size)
    ]
    return [Padded(rows, "", np.zeros_like(rows), own[rows]) for rows in batches]
