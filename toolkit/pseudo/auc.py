"""How well a score tells two classes apart: the area under the ROC curve, from counts of ranks, ties exact.

AUC = P(s_bad > s_good) + P(s_bad = s_good) / 2 over all pairs of one bad and one good utterance (Hanley and McNeil
1982): 0.5 is chance, 1 a score that is higher for every bad one.
"""

from __future__ import annotations

import numpy as np


class Ranked:
    """A score of N utterances, sorted once for any number of classes."""

    def __init__(self, scores_N: np.ndarray) -> None:
        """Args: scores_N: float, none of them NaN."""
        values, self.rank_N = np.unique(scores_N, return_inverse=True)
        self.ranks = len(values)

    def auc(self, bad_N: np.ndarray) -> float | None:
        """AUC of higher scores for the utterances under the mask; None where one of the classes is empty.

        Twice the pairs that are ordered well, and once those that are tied, is a whole number: nothing is rounded
        before the last division.
        """
        bad_R = np.bincount(self.rank_N[bad_N], minlength=self.ranks).astype(np.int64)
        good_R = np.bincount(self.rank_N[~bad_N], minlength=self.ranks).astype(np.int64)
        bad, good = int(bad_R.sum()), int(good_R.sum())
        if not bad or not good:
            return None
        below_R = np.cumsum(good_R) - good_R
        twice = int((bad_R * (2 * below_R + good_R)).sum())
        return twice / (2 * bad * good)
