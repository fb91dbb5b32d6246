"""The nearest centroid of many frames: one matrix product and one argmin per chunk.

Shapes: N frames, D dimensions, K centroids, C frames of a chunk.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from .pca import Projection

CPU_BYTES = 2 << 20  # of a chunk's C x K distances: they stay in the cache between product and argmin
GPU_BYTES = 512 << 20


class Nearest:
    """argmin_k |x - c_k|^2 = argmin_k |c_k|^2 - 2 x c_k, in float32; of equally near centroids the first.

    Args:
        centroids_KD: float32; where they live, the frames are taken to, chunk by chunk.
        projection: what frames pass before they are held against centroids. It is not folded into them: two products
            (D x P, P x K) cost less than one (D x K), and the mean takes no digits from the distances.
    """

    def __init__(self, centroids_KD: Tensor, projection: Projection | None = None) -> None:
        self.device = centroids_KD.device
        self.projection = projection.to(self.device) if projection else None
        self.squares_K = centroids_KD.square().sum(1)
        self.product_DK = (-2.0 * centroids_KD.T).contiguous()
        budget = CPU_BYTES if self.device.type == "cpu" else GPU_BYTES
        self.chunk = max(1, budget // (4 * len(centroids_KD)))

    def __call__(self, x_ND: Tensor) -> tuple[Tensor, Tensor]:
        """Units [N] int64 and |x - c|^2 - |x|^2 [N] float32 of the centroid found, on the centroids' device."""
        units_N = torch.empty(len(x_ND), dtype=torch.int64, device=self.device)
        scores_N = torch.empty(len(x_ND), dtype=torch.float32, device=self.device)
        buffer_CK = torch.empty(min(self.chunk, len(x_ND)), len(self.squares_K), device=self.device)
        for i in range(0, len(x_ND), self.chunk):
            x_CD = x_ND[i : i + self.chunk].to(self.device)
            if self.projection:
                x_CD = self.projection(x_CD)
            part = slice(i, i + len(x_CD))
            scores_CK = torch.addmm(self.squares_K, x_CD, self.product_DK, out=buffer_CK[: len(x_CD)])
            if self.device.type == "cpu":  # numpy's argmin is vectorised, torch's is not: twice as fast in all
                best = scores_CK.numpy().argmin(1)
                units_N.numpy()[part] = best
                scores_N.numpy()[part] = np.take_along_axis(scores_CK.numpy(), best[:, None], 1)[:, 0]
            else:
                best = scores_CK.argmin(1)
                units_N[part] = best
                scores_N[part] = scores_CK.gather(1, best[:, None])[:, 0]
        return units_N, scores_N
