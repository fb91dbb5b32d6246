"""Grapheme to phoneme. Oracle: spellings whose pronunciation follows from rules, and alignments made by hand."""

import random

import pytest

from toolkit.core.errors import UserError
from toolkit.text.g2p import Pronouncer, align

SYLLABLES = [o + v + c for o in ("b", "ph", "t", "c", "x", "") for v in ("a", "e", "i", "o") for c in ("n", "l", "")]
RULES = {"a": "AE1", "e": "EH1", "i": "IH0", "o": "OW0", "b": "B", "t": "T", "n": "N", "l": "L", "x": "K S"}


def spoken(word: str) -> tuple[str, ...]:
    """C is S before e and i, else K; ph is F; x is K S; a final e is silent."""
    phones, i = [], 0
    while i < len(word):
        if word[i : i + 2] == "ph":
            phones += ["F"]
            i += 1
        elif word[i] == "c":
            phones += ["S" if word[i + 1 : i + 2] in ("e", "i") else "K"]
        elif not (word[i] == "e" and i == len(word) - 1 and i > 0):
            phones += RULES[word[i]].split()
        i += 1
    return tuple(phones)


@pytest.fixture(scope="module")
def words() -> list[str]:
    rng = random.Random(1)
    return sorted({"".join(rng.choices(SYLLABLES, k=rng.randint(2, 3))) for _ in range(900)} - {""})


@pytest.fixture(scope="module")
def model(words: list[str]) -> Pronouncer:
    return Pronouncer({word: spoken(word) for word in words[::2]})


def test_words_never_seen_are_spoken_by_the_rules_of_those_that_were(model: Pronouncer, words: list[str]) -> None:
    held_out = words[1::8]
    right = sum(model.pronounce(word) == spoken(word) for word in held_out)
    assert len(held_out) > 80 and right >= 0.97 * len(held_out)


def test_one_lexicon_in_any_order_gives_one_pronunciation(model: Pronouncer, words: list[str]) -> None:
    again = Pronouncer({word: list(spoken(word)) for word in reversed(words[::2])})
    assert [again.pronounce(word) for word in words[1:40:2]] == [model.pronounce(word) for word in words[1:40:2]]


def test_a_letter_that_no_word_has_and_an_empty_word_have_no_phones(model: Pronouncer) -> None:
    assert model.pronounce("متحف") == model.pronounce("banz") == model.pronounce("") == ()


def test_arabic_letters_are_letters_like_any() -> None:
    lexicon = {f"{a}ا{b}": (x, "AA1", y) for a, x in PAIRS for b, y in PAIRS if (a, b) != ("م", "ت")}
    assert Pronouncer(lexicon).pronounce("مات") == ("M", "AA1", "T")


PAIRS = (("م", "M"), ("ت", "T"), ("ف", "F"), ("س", "S"), ("ن", "N"), ("ل", "L"))


def test_an_alignment_is_the_cheapest_of_all() -> None:
    costs = {("p", ("F",)): 1.0, ("h", ()): 0.5, ("o", ("OW1",)): 1.0, ("x", ("K", "S")): 2.0}

    def cost(letter: str, phones: tuple[str, ...]) -> float:
        return costs.get((letter, phones), 9.0)

    assert align("phox", ("F", "OW1", "K", "S"), cost) == [
        ("p", ("F",)),
        ("h", ()),
        ("o", ("OW1",)),
        ("x", ("K", "S")),
    ]
    assert align("w", ("D", "AH1", "B"), cost) == []  # a letter has two phones at most


def test_a_lexicon_of_which_no_word_can_be_aligned_is_refused() -> None:
    with pytest.raises(UserError):
        Pronouncer({"w": ("D", "AH1", "B", "AH0", "L", "Y", "UW0")})
