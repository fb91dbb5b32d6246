from __future__ import annotations

import numpy as np
import pytest

from toolkit.data.corpora.mini_arabic import LEXICONS
from toolkit.data.corpora.mini_text import sentences, skeleton
from toolkit.score.dialect import Lexicon, take


def as_it_is(text: str) -> str:
    return text


def without_hamza(text: str) -> str:
    return text.translate(str.maketrans("أإآىة", "ااايه"))


def sentences_of(dialect: str) -> list[list[str]]:
    """Of a corpus whose word lists know nothing of this lexicon."""
    drawn = sentences(LEXICONS[dialect], np.random.default_rng(1), set())[:300]
    return [without_hamza(skeleton(sentence)).split() for sentence in drawn]


def test_no_word_of_the_lexicon_is_in_sentences_of_msa() -> None:
    lexicon = Lexicon(without_hamza)
    assert [word for sentence in sentences_of("MSA") for word in sentence if word in lexicon] == []


@pytest.mark.parametrize("dialect", ["ALG", "JOR", "PAL", "UAE"])
def test_most_sentences_of_a_dialect_have_a_word_of_the_lexicon(dialect: str) -> None:
    lexicon, sentences = Lexicon(without_hamza), sentences_of(dialect)
    assert sum(any(word in lexicon for word in sentence) for sentence in sentences) > len(sentences) / 2


def test_no_dialect_word_is_what_msa_says_for_another() -> None:
    lexicon = Lexicon(without_hamza)
    translations = {word for dialect in lexicon.words for phrase in lexicon.msa(dialect) for word in phrase}
    assert translations & set(lexicon.words) == set()


def test_a_word_is_known_in_the_spelling_of_the_profile() -> None:
    assert "إمتى" in Lexicon(as_it_is) and "امتي" not in Lexicon(as_it_is)
    assert "امتي" in Lexicon(without_hamza) and "إمتى" not in Lexicon(without_hamza)


def test_a_conjunction_goes_with_the_word() -> None:
    lexicon = Lexicon(as_it_is)
    assert ("والذي",) in lexicon.msa("واللي") and ("الذي",) in lexicon.msa("واللي")
    assert ("فلماذا",) in lexicon.msa("فليش")
    assert ("أين",) in lexicon.msa("وين")  # itself a word, no conjunction before ين
    assert lexicon.msa("والذي") == lexicon.msa("كتاب") == []


def test_phrases_are_taken_longest_first_and_once() -> None:
    heard = ["لا", "يوجد", "خبز", "لا"]
    phrases = Lexicon(as_it_is).msa("مفيش")
    assert take(phrases, heard) == ("لا", "يوجد")
    assert take(phrases, heard) == ("لا",)
    assert take(phrases, heard) == ()


def test_words_left_and_right_of_what_was_taken_are_no_phrase() -> None:
    heard = ["لا", "الذي", "يوجد"]
    take([("الذي",)], heard)
    assert take([("لا", "يوجد")], heard) == ()


def test_a_profile_that_leaves_nothing_of_arabic_makes_no_crash() -> None:
    assert "مش" not in Lexicon(lambda text: "")
