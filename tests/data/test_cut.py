"""Cutting long recordings."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.cut import CutConfig, Energy, cut


def levels(wave: np.ndarray, rate: int, block: int) -> np.ndarray:
    energy = Energy()
    for first in range(0, len(wave), block):
        energy.hear(wave[first : first + block].astype("f4"), rate)
    return energy.db()


@settings(max_examples=25, deadline=None)
@given(rate=st.sampled_from([8000, 11025, 16000, 22050, 44100]), block=st.integers(37, 30000))
def test_energy_does_not_depend_on_the_blocks_it_is_heard_in(rate, block):
    wave = np.random.default_rng(0).standard_normal(rate * 2 + 123)
    np.testing.assert_allclose(levels(wave, rate, block), levels(wave, rate, len(wave)), rtol=1e-9)


def test_energy_is_the_mean_square_of_ten_milliseconds_smoothed_over_a_tenth_of_a_second():
    rate = 11025  # 110.25 samples a frame
    wave = np.random.default_rng(1).standard_normal(rate * 3)
    levels_F = levels(wave, rate, 1000)
    bounds = [f * rate // 100 for f in range(len(levels_F) + 1)]
    power = np.array([np.mean(wave[a:b].astype("f4") ** 2) for a, b in pairwise(bounds)])
    expected = [10 * np.log10(power[max(0, f - 5) : f + 6].mean()) for f in range(len(power))]
    assert len(levels_F) == 300
    np.testing.assert_allclose(levels_F, expected, atol=1e-5)


speech = st.lists(st.tuples(st.floats(0.1, 30), st.floats(0.05, 3)), min_size=1, max_size=8)


@settings(max_examples=150, deadline=None)
@given(
    speech=speech,
    longest=st.floats(4, 20),
    how=st.sampled_from(["energy", "fixed"]),
    noise=st.floats(0, 5),
)
def test_pieces_are_ordered_apart_inside_and_short_enough(speech, longest, how, noise):
    rng = np.random.default_rng(0)
    db = np.concatenate([np.r_[np.full(int(a * 100), -20.0), np.full(int(b * 100), -70.0)] for a, b in speech])
    db += noise * rng.standard_normal(len(db))
    config = CutConfig(how, longest, 1.0, 0.3)
    pieces = cut(len(db) / 100, db, config)
    assert pieces
    assert all(0 <= a < b <= len(db) / 100 + 1e-9 for a, b in pieces)
    assert all(b - a <= longest + 1e-6 for a, b in pieces)
    assert all(b <= c for (_, b), (c, _) in pairwise(pieces))


@pytest.mark.parametrize("seed", range(5))
def test_no_loud_frame_is_lost_and_cuts_fall_into_pauses(seed):
    rng = np.random.default_rng(seed)
    parts = [(rng.uniform(1, 6), rng.uniform(0.5, 2.0)) for _ in range(20)]
    db = np.concatenate([np.r_[np.full(int(a * 100), -20.0), np.full(int(b * 100), -70.0)] for a, b in parts])
    covered = np.zeros(len(db), bool)
    for a, b in cut(len(db) / 100, db, CutConfig("energy", 10.0)):
        covered[round(a * 100) : round(b * 100)] = True
        assert db[round(a * 100)] == -70 or a == 0
        assert db[round(b * 100) - 1] == -70 or round(b * 100) == len(db)
    assert covered[db == -20].all()


def test_speech_without_a_pause_is_cut_at_its_quietest_frame():
    db = np.full(3000, -20.0)
    db[[700, 1650, 2500]] = -26.0
    assert cut(30.0, db, CutConfig("energy", 10.0)) == [(0, 7.0), (7.0, 16.5), (16.5, 25.0), (25.0, 30.0)]


def test_fixed_pieces_are_of_one_length_but_the_last():
    assert cut(25.0, np.zeros(0), CutConfig("fixed", 10.0)) == [(0, 10), (10, 20), (20, 25)]
    assert cut(25.0, np.zeros(0), CutConfig("none", 10.0)) == []


def test_settings_that_contradict_each_other_are_refused():
    with pytest.raises(ValueError, match="shortest_seconds"):
        CutConfig("energy", 2.0, 1.5)
