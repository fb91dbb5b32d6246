from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from toolkit.core.errors import UserError
from toolkit.score.classification import accuracy, confusion_matrix, macro_f1

LABELS = ["ALG", "JOR", "PAL", "UAE"]
pairs = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from(LABELS)), min_size=1, max_size=40)


@given(pairs)
def test_scores_equal_scikit_learns(rows: list[tuple[str, str]]) -> None:
    references, predictions = [r for r, _ in rows], [p for _, p in rows]
    confusion = confusion_matrix(references, predictions, LABELS)
    assert (confusion == metrics.confusion_matrix(references, predictions, labels=LABELS)).all()
    assert accuracy(confusion) == pytest.approx(metrics.accuracy_score(references, predictions))
    given = sorted(set(references))
    peer = metrics.f1_score(references, predictions, labels=given, average="macro", zero_division=0)
    assert macro_f1(confusion) == pytest.approx(peer)


def test_labels_outside_the_set_are_named() -> None:
    with pytest.raises(UserError, match="outside the set: MSA"):
        confusion_matrix(["ALG"], ["MSA"], LABELS)


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(UserError, match="1 references but 2 predictions"):
        confusion_matrix(["ALG"], ["ALG", "ALG"], LABELS)


def test_a_label_that_only_training_has_costs_nothing() -> None:
    assert macro_f1(confusion_matrix(["ALG", "JOR"], ["ALG", "JOR"], LABELS)) == 1.0
