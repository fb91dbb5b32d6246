"""Fast counts of edits against jiwer, editdistance and the slow way, on Arabic that has what Arabic text has."""

from __future__ import annotations

import random
from collections import Counter

import editdistance
import jiwer
import numpy as np
import pytest

from toolkit.score.edits import Edits, character_edits, count_errors, single_spaced, word_edits

# Diacritics, tatweel, a presentation form, three kinds of digits, a bidi mark, Latin, a letter beyond 16 bits.
WORDS = ["كتاب", "كِتابٌ", "كتـــاب", "ﻛﺘﺎﺏ", "٣", "۳", "3", "أحمد", "احمد", "\u200fولد", "في", "على", "علي", "إلى"]
WORDS += ["e", "em", "𞸀", "لا", "ﻻ"]
COUNT = 10_000


def random_pairs(seed: int, empty: bool = True) -> tuple[list[str], list[str]]:
    """Texts of few words, so that alignments tie often; half of the hypotheses are their references, edited."""
    rng = random.Random(seed)
    references, hypotheses = [], []
    for i in range(COUNT):
        reference = [rng.choice(WORDS[: rng.choice((2, 4, len(WORDS)))]) for _ in range(rng.randint(not empty, 12))]
        hypothesis = [w for w in reference if rng.random() > 0.1] if i % 2 else rng.choices(WORDS, k=rng.randint(0, 12))
        hypothesis = [rng.choice(WORDS) if rng.random() < 0.2 else w for w in hypothesis]
        references.append(" ".join(reference))
        hypotheses.append(" ".join([*hypothesis, *rng.choices(WORDS, k=i % 3 == 0)]))
    return references, hypotheses


@pytest.mark.parametrize(
    ("count", "peer", "tokens"),
    [(word_edits, jiwer.process_words, str.split), (character_edits, jiwer.process_characters, list)],
)
def test_10000_pairs_count_as_jiwer_and_editdistance_count_them(count, peer, tokens) -> None:
    references, hypotheses = random_pairs(1, empty=False)
    ours = count(references, hypotheses)
    for i, chunks in enumerate(peer(references, hypotheses).alignments):
        theirs = Counter()
        for chunk in chunks:
            theirs[chunk.type] += max(chunk.ref_end_idx - chunk.ref_start_idx, chunk.hyp_end_idx - chunk.hyp_start_idx)
        counts = ours.substitutions[i], ours.deletions[i], ours.insertions[i]
        assert counts == (theirs["substitute"], theirs["delete"], theirs["insert"]), (references[i], hypotheses[i])
        assert ours.lengths[i] == len(tokens(references[i]))
    pairs = zip(references, hypotheses)
    assert ours.edits.tolist() == [editdistance.eval(tokens(a), tokens(b)) for a, b in pairs]


def test_odd_spaces_and_empty_texts_count_as_their_words_do() -> None:
    rng = random.Random(2)
    spaces = [" ", "  ", "\t", "\u00a0", "\u2003 ", "\n"]

    def odd(text: str) -> str:
        return "".join(rng.choice(spaces) + word for word in text.split()) + rng.choice(["", *spaces])

    references, hypotheses = (list(map(odd, texts)) for texts in random_pairs(3))
    words = word_edits(references, hypotheses)
    characters = character_edits(references, hypotheses)
    for i, (a, b) in enumerate(zip(references, hypotheses)):
        spaced = list(" ".join(a.split())), list(" ".join(b.split()))
        for edits, tokens in ((words, (a.split(), b.split())), (characters, spaced)):
            counts = edits.of(np.array([i])).total
            assert counts == count_errors(*tokens)


def test_an_empty_side_is_all_deletions_or_all_insertions() -> None:
    references, hypotheses = ["كتاب جديد", "", "", " \t"], ["", "كتاب جديد", "", "ولد"]
    assert word_edits(references, hypotheses).total == (0, 2, 3, 2)
    assert character_edits(references, hypotheses).total == (0, 9, 12, 9)
    assert word_edits([], []).total == (0, 0, 0, 0)


def test_a_text_of_ten_thousand_letters_is_counted() -> None:
    reference = "اب" * 5_000
    assert character_edits([reference], [reference[1:] + "ت"]).total == (0, 1, 1, 10_000)


def test_unequal_numbers_of_texts_are_refused() -> None:
    for count in (word_edits, character_edits):
        with pytest.raises(ValueError):
            count(["a", "b"], ["a"])


def test_what_is_joined_and_chosen_keeps_its_counts() -> None:
    edits = word_edits(["a b", "c", ""], ["a", "d", "e"])
    assert Edits.joined([edits, edits]).total == (2, 2, 2, 6)
    assert edits.of(np.array([True, False, True])).total == (0, 1, 1, 2)


def test_every_kind_of_white_space_becomes_one_space() -> None:
    odd = [chr(i) for i in range(0x110000) if chr(i).isspace()]
    assert single_spaced(f"ا{c}ب" for c in odd) == ["ا ب"] * len(odd)
    assert single_spaced(["ا  ب", " ا", "ا ", "ا ب", ""]) == ["ا ب", "ا", "ا", "ا ب", ""]
