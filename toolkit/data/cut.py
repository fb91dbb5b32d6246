"""Long recordings without a transcript -> pieces: at pauses of the energy, or of a fixed length.

Shape legend: N samples, F frames of 10 ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

HOP = 0.01  # s
SMOOTH = 10  # frames over which the energy is averaged
LEAST_RANGE_DB = 10.0  # between floor and speech; with less there are no pauses


@dataclass(frozen=True)
class CutConfig:
    """How long recordings without a transcript are cut into pieces."""

    how: Literal["energy", "fixed", "none"] = "energy"
    """energy: at pauses, which are left out; fixed: every longest_seconds; none: recordings are not cut"""
    longest_seconds: float = 20.0
    """longest piece, seconds; recordings up to this length are not cut; larger gives fewer, longer pieces"""
    shortest_seconds: float = 1.0
    """shorter pieces are dropped, seconds; larger drops more"""
    pause_seconds: float = 0.4
    """shortest stretch below the level of speech that counts as a pause, seconds; larger finds fewer pauses"""

    def __post_init__(self) -> None:
        if not 0.1 <= self.shortest_seconds <= self.longest_seconds / 2:
            raise ValueError("cut.shortest_seconds must be at least 0.1 and at most half of cut.longest_seconds")
        if self.pause_seconds < HOP:
            raise ValueError(f"cut.pause_seconds must be at least {HOP}")


class Energy:
    """Power of a recording in frames of 10 ms, computed block by block."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float64)
        self._done = 0  # samples in whole frames so far
        self._powers: list[np.ndarray[Any, np.dtype[np.float64]]] = []

    def hear(self, wave_N: np.ndarray[Any, np.dtype[np.float32]], rate: int) -> None:
        """Add the next block."""
        power_N = np.concatenate([self._rest, np.square(wave_N, dtype=np.float64)])
        first = sum(map(len, self._powers))
        # Frame f begins at sample floor(f * rate / 100): exact at every rate, so no drift over hours.
        last = (self._done + len(power_N)) * 100 // rate
        bounds_F = np.arange(first, last + 1, dtype=np.int64) * rate // 100 - self._done
        if last > first:
            sums_F = np.add.reduceat(power_N[: bounds_F[-1]], bounds_F[:-1])
            self._powers.append(sums_F / np.diff(bounds_F))
            self._done += int(bounds_F[-1])
            self._rest = power_N[bounds_F[-1] :]
        else:
            self._rest = power_N

    def db(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Level of every frame [F], smoothed over a tenth of a second, dB of full scale."""
        power_F = np.concatenate([np.zeros(0), *self._powers])
        if len(power_F) == 0:
            return power_F
        total_F = np.concatenate([[0.0], np.cumsum(power_F)])
        middle = np.arange(len(power_F))
        low, high = np.maximum(middle - SMOOTH // 2, 0), np.minimum(middle + SMOOTH // 2 + 1, len(power_F))
        return 10 * np.log10(np.maximum((total_F[high] - total_F[low]) / (high - low), 1e-12))


def cut(seconds: float, db_F: np.ndarray[Any, np.dtype[np.float64]], config: CutConfig) -> list[tuple[float, float]]:
    """Pieces (start, end) of a recording, in order, on the grid of 10 ms, none longer than longest_seconds.

    Includes pieces shorter than shortest_seconds, which the caller drops. Empty with how = none.
    """
    frames = int(seconds / HOP + 1e-6)
    longest = int(config.longest_seconds / HOP + 1e-6)
    if config.how == "none":
        return []
    if config.how == "fixed":
        pieces = [(a, min(a + longest, frames)) for a in range(0, frames, longest)]
    else:
        shortest, pause = int(config.shortest_seconds / HOP), int(config.pause_seconds / HOP)
        pieces = [
            p for s in _joined(_speech(db_F[:frames], pause), longest) for p in _halved(s, db_F, longest, shortest)
        ]
    return [(round(a * HOP, 2), round(b * HOP, 2)) for a, b in pieces]


def _speech(db_F: np.ndarray[Any, np.dtype[np.float64]], pause: int) -> list[tuple[int, int]]:
    """Stretches of frames between pauses, with a third of a pause kept on either side."""
    if len(db_F) == 0:
        return []
    floor, speech = np.percentile(db_F, 10), np.percentile(db_F, 95)
    if speech - floor < LEAST_RANGE_DB:
        return [(0, len(db_F))]
    loud_F = np.flatnonzero(db_F > floor + (speech - floor) / 3)
    gaps = np.flatnonzero(np.diff(loud_F) > pause)
    starts, ends = loud_F[np.concatenate([[0], gaps + 1])], loud_F[np.concatenate([gaps, [len(loud_F) - 1]])] + 1
    keep = pause // 3
    return [(max(0, int(a) - keep), min(len(db_F), int(b) + keep)) for a, b in zip(starts, ends, strict=True)]


def _joined(stretches: list[tuple[int, int]], longest: int) -> list[tuple[int, int]]:
    """Neighbours joined up to `longest`, as phrases make better pieces than words."""
    pieces: list[tuple[int, int]] = []
    for a, b in stretches:
        if pieces and b - pieces[-1][0] <= longest:
            pieces[-1] = (pieces[-1][0], b)
        else:
            pieces.append((a, b))
    return pieces


def _halved(
    piece: tuple[int, int], db_F: np.ndarray[Any, np.dtype[np.float64]], longest: int, shortest: int
) -> list[tuple[int, int]]:
    """A piece that is too long, cut at its quietest frames."""
    a, b = piece
    parts = []
    while b - a > longest:
        low, high = a + longest // 2, min(a + longest, b - shortest)
        at = low + int(np.argmin(db_F[low : high + 1]))
        parts.append((a, at))
        a = at
    return [*parts, (a, b)]
