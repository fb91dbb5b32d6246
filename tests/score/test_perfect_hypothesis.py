"""A recogniser that wrote every word as it was spoken has no error under any profile, however the words are spelt."""

from __future__ import annotations

import unicodedata

import jiwer
import pytest
from arabic_texts import sentences, texts, words
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toolkit.score.edits import character_edits, word_edits
from toolkit.text.normalise import EARLIER, PROFILES, profile

IDS = [p.id for p in (*PROFILES.values(), *EARLIER.values())]
JOINING = ("sawt", "leaderboard")  # profiles that join a lone و to the next word
NEW = [  # the reference, and what a recogniser may write of the same speech
    ("عبدا\ufdf2 قال: تا\ufdf2", "عبدالله قال تالله"),
    ("\ufdfd", "بِسْمِ اللَّهِ الرَّحْمَٰنِ الرَّحِيمِ"),
    ("♪ يا ليل ♪ 😀", "يا ليل"),
    ("سعره ١٬٢٥٠ و ٣٫٥", "سعره 1250 و3.5"),
    ("ملڢات ڧديمة", "ملفات قديمة"),
    ("و انا و انت و هو", "وأنا وأنت وهو"),
]
# Of a word of these letters alone nothing, or another lone و, may be left.
spoken = words.filter(lambda word: not set(word) <= set("وؤء"))


def edits(name: str, reference: str, hypothesis: str) -> int:
    """Word and character errors under a profile."""
    normalise = profile(name)
    pair = [normalise(reference)], [normalise(hypothesis)]
    return word_edits(*pair).total.edits + character_edits(*pair).total.edits


@pytest.mark.parametrize("name", IDS)
@given(texts)
@settings(max_examples=60)
@example("عبدا\ufdf2 ♪ ١٬٢٥٠ \ufdfd ملڢات و قال و")
def test_a_text_and_what_the_profile_makes_of_it_have_no_error(name: str, text: str) -> None:
    assert edits(name, text, text) == edits(name, text, profile(name)(text)) == 0


@pytest.mark.parametrize(("reference", "hypothesis"), NEW)
def test_sawt_counts_no_error_where_two_spellings_are_of_the_same_words(reference: str, hypothesis: str) -> None:
    assert edits("sawt", reference, hypothesis) == 0
    assert edits("orthographic", reference, hypothesis) > 0


@pytest.mark.parametrize("name", JOINING)
@given(st.lists(st.tuples(spoken, st.booleans()), min_size=1, max_size=8))
def test_a_waw_spelt_apart_on_one_side_is_no_error(name: str, sentence: list[tuple[str, bool]]) -> None:
    apart, joined = (" ".join(f"و{space}{word}" if waw else word for word, waw in sentence) for space in (" ", ""))
    assert edits(name, apart, joined) == edits(name, joined, apart) == 0
    assert edits(f"{name}@2", apart, joined) == 0


@given(sentences)
def test_the_earlier_leaderboard_counts_a_waw_that_is_spelt_apart(sentence: str) -> None:
    chosen = profile("leaderboard@1")
    reference, hypothesis = f"قال و كتب {sentence}", f"قال وكتب {sentence}"
    expected = jiwer.process_words(chosen(reference), chosen(hypothesis))
    assert expected.substitutions + expected.deletions + expected.insertions == 2
    assert word_edits([chosen(reference)], [chosen(hypothesis)]).total.edits == 2


@given(sentences)
def test_composed_and_decomposed_spellings_are_one_to_sawt(sentence: str) -> None:
    assert edits("sawt", unicodedata.normalize("NFD", sentence), unicodedata.normalize("NFC", sentence)) == 0
