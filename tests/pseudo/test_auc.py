"""The area under the curve is scikit-learn's, ties included."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from toolkit.pseudo.auc import Ranked

few_values = st.sampled_from([-1.5, 0.0, 0.25, 2.0])


@given(st.lists(st.tuples(few_values | st.floats(-1e6, 1e6), st.booleans()), min_size=1, max_size=60))
def test_the_area_is_that_of_scikit_learn(rows: list[tuple[float, bool]]) -> None:
    scores, bad = np.array([s for s, _ in rows]), np.array([b for _, b in rows])
    auc = Ranked(scores).auc(bad)
    if bad.all() or not bad.any():
        assert auc is None
    else:
        assert auc == pytest.approx(roc_auc_score(bad, scores), abs=1e-12)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=40))
def test_the_area_counts_pairs(rows: list[tuple[int, bool]]) -> None:
    scores, bad = np.array([float(s) for s, _ in rows]), np.array([b for _, b in rows])
    pairs = [(s > t) + (s == t) / 2 for s in scores[bad] for t in scores[~bad]]
    assert Ranked(scores).auc(bad) == (sum(pairs) / len(pairs) if pairs else None)


def test_half_a_million_of_one_value_are_chance_to_the_last_digit() -> None:
    bad = np.arange(500_000) % 3 == 0
    assert Ranked(np.zeros(500_000)).auc(bad) == 0.5
