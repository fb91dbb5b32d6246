"""Noise without speech: hiss, mains hum, babble and wind, made of seeded random numbers.

Shape legend: N samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ..audio import write_wav
from ..augment import coloured_noise, tilt, to_level
from ..kaldi import UNKNOWN
from .espeak import SILENCE
from .mini_speech import Speaking, generator
from .mini_voices import RATE, Wave

TALKERS = 7  # voices of a babble
SYLLABLES_HZ = 4.0  # how often a voice of a babble swells


@dataclass(frozen=True)
class Noise:
    """A recording of noise to be made. `kind` is a key of NOISES; `labels`: further table -> value."""

    id: str
    set: str
    kind: str
    seconds: float
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def gender(self) -> str:
        return ""

    @property
    def values(self) -> Mapping[str, str]:
        return {"text": "", "utt2spk": self.id, "utt2lang": UNKNOWN, "utt2emotion": UNKNOWN, **self.labels}


def make_noise(noise: Noise, config: Speaking, path: Path) -> dict[str, Any]:
    """Write one recording (16 bit wav), its tilt and level drawn as those of speech; returns id, seconds, phones."""
    rng = generator(config.seed, noise.id)
    wave_N = NOISES[noise.kind](round(noise.seconds * RATE), rng)
    wave_N = tilt(wave_N, RATE, rng.uniform(*config.augment.tilt_db))
    wave_N = to_level(wave_N, rng.uniform(*config.augment.level_db))
    write_wav(path, wave_N)
    seconds = len(wave_N) / RATE
    return {"id": noise.id, "seconds": seconds, "phones": [[0.0, round(seconds, 4), SILENCE]]}


def hiss(n: int, rng: np.random.Generator, colour: float) -> Wave:
    """Noise [n] whose power falls with frequency to the power `colour`: 0 white, 1 pink, 2 brown."""
    return coloured_noise(n, RATE, colour, rng)


def hum(n: int, rng: np.random.Generator) -> Wave:
    """Mains hum [n] at about 50 Hz, its harmonics at random levels, over a faint pink noise."""
    t_N = np.arange(n) / RATE
    hertz = 50 * rng.uniform(0.99, 1.01)
    wave_N = 0.1 * coloured_noise(n, RATE, 1.0, rng)
    for harmonic in range(1, 21):
        level, phase = rng.uniform(0, 1) / harmonic**0.7, rng.uniform(0, 2 * np.pi)
        wave_N = wave_N + level * np.sin(2 * np.pi * harmonic * hertz * t_N + phase)
    return wave_N.astype(np.float32)


def babble(n: int, rng: np.random.Generator) -> Wave:
    """Many voices at once [n], none of them with words: buzzes of gliding pitch that swell like syllables."""
    wave_N = 0.05 * coloured_noise(n, RATE, 1.0, rng)
    for _ in range(TALKERS):
        pitch_N = rng.uniform(90, 240) * 2 ** (0.2 * _slow(n, 1.5, rng))
        buzz_N = 2 * (np.cumsum(pitch_N) / RATE % 1) - 1
        wave_N = wave_N + np.maximum(_slow(n, SYLLABLES_HZ, rng), 0) * buzz_N
    return tilt(wave_N.astype(np.float32), RATE, -3.0)


def wind(n: int, rng: np.random.Generator) -> Wave:
    """Gusts [n]: deep noise that rises and falls within seconds."""
    gusts_N = np.exp(_slow(n, 0.5, rng))
    return (gusts_N * coloured_noise(n, RATE, rng.uniform(1.5, 2.5), rng)).astype(np.float32)


def _slow(n: int, hertz: float, rng: np.random.Generator) -> np.ndarray[Any, np.dtype[np.float64]]:
    """A random curve [n] of about unit deviation that turns about `hertz` times a second."""
    points = rng.standard_normal(int(2 * hertz * n / RATE) + 3)
    return np.interp(np.arange(n) * 2 * hertz / RATE, np.arange(len(points)), points)


NOISES: dict[str, Callable[[int, np.random.Generator], Wave]] = {
    "pink": partial(hiss, colour=1.0),
    "hum": hum,
    "babble": babble,
    "white": partial(hiss, colour=0.0),
    "wind": wind,
    "brown": partial(hiss, colour=2.0),
}
