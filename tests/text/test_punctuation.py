"""Punctuation and symbols leave a text; apostrophes within words stay."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.punctuation import strip_punctuation, strip_symbols


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("يَا عُمَر؟", "يَا عُمَر"),
        ("«نعم»، لا!", "نعم لا"),
        ("well-known, isn't it?", "well known isn't it"),
        ("'quoted' words' end", "quoted words end"),
        ("a\t b\n", "a b"),
    ],
)
def test_marks_become_white_space_and_apostrophes_inside_words_stay(written: str, words: str) -> None:
    assert strip_punctuation(written) == words


@given(st.text(max_size=20))
def test_stripping_is_idempotent_and_leaves_no_mark_but_apostrophes(text: str) -> None:
    once = strip_punctuation(text)
    assert strip_punctuation(once) == once
    assert {c for c in once if unicodedata.category(c).startswith("P")} <= set("'\u2019")


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("♪ ♫ موسيقى ♪", "موسيقى"),
        ("نعم😀لا", "نعم لا"),
        ("👍🏽 👩\u200d👧 ❤\ufe0f 🇪🇬", ""),  # skin tone, joiner, variation selector, two letters of a flag
        ("🏴\U000e0067\U000e0062\U000e007fنعم", "نعم"),  # tags spell the flag's country
        ("1\ufe0f\u20e3", "1\ufe0f"),  # a keycap on a digit
        ("\U0001d157\U0001d165 \U0001fae8 \U0001fadc", ""),  # a note and its stem; emoji newer than some Pythons
        ("5$ + 3€ = ٨", "5 3 ٨"),
        ("don't - ½ _", "don't - ½ _"),  # punctuation is another step's
        ("\u0301 \u064e\u0651 \u2061", ""),  # marks without a letter, an invisible operator
        ("\ue000 \x04", "\ue000 \x04"),  # what these mean nobody knows
        (
            "كل\ufffdم \ufffd\ufffd ♪",
            "كل\ufffdم \ufffd\ufffd",
        ),  # half a letter of a byte-level recogniser: no word is lost
        ("café\u0301 1° c++", "café\u0301 1 c"),
    ],
)
def test_symbols_are_no_words(written: str, words: str) -> None:
    assert strip_symbols(written) == words


def test_every_symbol_of_unicode_stands_between_two_words_as_a_space_does() -> None:
    symbols = [c for c in map(chr, range(0x110000)) if unicodedata.category(c).startswith("S") and c != "\ufffd"]
    assert len(symbols) > 7000
    assert {strip_symbols(f"نعم{c}لا {c}") for c in symbols} == {"نعم لا"}


@given(st.text(max_size=20))
def test_stripping_symbols_is_idempotent_and_keeps_all_letters(text: str) -> None:
    once = strip_symbols(text)
    assert strip_symbols(once) == once
    assert "".join(filter(str.isalpha, once)) == "".join(filter(str.isalpha, text))
