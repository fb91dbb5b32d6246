from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.text import ngram
from toolkit.text.ngram import END, NGram, discounts
from toolkit.text.tokens import Characters

CLASSES = 4
sentences = st.lists(st.lists(st.integers(1, CLASSES - 1), max_size=7), min_size=1, max_size=30)


class Naive:
    """The definition, n-gram by n-gram: counts in dictionaries, one probability at a time."""

    def __init__(self, sentences: Sequence[Sequence[int]], classes: int, order: int) -> None:
        self.classes, self.order = classes, order
        grams = [Counter[tuple[object, ...]]() for _ in range(order + 1)]
        for s in sentences:
            padded = ["<s>", *s, END]
            for n in range(1, order + 1):
                grams[n].update(tuple(padded[i : i + n]) for i in range(len(padded) - n + 1))
        del grams[1]["<s>",]
        self.counts = [Counter[tuple[object, ...]]() for _ in range(order + 1)]
        self.counts[order] = grams[order]
        for n in range(1, order):
            before = defaultdict(set)
            for gram in grams[n + 1]:
                before[gram[1:]].add(gram[0])
            for gram, count in grams[n].items():
                self.counts[n][gram] = count if gram[0] == "<s>" else len(before[gram])

    def discounts(self, n: int) -> list[float] | None:
        of = Counter(self.counts[n].values())
        if not all(of[k] for k in (1, 2, 3, 4)):
            return None
        y = of[1] / (of[1] + 2 * of[2])
        d = [1 - 2 * y * of[2] / of[1], 2 - 3 * y * of[3] / of[2], 3 - 4 * y * of[4] / of[3]]
        return d if min(d) > 0 else None

    def p(self, token: int, history: tuple[object, ...]) -> float:
        history = history[len(history) - self.order + 1 :] if len(history) >= self.order else history
        if self.order == 1:
            history = ()
        lower = self.p_lower(token, history)
        n = len(history) + 1
        after = {g[-1]: c for g, c in self.counts[n].items() if g[:-1] == history}
        if not after:
            return lower
        total, d = sum(after.values()), self.discounts(n)
        if d is None:
            return (after.get(token, 0) + len(after) * lower) / (total + len(after))
        gamma = sum(d[min(c, 3) - 1] for c in after.values()) / total
        seen = (after[token] - d[min(after[token], 3) - 1]) / total if token in after else 0.0
        return seen + gamma * lower

    def p_lower(self, token: int, history: tuple[object, ...]) -> float:
        return self.p(token, history[1:]) if history else 1 / self.classes


def context_of(model: NGram, history: Sequence[int]) -> tuple[int, ...]:
    context = model.start
    for token in history:
        context = model.after(context, token)
    return context


@given(sentences, st.integers(1, 4))
@settings(max_examples=60)
def test_probabilities_are_those_of_the_definition_and_add_up_to_1_after_every_history(
    learnt: list[list[int]], order: int
) -> None:
    model, naive = NGram(learnt, CLASSES, order), Naive(learnt, CLASSES, order)
    for length in range(order + 1):
        for history in product(range(1, CLASSES), repeat=length):
            p_C = np.exp(model.log_probs(context_of(model, history)))
            assert p_C.sum() == pytest.approx(1)
            wanted = [naive.p(token, ("<s>", *history)) for token in range(CLASSES)]
            assert p_C == pytest.approx(wanted)


def zipf(seed: int, count: int, classes: int) -> list[list[int]]:
    """Sentences of a Markov chain with a few frequent and many rare pairs."""
    rng = np.random.default_rng(seed)
    chances = rng.dirichlet(np.full(classes, 0.15), size=classes)
    made = []
    for _ in range(count):
        token, sentence = 0, []
        while len(sentence) < 12 and (token := int(rng.choice(classes, p=chances[token]))):
            sentence.append(token)
        made.append(sentence)
    return made


def test_kneser_ney_itself_is_at_work_where_there_is_enough_text() -> None:
    learnt = zipf(3, 150, 12)
    model, naive = NGram(learnt, 12, 3), Naive(learnt, 12, 3)
    assert [d is not None for d in model.discounts[1:]] == [True, True]
    rng = np.random.default_rng(0)
    for _ in range(40):
        history = tuple(rng.integers(1, 12, rng.integers(0, 4)).tolist())
        wanted = [naive.p(token, ("<s>", *history)) for token in range(12)]
        assert np.exp(model.log_probs(context_of(model, history))) == pytest.approx(wanted)


def test_discounts_are_those_computed_by_hand() -> None:
    # n1 = 4, n2 = 2, n3 = 1, n4 = 1: Y = 4 / 8; 1 - 2 Y 2/4, 2 - 3 Y 1/2, 3 - 4 Y 1/1
    assert discounts(np.array([1, 1, 1, 1, 2, 2, 3, 4, 9])) == pytest.approx([0.5, 1.25, 1.0])
    assert discounts(np.array([1, 1, 2, 3, 9])) is None  # nothing occurs four times
    assert discounts(np.array([1] * 9 + [2] + [3] * 9 + [4])) is None  # D of 2: 2 - 3 · 9/11 · 9 < 0


def test_a_bigram_model_of_two_words_is_that_computed_by_hand() -> None:
    # "ab" and "a": no counts of counts to speak of, so Witten-Bell. Tokens before: a has <s>; b has a; the end b, a.
    # p(a) = (1 + 3/3) / (4 + 3) = 2/7, p(b) the same, p(end) = 3/7
    # p(a|<s>) = (2 + 1 · 2/7) / (2 + 1) = 16/21; p(b|a) = (1 + 2 · 2/7) / (2 + 2) = 11/28
    # p(end|b) = (1 + 1 · 3/7) / (1 + 1) = 5/7
    model = NGram([[1, 2], [1]], 3, 2)
    assert np.exp(model.log_probs(model.start)[1]) == pytest.approx(16 / 21)
    assert np.exp(model.log_prob([1, 2])) == pytest.approx(16 / 21 * 11 / 28 * 5 / 7)


@given(sentences)
@settings(max_examples=20)
def test_counting_in_pieces_or_at_once_learns_the_same(learnt: list[list[int]]) -> None:
    whole = NGram(learnt, CLASSES, 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ngram, "CHUNK", 5)
        pieces = NGram(iter(learnt), CLASSES, 3)
    for (grams, counts), (same, also) in zip(whole.tables, pieces.tables, strict=True):
        assert np.array_equal(grams, same) and np.array_equal(counts, also)


def test_arabic_text_is_more_probable_than_the_same_letters_in_another_order() -> None:
    texts = ["ذهب الولد إلى المدرسة", "كتب الولد الدرس في المدرسة", "قرأ المعلم الكتاب ثم كتب الدرس", "fi ٢٠٢٤ السنة"]
    characters = Characters(texts)
    model = NGram([characters.encode(text) for text in texts], len(characters), 4)
    said, shuffled = "قرأ الولد الدرس", "سردلا دلولا أرق"
    assert model.log_prob(characters.encode(said)) > model.log_prob(characters.encode(shuffled)) + 10


def test_n_grams_that_do_not_fit_an_integer_and_no_sentence_at_all_are_users_mistakes() -> None:
    NGram([[1]], 1000, 6)
    with pytest.raises(
        UserError, match="n-grams of 7 tokens are too long where there are 999 different ones"
    ) as raised:
        NGram([[1]], 1000, 7)
    assert "set lm_order to 6 or less" in raised.value.remedy
    with pytest.raises(UserError, match="no sentence"):
        NGram([], 10, 3)
