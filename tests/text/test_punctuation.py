from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.punctuation import strip_punctuation


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("يَا عُمَر؟", "يَا عُمَر"),
        ("«نعم»، لا!", "نعم لا"),
        ("well-known, isn't it?", "well known isn't it"),
        ("'quoted' words' end", "quoted words end"),
        ("a\t b\n", "a b"),
    ],
)
def test_marks_become_white_space_and_apostrophes_inside_words_stay(written: str, said: str) -> None:
    assert strip_punctuation(written) == said


@given(st.text(max_size=20))
def test_stripping_is_idempotent_and_leaves_no_mark_but_apostrophes(text: str) -> None:
    once = strip_punctuation(text)
    assert strip_punctuation(once) == once
    assert {c for c in once if unicodedata.category(c).startswith("P")} <= set("'\u2019")
