"""What the races are run on, made once from the synthetic corpus of the mini recipe, the same on every machine.

SYNTHETIC speech throughout. The latents are 768 numbers a frame from a random network over eleven frames of MFCC: like
the states of an encoder they are correlated, bounded and of low rank, and nobody need train one to make them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from toolkit.core.errors import UserError
from toolkit.core.files import atomic
from toolkit.core.job import parenthood
from toolkit.data.kaldi import DataDir, Utterance
from toolkit.units import mfcc
from toolkit.units.clustering import fit
from toolkit.units.config import KmeansConfig

from .arrays import RATE, write_waves
from .race import OURS, ROOT

SEED = 1
VERSION = 1  # of the frames and centroids: goes up with a change of what units.mfcc or units.kmeans make
K = 500
MINUTES = 175  # a little more than a million frames of MFCC
SMALL = {"num_hidden_layers": 1, "hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 2}


class BenchInputs:
    """The files; each is made when it is first asked for, and stays in `folder`.

    Attributes:
        folder: where the files are.
        k: clusters.
        small_network: fields of ours' training config that make the network small; none at scale 1.
        small_peer: the same of transformers' HubertConfig; torchaudio's network is always that of base.
    """

    def __init__(self, folder: Path, scale: float = 1.0) -> None:
        """Args:
        folder: files of another scale than 1 go into one of its own below it.
        scale: less than 1 makes everything smaller: to try things out, and for tests.
        """
        self.folder = (folder if scale == 1 else folder / f"scale-{scale:g}").resolve()
        self.scale = scale
        self.k = min(K, int(2e5 * scale) // 40)
        self.small_peer: dict[str, Any] = {} if scale == 1 else SMALL
        self.small_network = {f"model.{name}": str(value) for name, value in self.small_peer.items()}

    @cached_property
    def corpus(self) -> Path:
        """The corpus of mini: wav files and data directories. Raises UserError if it cannot be made."""
        out = self.folder / "corpus"
        minutes = max(3.0, MINUTES * self.scale)
        command = [str(OURS), "-m", "toolkit.data.corpora.mini", "--speakers", "32", "--minutes", f"{minutes:g}"]
        env = {**os.environ, **parenthood(), "SAWT_NJ": "2"}
        if subprocess.run([*command, "--out", str(out)], cwd=ROOT, env=env).returncode:
            remedy = "mend that, and rerun: what is done is kept"
            raise UserError("the synthetic corpus was not made, as said above", str(out), remedy)
        return out

    def utterances(self, seconds: float = np.inf) -> list[Utterance]:
        """Of all speakers, in random order, so many seconds of them (or all there are)."""
        every = [u for name in ("train", "dev", "test") for u in DataDir.read(self.corpus / name).utterances]
        order = np.random.default_rng(SEED).permutation(len(every))
        ends = np.cumsum([every[i].seconds for i in order])
        return [every[i] for i in order[: np.searchsorted(ends, seconds) + 1]]

    def waves(self) -> Path:
        """Twenty minutes of waveforms."""

        def make(path: Path) -> None:
            write_waves(path, [u.audio() for u in self.utterances(1200 * self.scale)])

        return self.made("waves.npz", make)

    def ragged(self) -> Path:
        """Twenty-four waveforms of 3 to 15 s."""

        def make(path: Path) -> None:
            rng = np.random.default_rng(SEED)
            speech = np.concatenate([u.audio() for u in self.utterances(24 * 15)])
            lengths = (rng.uniform(3, 15, 24) * RATE * min(1, 10 * self.scale)).astype(int)
            write_waves(path, np.split(speech[: lengths.sum()], np.cumsum(lengths)[:-1]))

        return self.made("ragged.npz", make)

    def frames(self) -> Path:
        """A million frames of MFCC [N, 39], in random order."""

        def make(path: Path) -> None:
            every_ND = np.concatenate([_mfcc(u) for u in self.utterances()])
            rng = np.random.default_rng(SEED)
            np.save(path, rng.permutation(every_ND)[: int(1e6 * self.scale)])

        return self.made(f"frames.{VERSION}.npy", make)

    def latents(self) -> Path:
        """Two hundred thousand frames [N, 768], in random order."""

        def make(path: Path) -> None:
            wanted = int(2e5 * self.scale)
            rows = np.concatenate(
                [_context(_mfcc(u)) for u in self.utterances(wanted / 45)]
            )  # 50 a second, edges apart
            rng = np.random.default_rng(SEED)
            rows = rng.permutation(rows)[:wanted]
            rows = (rows - rows.mean(0)) / rows.std(0)
            first = rng.standard_normal((rows.shape[1], 768)).astype(np.float32) / np.sqrt(rows.shape[1])
            second = rng.standard_normal((768, 768)).astype(np.float32) / np.sqrt(768)
            np.save(path, np.tanh(1.5 * np.tanh(1.5 * rows @ first) @ second).astype(np.float32))

        return self.made(f"latents.{VERSION}.npy", make)

    def centroids(self, frames: Path) -> Path:
        """`k` centroids of those frames [k, D]."""

        def make(path: Path) -> None:
            x_ND = torch.from_numpy(np.load(frames))[:50_000]
            config = KmeansConfig(k=self.k, init="random", start_iterations=5, max_iterations=2)
            best = fit(x_ND, config, SEED).best
            assert best is not None
            np.save(path, best.numpy())

        return self.made(f"{frames.stem}_centroids.npy", make)

    def made(self, name: str, make: Callable[[Path], None]) -> Path:
        """A file, or a folder, that `make` writes to the path it is given, where it is not there yet."""
        path = self.folder / name
        if not path.exists():
            print(f"  making {name}", flush=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            with atomic(path) as temporary:
                ending = temporary.with_name(temporary.name + path.suffix)  # numpy wants the name to end so
                make(ending)
                ending.rename(temporary)
        return path


def _mfcc(utterance: Utterance) -> np.ndarray:
    """MFCC with deltas [T, 39]."""
    made: np.ndarray = mfcc.mfcc(torch.from_numpy(utterance.audio())).numpy()
    return made


def _context(x_TD: np.ndarray, each_side: int = 5) -> np.ndarray:
    """Every second frame with five before and five after it [T / 2, 11 D], edges repeated."""
    padded = np.pad(x_TD, ((each_side, each_side), (0, 0)), mode="edge")
    stacked = np.lib.stride_tricks.sliding_window_view(padded, 2 * each_side + 1, axis=0)[::2]
    return stacked.reshape(len(stacked), -1)
