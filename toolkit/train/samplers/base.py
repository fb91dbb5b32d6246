"""The interface of samplers: micro-batches of one group each, and their coverage of the data.

A step has several micro-batches. Which items are in micro-batch `number` of step `step` follows from the sampler's
seed and these two numbers alone, so a training that resumes, or that is shared by several processes, needs no state.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True, eq=False)
class Draw:
    """A micro-batch.

    Attributes:
        items: numbers of the items; an item may be repeated.
        group: the group of all items (a task, a language); "" if the sampler has no groups.
    """

    items: Integers
    group: str


class Sampler(Protocol):
    """Decides which items are in which micro-batch. Threads may call it at once."""

    def micro(self, step: int, number: int) -> Draw:
        """Micro-batch `number` of step `step`, both from 0; the same for the same seed, step and number.

        A sampler whose draws depend on earlier draws may replay them if it is asked for a late step first.
        """
        ...

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1."""
        ...


class Tally(NamedTuple):
    """Drawn `items`, distinct and ascending, and how many `times` each was drawn."""

    items: Integers
    times: Integers


@dataclass(frozen=True, eq=False)
class Coverage:
    """Draws of some steps, by group. Coverages can be added, e.g. those of the stages of a schedule.

    Attributes:
        tallies: group -> its items and how often each was drawn.
        cost: group -> cost of its draws, in the sampler's unit: audio-seconds, items, or a cost per item.
    """

    tallies: Mapping[str, Tally]
    cost: Mapping[str, float]

    @staticmethod
    def of(drawn: Mapping[str, Integers], cost: Mapping[str, float] | None = None) -> Coverage:
        """Coverage of drawn items, by group; repeated items are listed repeatedly. `cost`: default, their number."""
        tallies = {group: Tally(*np.unique(items, return_counts=True)) for group, items in drawn.items()}
        return Coverage(tallies, cost or {group: float(len(items)) for group, items in drawn.items()})

    @property
    def shares(self) -> dict[str, float]:
        """Group -> its share of the cost; 0 for all if nothing was drawn."""
        total = sum(self.cost.values())
        return {group: cost / total if total else 0.0 for group, cost in self.cost.items()}

    @property
    def distinct(self) -> dict[str, int]:
        """Group -> number of its items drawn at least once."""
        return {group: len(tally.items) for group, tally in self.tallies.items()}

    @property
    def repeats(self) -> dict[str, int]:
        """Group -> draws of an item that was drawn before."""
        return {group: int(tally.times.sum()) - len(tally.items) for group, tally in self.tallies.items()}

    def __add__(self, later: Coverage) -> Coverage:
        groups = [*self.tallies, *(group for group in later.tallies if group not in self.tallies)]
        nothing = Tally(np.empty(0, np.int64), np.empty(0, np.int64))
        return Coverage(
            {g: _added(self.tallies.get(g, nothing), later.tallies.get(g, nothing)) for g in groups},
            {g: self.cost.get(g, 0.0) + later.cost.get(g, 0.0) for g in groups},
        )


def _added(one: Tally, two: Tally) -> Tally:
    items, place = np.unique(np.concatenate([one.items, two.items]), return_inverse=True)
    times = np.zeros(len(items), np.int64)
    np.add.at(times, place.reshape(-1), np.concatenate([one.times, two.times]))
    return Tally(items, times)
