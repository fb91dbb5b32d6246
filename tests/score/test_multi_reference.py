"""MR-WER by hand, by its rules written out a second time, and by the published figures where their data is at hand."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.score.multi_reference import COSTS, MultiErrors, multi_errors
from toolkit.score.weighted_alignment import Costs, Operation, align

C, S, D, I = Operation.CORRECT, Operation.SUBSTITUTION, Operation.DELETION, Operation.INSERTION  # noqa: E741
words = st.lists(st.sampled_from(["في", "على", "كتاب", "ولد"]), max_size=6)


def operations(reference: str, hypothesis: str) -> list[Operation]:
    return [step.operation for step in align(reference.split(), hypothesis.split(), COSTS)]


@pytest.mark.parametrize(
    ("reference", "hypothesis", "wanted"),
    [
        ("ذهب الولد", "ذهب الولد", [C, C]),
        ("ذهب الولد", "ذهب البنت", [C, S]),  # 2 either way: a substitution before a deletion and an insertion
        ("ا ب", "ب ج", [D, C, I]),  # 2, where two substitutions would be 4
        ("ا ا", "ا", [D, C]),  # from the end: correct first, so the earlier one is deleted
        ("ا", "ا ا", [I, C]),
        ("ا ب", "ج", [D, S]),
        ("", "ا ب", [I, I]),
        ("ا ب", "", [D, D]),
    ],
)
def test_alignments_are_those_worked_by_hand(reference: str, hypothesis: str, wanted: list[Operation]) -> None:
    assert operations(reference, hypothesis) == wanted


@pytest.mark.parametrize(
    ("references", "hypothesis", "wanted"),
    [
        # A word is correct where any reference has it.
        (["راح البيت", "رحل البيت"], "رحل البيت", MultiErrors(0, 0, 0, 2)),
        # A substitution against one, an insertion against the other: a substitution.
        (["هو هنا", "هو"], "هو هناك", MultiErrors(1, 0, 0, 1)),
        # An insertion against both.
        (["هو", "هو"], "هو هناك", MultiErrors(0, 0, 1, 1)),
        # Only one reference deletes: no deletion. Both: one.
        (["يا ولد تعال", "ولد تعال"], "ولد تعال", MultiErrors(0, 0, 0, 2)),
        (["يا ولد تعال", "أيا ولد تعال"], "ولد تعال", MultiErrors(0, 1, 0, 2)),
        # Both delete, but at different places.
        (["يا ولد تعال", "ولد هيا تعال"], "ولد تعال", MultiErrors(0, 0, 0, 2)),
        # Two deletions at one place against one: one in common.
        (["يا أيها ولد", "يا ولد"], "ولد", MultiErrors(0, 1, 0, 1)),
        (["كلام كثير", "قول"], "", MultiErrors(0, 1, 0, 0)),
        (["", "قول"], "", MultiErrors(0, 0, 0, 0)),
    ],
)
def test_errors_against_several_references_are_those_worked_by_hand(
    references: list[str], hypothesis: str, wanted: MultiErrors
) -> None:
    assert multi_errors([r.split() for r in references], hypothesis.split()).merged == wanted


def test_slots_are_numbered_within_the_utterance_as_mgb_3_numbers_them() -> None:
    references, hypothesis = [["زائدة", "في", "البيت", "كلمة"], ["في", "البيت", "كلمة"]], ["في", "البيت"]
    # `كلمة` is the second deletion of the first reference and the first of the second: not one slot.
    assert multi_errors(references, hypothesis).merged == MultiErrors(0, 0, 0, 2)


def test_a_reference_that_lacks_the_utterance_decides_nothing() -> None:
    with_gap = multi_errors([["يا", "ولد"], None], ["ولد"])
    assert with_gap.merged == MultiErrors(0, 1, 0, 1)
    assert with_gap.single == [(0, 1, 0, 2), (0, 0, 0, 0)]
    with pytest.raises(ValueError, match="no reference"):
        multi_errors([None], ["ولد"])


@given(words, words)
def test_one_reference_twice_gives_its_own_errors(reference: list[str], hypothesis: list[str]) -> None:
    merged, (first, second) = multi_errors([reference, reference], hypothesis)
    assert first == second == (merged.substitutions, merged.deletions, merged.insertions, len(reference))
    assert merged.length == len(reference)


@given(words, words, st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 4)))
def test_an_alignment_costs_the_least_and_tells_both_texts(a: list[str], b: list[str], costs: tuple[int, ...]) -> None:
    @cache
    def least(i: int, j: int) -> int:
        if not i or not j:
            return costs[1] * i + costs[2] * j
        across = least(i - 1, j - 1) + costs[0] * (a[i - 1] != b[j - 1])
        return min(across, least(i - 1, j) + costs[1], least(i, j - 1) + costs[2])

    path = align(a, b, Costs(*costs))
    price = {C: 0, S: costs[0], D: costs[1], I: costs[2]}
    assert sum(price[step.operation] for step in path) == least(len(a), len(b))
    assert [a[s.reference] for s in path if s.operation is not I] == a
    assert [b[s.hypothesis] for s in path if s.operation is not D] == b
    assert all((a[s.reference] == b[s.hypothesis]) == (s.operation is C) for s in path if s.operation in (C, S))


PUBLISHED = {"Ali": (488, 8598, 11566), "Omar": (442, 8755, 11307), "Alaa": (503, 8717, 11414)}
PUBLISHED["Mohamed"] = (443, 8507, 11383)  # insertions, deletions, substitutions on the development set of MGB-3


@pytest.mark.skipif(
    "MGB3_MULTI_REFERENCE" not in os.environ, reason="MGB3_MULTI_REFERENCE names no folder of its texts"
)
def test_the_figures_published_on_mgb_3_come_out() -> None:
    """1,927 utterances; 62.61 / 61.79 / 62.36 / 61.73 against one reference each, 56.66 against all four."""
    folder = Path(os.environ["MGB3_MULTI_REFERENCE"])

    def read(name: str) -> dict[str, list[str]]:
        lines = (line.split(maxsplit=1) for line in (folder / name).read_text(encoding="utf-8").splitlines())
        surface = {id: " ".join(text) for id, *text in lines}
        return {id: re.sub("[><|]", "A", t).replace("p", "h").replace("Y", "y").split() for id, t in surface.items()}

    references = [read(f"text_noverlap.{name}") for name in PUBLISHED]
    hypothesis = read("hyp_chainTDNN_MGB2.QCRI")
    ids = set.intersection(*map(set, references))
    scored = [multi_errors([r[id] for r in references], hypothesis[id]) for id in ids]
    assert len(ids) == 1927
    for k, wanted in enumerate(PUBLISHED.values()):
        s, d, i, _ = (sum(column) for column in zip(*(one.single[k] for one in scored)))
        assert (i, d, s) == wanted
    s, d, i, c = (sum(column) for column in zip(*(one.merged for one in scored)))
    assert (i, d, s, c) == (314, 5946, 11025, 13534)
    assert round(100 * (s + d + i) / (s + d + c), 2) == 56.66
