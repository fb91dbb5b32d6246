"""The items of each step of an audio LLM's training, by a schedule: stages of samplers, and micro-batches of one task.

All samplers here draw single items: `micro(step, number)` is item `number` of a step. `Schedule` makes micro-batches
of one task each of a step's items, so that the gradient of each task can be told, and short items are not padded to
long.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from ...core.errors import UserError
from .base import Coverage, Draw, Integers, Sampler, Tally
from .config import CurriculumConfig, DiverseConfig, StageConfig, UniformConfig
from .curriculum import curriculum, lengths
from .diverse import Diverse, Reals
from .quota import Quota
from .stages import Stages

FIELD = "schedule"
RECENT = 16  # steps whose micro-batches are kept


@dataclass(frozen=True)
class Pool:
    """The items that are drawn from.

    Attributes:
        tasks, labels: of each item; labels of a task without any are "".
        strata: of each item, for diverse sampling: its label, or its cluster.
        embedding: [N, D] of length 1; None if no stage needs it.
        lengths: tokens of each item, by which a micro-batch is sorted.
    """

    tasks: Sequence[str]
    labels: Sequence[str]
    strata: Sequence[str]
    lengths: Integers
    embedding: Reals | None = None

    @property
    def digest(self) -> str:
        """Of embeddings and strata, from which follows what diverse sampling draws; "" without embeddings."""
        if self.embedding is None:
            return ""
        state = hashlib.sha256(self.embedding.tobytes())
        state.update("\n".join(self.strata).encode())
        return state.hexdigest()[:16]


def sampler_of(stage: StageConfig, pool: Pool, steps: int, size: int, seed: int) -> Sampler:
    """The sampler of single items of one stage."""
    if isinstance(stage, CurriculumConfig):
        order, shares = stage.of(set(pool.tasks))
        return curriculum(pool.tasks, order, shares, stage.replay, steps, size, seed, FIELD)
    if isinstance(stage, DiverseConfig):
        return Diverse(pool.tasks, pool.strata, size, stage.pool, seed, pool.embedding)
    assert isinstance(stage, UniformConfig)
    if stage.equal:
        names = sorted(set(pool.tasks))
        return Quota(pool.tasks, dict.fromkeys(names, 1 / len(names)), 1, size, seed, field=FIELD)
    if stage.of_tasks:
        return Quota(pool.tasks, stage.of_tasks, 1, size, seed, field=FIELD)
    return Quota([""] * len(pool.tasks), {}, 1, size, seed, field=FIELD)


def staged(stages: Sequence[StageConfig], pool: Pool, steps: int, size: int, seed: int) -> Stages:
    """The sampler of a schedule. Raises UserError if there are too few steps for it."""
    rest = 1 - sum(stage.share for stage in stages)
    shares = [stage.share or rest for stage in stages]
    counts = lengths(shares, steps, FIELD)
    return Stages([(n, sampler_of(stage, pool, n, size, seed)) for stage, n in zip(stages, counts, strict=True)], FIELD)


class Schedule:
    """Micro-batches of one task each.

    A step's items are sorted by task and length and cut into micro-batches of at most `most` items. With several ranks
    each step has a whole multiple of their number; micro-batches may then be empty.
    """

    def __init__(self, sampler: Sampler, pool: Pool, size: int, most: int, ranks: int = 1) -> None:
        self.sampler, self.pool, self.size, self.most, self.ranks = sampler, pool, size, most, ranks
        self.parts = lru_cache(RECENT)(self._parts)

    def items(self, step: int) -> Integers:
        """All items of a step, in the order of the sampler."""
        return np.concatenate([self.sampler.micro(step, number).items for number in range(self.size)])

    def _parts(self, step: int) -> list[Draw]:
        """The micro-batches of a step."""
        items = self.items(step)
        by_task: dict[str, list[int]] = {}
        for item in items:
            by_task.setdefault(self.pool.tasks[item], []).append(int(item))
        draws = []
        for task in sorted(by_task):
            ordered = sorted(by_task[task], key=lambda item: (self.pool.lengths[item], item))
            draws += [Draw(np.array(part), task) for part in _cut(ordered, self.most)]
        missing = -len(draws) % self.ranks
        return draws + [Draw(np.empty(0, np.int64), draws[-1].group)] * missing

    def count(self, step: int) -> int:
        """Number of micro-batches of a step."""
        return len(self.parts(step))

    def coverage(self, steps: int) -> dict[str, Any]:
        """What `steps` steps drew, by task: draws, items, distinct ones, and shares of the labels."""
        drawn = by_group(self.sampler.coverage(steps), self.pool.tasks)
        every: dict[str, int] = {}
        for task in self.pool.tasks:
            every[task] = every.get(task, 0) + 1
        return {task: self._covered(drawn.get(task), count) for task, count in sorted(every.items())}

    def _covered(self, tally: Tally | None, items: int) -> dict[str, Any]:
        if tally is None:
            return {"draws": 0, "items": items, "distinct": 0, "labels": {}}
        draws = int(tally.times.sum())
        labels: dict[str, int] = {}
        for item, times in zip(tally.items, tally.times, strict=True):
            if label := self.pool.labels[item]:
                labels[label] = labels.get(label, 0) + int(times)
        shares = {label: round(count / draws, 6) for label, count in sorted(labels.items())}
        return {"draws": draws, "items": items, "distinct": len(tally.items), "labels": shares}


def by_group(coverage: Coverage, groups: Sequence[str]) -> Mapping[str, Tally]:
    """Tallies of a coverage, by the group of each item."""
    items = np.concatenate([np.empty(0, np.int64), *(tally.items for tally in coverage.tallies.values())])
    times = np.concatenate([np.empty(0, np.int64), *(tally.times for tally in coverage.tallies.values())])
    of = np.array([groups[item] for item in items])
    return {group: Tally(items[of == group], times[of == group]) for group in sorted(set(of.tolist()))}


def _cut(items: Sequence[int], most: int) -> list[Sequence[int]]:
    """The items in as few pieces of nearly equal size as `most` allows."""
    pieces = -(-len(items) // most)
    return [items[len(items) * i // pieces : len(items) * (i + 1) // pieces] for i in range(pieces)]


def refuse_unfit(stages: Sequence[StageConfig], tasks: Sequence[str]) -> None:
    """Raise UserError for a schedule that cannot be of these tasks."""
    for stage in stages:
        if isinstance(stage, UniformConfig) and (unknown := sorted(set(stage.of_tasks) - set(tasks))):
            raise UserError(f"no item of the task {unknown[0]}", FIELD, f"there are {', '.join(sorted(set(tasks)))}")
