"""Purity and PNMI of units against phones, from joint counts; see quality.py for what they mean.

Shapes: Y phones, Z units.
"""

from __future__ import annotations

import numpy as np


def phone_measures(counts_YZ: np.ndarray) -> dict[str, float | None]:
    """phone_purity, cluster_purity and pnmi of frames by phone and unit; None if there are no frames.

    pnmi is also None for a single phone, whose entropy is 0.
    """
    total = counts_YZ.sum()
    if total == 0:
        return {"phone_purity": None, "cluster_purity": None, "pnmi": None}
    entropy, mutual = entropy_bits(counts_YZ.sum(1)), mutual_bits(counts_YZ)
    return {
        "phone_purity": float(counts_YZ.max(0).sum() / total),
        "cluster_purity": float(counts_YZ.max(1).sum() / total),
        "pnmi": min(max(mutual / entropy, 0.0), 1.0) if entropy > 0 else None,
    }


def entropy_bits(counts: np.ndarray) -> float:
    """Entropy of the distribution in proportion to `counts`, in bits."""
    p = counts[counts > 0] / counts.sum()
    return float(-(p * np.log2(p)).sum()) if len(p) > 1 else 0.0


def mutual_bits(counts: np.ndarray) -> float:
    """Mutual information of rows and columns of a table of joint counts, in bits."""
    return entropy_bits(counts.sum(1)) + entropy_bits(counts.sum(0)) - entropy_bits(counts.ravel())
