"""The assignment of HuBERT's published script (arXiv 2106.07447), written anew after what it does."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


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
