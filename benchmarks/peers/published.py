"""The features and the k-means of HuBERT's published scripts (arXiv 2106.07447), written anew after what they do."""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before torchaudio

from typing import Any

import numpy as np
import torch
import torchaudio
from sklearn.cluster import MiniBatchKMeans
from torch import Tensor


def mfcc(wave_N: np.ndarray) -> Tensor:
    """13 cepstra of torchaudio's Kaldi MFCC without the energy, their deltas and double deltas [T, 39].

    Computed, and returned, in the precision of the waveform.
    """
    wave_1N = torch.from_numpy(wave_N).view(1, -1)
    static_DT = torchaudio.compliance.kaldi.mfcc(wave_1N, sample_frequency=16000, use_energy=False).T
    delta_DT = torchaudio.functional.compute_deltas(static_DT)
    double_DT = torchaudio.functional.compute_deltas(delta_DT)
    return torch.cat([static_DT, delta_DT, double_DT]).T.contiguous()


def mini_batch_kmeans(k: int, seed: int) -> Any:
    """scikit-learn's MiniBatchKMeans as published: twenty starts, batches of 10,000, no tolerance."""
    return MiniBatchKMeans(
        n_clusters=k,
        init="k-means++",
        max_iter=100,
        batch_size=10_000,
        tol=0.0,
        max_no_improvement=100,
        init_size=None,
        n_init=20,
        reassignment_ratio=0.0,
        compute_labels=False,
        random_state=seed,
    )


class ApplyKmeans:
    """Squared distances of all frames given to all centroids, as one array, and their argmin."""

    def __init__(self, centroids_KD: np.ndarray) -> None:
        self.centroids_DK = centroids_KD.T
        self.squares_1K = (self.centroids_DK**2).sum(0, keepdims=True)
        self.torch_centroids_DK = torch.from_numpy(np.ascontiguousarray(self.centroids_DK))
        self.torch_squares_1K = torch.from_numpy(self.squares_1K)

    def __call__(self, x_ND: np.ndarray | Tensor) -> np.ndarray:
        if isinstance(x_ND, Tensor):
            distances_NK = (
                x_ND.pow(2).sum(1, keepdim=True)
                - 2 * torch.matmul(x_ND, self.torch_centroids_DK)
                + self.torch_squares_1K
            )
            return distances_NK.argmin(dim=1).numpy()
        squares_N1 = (x_ND**2).sum(1, keepdims=True)
        return np.argmin(squares_N1 - 2 * np.matmul(x_ND, self.centroids_DK) + self.squares_1K, axis=1)
