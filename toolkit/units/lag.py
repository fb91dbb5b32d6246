"""Whether times of a phone table are off, as units tell: they agree best with the phones at the time of their sound.

PNMI is measured with the phones moved by up to FARTHEST seconds either way, and with times stretched by FACTORS, as
those of audio at another speed or sampling rate are. Where a table is right, its peak is where the table is, within
some hundredths of a second, whatever silence an aligner left out. So this sees what no rule about times alone can see,
such as a table that is late and was cut to fit its utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .phone_measures import phone_measures
from .phones import HALF_WINDOW, Span, phone_frames

FARTHEST, STEP = 1.0, 0.05  # s
FACTORS, FINER = np.arange(0.6, 1.4, 0.01), 0.002  # of the times, and steps of the second look
FRAMES = 200_000  # that are looked at, at most
FEWEST = 5_000  # frames with a phone from which on agreement is no chance
HALF = 0.5  # share of them that must have a phone elsewhere too, for that place to count
TIMES_BETTER, BETTER = 1.25, 0.05  # PNMI elsewhere above that in place, as a ratio and a difference, to be told

AS_IT_IS = (0, 1.0)  # moved by no frame, times one

Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Lag:
    """Where units and phones agree best.

    Attributes:
        seconds: by which the table is late; below 0: early.
        factor: of the true times that those of the table are; only one of the two is off.
        best: PNMI there; here: PNMI with the table as it is, of the same utterances.
    """

    seconds: float
    factor: float
    best: float
    here: float

    def __str__(self) -> str:
        way = f"it is {abs(self.seconds):.2f} s {'late' if self.seconds > 0 else 'early'}"
        if self.factor != 1:
            way = f"its times are {self.factor:.3f} of the true ones, as of audio at another speed or sampling rate"
        return (
            f"units agree best with its phones if {way}: PNMI is {self.best:.3f} so, and {self.here:.3f} as it is; "
            "compare one utterance with its recording"
        )


@dataclass(frozen=True)
class TooFew:
    """Of so few `frames` with a phone nobody can tell."""

    frames: int

    def __str__(self) -> str:
        return (
            f"{self.frames:,} frames have a phone and a unit, too few to tell by the units whether its times are off; "
            f"{FEWEST:,} would do"
        )


def lag(
    units: Mapping[str, np.ndarray], spans: Mapping[str, Sequence[Span]], rate: float, k: int
) -> Lag | TooFew | None:
    """By how much a phone table is late, or its times too small or large; None if the units say nothing against it.

    Args:
        units: utterance -> its units [T], below k.
        rate: frames per second.
    """
    farthest, step = round(FARTHEST * rate), max(1, round(STEP * rate))
    units_N, begin_N, frame_N, end_N, phone_M, phones = _frames(units, spans, rate, farthest)
    pnmi: dict[tuple[int, float], float] = {}
    fewest = FEWEST

    def measure(ways: Iterable[tuple[int, float]]) -> tuple[int, float]:
        """The best of all ways so far."""
        for moved, factor in set(ways) - pnmi.keys():
            at_N = frame_N + moved
            if factor != 1:
                centre = HALF_WINDOW * rate
                at_N = np.rint((frame_N + centre) * factor - centre).astype(np.int64)
            phone_N = phone_M[begin_N + np.minimum(at_N, end_N)]
            named_N = phone_N >= 0
            if named_N.sum() >= fewest:
                pairs_N = phone_N[named_N] * k + units_N[named_N]
                counts = np.bincount(pairs_N, minlength=phones * k).reshape(phones, k)
                pnmi[moved, factor] = phone_measures(counts)["pnmi"] or 0.0
        return max(pnmi, key=lambda way: (pnmi[way], -abs(way[0]), -abs(way[1] - 1)), default=AS_IT_IS)

    measure([AS_IT_IS])
    in_place = int((phone_M[begin_N + frame_N] >= 0).sum())
    if not pnmi:
        return TooFew(in_place)
    fewest = round(HALF * in_place)
    ways = [(moved, 1.0) for moved in range(-farthest, farthest + 1, step)]
    moved, factor = measure([*ways, *((0, round(float(factor), 3)) for factor in FACTORS)])
    if factor != 1:
        best = measure((0, round(factor + FINER * i, 3)) for i in range(-5, 6))
    else:
        best = measure((at, 1.0) for at in range(max(-farthest, moved - step), min(farthest, moved + step) + 1))
    if pnmi[best] < max(TIMES_BETTER * pnmi[AS_IT_IS], pnmi[AS_IT_IS] + BETTER):
        return None
    return Lag(best[0] / rate, best[1], pnmi[best], pnmi[AS_IT_IS])


def _frames(
    units: Mapping[str, np.ndarray], spans: Mapping[str, Sequence[Span]], rate: float, farthest: int
) -> tuple[Integers, Integers, Integers, Integers, Integers, int]:
    """Units and, by number, the phones of all utterances in one row.

    In the row each utterance has `farthest` frames more at both ends; -1 is a frame without a phone.

    Returns:
        (units [N], begin of their utterance in the row [N], their frame in the utterance [N], the last frame that the
        row has of it [N], the row [M], number of phones).
    """
    names: dict[str, int] = {"": -1}
    taken, begins, places, ends, rows = [], [], [], [], []
    begin = frames = 0
    for id in sorted(units):
        if id not in spans or not len(units[id]) or frames >= FRAMES:
            continue
        length = len(units[id])
        named = [*phone_frames(spans[id], length + farthest, rate)[:-1], ""]
        row = [names.setdefault(phone, len(names) - 1) for phone in named]
        rows.append(np.concatenate([np.full(farthest, -1), np.array(row, np.int64)]))
        begins.append(np.full(length, begin + farthest))
        places.append(np.arange(length))
        ends.append(np.full(length, length + farthest - 1))
        taken.append(np.asarray(units[id], np.int64))
        begin, frames = begin + len(rows[-1]), frames + length
    columns = (np.concatenate([np.empty(0, np.int64), *of]) for of in (taken, begins, places, ends, rows))
    units_N, begin_N, frame_N, end_N, phone_M = columns
    return units_N, begin_N, frame_N, end_N, phone_M, len(names) - 1
