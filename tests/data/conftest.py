"""Recordings for the tests of the data room: noise with a seed, tones, and every kind of broken file."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

Wave = np.ndarray


def noise(seconds: float, rate: int = 16000, seed: int = 0, channels: int = 1) -> Wave:
    """Brown noise without its slowest part, [N] or [N, C], level -20 dB: a codec keeps it, unlike white noise."""
    x = np.random.default_rng(seed).standard_normal((round(seconds * rate) + 63, channels)).cumsum(axis=0)
    x = x[31:-32] - np.stack([np.convolve(c, np.ones(64) / 64, "valid") for c in x.T], axis=1)
    x *= 0.1 / x.std()
    return x[:, 0] if channels == 1 else x


@pytest.fixture
def record(tmp_path: Path) -> Callable[..., Path]:
    """record(name, wave, rate=16000, **soundfile options) writes a recording below tmp_path and returns its path."""

    def write(name: str, wave: Wave, rate: int = 16000, **options: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        endings = {".mp3": "MP3", ".ogg": "OGG", ".opus": "OGG"}
        options.setdefault("format", endings.get(path.suffix, path.suffix[1:].upper()))
        with soundfile.SoundFile(path, "w", rate, 1 if wave.ndim == 1 else wave.shape[1], **options) as f:
            for first in range(0, len(wave), rate):  # libsndfile 1.2.2 crashes on long blocks of Ogg
                f.write(wave[first : first + rate])
        return path

    return write


@pytest.fixture
def make_noise() -> Callable[..., Wave]:
    return noise


@pytest.fixture
def corpus(record: Callable[..., Path], make_noise: Callable[..., Wave], tmp_path: Path) -> Callable[..., Path]:
    """corpus(name, seconds=2, ...) writes a recording below tmp_path/corpus; corpus.root is that folder."""

    def write(name: str, seconds: float = 2.0, rate: int = 16000, **options: str) -> Path:
        seed = zlib.crc32(name.encode())
        return record(f"corpus/{name}", make_noise(seconds, rate, seed=seed), rate, **options)

    write.root = tmp_path / "corpus"
    write.root.mkdir()
    return write
