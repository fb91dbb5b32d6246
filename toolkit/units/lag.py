"""Whether a phone table is late or early, as units tell: they agree best with the phones at the time of their sound.

PNMI is measured with the phones moved by up to FARTHEST seconds either way. Where a table is right, its peak is where
the table is, within some hundredths of a second, whatever silence an aligner left out. So this sees what no rule about
times alone can see, such as a table that is late and was cut to fit its utterances.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .phone_measures import phone_measures
from .phones import Span, phone_frames

FARTHEST, STEP = 1.0, 0.05  # s
FRAMES = 200_000  # that are looked at, at most
FEWEST = 5_000  # frames with a phone from which on agreement is no chance
HALF = 0.5  # share of them that must have a phone elsewhere too, for that place to count
TIMES_BETTER, BETTER = 1.25, 0.05  # PNMI elsewhere above that in place, as a ratio and a difference, to be told

Integers = np.ndarray[Any, np.dtype[np.int64]]


@dataclass(frozen=True)
class Lag:
    """Where units and phones agree best.

    Attributes:
        seconds: by which the table is late; below 0: early.
        best: PNMI there; here: PNMI with the table as it is, of the same utterances.
    """

    seconds: float
    best: float
    here: float

    def __str__(self) -> str:
        word = "late" if self.seconds > 0 else "early"
        return (
            f"units agree best with its phones if it is {abs(self.seconds):.2f} s {word}: PNMI is {self.best:.3f} so, "
            f"and {self.here:.3f} as it is; compare one utterance with its recording"
        )


def lag(units: Mapping[str, np.ndarray], spans: Mapping[str, Sequence[Span]], rate: float, k: int) -> Lag | None:
    """By how much a phone table is late; None if the units say nothing against it.

    Args:
        units: utterance -> its units [T], below k.
        rate: frames per second.
    """
    farthest, step = round(FARTHEST * rate), max(1, round(STEP * rate))
    units_N, place_N, phone_M, phones = _frames(units, spans, rate, farthest)
    pnmi: dict[int, float] = {}
    fewest = FEWEST

    def measure(places: Iterable[int]) -> None:
        for moved in places:
            phone_N = phone_M[place_N + moved]
            named_N = phone_N >= 0
            if moved not in pnmi and named_N.sum() >= fewest:
                pairs_N = phone_N[named_N] * k + units_N[named_N]
                counts = np.bincount(pairs_N, minlength=phones * k).reshape(phones, k)
                pnmi[moved] = phone_measures(counts)["pnmi"] or 0.0

    measure([0])
    if 0 not in pnmi:
        return None
    fewest = round(HALF * (phone_M[place_N] >= 0).sum())
    measure(range(-farthest, farthest + 1, step))
    about = max(pnmi, key=lambda moved: (pnmi[moved], -abs(moved)))
    measure(range(max(-farthest, about - step), min(farthest, about + step) + 1))
    best = max(pnmi, key=lambda moved: (pnmi[moved], -abs(moved)))
    if pnmi[best] < max(TIMES_BETTER * pnmi[0], pnmi[0] + BETTER):
        return None
    return Lag(best / rate, pnmi[best], pnmi[0])


def _frames(
    units: Mapping[str, np.ndarray], spans: Mapping[str, Sequence[Span]], rate: float, farthest: int
) -> tuple[Integers, Integers, Integers, int]:
    """(units [N], their places in a row of phones [N], that row by number [M], number of phones).

    In the row each utterance has `farthest` frames more at both ends; -1 is a frame without a phone.
    """
    names: dict[str, int] = {"": -1}
    taken, places, rows = [], [], []
    begin = frames = 0
    for id in sorted(units):
        if id not in spans or not len(units[id]) or frames >= FRAMES:
            continue
        length = len(units[id])
        named = phone_frames(spans[id], length + farthest, rate)
        row = [names.setdefault(phone, len(names) - 1) for phone in named]
        rows.append(np.concatenate([np.full(farthest, -1), np.array(row, np.int64)]))
        places.append(begin + farthest + np.arange(length))
        taken.append(np.asarray(units[id], np.int64))
        begin, frames = begin + len(rows[-1]), frames + length
    units_N, place_N, phone_M = (np.concatenate([np.empty(0, np.int64), *of]) for of in (taken, places, rows))
    return units_N, place_N, phone_M, len(names) - 1
