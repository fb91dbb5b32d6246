"""Accuracy, macro F1 and confusion of single-label classification, over a stated set of labels."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..core.errors import UserError


def confusion_matrix(references: Sequence[str], predictions: Sequence[str], labels: Sequence[str]) -> np.ndarray:
    """Counts [C, C], rows = reference, columns = prediction, in the order of `labels`.

    Raises UserError for a reference or prediction outside `labels`, or for sequences of unequal length.
    """
    if len(references) != len(predictions):
        raise UserError(f"{len(references)} references but {len(predictions)} predictions", "", "score the same items")
    number = {label: i for i, label in enumerate(labels)}
    unknown = sorted({*references, *predictions} - number.keys())
    if unknown:
        raise UserError(f"labels outside the set: {', '.join(unknown)}", "", f"the set is {', '.join(labels)}")
    counts_CC = np.zeros((len(labels), len(labels)), np.int64)
    np.add.at(counts_CC, ([number[r] for r in references], [number[p] for p in predictions]), 1)
    return counts_CC


def accuracy(confusion_CC: np.ndarray) -> float:
    """Share of right predictions, 0 to 1."""
    return float(np.trace(confusion_CC) / confusion_CC.sum())


def macro_f1(confusion_CC: np.ndarray) -> float:
    """Unweighted mean, 0 to 1, of the F1 of every label that occurs as a reference."""
    return float(macro_f1_of_sums(label_sums(confusion_CC[None]))[0])


def label_sums(confusions_NCC: np.ndarray) -> np.ndarray:
    """Per confusion matrix [N, C, C]: how often each label was right, was given, was predicted; [N, 3C].

    All that macro F1 needs, and what the bootstrap adds up: C times smaller than the matrices.
    """
    right_NC = np.diagonal(confusions_NCC, axis1=1, axis2=2)
    return np.concatenate([right_NC, confusions_NCC.sum(2), confusions_NCC.sum(1)], 1)


def macro_f1_of_sums(sums_R3C: np.ndarray) -> np.ndarray:
    """Macro F1 [R] of R sums of `label_sums`; NaN for one without a count: a statistic for the bootstrap.

    The mean is over the labels that occur as references in the sums at hand: a label that only training
    has, or that a bootstrap replicate did not draw, is not one that was got wrong.
    """
    right_RC, given_RC, predicted_RC = np.split(sums_R3C, 3, 1)
    f1_RC = 2 * right_RC / np.maximum(given_RC + predicted_RC, 1)  # 2 TP / (2 TP + FP + FN)
    occurs_RC = given_RC > 0
    with np.errstate(invalid="ignore"):
        return np.where(occurs_RC.any(1), (f1_RC * occurs_RC).sum(1) / occurs_RC.sum(1), np.nan)


def weighted_f1_of_sums(sums_R3C: np.ndarray) -> np.ndarray:
    """F1 [R] of R sums of `label_sums`, the mean over labels by how often they were given; NaN without a count."""
    right_RC, given_RC, predicted_RC = np.split(sums_R3C, 3, 1)
    f1_RC = 2 * right_RC / np.maximum(given_RC + predicted_RC, 1)
    with np.errstate(invalid="ignore"):
        return np.where(given_RC.any(1), (f1_RC * given_RC).sum(1) / given_RC.sum(1), np.nan)


LABEL_STATISTICS = {"macro_f1": macro_f1_of_sums, "weighted_f1": weighted_f1_of_sums}  # of Metric.statistic
