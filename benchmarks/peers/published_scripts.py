"""The three scripts with which HuBERT's units are published (dump, learn, label), written anew after what they do.

  dump MANIFEST RANK RANKS FOLDER             MFCC of every utterance of a part, appended to one .npy; lengths to .len
  learn FOLDER RANKS SHARE K SEED MODEL       the features of a share of the utterances in memory, k-means, a pickle
  label FOLDER RANK RANKS MODEL               features from .npy, units as text, a line per utterance

Each imports what its script does and no more. learn prints the inertia per frame, and leaves it beside the model.
A manifest has the folder of the recordings in its first line, then `path <tab> samples` a line.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.random import default_rng


def part(manifest: Path, rank: int, ranks: int) -> list[Path]:
    """Recordings of one of `ranks` consecutive parts."""
    root, *lines = manifest.read_text().splitlines()
    paths = [Path(root) / line.split("\t")[0] for line in lines]
    size = math.ceil(len(paths) / ranks)
    return paths[size * rank : size * (rank + 1)]


def dump(manifest: str, rank: str, ranks: str, folder: str) -> None:
    """train_RANK_RANKS.npy [frames, 39] and .len, frames of each utterance."""
    import soundfile
    from npy_append_array import NpyAppendArray

    from benchmarks.peers.published_mfcc import mfcc

    stem = Path(folder) / f"train_{rank}_{ranks}"
    with NpyAppendArray(f"{stem}.npy") as features, open(f"{stem}.len", "w") as lengths:
        for path in part(Path(manifest), int(rank), int(ranks)):
            wave_N, rate = soundfile.read(path, dtype="float32")
            assert rate == 16000 and wave_N.ndim == 1
            features_TD = mfcc(wave_N)
            features.append(features_TD.numpy())
            lengths.write(f"{len(features_TD)}\n")


def read_shard(folder: str, rank: int, ranks: str) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """Mapped features, and first frame and length of each utterance."""
    stem = Path(folder) / f"train_{rank}_{ranks}"
    lengths = [int(line) for line in Path(f"{stem}.len").read_text().splitlines()]
    starts = np.cumsum([0, *lengths[:-1]]).tolist()
    return np.load(f"{stem}.npy", mmap_mode="r"), list(zip(starts, lengths))


def learn(folder: str, ranks: str, share: str, k: str, seed: str, model: str) -> None:
    """Fits to the shares of all parts at once, and says the inertia per frame, as published."""
    import joblib

    from benchmarks.peers.published_kmeans import mini_batch_kmeans

    rng, shards = default_rng(int(seed)), []
    for rank in range(int(ranks)):
        features, spans = read_shard(folder, rank, ranks)
        chosen = rng.choice(len(spans), math.ceil(len(spans) * float(share)), replace=False)
        shards.append(np.concatenate([features[start : start + n] for start, n in (spans[i] for i in chosen)]))
    frames_ND = np.concatenate(shards)
    kmeans = mini_batch_kmeans(int(k), int(seed)).fit(frames_ND)
    joblib.dump(kmeans, model)
    inertia = -kmeans.score(frames_ND) / len(frames_ND)
    Path(f"{model}.inertia").write_text(f"{inertia}")
    print(f"total inertia {inertia:.5f}")


def label(folder: str, rank: str, ranks: str, model: str) -> None:
    """train_RANK_RANKS.km."""
    import joblib

    from benchmarks.peers.published_labels import ApplyKmeans

    nearest = ApplyKmeans(joblib.load(model).cluster_centers_)
    features, spans = read_shard(folder, int(rank), ranks)
    with open(Path(folder) / f"train_{rank}_{ranks}.km", "w") as out:
        for start, n in spans:
            print(*nearest(features[start : start + n]).tolist(), file=out)


SCRIPTS: dict[str, Callable[..., None]] = {"dump": dump, "learn": learn, "label": label}

if __name__ == "__main__":
    SCRIPTS[sys.argv[1]](*sys.argv[2:])
