"""Turns dealt to parties in stated ratios, as evenly as can be, each in closed form: no turn needs those before it."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

UNIT = 1 << 48  # ratios are rounded to whole numbers of this size, so that counting is exact however late the turn


class Spread:
    """An endless sequence of turns, each of one party.

    Parties are the leaves of a Huffman tree of their weights. Of the first n turns that reach a node, round(n · p) go
    to its left child, of share p. So after n turns a party of share s has had n · s of them: to within a half for two
    parties, one for four of equal weight, and two at most for any number.
    """

    def __init__(self, weights: Sequence[float]) -> None:
        """`weights` of the parties, in any unit; all of them above 0."""
        total = sum(weights)
        heap = [(max(1, round(w / total * UNIT)), i) for i, w in enumerate(weights)]
        self.count = len(heap)
        self._weights = dict((node, weight) for weight, node in heap)
        self._children: dict[int, tuple[int, int]] = {}
        heapq.heapify(heap)
        while len(heap) > 1:
            (light, left), (heavy, right) = heapq.heappop(heap), heapq.heappop(heap)
            node = self.count + len(self._children)  # parties are the nodes 0 to count - 1
            self._children[node], self._weights[node] = (left, right), light + heavy
            heapq.heappush(heap, (light + heavy, node))
        self._root = heap[0][1]

    def at(self, turn: int) -> tuple[int, int]:
        """(party, its turns before this one) of a turn, from 0."""
        node = self._root
        while node >= self.count:
            before = self._left(node, turn)
            goes_left = self._left(node, turn + 1) > before
            node, turn = (self._children[node][0], before) if goes_left else (self._children[node][1], turn - before)
        return node, turn

    def before(self, turn: int) -> list[int]:
        """Turns of each party before a turn."""
        counts, nodes = [0] * self.count, [(self._root, turn)]
        while nodes:
            node, turns = nodes.pop()
            if node < self.count:
                counts[node] = turns
            else:
                left = self._left(node, turns)
                nodes += zip(self._children[node], (left, turns - left))
        return counts

    def _left(self, node: int, turns: int) -> int:
        """Of the first `turns` turns of a node, those of its left child: their expected number, rounded."""
        weight = self._weights[node]
        return (2 * turns * self._weights[self._children[node][0]] + weight) // (2 * weight)
