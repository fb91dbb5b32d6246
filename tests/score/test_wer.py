from __future__ import annotations

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.score.wer import characters, count_errors, error_rate, error_table, words

token_lists = st.lists(st.sampled_from("abcd"), max_size=8)
sentences = st.lists(st.sampled_from(["كتاب", "ولد", "the", "a", "قط"]), min_size=1, max_size=8).map(" ".join)


def naive_distance(reference: list[str], hypothesis: list[str]) -> int:
    """Wagner and Fischer's table, written out."""
    table = [[i + j for j in range(len(hypothesis) + 1)] for i in range(len(reference) + 1)]
    for i, r in enumerate(reference, 1):
        for j, h in enumerate(hypothesis, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (r != h))
    return table[-1][-1]


@given(token_lists, token_lists)
def test_edits_equal_the_naive_dynamic_programme(reference: list[str], hypothesis: list[str]) -> None:
    errors = count_errors(reference, hypothesis)
    assert errors.edits == naive_distance(reference, hypothesis)
    assert errors.length == len(reference)
    assert len(reference) - errors.deletions + errors.insertions == len(hypothesis)


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=5))
def test_corpus_wer_and_its_parts_equal_jiwer(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    table = error_table(dict(zip("abcde", references)), dict(zip("abcde", hypotheses)))
    peer = jiwer.process_words(references, hypotheses)
    assert table.percent == pytest.approx(100 * peer.wer)
    assert table.total[:3] == (peer.substitutions, peer.deletions, peer.insertions)


@given(st.lists(st.tuples(sentences, sentences), min_size=1, max_size=5))
def test_corpus_cer_equals_jiwer_with_spaces_as_characters(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = [r for r, _ in pairs], [h for _, h in pairs]
    table = error_table(dict(zip("abcde", references)), dict(zip("abcde", hypotheses)), characters)
    assert table.percent == pytest.approx(100 * jiwer.cer(references, hypotheses))


def test_an_empty_hypothesis_is_all_deletions_and_an_empty_reference_counts_insertions() -> None:
    table = error_table({"a": "one two three", "b": ""}, {"a": "", "b": "x y"})
    assert table.total == (0, 3, 2, 3)
    assert table.percent == pytest.approx(100 * 5 / 3)


def test_the_rate_is_over_the_corpus_not_the_mean_over_utterances() -> None:
    table = error_table({"a": "one two three four", "b": "one"}, {"a": "one two three four", "b": "two"})
    assert table.percent == pytest.approx(20.0)
    assert [list(column) for column in table.edits_and_lengths()] == [[0, 1], [4, 1]]


def test_order_of_the_hypotheses_does_not_matter() -> None:
    references = {"a": "one", "b": "two", "c": "three"}
    assert error_table(references, {"c": "three", "a": "one", "b": "two"}).percent == 0


def test_missing_and_surplus_hypotheses_are_named() -> None:
    with pytest.raises(UserError, match=r"without a hypothesis: b.*without a reference: z"):
        error_table({"a": "x", "b": "y"}, {"a": "x", "z": "y"})


def test_references_without_a_token_have_no_rate() -> None:
    with pytest.raises(UserError, match="all empty"):
        error_rate(error_table({"a": " "}, {"a": "x"}).errors)


def test_white_space_is_one_character_and_words_ignore_it() -> None:
    assert characters(" ab  c\n") == ["a", "b", " ", "c"]
    assert words(" ab  c\n") == ["ab", "c"]
