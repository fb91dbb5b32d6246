"""Small trees in the true layouts of corpora, with real audio content: synthetic speech of the mini corpus.

One module for each corpus, trees/<corpus>.py: `make(folder, clips)` writes the tree.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from toolkit.data.audio import read_audio
from toolkit.data.corpora.mini import MiniConfig, make_utterance, plan, speaker_id
from toolkit.data.corpora.mini_voices import SPEAKERS

RATE = 16000


@dataclass(frozen=True)
class Clip:
    """An utterance: 16 kHz float32 samples [N], exact transcript with diacritics, labels of the mini corpus.

    dialect: MSA ALG JOR PAL UAE YEM, or ENG; emotion: of mini_voices.EMOTIONS; gender: m or f.
    """

    text: str
    speaker: str
    gender: str
    dialect: str
    emotion: str
    wave_N: np.ndarray[Any, np.dtype[np.float32]]

    @property
    def seconds(self) -> float:
        return len(self.wave_N) / RATE


@lru_cache
def speech(count: int = 48, english: bool = False, seed: int = 1) -> list[Clip]:
    """`count` clips of many speakers and dialects, of a seed the same every time; English ones alone if asked for."""
    config = MiniConfig(minutes=8, english_share=0.5 if english else 0.0, seed=seed)
    planned = [u for u in plan(config) if (u.dialect == "ENG") == english]
    chosen = [planned[i * len(planned) // count] for i in range(count)]  # ids begin with the speaker
    clips = []
    with tempfile.TemporaryDirectory() as folder:
        for u in chosen:
            path = Path(folder) / f"{u.id}.wav"
            make_utterance(u, config, path)
            gender = SPEAKERS[u.speaker].gender
            clips.append(Clip(u.text, speaker_id(u.speaker), gender, u.dialect, u.emotion, read_audio(path)))
    return clips


def record(path: Path, *waves: np.ndarray[Any, Any], rate: int = RATE) -> None:
    """Write waves one after another into one recording; its format follows from the ending of its name."""
    path.parent.mkdir(parents=True, exist_ok=True)
    formats = {".mp3": "MP3", ".ogg": "OGG", ".flac": "FLAC", ".wav": "WAV", ".sph": "NIST"}
    wave_N = np.concatenate(waves)
    with soundfile.SoundFile(path, "w", rate, 1, format=formats[path.suffix.lower()]) as f:
        for first in range(0, len(wave_N), rate):  # libsndfile 1.2.2 crashes on long blocks of Ogg
            f.write(wave_N[first : first + rate])


def write_lines(path: Path, *lines: str) -> None:
    """Write UTF-8 lines."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def tones(count: int, seconds: float = 1.0) -> list[Clip]:
    """`count` clips that cost nothing to make: a tone each, all different, of eight speakers in turn."""
    time_N = np.arange(round(seconds * RATE)) / RATE
    return [
        Clip(
            f"word {i}", f"s{i % 8}", "mf"[i % 2], "ENG", "neutral", (0.3 * np.sin(2 * np.pi * (200 + 7 * i) * time_N))
        )
        for i in range(count)
    ]
