from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.text.tokens import BLANK, Characters, SentencePiece, Tokens, learn_pieces

ARABIC = (
    "\u0643\u064e\u062a\u064e\u0628\u064e \u0627\u0644\u0637\u0651\u0627\u0644\u0650\u0628\u064f",  # with diacritics
    "\u0633\u0640\u0640\u0644\u0627\u0645 \u0639\u0644\u064a\u0643\u0645",  # tatweel
    "\ufefb \ufe8d\ufedf\ufea4\ufee4\ufeaa",  # presentation forms, lam-alef ligature
    "\u0633\u0646\u0629 \u0662\u0660\u0662\u0664 \u06f1\u06f2",  # Arabic-Indic and Persian digits
    "\u0639\u0646\u062f\u064a meeting \u0645\u0647\u0645 don't",  # mixed with English
    "\u0642\u0627\u0644 \u200f\u0647\u0646\u0627",  # a right-to-left mark
)


def corpus(seed: int = 0, sentences: int = 120) -> tuple[str, ...]:
    """Sentences of some made-up Arabic words, and every one of ARABIC."""
    rng = np.random.default_rng(seed)
    letters = list("ابتثجحخدذرزسشصضطظعغفقكلمنهوي")
    words = ["".join(rng.choice(letters, rng.integers(2, 6))) for _ in range(60)]
    return (*ARABIC, *(" ".join(rng.choice(words, rng.integers(1, 9))) for _ in range(sentences)))


PIECES = 110
TOKENS = {"characters": Characters(corpus()), "pieces": SentencePiece(learn_pieces(corpus(), PIECES))}


@pytest.fixture(params=TOKENS)
def tokens(request: pytest.FixtureRequest) -> Tokens:
    return TOKENS[request.param]


def test_every_training_text_is_decoded_as_it_was_encoded(tokens: Tokens) -> None:
    for text in corpus():
        numbers = tokens.encode(text)
        assert tokens.decode(numbers) == text
        assert all(BLANK < n < len(tokens) for n in numbers)
        assert set(text) <= set(tokens.alphabet)


@given(st.lists(st.text(sorted({c for text in ARABIC for c in text} - {" "}), min_size=1, max_size=8), max_size=5))
def test_every_text_of_known_characters_is_decoded_as_it_was_encoded(words: list[str]) -> None:
    for tokens in TOKENS.values():
        assert tokens.decode(tokens.encode(" ".join(words))) == " ".join(words)


@pytest.mark.parametrize("unknown", ["ژ", "\u2581", "\u2585"])
def test_a_character_that_training_did_not_hold_is_no_token_and_is_not_encoded(tokens: Tokens, unknown: str) -> None:
    assert unknown not in tokens.alphabet
    with pytest.raises(KeyError):
        tokens.encode("سلام " + unknown)


def test_sentencepiece_has_as_many_pieces_as_were_asked_for_and_spells_shorter() -> None:
    pieces, characters = TOKENS["pieces"], TOKENS["characters"]
    assert (len(pieces), pieces.name, characters.name) == (PIECES + 1, f"sentencepiece {PIECES}", "characters")
    assert sum(len(pieces.encode(t)) for t in corpus()) < 0.7 * sum(len(characters.encode(t)) for t in corpus())


def test_characters_that_sentencepiece_reserves_do_not_keep_a_text_from_training() -> None:
    known = SentencePiece(learn_pieces(("ab\u2581 c", "a\u2585d"), 5))
    assert sorted(known.alphabet) == [" ", "a", "b", "c", "d"]


def test_a_sentence_longer_than_sentencepiece_reads_by_default_is_learnt_from() -> None:
    long = "سلام " * 1000 + "ڤ"
    assert len(long.encode()) > 4192
    assert "ڤ" in SentencePiece(learn_pieces((long, "سلام"), 7)).alphabet


def test_pieces_learnt_in_another_process_are_the_same_bytes() -> None:
    code = (
        "import hashlib, sys; from toolkit.text.tokens import learn_pieces;"
        f"print(hashlib.sha256(learn_pieces(tuple(sys.argv[1:]), {PIECES})).hexdigest())"
    )
    said = subprocess.run([sys.executable, "-c", code, *corpus()], capture_output=True, text=True, check=True).stdout
    assert said.strip() == hashlib.sha256(TOKENS["pieces"].files("asr")["asr.spm.model"]).hexdigest()


@pytest.mark.parametrize(
    ("texts", "pieces", "said", "remedy"),
    [
        (("سلام عليكم",) * 3, 500, "too small for 500 pieces", "set pieces to"),
        (("سلام عليكم",), 5, "5 pieces are too few for 8 different characters", "set pieces to 8 or more"),
    ],
)
def test_more_pieces_than_a_text_holds_or_fewer_than_its_characters_are_users_mistakes(
    texts: tuple[str, ...], pieces: int, said: str, remedy: str
) -> None:
    with pytest.raises(UserError, match=said) as raised:
        learn_pieces(texts, pieces)
    assert remedy in raised.value.remedy
    learn_pieces(texts, int(raised.value.remedy.split()[3]))  # the remedy is one


def test_the_files_of_a_head_are_enough_to_encode_and_decode_again() -> None:
    files = TOKENS["characters"].files("asr")
    assert files.keys() == {"asr.tokens.txt"}
    lines = files["asr.tokens.txt"].decode().split("\n")
    assert lines[0] == "<blank>" and lines.pop() == ""
    again = Characters(" " if line == "<space>" else line for line in lines[1:])
    files = TOKENS["pieces"].files("asr")
    assert files.keys() == {"asr.tokens.txt", "asr.spm.model"}
    for text in corpus():
        assert again.encode(text) == TOKENS["characters"].encode(text)
        assert SentencePiece(files["asr.spm.model"]).encode(text) == TOKENS["pieces"].encode(text)
