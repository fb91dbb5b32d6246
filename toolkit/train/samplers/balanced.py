"""Batches in which named groups (languages, say) have stated shares of the audio, as a pure function of (seed, step).

As in buckets.py every utterance is cut to the longest length that it fills, and all crops of a step have one length.
How many crops of each group an epoch has at each length is decided once, from lengths and shares alone, such that
over an epoch each group has its share of the audio-seconds, to within a crop of the shortest length it has. Which
utterances these are is read off one endless stream per group and length: a permutation of its utterances, then
another, and so on, from where the epoch before stopped. So a small group is repeated, a large one is seen over several
epochs, and nobody waits for ever. The crops of a group are spread evenly over the steps of their length; at a length
that one group alone reaches, steps are of that group alone.

An epoch is about as long as the data. A length that does not fill half a step of it is given up: its utterances are cut
to the next shorter one. The shortest takes what it lacks from the utterances of the next longer one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ...core.errors import UserError
from ...core.seed import seed_of
from ...data.frames import HOP, RATE
from ..subset import census, refuse_unknown
from .buckets import Buckets, Integers

Reals = np.ndarray[Any, np.dtype[np.float64]]
Stream = tuple[Integers, int]  # utterances that come in turn, and how many of them in an epoch
OTHERS = ""  # the group of all that no share is asked for
NEAR = 0.01  # further from what was asked for than this, a share is refused


class Balanced(Buckets):
    """Sampler over utterances of `frames` frames each, which belong to groups.

    Attributes:
        shares: group -> share of an epoch's audio-seconds that it has; "" are all groups that none was asked for.
        slots_GB: crops of each group (`names`) at each length (`lengths`) in an epoch.
    """

    def __init__(
        self,
        frames: Integers,
        lengths_seconds: Sequence[float],
        micro_seconds: float,
        micro_batches: int,
        seed: int,
        *,
        groups: Sequence[str],
        shares: Mapping[str, float],
    ) -> None:
        """Args (others as for Buckets):
            groups: of each utterance.
            shares: group -> share of the audio-seconds; groups not named share the rest as they are.

        Raises UserError for a group that is not there, for shares that leave nothing to others that are there (or
        something to nobody), and where so little data cannot be parted so.
        """
        self.names, self._asked, self._group_N = _parted(groups, shares)
        super().__init__(frames, lengths_seconds, micro_seconds, micro_batches, seed)

    def _takes(self) -> list[int]:
        """Decides how many crops of each group an epoch has at each length; steps of each length in it."""
        sizes, seconds_B = np.array(self.sizes) * self.micro_batches, np.array(self.lengths) * (HOP / RATE)
        there_GB = self._count()
        if empty := [self.names[g] for g in np.flatnonzero(there_GB.sum(1) == 0)]:
            what = f"no utterance of {_named(empty)} is as long as the shortest crop"
            raise UserError(what, "data.lengths", "add a shorter one, or leave the group out (data.exclude)")
        seconds_G = there_GB @ seconds_B
        own_GB, need_GB = _moved(there_GB * (self._asked * seconds_G.sum() / seconds_G)[:, None], sizes)
        steps_B = (need_GB.sum(0) / sizes + 0.5).astype(np.int64)
        if not steps_B.any():
            return [0] * len(sizes)  # Buckets refuses it
        self.slots_GB = _slots(need_GB, steps_B * sizes, seconds_B, self._asked)
        heard_G = self.slots_GB @ seconds_B
        self.shares = dict(zip(self.names, (heard_G / heard_G.sum()).tolist()))
        self._refuse_far()
        self._streams = self._assigned(own_GB, need_GB)
        return [int(n) for n in steps_B]

    def _count(self) -> Reals:
        """Utterances of each group that fill each length, [G, B]."""
        groups = range(len(self.names))
        return np.array([[np.count_nonzero(self._group_N[m] == g) for m in self.members] for g in groups], np.float64)

    def _assigned(self, own_GB: Reals, need_GB: Reals) -> list[list[list[Stream]]]:
        """Streams that fill the crops of each group at each length."""
        found: list[list[list[Stream]]] = []
        for g in range(len(self.names)):
            row: list[list[Stream]] = [[] for _ in self.lengths]
            carried = longer = np.empty(0, np.int64)
            for b in reversed(range(len(self.lengths))):
                carried = np.sort(np.concatenate([carried, self.members[b][self._group_N[self.members[b]] == g]]))
                slots = int(self.slots_GB[g, b])
                if not slots:
                    continue
                own = slots if not len(longer) else round(slots * own_GB[g, b] / need_GB[g, b])
                own = min(max(own, 1), slots) if len(carried) else 0
                row[b] = [(m, n) for m, n in ((carried, own), (longer, slots - own)) if n]
                carried, longer = np.empty(0, np.int64), carried
            found.append(row)
        return found

    def _refuse_far(self) -> None:
        """Raise UserError where whole steps do not allow the shares asked for."""
        far = [n for n, p in zip(self.names, self._asked) if abs(self.shares[n] - p) > NEAR]
        if far:
            said = ", ".join(f"{_named([n])} {self.shares[n]:.1%}" for n in far)
            raise UserError(
                f"shares that so few steps cannot have: nearest is {said}",
                "data.shares",
                "lower data.micro_seconds or data.micro_batches, or take fewer data.lengths",
            )

    def _drawn(self, group: int, bucket: int, epoch: int) -> Integers:
        """Utterances of a group that an epoch has at a length."""
        found = [np.empty(0, np.int64)]
        for i, (members, count) in enumerate(self._streams[group][bucket]):
            first, last = epoch * count, (epoch + 1) * count
            turns = range(first // len(members), -(-last // len(members)))
            name = (self.seed, "balanced", self.names[group], bucket, i)
            drawn = [np.random.default_rng(seed_of(*name, turn)).permutation(members) for turn in turns]
            begin = first - turns.start * len(members)
            found.append(np.concatenate(drawn)[begin : begin + count])
        return np.concatenate(found)

    def _plan(self, number: int) -> list[tuple[int, Integers]]:
        random = np.random.default_rng(seed_of(self.seed, "epoch", number))
        steps: list[tuple[int, Integers]] = []
        for b, size in enumerate(self.sizes):
            slots = [int(n) for n in self.slots_GB[:, b]]
            rows = [self._drawn(g, b, number) for g in range(len(slots))]
            places = [(np.arange(n) + random.random()) / max(n, 1) for n in slots]
            mixed = np.concatenate(rows)[np.argsort(np.concatenate(places), kind="stable")]
            steps += [(b, random.permutation(part)) for part in mixed.reshape(-1, size * self.micro_batches)]
        return [steps[i] for i in random.permutation(len(steps))]

    def said(self) -> list[str]:
        """A line per group: its share of the audio, and how often an utterance of it comes."""
        counts = np.bincount(np.delete(self._group_N, self.short), minlength=len(self.names))
        return [
            f"{_named([name])}: {100 * self.shares[name]:.1f} % of the audio-seconds, "
            f"an utterance comes {self.slots_GB[g].sum() / counts[g]:.3g} times in an epoch of {self.steps:,} steps"
            for g, name in enumerate(self.names)
        ]


def _parted(groups: Sequence[str], shares: Mapping[str, float]) -> tuple[list[str], Reals, Integers]:
    """Names of the groups to be kept apart, the share of each, and to which of them each utterance belongs."""
    refuse_unknown(shares, groups, "data.shares")
    counts = Counter(groups)
    names, left = sorted(shares), 1 - sum(shares.values())
    others = sorted(counts.keys() - shares.keys())
    if bool(others) != (left > 1e-9):
        what = (
            f"data.shares leave nothing to {', '.join(others)}"
            if others
            else f"data.shares add up to {sum(shares.values()):g}, and there is no other group"
        )
        raise UserError(
            what, "data.shares", f"mend the shares, or name groups in data.exclude; there are {census(counts)}"
        )
    if others:
        names.append(OTHERS)
    place = {name: g for g, name in enumerate(names)}
    asked = np.array([shares.get(name, left) for name in names])
    return names, asked / asked.sum(), np.array([place.get(group, len(names) - 1) for group in groups], np.int64)


def _moved(need_GB: Reals, sizes: Integers) -> tuple[Reals, Reals]:
    """Crops that groups need at each length, where none is left that fills less than half a step.

    Such a length's go to the next shorter one; the shortest takes what it lacks from the next longer one. Returned
    twice: without what the shortest took, and with it.
    """
    own_GB = need_GB.copy()
    for b in reversed(range(1, len(sizes))):
        if own_GB[:, b].sum() < sizes[b] / 2:
            own_GB[:, b - 1] += own_GB[:, b]
            own_GB[:, b] = 0
    moved_GB = own_GB.copy()
    for b in range(1, len(sizes)):
        there, lacking = moved_GB[:, b].sum(), sizes[0] - moved_GB[:, 0].sum()
        if there == 0 or lacking <= sizes[0] / 2 or moved_GB[:, 0].sum() == 0:
            continue
        taken = min(1.0, lacking / there)
        if there * (1 - taken) < sizes[b] / 2:
            own_GB[:, 0] += own_GB[:, b]  # nothing would be left of it
            own_GB[:, b], taken = 0, 1.0
        moved_GB[:, 0] += taken * moved_GB[:, b]
        moved_GB[:, b] *= 1 - taken
    return own_GB, moved_GB


def _slots(need_GB: Reals, crops_B: Integers, seconds_B: Reals, share_G: Reals) -> Integers:
    """Crops of each group at each length: `crops_B` at each, and seconds in the ratio of the shares.

    Iterative proportional fitting of what the groups need, then rounding from the longest length to the shortest,
    where each takes over the seconds that rounding has cost its group so far.
    """
    total = crops_B @ seconds_B
    fitted_GB = need_GB.copy()
    for _ in range(500):
        fitted_GB *= (crops_B / np.maximum(fitted_GB.sum(0), 1e-300))[None]
        fitted_GB *= (share_G * total / (fitted_GB @ seconds_B))[:, None]
    fitted_GB *= (crops_B / np.maximum(fitted_GB.sum(0), 1e-300))[None]
    slots_GB, owed_G = np.zeros(need_GB.shape, np.int64), np.zeros(len(share_G))
    for b in reversed(np.flatnonzero(crops_B)):
        wanted_G = np.where(need_GB[:, b] > 0, np.maximum(fitted_GB[:, b] + owed_G / seconds_B[b], 1), 0)
        slots_GB[:, b] = _rounded(wanted_G, int(crops_B[b]))
        owed_G += (fitted_GB[:, b] - slots_GB[:, b]) * seconds_B[b]
    return slots_GB


def _rounded(wanted_G: Reals, total: int) -> Integers:
    """Whole numbers in the ratio of what is wanted, which add up to `total`: at least 1 where anything is wanted.

    Raises UserError where there are more groups than that.
    """
    some_G = (wanted_G > 0).astype(np.int64)
    spare = total - int(some_G.sum())
    if spare < 0:
        raise UserError(
            f"{some_G.sum()} groups, but {total} crops of one length in an epoch",
            "data.micro_seconds, data.micro_batches",
            "raise one of them, or take fewer data.lengths",
        )
    wanted_G = wanted_G - some_G
    wanted_G = wanted_G * (spare / wanted_G.sum()) if wanted_G.sum() > 0 else some_G * (spare / some_G.sum())
    whole_G = np.floor(wanted_G + 1e-9).astype(np.int64)
    order = np.lexsort((np.arange(len(wanted_G)), whole_G - wanted_G))
    whole_G[order[: spare - int(whole_G.sum())]] += 1
    return whole_G + some_G


def _named(names: Sequence[str]) -> str:
    return ", ".join(name or "all others" for name in names)
