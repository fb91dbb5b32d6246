"""Scores of labels that need no reference: worked cases, and definitions written down anew."""

from __future__ import annotations

import math
import unicodedata

import pytest
from arabic_texts import sentences
from hypothesis import given
from hypothesis import strategies as st
from pseudo.label_trees import hypothesis, measured

from toolkit.pseudo.boilerplate import SPELLING, boilerplate_share
from toolkit.pseudo.measures import BATCH
from toolkit.pseudo.script import LANGUAGES, SCRIPTS, foreign_share
from toolkit.score.repetition import repetition
from toolkit.text.normalise import profile


def boilerplate(text: str) -> float:
    return boilerplate_share(SPELLING(text).split())


@pytest.mark.parametrize(
    "text",
    [
        "اشترك في القناة",
        "اشتركوا في القناة.",
        "اِشْتَرِكُوا فِي القَنَاة",
        "ترجمة نانسي قنقر",
        "نانسي قنقر",
        "شكراً على المشاهدة!",
        "وشكرا لكم على المشاهدة",
        "شكرا للمشاهدة",
        "ولا تنسوا الاشتراك في القناة وتفعيل زر الجرس",
        "شكــرا على المشاهده",
        "إلى اللقاء في الفيديو القادم",
        "[موسيقى]",
        "♪ موسيقى ♪",
        "و شكرا على المشاهدة",  # sawt joins the و to the next word
        "و thanks for watching",
        "موسيقى موسيقى",
        "Thanks for watching!",
        "Please subscribe to my channel",
        "Subtitles by the Amara.org community",
        "Don't forget to subscribe",
    ],
)
def test_what_whisper_writes_over_silence_is_boilerplate_throughout(text: str) -> None:
    assert boilerplate(text) == 1


@pytest.mark.parametrize(
    "text",
    [
        "",
        "شكرا لكم على المتابعة",  # an anchor's farewell
        "السلام عليكم ورحمة الله وبركاته",
        "شكرا",
        "سمعت موسيقى جميلة",
        "اشترك في المسابقة",
        "ترجمة الكتاب إلى العربية",
        "thank you for the report",
    ],
)
def test_what_people_say_is_none(text: str) -> None:
    assert boilerplate(text) == 0


def test_the_share_counts_words_and_takes_the_longest_phrase() -> None:
    assert boilerplate("كان يا ما كان شكرا لكم على المشاهدة") == 4 / 8
    assert boilerplate("لا تنسوا الاشتراك في القناة الآن") == 5 / 6
    assert boilerplate("اشتركوا في القناة اشتركوا في القناة") == 1


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("انا رحت السوق", "ar", 0),
        ("قَالَ المكتبـة \ufefb ١٢ ۱۲ 12 ²!", "ar", 0),
        ("نعم ok", "ar", 2 / 5),
        ("感謝您", "ar", 1),
        ("well نعم", "en", 3 / 7),
        ("Ça va très bien", "fr", 0),
        ("да нет", "ru", 0),
        ("... 12 ؟", "ar", 0),
        ("", "ar", 0),
    ],
)
def test_letters_of_another_script_are_counted(text: str, language: str, share: float) -> None:
    assert foreign_share(text, language) == pytest.approx(share)


def test_of_a_language_that_is_not_known_the_script_says_nothing() -> None:
    assert foreign_share("abc", "xx") is None
    assert math.isnan(measured([(None, hypothesis("a", "abc", language="xx"))]).columns["script"][0])


NAMES = {"Chinese": ("CJK",), "Korean": ("HANGUL",), "Japanese": ("HIRAGANA", "KATAKANA", "CJK")}
NAMED = {name.upper() for name in SCRIPTS} | {"HIRAGANA", "KATAKANA", "HANGUL"}
PHONETIC = {*range(0x1D00, 0x1DC0), *range(0x2070, 0x20A0), *range(0x2180, 0x2190), *range(0xAB30, 0xAB70)}
# letters of phoneticians and of formulas, which no language is written in


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_scripts_letters_are_those_that_unicode_names_after_it(script: str) -> None:
    code = next(code for code, name in LANGUAGES.items() if name == script)
    names = NAMES.get(script, (script.upper(),))
    for number in (n for n in range(0x10000) if n not in PHONETIC):
        letter = chr(number)
        first, *rest = unicodedata.name(letter, "none of").split()
        if letter.isalpha() and "LETTER" in rest and first in NAMED:
            assert foreign_share(letter, code) == (first not in names), (hex(number), unicodedata.name(letter))


@given(sentences)
def test_an_arabic_sentence_is_in_its_script(text: str) -> None:
    assert foreign_share(text, "ar") == 0 and foreign_share(text, "fa") == 0
    assert foreign_share(text, "en") == 1


def test_repetition_is_of_the_letters_and_the_loop_of_the_words() -> None:
    looped = "شكرا، " * 30
    measures = measured([(None, looped), (None, "نعم نعم قال كل شيء كل شيء كل شيء"), (None, "انا رحت السوق")])
    assert measures.columns["repetition"][0] == repetition(looped).letter_ratio > 2.4
    assert measures.columns["loop"].tolist() == [30, 6, 0]  # punctuation hides no loop
    assert measures.columns["words"].tolist() == [30, 9, 3]


def test_characters_per_second_counts_what_is_read_aloud() -> None:
    rows = [(None, hypothesis("a", "قَالَ  لا!", seconds=2.0)), (None, hypothesis("b", "نعم", seconds=0.0))]
    rates = measured(rows).columns["characters_per_second"]
    assert rates[0] == len("قال لا") / 2 and math.isnan(rates[1])


@pytest.mark.parametrize(
    ("label", "proxy", "agreement"),
    [
        ("انا رحت السوق", "أنا رحتُ السوق", 1),
        ("انا رحت السوق", "انا رحت", 2 / 3),
        ("انا رحت", "انا رحت السوق", 2 / 3),
        ("نعم", "لا شكرا", 0),
        ("نعم", "", 0),
        ("", "", 1),
    ],
)
def test_agreement_is_one_minus_the_edits_over_the_longer_text(label: str, proxy: str, agreement: float) -> None:
    for one, second in ((label, proxy), (proxy, label)):  # whichever is whose
        value = measured([(None, one)], proxies=[second]).columns["agreement"][0]
        assert value == pytest.approx(agreement)


def test_what_is_not_known_is_nan_and_not_a_number() -> None:
    columns = measured([(None, "نعم")]).columns
    for name in ("wer", "cer", "confidence", "entropy", "no_speech", "agreement"):
        assert math.isnan(columns[name][0])


@given(st.lists(st.tuples(st.none() | sentences, sentences, st.none() | sentences), min_size=1, max_size=6))
def test_a_label_is_measured_alike_alone_and_among_others(rows: list[tuple[str | None, str, str | None]]) -> None:
    proxies = [proxy for _, _, proxy in rows]
    together = measured([(a, b) for a, b, _ in rows], proxies=proxies)
    for i, (reference, label, proxy) in enumerate(rows):
        alone = measured([(reference, label)], proxies=[proxy])
        for name, column in together.columns.items():
            assert column[i : i + 1].tobytes() == alone.columns[name].tobytes(), name  # NaN is NaN


def test_more_utterances_than_a_batch_stay_in_order() -> None:
    texts = [f"كلمة {i}" for i in range(BATCH + 3)]
    measures = measured([(text, text if i % 2 else "لا") for i, text in enumerate(texts)])
    assert len(measures) == BATCH + 3 and measures.ids == sorted(measures.ids)
    assert measures.columns["wer"].tolist() == [0.0 if i % 2 else 100.0 for i in range(BATCH + 3)]


def test_half_a_surrogate_pair_and_controls_do_no_harm() -> None:
    odd = "نعم \ud83d \x00 لا"
    measures = measured([(odd, odd), ("نعم", odd)])
    assert measures.columns["wer"][0] == 0 and measures.columns["script"][0] == 0


def test_boilerplate_is_found_whatever_the_profile_of_the_scores_deletes() -> None:
    measures = measured([(None, "Thanks for watching"), (None, "نعم Thanks for watching")], "to-distill")
    assert profile("to-distill")("Thanks for watching").strip() == ""
    assert measures.columns["boilerplate"].tolist() == [1, 3 / 4]
