from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rapidfuzz.distance import Levenshtein

from toolkit.score import alignment
from toolkit.score.alignment import (
    CORRECT,
    DELETION,
    INSERTION,
    SUBSTITUTION,
    Column,
    align,
    edits,
    likeness,
    stretches,
)
from toolkit.score.wer import count_errors

WORDS = ["كتاب", "كتب", "كاتب", "ولد", "the", "10"]
few = st.lists(st.sampled_from(WORDS), max_size=5)
many = st.lists(st.sampled_from(WORDS), max_size=25)


def naive_distance(a: str, b: str) -> int:
    table = [[i + j for j in range(len(b) + 1)] for i in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        for j, y in enumerate(b, 1):
            table[i][j] = min(table[i - 1][j] + 1, table[i][j - 1] + 1, table[i - 1][j - 1] + (x != y))
    return table[-1][-1]


def all_alignments(reference: list[str], hypothesis: list[str]) -> Iterator[list[Column]]:
    if not reference and not hypothesis:
        yield []
    if reference and hypothesis:
        kind = CORRECT if reference[0] == hypothesis[0] else SUBSTITUTION
        for rest in all_alignments(reference[1:], hypothesis[1:]):
            yield [Column(kind, reference[0], hypothesis[0]), *rest]
    if reference:
        for rest in all_alignments(reference[1:], hypothesis):
            yield [Column(DELETION, reference[0], ""), *rest]
    if hypothesis:
        for rest in all_alignments(reference, hypothesis[1:]):
            yield [Column(INSERTION, "", hypothesis[0]), *rest]


def by_the_rules(columns: list[Column]) -> tuple[int, int, int, list[int]]:
    """The four rules of the module, as a key to sort by."""
    replaced = [c for c in columns if c.kind == SUBSTITUTION]
    distance = sum(naive_distance(c.reference, c.hypothesis) for c in replaced)
    order = [{CORRECT: 0, SUBSTITUTION: 0, DELETION: 1, INSERTION: 2}[c.kind] for c in columns]
    return sum(c.kind != CORRECT for c in columns), len(replaced), distance, order


@given(few, few)
def test_of_all_alignments_the_one_is_taken_that_the_stated_rules_put_first(r: list[str], h: list[str]) -> None:
    assert align(r, h) == min(all_alignments(r, h), key=by_the_rules)


@given(many, many)
def test_edits_are_as_few_as_rapidfuzz_finds_and_as_the_error_rate_counts(r: list[str], h: list[str]) -> None:
    columns = align(r, h)
    assert edits(columns) == len(Levenshtein.editops(r, h)) == count_errors(r, h).edits
    assert [c.reference for c in columns if c.reference] == r
    assert [c.hypothesis for c in columns if c.hypothesis] == h


@given(many, many)
def test_beyond_the_most_cells_the_alignment_is_minimal_still(r: list[str], h: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alignment, "MOST_CELLS", -1)
        columns = align(r, h)
    assert edits(columns) == count_errors(r, h).edits
    assert [c.reference for c in columns if c.reference] == r
    assert [c.hypothesis for c in columns if c.hypothesis] == h
    assert all((c.kind == CORRECT) == (c.reference == c.hypothesis) for c in columns)


def test_a_text_of_twenty_thousand_words_is_aligned_in_seconds() -> None:
    reference = ["كلمة", "أخرى"] * 10_000
    columns = align(reference, [*reference[1:], "زائدة"])
    assert edits(columns) == 2


def test_a_missing_word_is_the_one_that_nothing_sounds_like() -> None:
    columns = align(["أنا", "مش", "عارف"], ["أنا", "عارفة"])
    assert columns == [
        Column(CORRECT, "أنا", "أنا"),
        Column(DELETION, "مش", ""),
        Column(SUBSTITUTION, "عارف", "عارفة"),
    ]


def test_stretches_are_the_errors_between_correct_words() -> None:
    columns = align(["قال", "لي", "كل", "شيء", "أمس"], ["ثم", "قال", "كل", "أمس"])
    assert [[(c.reference, c.hypothesis) for c in stretch] for stretch in stretches(columns)] == [
        [("", "ثم")],
        [("لي", "")],
        [("شيء", "")],
    ]


def test_likeness_is_the_share_of_letters_that_stay() -> None:
    assert likeness("كتاب", "كتاب") == 1
    assert likeness("كتاب", "كتب") == 0.75
    assert likeness("نعم", "كلا") == 0
