"""Criteria: what they say, what they refuse, what they keep."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pseudo.label_trees import hypothesis, measured

from toolkit.pseudo.criteria import Comparison, parse, select
from toolkit.pseudo.measures import SCORES
from toolkit.pseudo.select import SelectConfig


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("", ()),
        ("  ", ()),
        ("wer <= 20", (Comparison("wer", True, 20),)),
        ("wer<=20", (Comparison("wer", True, 20),)),
        (
            "confidence >= -0.6 , repetition <= 2.4",
            (Comparison("confidence", False, -0.6), Comparison("repetition", True, 2.4)),
        ),
        ("no_speech <= 1e-3", (Comparison("no_speech", True, 0.001),)),
        ("agreement >= .5", (Comparison("agreement", False, 0.5),)),
    ],
)
def test_a_criterion_is_a_list_of_comparisons(text: str, wanted: tuple[Comparison, ...]) -> None:
    assert parse(text) == wanted


@given(st.lists(st.builds(Comparison, st.sampled_from(list(SCORES)), st.booleans(), st.integers(-9999, 9999))))
def test_a_criterion_is_read_as_it_is_written(comparisons: list[Comparison]) -> None:
    assert parse(", ".join(map(str, comparisons))) == tuple(comparisons)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("wer < 20", "`wer < 20` is no comparison"),
        ("wer = 20", "is no comparison"),
        ("wer <= 20 and cer <= 5", "is no comparison"),
        ("wer <= 20,", "a comma with nothing beside it"),
        ("wer <= twenty", "is no comparison"),
        ("wer <= nan", "is no comparison"),
        ("wer <= 1e999", "no finite number"),
        ("wer <= ٢٠", "is no comparison"),
        ("20 >= wer", "is no comparison"),
        ("wre <= 20", "did you mean wer?"),
        ("confidance >= -1", "did you mean confidence?"),
        ("WER <= 20", "did you mean wer?"),
        ("__import__('os') <= 1", "is no comparison"),
    ],
)
def test_what_is_no_criterion_is_refused_with_what_is_wrong(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=r"keep\.mine") as error:
        SelectConfig(keep={"mine": text})
    assert message in str(error.value)


@pytest.mark.parametrize("name", ["", "../x", "a/b", "a b", "a\nb", "x" * 300])
def test_a_selection_that_cannot_name_a_file_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name a file"):
        SelectConfig(keep={name: ""})


def test_limits_are_held_by_both_ends_and_all_must_hold() -> None:
    rows = [hypothesis(f"u{i}", "نعم", avg_logprob=c, entropy=e) for i, (c, e) in enumerate([(-0.6, 1), (-0.7, 1)])]
    rows.append(hypothesis("u2", "نعم", avg_logprob=-0.5, entropy=1.01))
    measures = measured([(None, row) for row in rows])
    chosen = select(measures, "x", parse("confidence >= -0.6, entropy <= 1"))
    assert chosen.kept.tolist() == [True, False, False]
    assert chosen.dropped() == {"confidence below -0.6": 1, "entropy above 1": 1}


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_a_score_that_is_not_known_fails_every_comparison_and_says_so(value: float | None) -> None:
    measures = measured(
        [(None, hypothesis("a", "نعم", avg_logprob=value)), (None, hypothesis("b", "لا", avg_logprob=-1))]
    )
    for criterion in ("confidence <= 0", "confidence >= -99"):
        chosen = select(measures, "x", parse(criterion))
        assert chosen.kept.tolist() == [False, True] and chosen.dropped() == {"confidence unknown": 1}


@given(st.lists(st.none() | st.floats(-2, 2), min_size=1, max_size=20), st.floats(-2, 2))
def test_every_label_is_kept_or_has_one_reason(values: list[float | None], limit: float) -> None:
    measures = measured([(None, hypothesis(f"u{i:03d}", "نعم", entropy=v)) for i, v in enumerate(values)])
    chosen = select(measures, "x", parse(f"entropy <= {limit:.17f}"))
    assert int(chosen.kept.sum()) + sum(chosen.dropped().values()) == len(values)
    assert chosen.kept.tolist() == [v is not None and v <= chosen.criterion[0].limit for v in values]
    assert np.array_equal(chosen.kept, chosen.code == 0)
