"""The races themselves run, on pairs that are what they are said to be."""

from __future__ import annotations

import pytest

from toolkit.score.edits import word_edits
from toolkit.score.speed import made_pairs, races


def test_made_pairs_have_the_words_and_the_errors_that_are_asked_for() -> None:
    references, hypotheses = made_pairs(3000, words=12, rate=0.2)
    assert {len(text.split()) for text in references} == {12}
    assert word_edits(references, hypotheses).total.edits / 36_000 == pytest.approx(0.2, abs=0.01)


def test_counts_are_faster_than_jiwers_on_a_small_set() -> None:
    """By a third of what the large set shows: a busy machine must not fail this."""
    found = races(3000)
    for what, factor in (("WER with S, D, I", 2.5), ("CER with S, D, I", 8)):
        ours, jiwers = found[what]
        assert jiwers is not None and jiwers > factor * ours, (what, ours, jiwers)
