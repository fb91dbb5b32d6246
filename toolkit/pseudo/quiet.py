"""Silence in a recording: stretches that are never louder than a level. A Whisper would invent a text for them.

The level of a frame is half of the range of its samples, so a constant (the offset of a sound card) is silence.

Shape legend: N samples, F frames of 10 ms.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from ..models.log_mel import RATE, Wave

FRAME = RATE // 100  # samples: 10 ms
LEAST_SECONDS = 1.0  # shorter stretches are pauses of speech

Stretch = tuple[float, float]


def amplitude(dbfs: float) -> float:
    """Largest sample of that level; 0 dB is full scale, 1.0."""
    return float(10.0 ** (dbfs / 20))


class Loudness:
    """Where a recording is louder than a level."""

    def __init__(self, wave: Wave, dbfs: float) -> None:
        limit, whole = amplitude(dbfs), len(wave) // FRAME
        frames, rest = wave[: whole * FRAME].reshape(whole, FRAME), wave[whole * FRAME :]
        loud_F = (frames.max(1) - frames.min(1)) / 2 > limit if whole else np.zeros(0, bool)
        self.loud_F = np.append(loud_F, np.ptp(rest) / 2 > limit) if len(rest) else loud_F
        self.samples = len(wave)

    def any(self, start: float, end: float) -> bool:
        """True if something between the two seconds is loud, or within 10 ms of a shorter time."""
        first = min(round(start * RATE) // FRAME, len(self.loud_F) - 1)
        last = -(-round(end * RATE) // FRAME)
        return bool(self.loud_F[first : max(last, first + 1)].any())

    def next(self, sample: int) -> int:
        """Sample at which the first loud frame from `sample` on begins; the number of samples if there is none."""
        first = sample // FRAME
        place = int(self.loud_F[first:].argmax()) if first < len(self.loud_F) else 0
        if first >= len(self.loud_F) or not self.loud_F[first + place]:
            return self.samples
        return max((first + place) * FRAME, sample)

    def stretches(self) -> tuple[Stretch, ...]:
        """(start, end) of the silent stretches of LEAST_SECONDS and more, seconds."""
        edges = np.flatnonzero(np.diff(self.loud_F, prepend=True, append=True))
        silent = [(int(a) * FRAME, min(int(b) * FRAME, self.samples)) for a, b in pairwise(edges)][::2]
        return tuple((round(a / RATE, 2), round(b / RATE, 2)) for a, b in silent if b - a >= LEAST_SECONDS * RATE)
