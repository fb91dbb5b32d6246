from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.diacritics import strip_diacritics

arabic = st.text(st.characters(min_codepoint=0x600, max_codepoint=0x6FF) | st.sampled_from(" abé\u0301"), max_size=20)


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("\u0643\u0650\u062a\u064e\u0627\u0628\u064c", "\u0643\u062a\u0627\u0628"),  # kitābun -> ktab
        ("\u0645\u062d\u0645\u0651\u064e\u062f", "\u0645\u062d\u0645\u062f"),  # shadda and fatha
        ("\u0647\u0670\u0630\u0627", "\u0647\u0630\u0627"),  # superscript alef
        ("\u0633\u0640\u0640\u0644\u0627\u0645", "\u0633\u0644\u0627\u0645"),  # tatweel
        ("\u0642\u0644\u06da \u0627\u06e1", "\u0642\u0644 \u0627"),  # Quranic pause mark and small head of khah
        ("plain text, 12", "plain text, 12"),
    ],
)
def test_marks_go_and_letters_stay(written: str, plain: str) -> None:
    assert strip_diacritics(written) == plain


def test_hamza_and_madda_are_letters_whether_composed_or_combining() -> None:
    assert strip_diacritics("\u0623\u062d\u0645\u062f") == "\u0623\u062d\u0645\u062f"
    assert strip_diacritics("\u0627\u0654\u062d\u0645\u062f") == "\u0623\u062d\u0645\u062f"
    assert strip_diacritics("\u0627\u064e\u06da\u0654") == "\u0623"  # a mark between the seat and its hamza
    assert strip_diacritics("\u0627\u0653") == "\u0622"


def test_words_stay_whole() -> None:
    assert strip_diacritics("\u0645\u064f\u062d\u064e\u0645\u0651\u064e\u062f\u064c").split() == [
        "\u0645\u062d\u0645\u062f"
    ]


@given(arabic)
def test_stripping_is_idempotent_and_in_nfc(text: str) -> None:
    once = strip_diacritics(text)
    assert strip_diacritics(once) == once
    assert unicodedata.is_normalized("NFC", once)


@given(arabic)
def test_no_tashkeel_remains(text: str) -> None:
    removed = {*map(chr, range(0x64B, 0x653)), "\u0670", "\u0640"}
    assert not removed & set(strip_diacritics(text))


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x24F), max_size=20))
def test_latin_text_only_gets_nfc(text: str) -> None:
    assert strip_diacritics(text) == unicodedata.normalize("NFC", text)
