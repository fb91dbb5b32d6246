from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.text.buckwalter import ALPHABET, VARIANTS, Variant, is_foreign, to_arabic, to_buckwalter, words_to_arabic

ARABIC = st.text([*ALPHABET, " ", "\t"])
ASCII = st.text([*ALPHABET.values(), " "])
MARKS = "\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670"  # no word begins with one
WORD = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "(", '"', "12", "-", "٢"]),
        st.sampled_from([c for c in ALPHABET if c not in MARKS]),
        st.text([*ALPHABET]),
        st.sampled_from(["", ")", '"', ".", "،", "؟", "7"]),
    ),
)


def test_the_alphabet_has_51_characters_and_no_ascii_character_stands_for_two() -> None:
    assert len(ALPHABET) == 51
    for table in VARIANTS.values():
        assert len(set(table.values())) == 51 and all(len(c) == 1 and c.isascii() for c in table.values())


@pytest.mark.parametrize(
    ("arabic", "ascii"),
    [  # marks in the order of Unicode, fatha before shadda
        ("بِسْمِ ٱللَّهِ ٱلرَّحْمَٰنِ ٱلرَّحِيمِ", "bisomi {lla~hi {lra~Homa`ni {lra~Hiymi"),
        ("ءآأؤإئابةتثجحخدذرزسشصضطظعغـفقكلمنهوىي", "'|>&<}AbptvjHxd*rzs$SDTZEg_fqklmnhwYy"),
        ("\u064b\u064c\u064d\u064e\u064f\u0650\u0651\u0652\u0670ٱ", "FNKaui~o`{"),
        ("پچڤگ", "PJVG"),
    ],
)
def test_the_published_table_is_followed(arabic: str, ascii: str) -> None:
    assert to_buckwalter(arabic) == ascii
    assert to_arabic(ascii) == arabic


@pytest.mark.parametrize("variant", VARIANTS)
@given(ARABIC)
def test_a_text_of_the_alphabet_comes_back_as_it_went(variant: Variant, text: str) -> None:
    there = to_buckwalter(text, variant, strict=True)
    assert there.isascii()
    assert to_arabic(there, variant, strict=True) == text


@given(ASCII)
def test_buckwalter_comes_back_as_it_went(text: str) -> None:
    assert to_buckwalter(to_arabic(text, strict=True), strict=True) == text


@given(st.text())
def test_no_character_is_lost_and_those_outside_are_kept(text: str) -> None:
    there = to_buckwalter(text)
    assert len(there) == len(text)
    assert all(b == a for a, b in zip(text, there, strict=True) if a not in ALPHABET)


def test_strict_names_the_characters_outside() -> None:
    with pytest.raises(UserError, match=r"U\+06A9 ARABIC LETTER KEHEH, U\+0663 ARABIC-INDIC DIGIT THREE\n"):
        to_buckwalter("کتاب ٣", strict=True)
    with pytest.raises(UserError, match=r"U\+0042 LATIN CAPITAL LETTER B"):
        to_arabic("ktAb B", strict=True)


@pytest.mark.parametrize("mark", ["@@LAT", "@@LAT@@"])
def test_words_marked_as_latin_survive_both_ways(mark: str) -> None:
    ascii, arabic = f"m$ {mark}IBM Eml", f"مش {mark}IBM عمل"
    assert to_arabic(ascii, strict=True) == arabic
    assert to_buckwalter(arabic, strict=True) == ascii


def test_the_xml_variant_has_no_character_that_xml_keeps_for_itself() -> None:
    assert to_buckwalter("أكل إلى مؤمن", "xml") == "Okl IlY mWmn"
    assert set("<>&").isdisjoint(VARIANTS["xml"].values())


@pytest.mark.parametrize("variant", VARIANTS)
@given(st.lists(WORD))
def test_every_word_that_begins_with_a_letter_is_buckwalter(variant: Variant, words: list[str]) -> None:
    text = " ".join(words)
    back = words_to_arabic(to_buckwalter(text, variant), lambda ascii: to_arabic(ascii, variant), variant)
    assert back == (text, [])


@pytest.mark.parametrize(
    "word",
    ["CNN", "facebook", "e", "ok", "les", "UNK", "hes", "%hes", "(%hm)", "<unk>", "[laugh]", "[music]", "wCNN", "(ok)"],
)
def test_a_letter_outside_the_alphabet_a_vowel_first_and_marks_of_transcribers_are_no_buckwalter(word: str) -> None:
    assert is_foreign(word)
    assert words_to_arabic(f"qAl {word}  lA") == (f"قال {word}  لا", [word])  # and white space stays


@pytest.mark.parametrize(
    ("ascii", "arabic"),
    [
        ("<bd> *lk >ktb", "إبدأ ذلك أكتب"),
        ("'mn {lHmd |n &$ }", "ءمن ٱلحمد آن ؤش ئ"),
        ("50 %mn $ArE", "50 %من شارع"),
        ("P J V G", "پ چ ڤ گ"),
        ("{ klmp / klmh } {lHq", "{ كلمة / كلمه } ٱلحق"),  # of sclite
        ("@@LATok qAl", "@@LATok قال"),
    ],
)
def test_words_with_signs_for_letters_are_buckwalter(ascii: str, arabic: str) -> None:
    assert words_to_arabic(ascii) == (arabic, [])
