"""A corpus to probe on: three phones of one pitch each, two "dialects" of different loudness, an untrained network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
from networks import TINY

from toolkit.core.results import TaskResult
from toolkit.core.schema import read
from toolkit.data.kaldi import write_data_dir
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.task_config import TaskConfig

TONES = {"a": 300, "b": 900, "c": 2500}
PHONE_SECONDS = 0.12


def task_of(type: str, steps: int = 1, lr: tuple[float, ...] = (0.1,), label: str = "", **more: Any) -> TaskConfig:
    """A task of the type called `type`, which is a class of its own."""
    return TaskConfig.variant(type)(type, steps, lr, label=label, **more)


TASKS = {
    "phone": task_of("frames", steps=30, lr=(3e-2, 1e-6), batch=8),
    "asr": task_of("ctc", steps=20, lr=(1e-2,), batch=8, hidden=16, layers=2, dropout=0.1),
    "dialect": task_of("classify", label="utt2lang", steps=40, lr=(1e-6, 3e-2), batch=8, hidden=8),
}
ALL = ("fbank", "fbank_stacked", "random", "models")
CONFIG = TasksConfig(tasks=TASKS, rows=ALL, checkpoint_every=10, cost_utterances=2, cost_seconds=0.5, min_speakers=3)


def tone_corpus(root: Path) -> Path:
    """data/{train,dev,test}, one recording of test being empty, and a network exp/it1/base."""
    (root / "audio").mkdir()
    rng = np.random.default_rng(0)
    for name, count in (("train", 24), ("dev", 6), ("test", 12)):
        _make_set(root / "data", root / "audio", name, count, rng)
    (root / "audio" / "test-05.wav").write_bytes(b"")
    network = Hubert(TINY)
    initialise(network, TINY, torch.Generator().manual_seed(9))
    save_pretrained(network, root / "exp/it1/base/hf")
    return root


def _make_set(folder: Path, audio: Path, name: str, count: int, rng: np.random.Generator) -> None:
    tables: dict[str, dict[str, str]] = {n: {} for n in ("wav.scp", "text", "utt2spk", "utt2dur", "utt2lang")}
    lines = []
    for i in range(count):
        id, phones = f"{name}-{i:02d}", rng.choice(list(TONES), rng.integers(3, 6)).tolist()
        n = round(PHONE_SECONDS * 16000)
        wave = np.concatenate([np.sin(2 * np.pi * TONES[p] * np.arange(n) / 16000) for p in phones])
        loud = i % 2
        wave = (0.5 if loud else 0.05) * wave + rng.normal(0, 1e-3, len(wave))
        soundfile.write(audio / f"{id}.wav", wave, 16000)
        row = (str(audio / f"{id}.wav"), "".join(phones), f"{name}{i % 4}", f"{len(wave) / 16000}", "QR"[loud])
        for table, value in zip(tables.values(), row, strict=True):
            table[id] = value
        lines += [f"{id} 1 {PHONE_SECONDS * k:.2f} {PHONE_SECONDS:.2f} {p}\n" for k, p in enumerate(phones)]
    write_data_dir(folder / name, tables)
    (folder / name / "phones.ctm").write_text("".join(lines))


def results(out: Path, row: str, task: str) -> TaskResult:
    """The result file of a task of a row."""
    return read(TaskResult, out / row / f"{task}.json", lambda path, why: AssertionError(f"{path}: {why}"))
