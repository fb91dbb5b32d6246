"""The k-means of HuBERT's published script (arXiv 2106.07447): scikit-learn's, with its setting."""

from __future__ import annotations

from typing import Any

from sklearn.cluster import MiniBatchKMeans


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
