"""The pairs that errors are counted in are what they are said to be."""

from pathlib import Path

import pytest

from benchmarks.pairs import made_pairs, read_pairs, write_pairs
from toolkit.score.edits import word_edits


def test_made_pairs_have_the_words_and_the_errors_that_are_asked_for() -> None:
    references, hypotheses = made_pairs(3000, rate=0.2)
    assert {len(text.split()) for text in references} == {12}
    assert word_edits(references, hypotheses).total.edits / 36_000 == pytest.approx(0.2, abs=0.01)


def test_pairs_are_read_as_they_were_written(tmp_path: Path) -> None:
    write_pairs(tmp_path / "pairs.tsv", 50)
    assert read_pairs(str(tmp_path / "pairs.tsv")) == made_pairs(50)
