"""What codebooks and labels are judged by: squared distances in float64, whoever made them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

CHUNK = 8192  # frames


def inertia(frames: Path, centroids_KD: np.ndarray) -> float:
    """Mean squared distance of the frames to the nearest of the centroids."""
    total, centroids_KD = 0.0, centroids_KD.astype(np.float64)
    x_ND = np.load(frames, mmap_mode="r")
    for i in range(0, len(x_ND), CHUNK):
        x_CD = x_ND[i : i + CHUNK].astype(np.float64)
        distances_CK = (x_CD**2).sum(1)[:, None] - 2 * x_CD @ centroids_KD.T + (centroids_KD**2).sum(1)
        total += distances_CK.min(1).sum()
    return total / len(x_ND)


def disagreement(frames: Path, centroids: Path, ours_N: np.ndarray, theirs_N: np.ndarray) -> tuple[int, float]:
    """How many labels differ, and by how much of the smaller the two squared distances differ at most: 0 is a tie."""
    other_M = np.flatnonzero(ours_N != theirs_N)
    x_MD, centroids_KD = (
        np.load(frames, mmap_mode="r")[other_M].astype(np.float64),
        np.load(centroids).astype(np.float64),
    )
    a_M, b_M = (((x_MD - centroids_KD[units_N[other_M]]) ** 2).sum(1) for units_N in (ours_N, theirs_N))
    return len(other_M), float(np.max(np.abs(a_M - b_M) / np.minimum(a_M, b_M), initial=0.0))
