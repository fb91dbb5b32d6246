"""Crops of speech in which groups (languages) have stated shares of the audio-seconds, one group per micro-batch.

As in buckets.py an utterance is cut to the longest length that it fills, and all micro-batches of a step have one
length. quota.py deals the steps to the lengths and the micro-batches to the groups. Two kinds of lengths do
not suit this, and their utterances are cut shorter in all epochs:

- one that does not fill half a step in an epoch, or of a group not half a micro-batch: its utterances are cut to the
  next shorter length (of a group that fills no shorter one either, they stay);
- the shortest, if it does not fill half a step in an epoch, or of a group not a micro-batch: it is filled up with those
  utterances of the next longer length that lose least.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from ...core.errors import UserError
from ...core.seed import seed_of
from ...data.frames import HOP, RATE
from ..subset import SHOWN, census, refuse_unknown
from .base import Coverage, Integers
from .buckets import Crops, cropped, fitted, too_little
from .quota import Cell, Cells, completed, members_of


class SpeechQuota:
    """Sampler over utterances of `frames` frames each, which belong to groups.

    Attributes:
        short: utterances that are shorter than the shortest length and never drawn.
        shares: group -> its share of the audio-seconds.
        rates: group -> mean number of times that each of its utterances is drawn in an epoch.
        steps: steps in an epoch, which draws about as much audio as the data have.
        seconds: mean audio-seconds in a step.
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

        Raises UserError for a group that no utterance is of, or none long enough; for shares that leave nothing to
        a group, or something to none; and where the utterances do not fill a step.
        """
        self.frames, self.seed = frames, seed
        self.lengths, sizes, bucket_N = fitted(frames, lengths_seconds, micro_seconds)
        self.short = np.flatnonzero(bucket_N < 0)
        seconds_B = np.array(self.lengths) * (HOP / RATE)
        members = {
            group: [rows[bucket_N[rows] == b] for b in range(len(sizes))] for group, rows in members_of(groups).items()
        }
        audio = {group: float(np.array([len(part) for part in rows]) @ seconds_B) for group, rows in members.items()}
        self.shares = _shares(groups, shares, audio)
        rates = {group: share * sum(audio.values()) / audio[group] for group, share in self.shares.items()}
        members = {group: members[group] for group in rates}
        _settle(members, rates, sizes, micro_batches, frames)
        cells = [
            Cell(group, rows, sizes[b], float(seconds_B[b]), b)
            for group, parts in members.items()
            for b, rows in enumerate(parts)
        ]
        self._cells = Cells(cells, self.shares, micro_batches, seed)
        if self._cells.steps < 0.5:
            raise too_little(len(frames) - len(self.short), lengths_seconds, micro_seconds, micro_batches)
        self.rates, self.steps, self.seconds = self._cells.rates, max(1, round(self._cells.steps)), self._cells.cost

    def micro(self, step: int, number: int) -> Crops:
        """Micro-batch `number` of step `step`; crops start anywhere, by (seed, step, number)."""
        cell, rows = self._cells.micro(step, number)
        seed = seed_of(self.seed, "crop", step, number)
        return cropped(rows, self.frames, self.lengths[cell.length], seed, cell.group)

    def coverage(self, step: int) -> Coverage:
        """Coverage of steps 0 to `step` - 1, in audio-seconds."""
        return self._cells.coverage(step)

    def summary(self) -> list[str]:
        """A line per group: its share of the audio, and how often an utterance of it comes; the largest first."""
        names = sorted(self.shares, key=lambda name: (-self.shares[name], name))
        lines = [
            f"{name}: {100 * self.shares[name]:.1f} % of the audio-seconds, "
            f"an utterance comes {self.rates[name]:.3g} times in an epoch of {self.steps:,} steps"
            for name in names[:SHOWN]
        ]
        return [*lines, f"and {len(names) - SHOWN:,} more groups"] if len(names) > SHOWN else lines


def _shares(groups: Sequence[str], shares: Mapping[str, float], audio: Mapping[str, float]) -> dict[str, float]:
    """Group -> share of the audio, of the groups that have `audio` (seconds) to be heard. Raises UserError."""
    refuse_unknown(shares, groups, "data.shares")
    remedy = f"mend the shares, or name groups in data.exclude; there are {census(Counter(groups))}"
    whole = completed(shares, audio, "data.shares", remedy)
    rest = [group for group in audio if group not in shares]
    silent = [group for group in shares if not audio[group]]
    if rest and not any(audio[group] for group in rest):
        silent += rest
    if silent:
        problem = f"no utterance of {', '.join(silent)} is as long as the shortest crop"
        raise UserError(problem, "data.lengths", "add a shorter one, or leave the group out (data.exclude)")
    return {group: share for group, share in whole.items() if share}


Members = dict[str, list[Integers]]  # group -> utterances that are cut to each length


def _settle(
    members: Members, rates: Mapping[str, float], sizes: Sequence[int], micro_batches: int, frames_N: Integers
) -> None:
    """Cut utterances of unfit cells shorter, in place.

    Args:
        rates: group -> times that an utterance of it comes in an epoch.
        sizes: crops of each length in a micro-batch.
    """

    def due(b: int) -> float:
        """Crops of a length in an epoch."""
        return sum(rates[group] * len(parts[b]) for group, parts in members.items())

    def move(parts: list[Integers], b: int, to: int, count: int) -> None:
        """Those `count` utterances that lose least; all of them where less than half a micro-batch would stay."""
        order = np.argsort(frames_N[parts[b]], kind="stable")
        count = len(order) if len(order) - count < sizes[b] / 2 else count
        parts[to] = np.sort(np.concatenate([parts[to], parts[b][order[:count]]]))
        parts[b] = np.sort(parts[b][order[count:]])

    for b in reversed(range(1, len(sizes))):
        rare = due(b) < sizes[b] * micro_batches / 2
        for parts in members.values():
            fills_shorter = any(sum(map(len, parts[a : b + 1])) >= sizes[a] / 2 for a in range(b))
            if rare or (len(parts[b]) < sizes[b] / 2 and fills_shorter):
                move(parts, b, b - 1, len(parts[b]))
    # The shortest length, filled up to a step of all groups, then to a micro-batch of each group.
    step = sizes[0] * micro_batches
    for b in range(1, len(sizes)):
        if 0 < due(0) < step / 2 and due(b):
            taken = (step - due(0)) / due(b)
            taken = 1.0 if due(b) * (1 - taken) < sizes[b] * micro_batches / 2 else taken
            for parts in members.values():
                move(parts, b, 0, math.ceil(taken * len(parts[b])))
        for parts in members.values():
            if 0 < len(parts[0]) < sizes[0]:
                move(parts, b, 0, min(sizes[0] - len(parts[0]), len(parts[b])))
