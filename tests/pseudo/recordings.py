"""Data directories of noises that no two are alike, and pseudo.transcribe on them within this process."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import soundfile

from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.pseudo.config import DecodeConfig, SpeedConfig, TranscribeConfig
from toolkit.pseudo.transcribe import run
from toolkit.score.hypotheses import Hypothesis, read_hypotheses

RATE = 16000
RESULTS = ("hypotheses.jsonl", "text", "header.json")  # what no kill, nj or batch may change


def noise(seconds: float, seed: int) -> np.ndarray:
    """With a tone whose pitch is the seed's: a Whisper hears one white noise as it hears another."""
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.02 * np.random.default_rng(seed).standard_normal(len(time))
    return (wave + 0.2 * np.sin(2 * np.pi * (200 + 137 * (seed % 50)) * time)).astype(np.float32)


def write_set(
    folder: Path, waves: Mapping[str, np.ndarray | Path], lengths: Mapping[str, float] | None = None, **tables: object
) -> Path:
    """wav.scp, utt2dur, utt2spk and what else is given; a path is a recording that is there already, or is not."""
    scp, seconds = {}, {}
    for n, (id, wave) in enumerate(sorted(waves.items())):
        path = wave if isinstance(wave, Path) else folder.parent / f"{folder.name}-audio" / f"{n:03d}.wav"
        if not isinstance(wave, Path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists():
                soundfile.write(path, wave, RATE)
            seconds[id] = f"{len(wave) / RATE:.4f}"
        scp[id] = str(path)
    seconds |= {id: str(value) for id, value in (lengths or {}).items()}
    speakers = {id: id.partition("-")[0] for id in scp}
    write_data_dir(folder, {"wav.scp": scp, "utt2dur": seconds, "utt2spk": speakers, **tables})  # type: ignore[dict-item]
    return folder


def transcribe(data: Path, model: Path, out: Path, batch: int = 4, **decode: object) -> Step[TranscribeConfig]:
    """The step, as it is done."""
    decode = {"max_new_tokens": 8, "window_seconds": 2.0, **decode}
    config = TranscribeConfig(DecodeConfig(**decode), SpeedConfig(batch))  # type: ignore[arg-type]
    out.mkdir(parents=True, exist_ok=True)
    step = Step(config, [data, model], out, ["pseudo.transcribe"], ledger=Ledger("pseudo.transcribe"))
    run(step)
    return step


def results(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in RESULTS}


def rows(out: Path) -> dict[str, Hypothesis]:
    return {row.id: row for row in read_hypotheses(out)}


def lost(step: Step[TranscribeConfig]) -> dict[str, str]:
    """id -> reason, of the ledger."""
    return {id: reason for id, _, reason, _ in step.ledger.rows}
