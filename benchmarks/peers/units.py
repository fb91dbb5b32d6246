"""The peers of MFCC, k-means and assignment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss
import numpy as np
import torch
from sklearn.cluster import KMeans

from ..arrays import read_waves
from .published_kmeans import mini_batch_kmeans
from .published_labels import ApplyKmeans
from .published_mfcc import mfcc


class TorchaudioMfcc:
    """Utterance by utterance, as HuBERT's published script calls torchaudio."""

    def __init__(self, waves: str, double: bool = False) -> None:
        """Args:
        double: compute in float64, to judge float32 by.
        """
        torch.set_num_threads(1)
        precision = np.float64 if double else np.float32
        self.waves = [wave_N.astype(precision, copy=False) for wave_N in read_waves(Path(waves))]

    def run(self) -> None:
        self.made = [mfcc(wave_N) for wave_N in self.waves]

    def output(self) -> np.ndarray:
        return torch.cat(self.made).numpy()


class PublishedKmeans:
    """scikit-learn's MiniBatchKMeans with HuBERT's setting."""

    def __init__(self, frames: str, k: int, seed: int) -> None:
        self.x_ND, self.k, self.seed = np.load(frames), k, seed

    def run(self) -> None:
        self.fitted = mini_batch_kmeans(self.k, self.seed).fit(self.x_ND)

    def output(self) -> np.ndarray:
        centroids_KD: np.ndarray = self.fitted.cluster_centers_
        return centroids_KD


class ScikitKmeans(PublishedKmeans):
    """scikit-learn's KMeans: twenty iterations of Lloyd from random frames."""

    def run(self) -> None:
        kmeans = KMeans(self.k, init="random", n_init=1, max_iter=20, tol=0.0, random_state=self.seed)
        self.fitted = kmeans.fit(self.x_ND)


class FaissKmeans(PublishedKmeans):
    """faiss's Kmeans: twenty iterations over all frames."""

    def run(self) -> None:
        faiss.omp_set_num_threads(torch.get_num_threads())
        every = len(self.x_ND) // self.k + 1
        self.kmeans = faiss.Kmeans(self.x_ND.shape[1], self.k, niter=20, seed=self.seed, max_points_per_centroid=every)
        self.kmeans.train(self.x_ND)

    def output(self) -> np.ndarray:
        centroids_KD: np.ndarray = self.kmeans.centroids
        return centroids_KD


class _Assign:
    """The nearest centroid of every frame."""

    units_N: np.ndarray

    def __init__(self, frames: str, centroids: str) -> None:
        self.x_ND: Any = np.load(frames)
        self.centroids_KD: np.ndarray = np.load(centroids)

    def output(self) -> np.ndarray:
        return self.units_N


class ScikitPredict(_Assign):
    """KMeans.predict."""

    def __init__(self, frames: str, centroids: str) -> None:
        super().__init__(frames, centroids)
        self.kmeans = KMeans(len(self.centroids_KD), init=self.centroids_KD, n_init=1, max_iter=1)
        self.kmeans.fit(self.x_ND[: 10 * len(self.centroids_KD)])
        self.kmeans.cluster_centers_ = self.centroids_KD

    def run(self) -> None:
        self.units_N = self.kmeans.predict(self.x_ND)


class FairseqNumpy(_Assign):
    """Distances of the whole array at once, in numpy."""

    def __init__(self, frames: str, centroids: str) -> None:
        super().__init__(frames, centroids)
        self.nearest = ApplyKmeans(self.centroids_KD)

    def run(self) -> None:
        self.units_N = self.nearest(self.x_ND)


class FairseqTorch(FairseqNumpy):
    """The same in torch."""

    def __init__(self, frames: str, centroids: str) -> None:
        super().__init__(frames, centroids)
        self.x_ND = torch.from_numpy(self.x_ND)


PIECE = 700  # frames of an utterance of seven seconds


class FairseqPieces(FairseqNumpy):
    """The same in numpy, in pieces as long as an utterance, as the published script goes through its files."""

    def run(self) -> None:
        pieces = range(0, len(self.x_ND), PIECE)
        self.units_N = np.concatenate([self.nearest(self.x_ND[i : i + PIECE]) for i in pieces])


class FaissSearch(_Assign):
    """faiss's exact index of the centroids."""

    def __init__(self, frames: str, centroids: str) -> None:
        super().__init__(frames, centroids)
        self.index = faiss.IndexFlatL2(self.centroids_KD.shape[1])
        self.index.add(self.centroids_KD)

    def run(self) -> None:
        self.units_N = self.index.search(self.x_ND, 1)[1][:, 0]
