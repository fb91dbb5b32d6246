"""Waveforms and frames on disk, read by ours and by the peers alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

RATE = 16000  # samples a second


def write_waves(path: Path, waves: Sequence[np.ndarray]) -> None:
    """Waveforms [N] float32 of any lengths as one .npz."""
    np.savez(path, samples=np.concatenate(waves), lengths=np.array([len(wave_N) for wave_N in waves]))


def read_waves(path: Path) -> list[np.ndarray]:
    """What write_waves wrote."""
    with np.load(path) as stored:
        ends = np.cumsum(stored["lengths"])
        return np.split(stored["samples"], ends[:-1])


def cropped_batches(waves: Sequence[np.ndarray], seconds: float, seed: int = 1) -> list[np.ndarray]:
    """Batches [B, N] as fairseq makes them, in random order.

    Sorted by length, as many as fit into `seconds` by the longest of them, all cropped to the shortest. The last batch,
    of what was left over, is left out where there are others.
    """
    batches: list[list[np.ndarray]] = []
    for wave_N in sorted(waves, key=len, reverse=True):
        if not batches or (len(batches[-1]) + 1) * len(batches[-1][0]) > seconds * RATE:
            batches.append([])
        batches[-1].append(wave_N)
    cropped = [np.stack([wave_N[: len(batch[-1])] for wave_N in batch]) for batch in batches[:-1] or batches]
    return [cropped[i] for i in np.random.default_rng(seed).permutation(len(cropped))]
