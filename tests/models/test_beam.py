from __future__ import annotations

from itertools import groupby, product

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.models.beam import Decoding, beam_search
from toolkit.text.ngram import NGram
from toolkit.text.tokens import Characters

EVERYTHING = 10_000


def tables(seed: int, T: int, C: int, sharpness: float) -> np.ndarray:
    logits = sharpness * np.random.default_rng(seed).normal(size=(T, C))
    return logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)


def spelt(path: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(c for c, _ in groupby(path) if c)


def all_scores(log_probs_TC: np.ndarray, decoding: Decoding, lm: NGram | None) -> dict[tuple[int, ...], float]:
    """Score of every label sequence: its paths one by one."""
    T, C = log_probs_TC.shape
    ctc: dict[tuple[int, ...], float] = {}
    for path in product(range(C), repeat=T):
        score = sum(log_probs_TC[t, c] for t, c in enumerate(path))
        ctc[spelt(path)] = np.logaddexp(ctc.get(spelt(path), -np.inf), score)
    return {
        tokens: score
        + decoding.insertion * len(tokens)
        + (decoding.lm_weight * lm.log_prob(tokens) if lm and decoding.lm_weight else 0)
        for tokens, score in ctc.items()
    }


small = st.builds(tables, st.integers(0, 10_000), st.integers(0, 5), st.integers(2, 4), st.sampled_from([0.3, 1, 4]))
weights = st.tuples(st.sampled_from([0.0, 0.4, 1.0]), st.sampled_from([-0.5, 0.0, 0.8]))


@given(small, weights, st.lists(st.lists(st.integers(1, 3), max_size=4), min_size=1, max_size=6), st.integers(1, 3))
@settings(max_examples=60)
def test_a_beam_that_keeps_everything_finds_what_the_enumeration_of_all_paths_finds(
    log_probs_TC: np.ndarray, weights: tuple[float, float], sentences: list[list[int]], order: int
) -> None:
    C = log_probs_TC.shape[1]
    lm = NGram([[min(token, C - 1) for token in s] for s in sentences], C, order)
    decoding = Decoding(EVERYTHING, *weights)
    scores = all_scores(log_probs_TC, decoding, lm)
    tokens, score = beam_search(log_probs_TC, decoding, lm)
    assert score == pytest.approx(max(scores.values()))
    assert scores[tuple(tokens)] == pytest.approx(score)


@given(small, weights, st.integers(1, 3))
@settings(max_examples=60)
def test_a_narrow_beam_never_scores_a_hypothesis_above_what_it_is_worth(
    log_probs_TC: np.ndarray, weights: tuple[float, float], width: int
) -> None:
    lm = NGram([[1], [1, 1]], log_probs_TC.shape[1], 2)
    decoding = Decoding(width, *weights)
    tokens, score = beam_search(log_probs_TC, decoding, lm)
    assert score <= all_scores(log_probs_TC, decoding, lm)[tuple(tokens)] + 1e-9


@given(st.integers(0, 10_000), st.integers(1, 6))
@settings(max_examples=30)
def test_without_a_language_model_the_beam_spells_nothing_less_probable_than_greedy_does(seed: int, T: int) -> None:
    log_probs_TC = tables(seed, T, 4, 2.0)

    def probability(tokens: tuple[int, ...]) -> float:
        loss = torch.nn.functional.ctc_loss(
            torch.from_numpy(log_probs_TC)[:, None],
            torch.tensor([tokens], dtype=torch.long),
            torch.tensor([T]),
            torch.tensor([len(tokens)]),
            reduction="sum",
        )
        return -float(loss)

    tokens, score = beam_search(log_probs_TC, Decoding(EVERYTHING))
    assert score == pytest.approx(probability(tuple(tokens)))
    assert probability(tuple(tokens)) >= probability(spelt(tuple(log_probs_TC.argmax(1).tolist()))) - 1e-9


def test_equal_neighbours_come_out_only_where_a_blank_parts_them() -> None:
    a, blank = np.log([0.02, 0.98]), np.log([0.98, 0.02])
    assert beam_search(np.stack([a, a, a]), Decoding(8))[0] == [1]
    assert beam_search(np.stack([a, blank, a]), Decoding(8))[0] == [1, 1]


def test_classes_of_probability_zero_are_never_spelt() -> None:
    with np.errstate(divide="ignore"):
        log_probs_TC = np.log([[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.5, 0.5]])
    tokens, score = beam_search(log_probs_TC, Decoding(4))
    assert tokens in ([1, 1], [1, 2]) and score == pytest.approx(np.log(0.5))


def test_the_language_model_picks_the_arabic_word_that_training_has() -> None:
    texts = ["قال الولد", "قال الرجل", "كان الولد هنا", "قلب الأسد"]
    characters = Characters(texts)
    lm = NGram([characters.encode(text) for text in texts], len(characters), 4)
    heard = "كال الولد"  # said with a gaf, heard as a kaf a little more than as a qaf
    rows = []
    for n in characters.encode(heard):
        for number, share in ((n, 0.9), (0, 0.9)):
            row = np.full(len(characters), (1 - share) / (len(characters) - 1))
            row[number] = share
            rows.append(row)
    qaf, kaf = characters.encode("قك")
    rows[0][[qaf, kaf]] = 0.42, 0.48
    log_probs_TC = np.log(np.array(rows) / np.sum(rows, 1, keepdims=True))
    assert characters.decode(beam_search(log_probs_TC, Decoding(16))[0]) == heard
    assert characters.decode(beam_search(log_probs_TC, Decoding(16, 0.5), lm)[0]) == "قال الولد"
