"""Augmentation: spectral tilt, reverberation, coloured noise, gain. Nothing is delayed, so phone times stay right.

Shape legend: N samples, F bins of a real FFT.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

Wave = np.ndarray[Any, np.dtype[np.float32]]
PIVOT_HZ = 1000.0  # where a tilt has no effect
LOWEST_HZ = 60.0  # below it a tilt and the colour of noise stay flat
PEAK = 0.98


@dataclass(frozen=True)
class AugmentConfig:
    """Ranges of the augmentation; one value per utterance is drawn from each, uniformly."""

    tilt_db: tuple[float, float] = (-3.0, 3.0)
    """range (low, high) from which each utterance draws its spectral tilt, dB per octave; positive sounds brighter,
    negative duller"""
    reverb_share: float = 0.6
    "share of the utterances with reverberation, 0 to 1"
    rt60_s: tuple[float, float] = (0.1, 0.4)
    """range (low, high) from which each utterance draws its reverberation time, seconds; larger sounds like a larger
    room"""
    direct_db: tuple[float, float] = (3.0, 15.0)
    """range (low, high) from which each utterance draws its level of direct sound over reverberation, dB; larger is
    less reverberant"""
    snr_db: tuple[float, float] = (8.0, 25.0)
    "range (low, high) from which each utterance draws its level of speech over noise, dB; larger is less noisy"
    noise_colour: tuple[float, float] = (0.0, 2.0)
    """range (low, high) from which each utterance draws its noise colour: the noise's power falls with frequency to
    this power; 0 white, 1 pink, 2 brown; larger is deeper"""
    level_db: tuple[float, float] = (-32.0, -18.0)
    "range (low, high) from which each utterance draws its final level, dB of full scale (RMS); larger is louder"

    def __post_init__(self) -> None:
        for name in ("tilt_db", "rt60_s", "direct_db", "snr_db", "noise_colour", "level_db"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"{name}: {low} is above {high}")
        if self.rt60_s[0] <= 0:
            raise ValueError(f"rt60_s must be positive, not {self.rt60_s[0]}")


def augment(wave_N: Wave, rate: int, config: AugmentConfig, rng: np.random.Generator) -> Wave:
    """`wave_N` as through another microphone, in another room, with noise, at another level; [N], within +-0.98."""
    out_N = tilt(wave_N, rate, rng.uniform(*config.tilt_db))
    reverberant = rng.random() < config.reverb_share
    rt60, direct = rng.uniform(*config.rt60_s), rng.uniform(*config.direct_db)
    if reverberant:
        out_N = reverberate(out_N, rate, rt60, direct, rng)
    noise_N = coloured_noise(len(out_N), rate, rng.uniform(*config.noise_colour), rng)
    out_N = mix(out_N, noise_N, rng.uniform(*config.snr_db))
    return to_level(out_N, rng.uniform(*config.level_db))


def tilt(wave_N: Wave, rate: int, db_per_octave: float) -> Wave:
    """Raise the spectrum by `db_per_octave` around 1 kHz, by a zero-phase filter."""
    size = _fft_size(2 * len(wave_N))  # room for the filter's ringing, or it would wrap round to the start
    octaves_F = np.log2(np.maximum(np.fft.rfftfreq(size, 1 / rate), LOWEST_HZ) / PIVOT_HZ)
    spectrum_F = np.fft.rfft(wave_N, size) * 10 ** (db_per_octave * octaves_F / 20)
    return np.fft.irfft(spectrum_F, size)[: len(wave_N)].astype(np.float32)


def reverberate(wave_N: Wave, rate: int, rt60: float, direct_db: float, rng: np.random.Generator) -> Wave:
    """Convolve with an artificial room: the direct sound at sample 0, then noise that decays by 60 dB in `rt60` s.

    The tail has `direct_db` less energy than the direct sound. The result is cut to [N].
    """
    n = max(2, int(rt60 * rate))
    response_N = rng.standard_normal(n) * 10 ** (-3 * np.arange(n) / (rt60 * rate))
    response_N[0] = 0.0
    response_N *= 10 ** (-direct_db / 20) / np.sqrt((response_N**2).sum())
    response_N[0] = 1.0
    size = _fft_size(len(wave_N) + len(response_N))
    return np.fft.irfft(np.fft.rfft(wave_N, size) * np.fft.rfft(response_N, size), size)[: len(wave_N)].astype(
        np.float32
    )


def coloured_noise(n: int, rate: int, colour: float, rng: np.random.Generator) -> Wave:
    """Noise [n] of unit power whose power density falls as 1 / frequency ** colour."""
    size = _fft_size(n)
    frequency_F = np.maximum(np.fft.rfftfreq(size, 1 / rate), LOWEST_HZ)
    noise_N = np.fft.irfft(np.fft.rfft(rng.standard_normal(size)) * frequency_F ** (-colour / 2), size)[:n]
    return (noise_N / max(rms(noise_N), 1e-12)).astype(np.float32)


def mix(wave_N: Wave, noise_N: Wave, snr_db: float) -> Wave:
    """`wave_N` with `noise_N` added at a signal-to-noise ratio of `snr_db`, both measured over the whole."""
    scale = rms(wave_N) / max(rms(noise_N), 1e-12) * 10 ** (-snr_db / 20)
    return (wave_N + np.float32(scale) * noise_N).astype(np.float32)


def to_level(wave_N: Wave, level_db: float) -> Wave:
    """Scale to an RMS of `level_db` dB of full scale, less where a peak would pass 0.98; silence stays silence."""
    gain = 10 ** (level_db / 20) / max(rms(wave_N), 1e-12)
    gain = min(gain, PEAK / max(float(np.abs(wave_N).max(initial=0.0)), 1e-12))
    return (wave_N * np.float32(gain)).astype(np.float32)


def rms(wave_N: np.ndarray[Any, Any]) -> float:
    """Root of the mean square, in float64."""
    return float(np.sqrt(np.mean(np.square(wave_N, dtype=np.float64)))) if len(wave_N) else 0.0


def _fft_size(n: int) -> int:
    """Smallest length >= n without a prime factor above 5: pocketfft is slow on large primes."""
    best = 1 << max(0, (n - 1).bit_length())
    for fives in (5**i for i in range(9)):
        for threes in (3**i for i in range(9)):
            odd = fives * threes
            best = min(best, odd << max(0, (-(-n // odd) - 1).bit_length()))
    return best
