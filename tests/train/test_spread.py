"""Turns in closed form: counts of every prefix near their expectation, and what a count says is what was dealt."""

from collections import Counter
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.train.samplers.spread import Spread

ratios = st.lists(st.integers(1, 1000), min_size=1, max_size=12)


@given(ratios)
@settings(max_examples=60)
def test_every_prefix_has_each_party_to_within_two_turns_of_its_share(weights: list[int]) -> None:
    spread, counts = Spread(weights), [0] * len(weights)
    for turn in range(300):
        party, ordinal = spread.at(turn)
        assert ordinal == counts[party]
        counts[party] += 1
        for weight, count in zip(weights, counts, strict=True):
            assert abs(count - Fraction((turn + 1) * weight, sum(weights))) < 2


@given(st.integers(1, 1000), st.integers(1, 1000))
@settings(max_examples=60)
def test_of_two_parties_each_has_its_share_to_within_half_a_turn(one: int, two: int) -> None:
    spread = Spread([one, two])
    for turn in range(300):
        assert abs(spread.before(turn)[0] - Fraction(turn * one, one + two)) <= Fraction(1, 2) + Fraction(1, 10**9)


@pytest.mark.parametrize("count", [1, 2, 4, 8])
def test_equal_parties_of_a_power_of_two_come_once_in_every_round(count: int) -> None:
    spread = Spread([1.0] * count)
    for first in range(0, 10 * count, count):
        assert {spread.at(turn)[0] for turn in range(first, first + count)} == set(range(count))


@given(ratios, st.integers(0, 10**12))
def test_counting_to_a_late_turn_agrees_with_the_turn_itself(weights: list[int], turn: int) -> None:
    spread = Spread(weights)
    before, after, (party, ordinal) = spread.before(turn), spread.before(turn + 1), spread.at(turn)
    assert sum(before) == turn and before[party] == ordinal
    assert Counter(enumerate(after)) - Counter(enumerate(before)) == Counter({(party, ordinal + 1): 1})


def test_late_counts_equal_the_ratios() -> None:
    counts = Spread([0.5, 0.3, 0.2]).before(10**9)
    assert counts == [pytest.approx(10**9 * share, abs=2) for share in (0.5, 0.3, 0.2)]
