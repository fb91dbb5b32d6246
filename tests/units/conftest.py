"""Small data directories of noise and tones, and steps run in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from toolkit.core.config import load_config
from toolkit.core.record import Ledger
from toolkit.core.step import Step
from toolkit.data.kaldi import write_data_dir
from toolkit.units import kmeans, label, quality, sample
from toolkit.units.config import UnitsConfig
from toolkit.units.label import LabelConfig
from toolkit.units.quality import QualityConfig

RATE = 16000


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    torch.set_num_threads(1)


def voice(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Something with formants that move, so that frames differ: noise and three gliding tones."""
    n = int(seconds * RATE)
    t = np.arange(n) / RATE
    wave = 0.02 * rng.standard_normal(n)
    for _ in range(3):
        low, high = rng.uniform(100, 4000, 2)
        wave += 0.1 * np.sin(2 * np.pi * (low * t + (high - low) * t**2 / (2 * seconds)))
    return (wave * (0.2 + np.abs(np.sin(7 * t)))).astype(np.float32)


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., Path]:
    """make_data(name, n, lang=...) writes n utterances of two speakers and returns the folder."""

    def make(name: str = "train", n: int = 12, seconds: float = 0.8, phones: bool = False) -> Path:
        rng = np.random.default_rng(len(name) + n)
        folder, audio = tmp_path / name, tmp_path / "audio"
        audio.mkdir(exist_ok=True)
        ids = [f"spk{i % 2}-{name}-{i:03d}" for i in range(n)]
        lengths = {id: round(seconds * rng.uniform(0.7, 1.3), 4) for id in ids}
        for id in ids:
            soundfile.write(audio / f"{id}.wav", voice(rng, lengths[id]), RATE)
        write_data_dir(
            folder,
            {
                "wav.scp": {id: str(audio / f"{id}.wav") for id in ids},
                "utt2spk": {id: id.split("-")[0] for id in ids},
                "utt2dur": {id: str(lengths[id]) for id in ids},
                "utt2lang": {id: "ENG" if i % 4 == 3 else "MSA" for i, id in enumerate(ids)},
                "text": {id: f"text of {id}" for id in ids},
            },
        )
        if phones:
            lines = [
                f"{id} 1 {k * 0.1:.2f} 0.1 {p}\n"
                for id in ids
                for k, p in enumerate(("abca" * 3)[: int(lengths[id] / 0.1)])
            ]
            (folder / "phones.ctm").write_text("".join(lines))
        return folder

    return make


@pytest.fixture
def run_step() -> Callable[..., Step[Any]]:
    """run_step(module, config class, ins, out, {"kmeans.k": 4}) runs a step in this process and returns it."""

    def run(
        module: Any, config: type, ins: Sequence[Path], out: Path, fields: dict[str, Any] | None = None
    ) -> Step[Any]:
        name = module.__name__.removeprefix("toolkit.")
        values = {k: str(v) for k, v in (fields or {}).items()}
        flags = [word for k, v in values.items() for word in (f"--{k}", v)]
        out.mkdir(parents=True, exist_ok=True)
        argv = [name, *flags, "--in", *map(str, ins), "--out", str(out)]
        step: Step[Any] = Step(load_config(config, None, values), list(ins), out, argv, ledger=Ledger(name))
        module.run(step)
        return step

    return run


@pytest.fixture
def small() -> dict[str, Any]:
    """Config fields of a sample and a codebook that are made at once."""
    return {"sample.frames": 700, "kmeans.k": 8, "sample.strata": "utt2lang"}


@pytest.fixture
def chain(
    make_data: Callable[..., Path], run_step: Callable[..., Any], small: dict[str, Any], tmp_path: Path
) -> Callable[..., Path]:
    """chain(folder name) makes sample, codebook, labels and quality of a small set and returns their folder."""

    def make(name: str = "made", fields: dict[str, Any] | None = None) -> Path:
        data, out = make_data(phones=True), tmp_path / name
        config = {**small, **(fields or {})}
        run_step(sample, UnitsConfig, [data], out / "sample", config)
        run_step(kmeans, UnitsConfig, [out / "sample"], out / "codebook", config)
        run_step(label, LabelConfig, [data, out / "codebook"], out / "labels")
        run_step(quality, QualityConfig, [data, out / "labels"], out / "quality")
        return out

    return make
