"""Presentation forms become the letters they stand for, and nothing else changes."""

from __future__ import annotations

import unicodedata

import pytest
from arabic_texts import TASHKEEL, TATWEEL
from hypothesis import given
from hypothesis import strategies as st

from toolkit.text.invisible import name_of, shown, strip_invisible
from toolkit.text.presentation import AKBAR, ALLAH, fold_presentation_forms, write_out_presentation_forms


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


PHRASES = {
    chr(c) for c in (*range(0xFD40, 0xFD50), 0xFDCF, 0xFDFD, 0xFDFE, 0xFDFF)
}  # no letters by Unicode, but a name
FORMS = [chr(c) for c in (*range(0xFB50, 0xFE00), *range(0xFE70, 0xFEFD))]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("\ufdf2", "الله"),
        ("عبد\ufdf2", "عبدالله"),
        ("عبدا\ufdf2", "عبدالله"),
        ("\ufecb\ufe92\ufeaa\ufe8d\ufdf2", "عبدالله"),  # all in presentation forms, as PDFs have it
        ("ا\ufdf2 ب\ufdf2 با\ufdf2 و\ufdf2 وا\ufdf2 ت\ufdf2 تا\ufdf2", "الله بالله بالله والله والله تالله تالله"),
        ("يا \ufdf2", "يا الله"),  # that alef is of another word
        ("\u0671\ufdf2 آ\ufdf2", "\u0671لله آلله"),
        ("ل\ufdf2 ول\ufdf2 فل\ufdf2", "لله ولله فلله"),
        ("خليل\ufdf2 رسول\ufdf2", "خليلالله رسولالله"),  # a ل of the word is no preposition
        ("وَلِ\ufdf2", "وَلِله"),
        ("\ufdf2\ufdf2", "اللهالله"),
        ("\ufdf2 \ufdf3 ا\ufdf3", "الله اكبر اكبر"),
        ("\ufdfd", " بسم الله الرحمن الرحيم "),
        ("النبي\ufdfa قال", "النبي صلى الله عليه وسلم  قال"),
        ("الله\ufdfe", "الله سبحانه وتعالى "),
        ("\ufd3e1\ufd3f \uff11 ½", "\ufd3e1\ufd3f \uff11 ½"),
    ],
)
def test_ligatures_of_words_are_written_as_people_spell_the_words(written: str, read: str) -> None:
    assert write_out_presentation_forms(written) == read


def test_two_ligatures_of_words_begin_with_an_alef() -> None:
    letters = {form: "".join(filter(str.isalpha, unicodedata.normalize("NFKC", form))) for form in FORMS}
    assert [form for form in FORMS if letters[form][:1] == "ا" != letters[form]] == [ALLAH, AKBAR]


@given(st.text("ابتدلوفكا", max_size=5), st.text([*TASHKEEL, TATWEEL, "\u0654"], max_size=3))
def test_no_second_alef_is_added_before_a_ligature_that_begins_with_one(word: str, marks: str) -> None:
    for ligature, rest in ((ALLAH, "لله"), (AKBAR, "كبر")):
        read = write_out_presentation_forms(f"{word}ا{marks}{ligature}")
        assert read == f"{word}ا{marks}{rest}" and write_out_presentation_forms(read) == read


@given(st.text(st.sampled_from([*FORMS, "ل", "ا", "و", "\u064e", " "])))
def test_writing_out_twice_is_writing_out_once_and_leaves_no_form(text: str) -> None:
    read = write_out_presentation_forms(text)
    assert write_out_presentation_forms(read) == read
    assert set(read) & set(FORMS) <= {c for c in FORMS if unicodedata.normalize("NFKC", c) == c} - PHRASES


def test_every_phrase_that_is_one_character_is_written_out_in_arabic_letters() -> None:
    for form in PHRASES:
        words = write_out_presentation_forms(form).split()
        assert len(words) >= 2 and all("\u0621" <= c <= "\u064a" for word in words for c in word), form


def test_forms_that_are_no_ligature_of_words_are_folded_alike() -> None:
    for form in FORMS:
        folded = fold_presentation_forms(form)
        if folded != form and " " not in folded:
            assert write_out_presentation_forms(form) == folded


def test_invisible_characters_go_and_the_joiners_stay() -> None:
    assert strip_invisible("\u200f\u0642\u202b\u0627\u00ad\u0644\ufeff\u2066") == "\u0642\u0627\u0644"
    assert strip_invisible("\u0645\u06cc\u200c\u062e") == "\u0645\u06cc\u200c\u062e"


@pytest.mark.parametrize(
    "mark", [*"\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u00ad\ufeff"]
)
def test_names_that_look_alike_are_one_name_and_shown_tells_them_apart(mark: str) -> None:
    name = "\u0623\u062d\u0645\u062f \u0639\u0644\u064a"
    assert (
        name_of(f" {mark}\u0627\u0654\u062d{mark}\u0645\u062f \u00a0\u0639\u0644\u064a{mark}") == name == name_of(name)
    )
    assert shown(f"{mark}{name}\t") == f"\\{'xad' if mark == chr(0xAD) else f'u{ord(mark):04x}'}{name}\\t"


@pytest.mark.parametrize("mark", ["\u200d", "\u200c", "\ufe0f", "\u034f", "\u200b"])
def test_names_that_look_alike_are_one(mark: str) -> None:
    assert name_of(f"أح{mark}مد{mark}") == name_of("\ufe83\ufea3\ufee4\ufeaa") == "أحمد"
    assert name_of(f"s{mark}1") == "s1"
    assert strip_invisible("می\u200cخواهم") == "می\u200cخواهم"  # of a text, where it is spelling
