"""Recordings for the tests of the data room: noise with a seed, tones, and every kind of broken file."""

import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile

from toolkit.data.kaldi import write_data_dir

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


@pytest.fixture
def sound(tmp_path: Path, record: Callable[..., Path], make_noise: Callable[..., Wave]) -> Path:
    """A data directory of two recordings, of 4 and 3 s, three utterances, the phones of two, without a fault."""
    one, two = record("تسجيل.wav", make_noise(4)), record("b.flac", make_noise(3, 8000), 8000)
    tables = {
        "wav.scp": {"متكلم-1": str(one), "s2-r": str(two)},
        "segments": {"متكلم-1-a": "متكلم-1 0 1.5", "متكلم-1-b": "متكلم-1 2 4", "s2-r-a": "s2-r 0.5 2.5"},
        "text": {"متكلم-1-a": "مرحبا بكم", "متكلم-1-b": "صباح الخير", "s2-r-a": "hello, world"},
        "utt2spk": {"متكلم-1-a": "متكلم", "متكلم-1-b": "متكلم", "s2-r-a": "s2"},
        "utt2lang": {"متكلم-1-a": "MSA", "متكلم-1-b": "EGY", "s2-r-a": "ENG"},
        "spk2gender": {"متكلم": "m", "s2": "f"},
        "reco2dur": {"متكلم-1": "4.0", "s2-r": "3.0"},
        "utt2dur": {"متكلم-1-a": "1.5", "متكلم-1-b": "2", "s2-r-a": "2.0"},
    }
    write_data_dir(tmp_path / "sound", tables)
    (tmp_path / "sound/phones.ctm").write_text("s2-r-a 1 0.00 1.90 h\nمتكلم-1-a 1 0.00 1.20 م\n", encoding="utf-8")
    return tmp_path / "sound"


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """write(data) makes a file, whose name tells nothing, of these bytes."""

    def file(data: bytes, name: str = "تسجيل.bin") -> Path:
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return file
