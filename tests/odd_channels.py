"""Recordings of several channels whose correlation is known by how they are made, and a telephone call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile

RATE = 16000
Wave = np.ndarray[Any, np.dtype[np.float64]]


def noise(seconds: float, seed: int, level: float = 0.1) -> Wave:
    """White noise [N] of a level (standard deviation)."""
    wave_N: Wave = level * np.random.default_rng(seed).standard_normal(round(seconds * RATE))
    return wave_N


def correlated(r: float, seconds: float = 4.0, seed: int = 1) -> Wave:
    """Two channels [N, 2] of noise whose correlation is r, but for chance: 1 / sqrt(N)."""
    one, two = noise(seconds, seed), noise(seconds, seed + 1)
    return np.stack([one, r * one + np.sqrt(1 - r * r) * two], axis=1)


def call(seconds: float = 8.0, turn: float = 1.0, crosstalk: float = 0.05, hiss: float = 1e-4) -> Wave:
    """A telephone call [N, 2]: two noises take turns, left first, and each is faintly on the side of the other."""
    one, two = noise(seconds, 5), noise(seconds, 6)
    first_N = (np.arange(len(one)) / RATE // turn) % 2 == 0
    left, right = np.where(first_N, one, 0), np.where(first_N, 0, two)
    both = np.stack([left + crosstalk * right, right + crosstalk * left], axis=1)
    return both + np.stack([noise(seconds, 7, hiss), noise(seconds, 8, hiss)], axis=1)


def tones(left: float, right: float, seconds: float = 2.0, rate: int = RATE) -> Wave:
    """Two tones [N, 2] of different frequencies in Hz: they do not correlate."""
    time_N = np.arange(round(seconds * rate)) / rate
    return np.stack([0.3 * np.sin(2 * np.pi * left * time_N), 0.3 * np.sin(2 * np.pi * right * time_N)], axis=1)


def pitch(wave_N: np.ndarray[Any, Any], rate: int = RATE) -> float:
    """The strongest frequency of a wave, Hz."""
    spectrum = np.abs(np.fft.rfft(wave_N))
    return float(spectrum.argmax() * rate / len(wave_N))


def write(path: Path, wave_NC: np.ndarray[Any, Any], rate: int = RATE) -> Path:
    """A recording, in the format that its ending names; floats stay exact in wav."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"subtype": "FLOAT"} if path.suffix == ".wav" else {}
    soundfile.write(path, wave_NC, rate, **options)
    return path
