"""The nearest centroid of many frames: one matrix product and one argmin per chunk.

On a CPU each thread processes chunks of its own. Threads that share one product would wait for each other twice per
chunk, which costs more than it saves, most of all on a busy machine; and the argmin runs in one thread.

Shapes: N frames, D dimensions, K centroids, C frames of a chunk.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import torch
import torch.nn.functional as F
from torch import Tensor

from ..models.linear import affine
from .pca import Projection

CPU_BYTES = 1 << 20  # of a chunk's C x K distances: they stay in the cache between product and argmin
GPU_BYTES = 512 << 20


class Nearest:
    """argmin_k |x - c_k|^2 = argmin_k |c_k|^2 - 2 x c_k, in float32; of equally near centroids the first.

    Args:
        centroids_KD: float32; frames are copied to their device, chunk by chunk.
        projection: applied to frames before they are compared with centroids. It is not folded into the centroids: two
            products (D x P, P x K) cost less than one (D x K), and the mean costs no digits of the distances.
    """

    def __init__(self, centroids_KD: Tensor, projection: Projection | None = None) -> None:
        self.device = centroids_KD.device
        self.projection = projection.to(self.device) if projection else None
        self.squares_K = centroids_KD.square().sum(1)
        self.product_KD = -2.0 * centroids_KD
        budget = CPU_BYTES if self.device.type == "cpu" else GPU_BYTES
        self.chunk = max(1, budget // (4 * len(centroids_KD)))

    def __call__(self, x_ND: Tensor) -> tuple[Tensor, Tensor]:
        """Units [N] int64 and |x - c|^2 - |x|^2 [N] float32 of the nearest centroid, on the centroids' device."""
        units_N = torch.empty(len(x_ND), dtype=torch.int64, device=self.device)
        scores_N = torch.empty(len(x_ND), dtype=torch.float32, device=self.device)

        inference = torch.is_inference_mode_enabled()  # a thread does not inherit this

        @torch.inference_mode(inference)
        def find(first: int, last: int) -> None:
            for i in range(first, last, self.chunk):
                part = slice(i, min(i + self.chunk, last))
                units_N[part], scores_N[part] = self._chunk(x_ND[part])

        in_threads(find, len(x_ND), self.chunk, torch.get_num_threads() if self.device.type == "cpu" else 1)
        return units_N, scores_N

    def _chunk(self, x_CD: Tensor) -> tuple[Tensor, Tensor]:
        x_CD = x_CD.to(self.device)
        if self.projection:
            x_CD = self.projection(x_CD)
        product = affine if len(x_CD) == self.chunk else F.linear  # a shape that recurs, or an utterance's own
        scores_CK = product(x_CD, self.product_KD, self.squares_K)
        on_cpu = self.device.type == "cpu"  # numpy's argmin is vectorised, torch's is not: twice as fast in all
        best_C = torch.from_numpy(scores_CK.numpy().argmin(1)) if on_cpu else scores_CK.argmin(1)
        return best_C, scores_CK.gather(1, best_C[:, None])[:, 0]


def in_threads(work: Callable[[int, int], None], items: int, chunk: int, threads: int) -> None:
    """work(first, last) over all items, in parts of whole chunks, one for each of `threads`.

    While they are at it, what torch computes in each of them is computed by one thread.
    """
    size = -(-items // (threads * chunk)) * chunk
    if threads == 1 or size >= items:
        work(0, items)
        return
    try:
        with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
            list(pool.map(lambda first: work(first, min(first + size, items)), range(0, items, size)))
    finally:
        torch.set_num_threads(threads)  # of MKL there is one number for all threads of the process
