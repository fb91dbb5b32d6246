"""Clips, labels and a network of HuBERT base's shape for the races of downstream tasks, all drawn from a seed.

Clips are noise and labels are drawn: what a step costs depends on neither. Sets are data directories, which the peer
reads as lists of files and tables of labels.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from toolkit.data.audio import write_wav
from toolkit.data.kaldi import DataDir, write_data_dir
from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.tasks.features import compute
from toolkit.tasks.upstream import Upstream

from .arrays import RATE
from .inputs import SEED, BenchInputs

SLOTS = {"action": 6, "object": 14, "location": 4}  # values of each in Fluent Speech Commands
PHONES, PHONES_A_SECOND = 73, 12  # with the blank as many outputs as in the benchmark
LETTERS, LETTERS_A_SECOND = "ابتثجحخدذرزسشصضطظعغفقكلمنهويءة", 14  # with space and blank likewise
WORD = 5  # letters


def clips(inputs: BenchInputs, counts: Mapping[str, int], seconds: float) -> Path:
    """Folder with data/<set> of `counts` clips of `seconds`, and their audio."""
    name = f"superb-{sum(counts.values())}x{seconds:g}"

    def make(folder: Path) -> None:
        rng = np.random.default_rng(SEED)
        for part, count in counts.items():
            _write_set(folder, inputs.folder / name, part, count, seconds, rng)

    return inputs.made(name, make)


class Drawn(Upstream):
    """States of a clip, drawn once for all clips of its length."""

    def __init__(self, states: int, dim: int) -> None:
        self.layers, self.dim, self.drawn = states - 1, dim, dict[int, torch.Tensor]()

    def frames(self, samples: int) -> int:
        return int(samples / RATE * self.rate)

    def states(self, wave_N: torch.Tensor) -> torch.Tensor:
        T = self.frames(len(wave_N))
        if T not in self.drawn:
            self.drawn[T] = torch.randn(T, self.layers + 1, self.dim)
        return self.drawn[T]


def draw_features(data: Path, folder: Path, states: int, dim: int) -> None:
    """Features of all sets of `data`, drawn, as tasks.fit leaves those that it computes."""
    for of_set in sorted(data.iterdir()):
        utterances = DataDir.read(of_set).utterances
        compute(Drawn(states, dim), utterances, folder / of_set.name, True, torch.device("cpu"), of_set.name)


def hubert(inputs: BenchInputs) -> Path:
    """Hugging Face folder of a network of HuBERT base's shape with random weights; a small one below scale 1."""

    def make(folder: Path) -> None:
        config = HubertConfig(**inputs.small_peer)
        network = Hubert(config)
        initialise(network, config, torch.Generator().manual_seed(SEED))
        save_pretrained(network, folder)

    return inputs.made("superb-hubert", make)


def _write_set(folder: Path, home: Path, part: str, count: int, seconds: float, rng: np.random.Generator) -> None:
    """Write audio and data directory of a set. Each value of a slot, phone and letter comes, if the set is not small.

    Args:
        home: where `folder` will be moved; the paths of the audio say so.
    """
    names = ("wav.scp", "utt2spk", "utt2dur", "utt2intent", "utt2phones", "text")
    tables: dict[str, dict[str, str]] = {name: {} for name in names}
    (folder / "audio").mkdir(parents=True, exist_ok=True)
    for i in range(count):
        id = f"{part}-{i:03d}"
        write_wav(folder / f"audio/{id}.wav", (rng.standard_normal(round(seconds * RATE)) * 0.1).astype(np.float32))
        phones = rng.integers(0, PHONES, int(PHONES_A_SECOND * seconds))
        letters = rng.choice(list(LETTERS), int(LETTERS_A_SECOND * seconds)).tolist()
        row = (
            str(home / f"audio/{id}.wav"),
            f"{part}{i % 4}",
            f"{seconds:.4f}",
            " ".join(f"{slot}{i % size}" for slot, size in SLOTS.items()),
            " ".join(f"P{phone:02d}" for phone in phones),
            " ".join("".join(letters[start : start + WORD]) for start in range(0, len(letters), WORD + 1)),
        )
        for table, value in zip(tables.values(), row, strict=True):
            table[id] = value
    write_data_dir(folder / "data" / part, tables)
