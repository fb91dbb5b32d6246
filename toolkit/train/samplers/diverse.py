"""Steps of equal shares of tasks, and of labels within a task, whose items are unlike each other (ADS).

Aligner-based diverse sampling (arXiv 2601.12494), as we define it, since the paper states no algorithm: the items of a
step are dealt to the tasks in turn, a remainder to each in turn; within a task its labels take turns (or clusters of
embeddings, for a task without labels). Each item is chosen from the next `pool` of its stratum's random order: the one
whose largest cosine to the items already in the step is smallest (greedy max-min). A stratum gives each of its items
once before it begins anew. With a pool of 1 nothing is chosen: the steps are stratified only.

Shapes: N items, D dimensions of an embedding.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from ...core.seed import seed_of
from .base import Coverage, Draw, Integers
from .quota import members_of

Reals = np.ndarray[Any, np.dtype[np.float32]]


class Stratum:
    """The items of a stratum in random order, each once before the next round."""

    def __init__(self, items: Integers, *seed: int | str) -> None:
        self.items, self._seed, self._round = items, seed, 0
        self._queue, self._left = items, 0

    def candidates(self, pool: int) -> Integers:
        """The next items, at most `pool`, at least one."""
        if not self._left:
            order = np.random.default_rng(seed_of(*self._seed, self._round)).permutation(len(self.items))
            self._queue, self._left, self._round = self.items[order], len(order), self._round + 1
        return self._queue[max(0, self._left - pool) : self._left]

    def take(self, place: int, candidates: int) -> int:
        """Remove and return the candidate at `place` of so many."""
        at = self._left - candidates + place
        item = int(self._queue[at])
        self._left -= 1
        self._queue[at] = self._queue[self._left]
        return item


class Diverse:
    """Sampler of single items: micro-batch `number` of a step is its item of that number.

    Draws follow from those before them, so a step far ahead is found by replaying; the same for the same seed.
    """

    def __init__(
        self,
        tasks: Sequence[str],
        strata: Sequence[str],
        size: int,
        pool: int,
        seed: int,
        embedding_ND: Reals | None = None,
    ) -> None:
        """Args:
        tasks: of each item; strata: its label or cluster.
        size: items in a step.
        pool: candidates for each item; 1: no choice.
        embedding_ND: of each item, of length 1, or 0 for an item without one; not needed with a pool of 1.
        """
        if min(size, pool) < 1 or not len(tasks):
            raise ValueError("size, pool and the number of items must be at least 1")
        if pool > 1 and embedding_ND is None:
            raise ValueError("a pool above 1 needs embeddings")
        self.size, self.pool, self.seed, self._embedding = size, pool, seed, embedding_ND
        self._task_of = list(tasks)
        self._members = {
            task: {stratum: items[places] for stratum, places in members_of([strata[i] for i in items]).items()}
            for task, items in members_of(tasks).items()
        }
        self._lock = threading.Lock()
        self._restart()

    def _restart(self) -> None:
        self._strata = {
            task: [Stratum(items, self.seed, "diverse", task, name) for name, items in strata.items()]
            for task, strata in self._members.items()
        }
        self._turns = dict.fromkeys(self._strata, 0)
        self._drawn: list[Integers] = []

    def step(self, step: int) -> Integers:
        """The items of a step."""
        with self._lock:
            while len(self._drawn) <= step:
                self._drawn.append(self._next(len(self._drawn)))
            return self._drawn[step]

    def _next(self, step: int) -> Integers:
        names = list(self._strata)
        first = step * (self.size % len(names))  # a remainder goes to other tasks in the next step
        chosen = np.empty(self.size, np.int64)
        for slot in range(self.size):
            task = names[(slot + first) % len(names)]
            strata = self._strata[task]
            stratum = strata[self._turns[task] % len(strata)]
            self._turns[task] += 1
            candidates = stratum.candidates(self.pool)
            chosen[slot] = stratum.take(self._choose(candidates, chosen[:slot]), len(candidates))
        return chosen

    def _choose(self, candidates: Integers, before: Integers) -> int:
        """Place of the candidate that is least like the items already chosen; the last one if there are none."""
        if len(candidates) == 1 or not len(before) or self._embedding is None:
            return len(candidates) - 1
        cosines = self._embedding[candidates] @ self._embedding[before].T
        return int(cosines.max(1).argmin())

    def micro(self, step: int, number: int) -> Draw:
        item = self.step(step)[number]
        return Draw(np.array([item]), self._task_of[item])

    def coverage(self, step: int) -> Coverage:
        drawn = [self.step(s) for s in range(step)]
        items = np.concatenate([np.empty(0, np.int64), *drawn])
        groups = members_of([self._task_of[i] for i in items]) if len(items) else {}
        return Coverage.of({task: items[groups[task]] if task in groups else items[:0] for task in self._members})


def projection_of(width: int, dim: int, seed: int) -> Reals | None:
    """A random matrix [width, dim] that keeps angles about as they are; None if there is nothing to make smaller."""
    if not 0 < dim < width:
        return None
    random = np.random.default_rng(seed_of(seed, "projection"))
    drawn: Reals = (random.standard_normal((width, dim)) / np.sqrt(dim)).astype(np.float32)
    return drawn


def unit(embedding_ND: Reals) -> Reals:
    """Rows of length 1; a row of zeros stays."""
    lengths = np.linalg.norm(embedding_ND, axis=1, keepdims=True)
    whole: Reals = (embedding_ND / np.maximum(lengths, 1e-12)).astype(np.float32)
    return whole
