"""Groups with stated shares: every micro-batch is of one group, and the shares hold from the first steps to the last.

`Cells` is the core. A cell holds items of one group that fit into one micro-batch: of speech, those that are cropped to
one length. The share of a group is split over its cells such that each of its items comes equally often. From the
shares follows how many micro-batches each cell is due. Steps are dealt to the lengths in these ratios, and the
micro-batches of a length to its cells (spread.py); each cell reads its items off an endless stream of permutations
(stream.py). So a small group is repeated, a large one is seen over several epochs, and nothing is rounded per epoch.

`Quota` is the sampler of items that have no length, such as the instructions of an audio LLM. The sampler of speech is
in speech_quota.py.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ...core.errors import UserError
from ..subset import census, refuse_unknown
from .base import Coverage, Draw, Integers, Tally
from .spread import Spread
from .stream import Stream

Reals = np.ndarray[Any, np.dtype[np.float64]]


class Cell(NamedTuple):
    """Items of one group, of which a micro-batch holds `size`.

    Attributes:
        cost: cost of each item, or one for all items; shares are shares of the cost.
        length: all micro-batches of a step are of one length.
        first: number of items drawn before step 0; the stream continues after them.
    """

    group: str
    items: Integers
    size: int
    cost: Reals | float = 1.0
    length: int = 0
    first: int = 0


class Cells:
    """The items of each micro-batch, from cells and the shares of their groups.

    Attributes:
        rates: group -> mean number of times that each of its items is drawn in an epoch.
        steps: steps in an epoch, which costs as much as every item once; a mean, not a whole number.
        cost: mean cost of a step.
    """

    def __init__(self, cells: Sequence[Cell], shares: Mapping[str, float], micro_batches: int, seed: int) -> None:
        """`shares` add up to 1; a group without a share, and a cell without items, are left out."""
        self.cells = [cell for cell in cells if len(cell.items) and shares.get(cell.group, 0.0) > 0]
        self.micro_batches = micro_batches
        costs = dict.fromkeys((cell.group for cell in self.cells), 0.0)
        for cell in self.cells:
            costs[cell.group] += float(np.broadcast_to(cell.cost, len(cell.items)).sum())
        total = sum(costs.values())
        self.rates = {group: shares[group] * total / cost for group, cost in costs.items()}
        self._streams = [Stream(cell.items, seed, "quota", cell.group, cell.length) for cell in self.cells]
        due = [self.rates[cell.group] * len(cell.items) / cell.size for cell in self.cells]  # micro-batches in an epoch
        lengths = sorted({cell.length for cell in self.cells})
        self._members = [[i for i, cell in enumerate(self.cells) if cell.length == length] for length in lengths]
        self._lengths = Spread([sum(due[i] for i in members) for members in self._members])
        self._groups = [Spread([due[i] for i in members]) for members in self._members]
        self.steps = sum(due) / micro_batches
        self.cost = total / self.steps

    def micro(self, step: int, number: int) -> tuple[Cell, Integers]:
        """The cell of a micro-batch, and its items. Raises IndexError for a number that a step does not have."""
        if step < 0 or not 0 <= number < self.micro_batches:
            raise IndexError(f"step {step} has no micro-batch {number}: it has {self.micro_batches}")
        length, turn = self._lengths.at(step)
        member, turn = self._groups[length].at(turn * self.micro_batches + number)
        cell = self.cells[index := self._members[length][member]]
        return cell, self._streams[index].drawn(cell.first + turn * cell.size, cell.size)

    def drawn(self, step: int) -> list[int]:
        """Number of items that steps 0 to `step` - 1 draw from each cell."""
        counts = [0] * len(self.cells)
        for members, spread, turns in zip(self._members, self._groups, self._lengths.before(step), strict=True):
            for index, micro in zip(members, spread.before(turns * self.micro_batches), strict=True):
                counts[index] = micro * self.cells[index].size
        return counts

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1. An item is in one cell only, so the cells of a group can be added."""
        tallies: dict[str, list[tuple[Integers, Integers]]] = {group: [] for group in self.rates}
        cost = dict.fromkeys(self.rates, 0.0)
        for cell, stream, count in zip(self.cells, self._streams, self.drawn(step), strict=True):
            times = stream.times(cell.first, cell.first + count)
            cost[cell.group] += float((times * cell.cost).sum())
            tallies[cell.group].append((cell.items[times > 0], times[times > 0]))
        return Coverage({group: _joined(parts) for group, parts in tallies.items()}, cost)


class Quota:
    """Sampler of items in groups that have stated shares.

    Attributes:
        shares: group -> its share of the cost; at any step the draws keep it to within one or two micro-batches.
        rates, steps: as those of `Cells`.
    """

    def __init__(
        self,
        groups: Sequence[str],
        shares: Mapping[str, float],
        size: int | Mapping[str, int],
        micro_batches: int,
        seed: int,
        *,
        cost: Sequence[float] | Reals | None = None,
        first: Mapping[str, int] | None = None,
        field: str = "data.shares",
    ) -> None:
        """Args:
            groups: group of each item.
            shares: group -> share of the draws, or of their cost; 0 leaves a group out. Other groups share the
                rest in proportion to their costs.
            size: items in a micro-batch, for all groups or by group.
            cost: cost of each item; default 1: shares count items.
            first: `drawn` of the sampler of an earlier stage, whose streams go on here: an item that it drew comes
                again when all others of its group came.
            field: config field of the shares, for errors.

        Raises UserError for a group that no item is of, and shares that leave nothing to a group (or something to
        none); ValueError for a size, number or cost that is not above 0.
        """
        costs = np.ones(len(groups)) if cost is None else np.asarray(cost, np.float64)
        sizes = size if isinstance(size, Mapping) else dict.fromkeys(groups, size)
        if not len(groups):
            raise UserError("not one item to draw from", field, "give items")
        if missing := sorted(set(groups) - set(sizes)):
            raise ValueError(f"no size for the group {missing[0]}")
        if min(micro_batches, *sizes.values()) < 1 or not np.all((costs > 0) & np.isfinite(costs)):
            raise ValueError("sizes, micro_batches and costs must be above 0")
        members = members_of(groups)
        weights = {group: float(costs[items].sum()) for group, items in members.items()}
        refuse_unknown(shares, groups, field, "item")
        known = f"mend the shares (0 leaves a group out); there are {census(Counter(groups))}"
        self.shares = completed(shares, weights, field, known)
        first = first or {}
        cells = [
            Cell(group, items, sizes[group], costs[items], first=first.get(group, 0))
            for group, items in members.items()
            if self.shares[group]
        ]
        self._cells = Cells(cells, self.shares, micro_batches, seed)
        self._first = {**first}
        self.rates, self.steps = self._cells.rates, max(1, round(self._cells.steps))

    def micro(self, step: int, number: int) -> Draw:
        """Micro-batch `number` of step `step`."""
        cell, items = self._cells.micro(step, number)
        return Draw(items, cell.group)

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1."""
        return self._cells.coverage(step)

    def drawn(self, step: int) -> dict[str, int]:
        """Group -> items drawn of it before a step, with those of earlier stages: `first` of the next stage."""
        counts = zip(self._cells.cells, self._cells.drawn(step), strict=True)
        return self._first | {cell.group: cell.first + count for cell, count in counts}


def members_of(groups: Sequence[str]) -> dict[str, Integers]:
    """Group -> numbers of its items, in the order of the names."""
    number = {name: i for i, name in enumerate(sorted(set(groups)))}
    group_N = np.fromiter((number[group] for group in groups), np.int64, len(groups))
    order_N, ends = np.argsort(group_N, kind="stable"), np.cumsum(np.bincount(group_N, minlength=len(number)))
    return dict(zip(number, np.split(order_N, ends[:-1])))


def completed(shares: Mapping[str, float], weights: Mapping[str, float], field: str, remedy: str) -> dict[str, float]:
    """Group -> share, for all groups; groups without a stated share divide the rest in proportion to their weights.

    Raises UserError for shares that are no shares, that leave nothing to a group, or something to none.
    """
    total, left = math.fsum(shares.values()), 1 - math.fsum(shares.values())
    rest = {group: weight for group, weight in weights.items() if group not in shares}
    problem = ""
    if wrong := [name for name, share in shares.items() if not 0 <= share <= 1]:
        problem = f"give {', '.join(wrong)} a share that is not 0 to 1"
    elif left < -1e-9 or (left > 1e-9 and not rest):
        problem = f"add up to {total:g}" + (", and there is no other group" if left > 0 else "")
    elif rest and left <= 1e-9:
        problem = f"leave nothing to {', '.join(rest)}"
    if problem:
        raise UserError(f"{field} {problem}", field, remedy)
    scale = left / (sum(rest.values()) or 1.0)
    whole = {group: shares.get(group, weight * scale) for group, weight in weights.items()}
    return {group: share / math.fsum(whole.values()) for group, share in whole.items()}


def _joined(parts: Sequence[tuple[Integers, Integers]]) -> Tally:
    """One ascending tally of parts without common items."""
    items, times = (np.concatenate(columns) for columns in zip(*parts))
    order = np.argsort(items)
    return Tally(items[order], times[order])
