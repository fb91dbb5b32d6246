from __future__ import annotations

import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.data.corpora.mini_arabic import LEXICONS
from toolkit.data.corpora.mini_text import sentences, skeleton
from toolkit.score.repetition import LONGEST_LOOP, RATIO, letter_bytes, loop, repetition

LETTERS = "ءآأؤإئابةتثجحخدذرزسشصضطظعغفقكلمنهوىي"
BUCKWALTER = "'|>&<}AbptvjHxd*rzs$SDTZEgfqklmnhwYy"


def passage(dialect: str, count: int) -> str:
    drawn = sentences(LEXICONS[dialect], np.random.default_rng(1), set())[:count]
    return " ".join(skeleton(sentence) for sentence in drawn)


def whisper_ratio(text: str) -> float:
    """Compression ratio as Whisper's decoding defines it."""
    data = text.encode("utf-8")
    return len(data) / len(zlib.compress(data))


@pytest.mark.parametrize("dialect", LEXICONS)
def test_the_ratio_of_letters_is_the_one_of_the_same_text_in_buckwalter(dialect: str) -> None:
    text = passage(dialect, 30)
    ascii_text = text.translate(str.maketrans(LETTERS, BUCKWALTER))
    # Not equal: how zlib writes down its code depends on which bytes are used, some 10 bytes in 400.
    assert repetition(text).letter_ratio == pytest.approx(whisper_ratio(ascii_text), rel=0.04)


@pytest.mark.parametrize("dialect", LEXICONS)
def test_the_ratio_of_bytes_is_whispers_and_above_that_of_letters(dialect: str) -> None:
    text = passage(dialect, 10)
    measured = repetition(text)
    assert measured.byte_ratio == whisper_ratio(text)
    assert measured.byte_ratio > 1.15 * measured.letter_ratio


def test_a_text_that_repeats_nothing_passes_the_limit_by_bytes_and_not_by_letters() -> None:
    text = passage("MSA", 24)  # as many different sentences
    assert repetition(text).letter_ratio < RATIO < repetition(text).byte_ratio


@given(st.text(st.characters(codec="ascii"), min_size=1))
def test_latin_text_has_one_ratio(text: str) -> None:
    measured = repetition(text)
    assert measured.byte_ratio == measured.letter_ratio


@given(st.text())
def test_every_character_is_one_byte(text: str) -> None:
    assert len(letter_bytes(text)) == len(text)


def test_no_two_arabic_letters_vowel_signs_or_digits_share_a_byte() -> None:
    known = LETTERS + "ًٌٍَُِّْٰـ" + "٠١٢٣٤٥٦٧٨٩" + "۰۱۲۳۴۵۶۷۸۹" + "پچڤگکی" + "،؛؟" + "abcé0"
    assert len(set(letter_bytes(known))) == len(known)


def test_half_a_surrogate_pair_and_other_scripts_do_no_harm() -> None:
    assert repetition("نعم \ud83d").loop_count == 0
    mixed = repetition("感謝您的觀看請訂閱我們的頻道並按讚 نعم")
    assert mixed.letter_ratio < 1


def test_white_space_alone_has_no_repetition() -> None:
    assert repetition(" \n") == (0.0, 0.0, 0, 0)


@pytest.mark.parametrize(
    ("text", "length", "count"),
    [
        ("قال لي شكرا لكم شكرا لكم شكرا لكم", 2, 3),
        ("لا لا لا", 1, 3),
        ("لا لا لا لا", 1, 4),  # and no two pairs of two
        ("انا رحت السوق", 0, 0),
        ("انا رحت و انا جيت", 0, 0),  # said again, but not in a row
        ("نعم نعم قال كل شيء كل شيء كل شيء", 2, 3),  # the one over the most words
    ],
)
def test_the_loop_is_the_phrase_that_is_repeated_in_a_row(text: str, length: int, count: int) -> None:
    measured = repetition(text)
    assert (measured.loop_length, measured.loop_count, measured.loop_words) == (length, count, length * count)


def naive_loop(words: list[str]) -> tuple[int, int]:
    loops = [(0, 0)]
    for length in range(1, min(LONGEST_LOOP, len(words)) + 1):
        for start in range(len(words)):
            phrase, count = words[start : start + length], 1
            while words[start + count * length : start + (count + 1) * length] == phrase and len(phrase) == length:
                count += 1
            if count > 1:
                loops.append((length, count))
    return max(loops, key=lambda loop: (loop[0] * loop[1], -loop[0]))


@given(st.lists(st.sampled_from(["لا", "نعم", "شكرا"]), max_size=30))
def test_the_loop_equals_a_search_of_all_places_and_lengths(words: list[str]) -> None:
    assert loop(words) == naive_loop(words)
