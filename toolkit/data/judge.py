"""What a decoded wave says about itself: silent, clipped, at another scale. The one set of rules for all who decode.

The data stage judges whole recordings block by block (check.py); every step that decodes judges its utterances
(listen.py). Shape legend: N samples, F frames.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np

from .audio import LEAST_RATE, Wave
from .pace import Pace, fault_of

FULL_SCALE = 0.999  # samples from here on count as clipped
LARGEST = 64.0  # times full scale: larger samples are damage, or integers stored as floats
FRAME_SECONDS = 0.1  # the loudest frame decides whether a recording is silent
SHORTEST_SECONDS = 0.025  # less is no frame of anything, and for that it is left out
ROUNDING = 1e-6  # of a constant wave: it has no level
FAINT = 0.1  # below this largest sample, silence may be speech at another scale
INTEGERS = ((2.0**7, "8"), (2.0**15, "16"), (2.0**31, "32"))  # full scale of integers, and their bits
ROUNDED = 1.001  # times full scale: still at it
# Share of samples beyond full scale from which on another scale explains them, and no click or damaged part does: of
# speech that is stored as integers most are, all but pauses; of floats that a few times full scale are the peaks.
OF_SPEECH, OF_PEAKS = 0.25, 0.01
BEYOND = 2.0  # times full scale: a filter takes the samples of a clipped wave less far
SILENT, CLIPPED, OUT_OF_RANGE, PACE = "silent", "clipped", "out of range", "letters per second"
TOO_SHORT = "shorter than a frame"
BEYOND_FULL_SCALE = "beyond full scale"


@dataclass(frozen=True)
class Limits:
    """Limits that a recording must keep."""

    min_seconds: float = 0.5
    """shorter recordings are dropped, seconds; larger drops more"""
    max_seconds: float = 60.0
    """longer recordings are dropped, unless they are cut, seconds; smaller drops more"""
    silent_dbfs: float = -60.0
    """a recording is dropped as silent if its loudest tenth of a second is below this level, dB of full scale (0 is the
    loudest); a larger value drops more; later steps judge their utterances by the same"""
    max_clipped: float = 0.05
    """largest share of samples at full scale, 0 to 1; recordings with more are dropped as clipped; smaller drops
    more; later steps judge their utterances by the same"""
    min_rate: int = 4000
    """recordings with a lower sampling rate in their header are dropped, Hz; larger drops more; 4000 at least: such a
    header is damaged, and its duration would be wrong"""
    min_letters_per_second: float = 1.0
    """recordings longer than 5 s with fewer letters in the transcript per second are dropped, from all sets; larger
    drops more; 0: no limit. A digit stands for up to 8 letters"""
    max_letters_per_second: float = 35.0
    """recordings with more letters in the transcript per second are dropped, from all sets; smaller drops more; 0: no
    limit"""

    def __post_init__(self) -> None:
        if self.min_rate < LEAST_RATE:
            raise ValueError(f"limits.min_rate: {self.min_rate}: {LEAST_RATE} or more, no step reads a lower rate")
        if not 0 <= self.min_seconds < self.max_seconds:
            raise ValueError("limits.min_seconds: 0 or more, and below limits.max_seconds")
        check_limits(self, "limits.")

    @property
    def pace(self) -> Pace:
        return Pace(self.min_letters_per_second, self.max_letters_per_second)


class Judged(Protocol):
    """Limits that steps which decode judge by: those of a data stage, or what is taken from a corpus."""

    @property
    def silent_dbfs(self) -> float: ...
    @property
    def max_clipped(self) -> float: ...
    @property
    def min_letters_per_second(self) -> float: ...
    @property
    def max_letters_per_second(self) -> float: ...


def check_limits(limits: Judged, of: str) -> None:
    """Raise ValueError for limits that everything keeps, or nothing. `of`: the section of their fields, for the error.

    Full scale is 0 dB, so every level is below it; a share is 0 to 1.
    """
    if not limits.silent_dbfs < 0:
        raise ValueError(f"{of}silent_dbfs: {limits.silent_dbfs:g}: below 0, as full scale is 0 dB; -60 is usual")
    if not 0 <= limits.max_clipped <= 1:
        raise ValueError(f"{of}max_clipped: {limits.max_clipped:g}: a share, 0 to 1; 5 per cent is 0.05")
    Pace.checked(limits.min_letters_per_second, limits.max_letters_per_second, of)


class Fault(NamedTuple):
    """Why a wave cannot be speech.

    Attributes:
        reason: a category that can be counted; detail: a sentence with the value.
        damage: True if no scale explains the samples: what is computed from them is not finite, in any set.
    """

    reason: str
    detail: str
    damage: bool = False


class Sound:
    """Level, peak and clipping of a wave that comes in blocks.

    Attributes:
        samples: number of samples so far; clipped: those of them at full scale; beyond: beyond it.
        peak: largest absolute sample; at: its place, seconds, if it is beyond full scale.
        rest: largest absolute sample of those within full scale.
        loudest: largest standard deviation of a tenth of a second; a frame does not cross blocks.
    """

    def __init__(self, enough: float = math.inf) -> None:
        """`enough`: a frame that is louder ends the search, which costs most; `loudest` is then infinite."""
        self.enough = enough
        self.samples, self.clipped = 0, 0
        self.peak, self.loudest = 0.0, 0.0
        self.beyond, self.at, self.rest = 0, 0.0, 0.0

    def add(self, wave_N: Wave, rate: int) -> None:
        """Add the next block: finite samples, mono, at `rate` a second."""
        if not len(wave_N):
            return
        lowest, highest = float(wave_N.min()), float(wave_N.max())
        self._place(wave_N, max(highest, -lowest), rate)
        self.samples += len(wave_N)
        self.peak = max(self.peak, highest, -lowest)
        self.clipped += int(np.count_nonzero(wave_N >= FULL_SCALE)) if highest >= FULL_SCALE else 0
        self.clipped += int(np.count_nonzero(wave_N <= -FULL_SCALE)) if lowest <= -FULL_SCALE else 0
        if self.peak > LARGEST or self.loudest == math.inf:  # squares of larger samples may be infinite
            return
        frames_FN = _frames(wave_N, max(1, int(rate * FRAME_SECONDS)))
        loud = self.enough < math.inf and _is_loud(frames_FN, self.enough)
        self.loudest = math.inf if loud else max(self.loudest, _loudest(frames_FN))

    def _place(self, wave_N: Wave, peak: float, rate: int) -> None:
        """Take in what of a block is beyond full scale, and where. `peak`: its largest absolute sample."""
        if peak <= ROUNDED:
            self.rest = max(self.rest, peak)
            return
        size_N = np.abs(wave_N)
        self.beyond += int(np.count_nonzero(size_N > ROUNDED))
        self.rest = float(size_N.max(initial=self.rest, where=size_N <= ROUNDED))
        if peak > self.peak:
            self.at = (self.samples + int(size_N.argmax())) / rate

    @property
    def level(self) -> float:
        """Level of the loudest tenth of a second, dB of full scale."""
        return 20 * math.log10(self.loudest) if self.loudest else -math.inf

    @property
    def clipped_share(self) -> float:
        return self.clipped / self.samples if self.samples else 0.0

    def _few(self) -> str:
        """The samples beyond full scale, which are a click, or damage: no scale makes them and the rest right."""
        if self.beyond == 1:
            told = f"1 sample of {self.peak:.3g}, at {self.at:.3f} s"
        else:
            told = f"{self.beyond:,} samples beyond full scale, the largest of {self.peak:.3g}, at {self.at:.3f} s"
        return f"{told}, where full scale is 1, and the rest within {self.rest:.2g}"

    def fault(self, limits: Limits) -> Fault | None:
        """What is wrong with the wave so far by `silent_dbfs` and `max_clipped`; None if nothing is."""
        if self.peak > LARGEST:
            told = f"a sample of {self.peak:.3g}, at {self.at:.3f} s, where full scale is 1{_of_integers(self.peak)}"
            is_scaled = self.beyond > OF_SPEECH * self.samples
            return Fault(OUT_OF_RANGE, told if is_scaled else self._few(), self.peak > INTEGERS[-1][0])
        if self.level < limits.silent_dbfs:
            return Fault(SILENT, self._silence())
        if self.clipped_share > limits.max_clipped:
            return self._clipped()
        return None

    def whole(self, seconds: float, limits: Limits, text: str = "") -> Fault | None:
        """What is wrong with a whole wave of this length, and with its transcript; None if nothing is."""
        fault = self.fault(limits)
        if seconds < SHORTEST_SECONDS and not (fault and fault.damage):  # too little to tell of its sound
            short = Fault(TOO_SHORT, f"{seconds:.3f} s, and a frame has {SHORTEST_SECONDS} s")
            return of_pace(text, seconds, limits) or short
        return fault or of_pace(text, seconds, limits)

    def _clipped(self) -> Fault:
        """What is wrong with a wave of many samples at full scale: they are cut, or floats of a larger scale."""
        share = f"{self.clipped_share:.1%} of the samples are at full scale"
        if self.peak < BEYOND:
            return Fault(CLIPPED, share + f" or beyond, up to {self.peak:.2f}" * (self.peak > ROUNDED))
        if self.beyond <= OF_PEAKS * self.samples:
            return Fault(CLIPPED, f"{share} or beyond: {self._few()}")
        share = f"{share} (1) or beyond, the largest is {self.peak:.3g}"
        return Fault(BEYOND_FULL_SCALE, f"{share}: divide them by {self.peak:.3g}")

    def _silence(self) -> str:
        if not self.peak:
            return "every sample is 0"
        if self.loudest < ROUNDING * self.peak:
            return f"one value without a change, {self.peak:.2g}"
        detail = f"its loudest tenth of a second is at {self.level:.0f} dB of full scale"
        detail += f", its largest sample is {self.peak:.2g}"
        if self.peak > FAINT:
            return detail
        return f"{detail}; if that is speech, multiply it by {10 ** math.floor(-math.log10(self.peak)):,}"


def heard_by(limits: Limits) -> Sound:
    """A Sound that measures no more than these limits ask for: a few percent of the cost of decoding."""
    return Sound(10 ** (limits.silent_dbfs / 20))


def judge(wave_N: Wave, rate: int, limits: Limits, text: str = "") -> Fault | None:
    """What is wrong with a whole wave: finite samples, mono; None if nothing is.

    Args:
        text: its transcript, against which its length is held; "" if it has none.
    """
    sound = heard_by(limits)
    sound.add(wave_N, rate)
    return sound.whole(len(wave_N) / rate, limits, text)


def of_pace(text: str, seconds: float, limits: Limits) -> Fault | None:
    """What is wrong between a transcript and the length of its audio; None if nothing is."""
    detail = fault_of(text, seconds, limits.pace)
    return Fault(PACE, detail) if detail else None


def _frames(wave_N: Wave, frame: int) -> Wave:
    """Whole frames [F, N] of a wave; all of a shorter one."""
    return wave_N[None] if len(wave_N) < frame else wave_N[: len(wave_N) // frame * frame].reshape(-1, frame)


def _loudest(frames_FN: Wave) -> float:
    """Largest standard deviation of a frame (a constant offset is silence)."""
    level_FN = frames_FN - frames_FN.mean(axis=1, keepdims=True)
    return math.sqrt(float(np.einsum("fn,fn->f", level_FN, level_FN).max()) / frames_FN.shape[1])


def _is_loud(frames_FN: Wave, least: float) -> bool:
    """True if a frame is certainly as loud as `least`; False where rounding could decide."""
    size = frames_FN.shape[1]
    for frame_N in frames_FN:
        power, mean = float(np.vdot(frame_N, frame_N)) / size, float(frame_N.sum()) / size
        if power * (1 - 1e-5) - mean * mean > least * least:
            return True
    return False


def _of_integers(peak: float) -> str:
    """What a scale above 1 may come from."""
    full, bits = next(((full, bits) for full, bits in INTEGERS if peak <= full), (0.0, ""))
    return f": integers of {bits} bits as floats? Divide them by {full:,.0f}" if bits else ""
