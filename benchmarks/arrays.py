"""Waveforms and frames on disk, read by ours and by the peers alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np


def write_waves(path: Path, waves: Sequence[np.ndarray]) -> None:
    """Waveforms [N] float32 of any lengths as one .npz."""
    np.savez(path, samples=np.concatenate(waves), lengths=np.array([len(wave_N) for wave_N in waves]))


def read_waves(path: Path) -> list[np.ndarray]:
    """What write_waves wrote."""
    with np.load(path) as stored:
        ends = np.cumsum(stored["lengths"])
        return np.split(stored["samples"], ends[:-1])
