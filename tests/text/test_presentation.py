"""Presentation forms become the letters they stand for, and nothing else changes."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.invisible import strip_invisible
from toolkit.text.presentation import fold_presentation_forms


@pytest.mark.parametrize(
    ("written", "letters"),
    [
        ("\ufefb", "\u0644\u0627"),  # lam-alef
        ("\ufdf2", "\u0627\u0644\u0644\u0647"),  # Allah
        ("\ufdfa", "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 \u0648\u0633\u0644\u0645"),
        ("\ufe93\ufee3\ufefc", "\u0629\u0645\u0644\u0627"),
        ("\u0645\ufe76\u0645\ufe77", "\u0645\u064e\u0645\u064e"),  # a fatha on a space, and one on a tatweel
        ("\ufc60", "\u064e\u0651"),  # shadda with fatha, on a space, in canonical order
        ("\uff11 \u00bd \ufb01", "\uff11 \u00bd \ufb01"),  # full-width digit, half, fi: NFKC would change them
        ("\ufd3e1\ufd3f", "\ufd3e1\ufd3f"),  # ornate parentheses stand for themselves
    ],
)
def test_forms_and_ligatures_become_letters(written: str, letters: str) -> None:
    assert fold_presentation_forms(written) == letters


@given(st.text(st.sampled_from([chr(c) for c in [*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD), 0x644, 0x20]])))
def test_letters_are_those_of_nfkc_and_folding_twice_is_folding_once(text: str) -> None:
    once = fold_presentation_forms(text)
    assert fold_presentation_forms(once) == once

    def letters(s: str) -> list[str]:
        return [c for c in s if c not in " \u0640"]

    assert letters(once) == letters("".join(unicodedata.normalize("NFKC", c) for c in text))


def test_invisible_characters_go_and_the_joiners_stay() -> None:
    assert strip_invisible("\u200f\u0642\u202b\u0627\u00ad\u0644\ufeff\u2066") == "\u0642\u0627\u0644"
    assert strip_invisible("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"
