"""An endless stream of items: a seeded permutation of all of them, then another, and so on."""

from __future__ import annotations

import threading

import numpy as np

from ...core.seed import seed_of
from .base import Integers


class Stream:
    """Items in an endless random order, in which none is a round ahead of another."""

    def __init__(self, items: Integers, *seed: int | str) -> None:
        """The permutation of round r is seeded by (`seed`, r)."""
        self.items, self._seed = items, seed
        self._rounds: dict[int, Integers] = {}
        self._lock = threading.Lock()

    def drawn(self, first: int, count: int) -> Integers:
        """`count` items from place `first` on."""
        size = len(self.items)
        rounds = range(first // size, -(-(first + count) // size))
        parts = [self._round(r)[max(first - r * size, 0) : first + count - r * size] for r in rounds]
        return np.concatenate(parts)

    def times(self, first: int, last: int) -> Integers:
        """How often each item comes at places `first` to `last` - 1, in the order of `items`."""
        rounds, places = np.divmod([first, last], len(self.items))
        times = np.full(len(self.items), rounds[1] - rounds[0], np.int64)
        for sign, number, place in ((-1, rounds[0], places[0]), (1, rounds[1], places[1])):
            if place:
                times[self._order(int(number))[:place]] += sign
        return times

    def _round(self, number: int) -> Integers:
        """Items in the order of round `number`; it and its neighbours are kept."""
        with self._lock:
            if number not in self._rounds:
                self._rounds = {n: items for n, items in self._rounds.items() if abs(n - number) == 1}
                self._rounds[number] = self.items[self._order(number)]
            return self._rounds[number]

    def _order(self, number: int) -> Integers:
        return np.random.default_rng(seed_of(*self._seed, number)).permutation(len(self.items))
