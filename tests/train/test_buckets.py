"""The sampler: what a step holds is a function of the lengths, the seed and its number."""

import hashlib
from collections import Counter
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.frames import frames_in
from toolkit.train.samplers.buckets import Buckets, each_once

LENGTHS = (1.0, 2.0, 4.0)
corpora = st.lists(st.integers(10, 400), min_size=40, max_size=150).map(lambda f: np.array(f, np.int64))


def sampler(frames: np.ndarray, micro_batches: int = 2, seed: int = 1) -> Buckets:
    return Buckets(frames, LENGTHS, 4.0, micro_batches, seed)


@given(corpora, st.integers(1, 4), st.integers(0, 99))
@settings(max_examples=40)
def test_every_crop_lies_inside_its_utterance_and_ranks_get_equal_shapes(
    frames: np.ndarray, micro_batches: int, seed: int
) -> None:
    try:
        buckets = sampler(frames, micro_batches, seed)
    except UserError:
        return
    exact = {frames_in(s) for s in LENGTHS}
    for step in range(2 * buckets.steps):
        micro = [buckets.micro(step, m) for m in range(micro_batches)]
        assert len({(len(c.rows), c.frames) for c in micro}) == 1
        for crops in micro:
            assert crops.frames in exact
            assert len(crops.rows) * crops.frames * 0.02 <= 4.0
            assert (crops.starts >= 0).all() and (crops.starts + crops.frames <= frames[crops.rows]).all()


@given(corpora)
@settings(max_examples=40)
def test_an_epoch_sees_no_utterance_twice_and_leaves_out_less_than_a_step(frames: np.ndarray) -> None:
    try:
        buckets = sampler(frames)
    except UserError:
        return
    for epoch in range(2):
        steps = range(epoch * buckets.steps, (epoch + 1) * buckets.steps)
        seen = Counter(int(r) for s in steps for m in range(2) for r in buckets.micro(s, m).rows)
        assert max(seen.values()) == 1
        assert not seen.keys() & set(buckets.short.tolist())
        assert len(frames) - len(buckets.short) - len(seen) < buckets.sizes[0] * 2
    assert set(buckets.short) == set(np.flatnonzero(frames < frames_in(1.0)))


@given(corpora, st.integers(0, 10**6))
@settings(max_examples=20)
def test_a_step_is_the_same_in_any_order_of_asking(frames: np.ndarray, where: int) -> None:
    try:
        one, two = sampler(frames), sampler(frames)
    except UserError:
        return
    steps = [where, where + one.steps, where + 1, where]
    first = {s: [one.micro(s, m) for m in (0, 1)] for s in steps}
    for s in reversed(steps):
        for m in (1, 0):
            a, b = first[s][m], two.micro(s, m)
            assert np.array_equal(a.rows, b.rows) and np.array_equal(a.starts, b.starts) and a.frames == b.frames


def test_seeds_and_epochs_give_different_batches() -> None:
    frames = np.full(64, 250, np.int64)
    rows = {
        (seed, epoch): tuple(sampler(frames, seed=seed).micro(epoch * 32, 0).rows)
        for seed in (1, 2)
        for epoch in (0, 1)
    }
    assert len(set(rows.values())) == 4


def test_micro_batches_of_a_step_are_cropped_at_places_of_their_own() -> None:
    buckets = Buckets(np.full(64, frames_in(2.0) + 100, np.int64), (2.0,), 8.0, 2, 1)
    for step in range(buckets.steps):
        assert not np.array_equal(buckets.micro(step, 0).starts, buckets.micro(step, 1).starts)


def test_lengths_come_in_mixed_order_and_company_changes_between_epochs() -> None:
    buckets = sampler(np.random.default_rng(0).integers(60, 400, 200))
    lengths = [buckets.micro(s, 0).frames for s in range(buckets.steps)]
    assert lengths != sorted(lengths) and lengths != sorted(lengths, reverse=True)

    def company(epoch: int) -> set[frozenset[int]]:
        steps = range(epoch * buckets.steps, (epoch + 1) * buckets.steps)
        return {frozenset(int(r) for m in (0, 1) for r in buckets.micro(s, m).rows) for s in steps}

    assert len(company(0)) == buckets.steps and not company(0) & company(1)


def test_crops_start_everywhere_with_equal_chance() -> None:
    frames = np.full(40, frames_in(2.0) + 9, np.int64)
    buckets = Buckets(frames, (2.0,), 16.0, 1, 0)
    starts = np.concatenate([buckets.micro(s, 0).starts for s in range(2000)])
    counts = np.bincount(starts, minlength=10)
    expected = len(starts) / 10
    assert ((counts - expected) ** 2 / expected).sum() < 27.9  # chi-square, 9 degrees of freedom, p 0.001


def test_mean_seconds_of_a_step_are_those_of_an_epoch() -> None:
    frames = np.random.default_rng(0).integers(20, 400, 300)
    buckets = sampler(frames)
    heard = [len(c.rows) * c.frames * 0.02 for s in range(buckets.steps) for m in (0, 1) for c in [buckets.micro(s, m)]]
    assert buckets.seconds == pytest.approx(sum(heard) / buckets.steps)


def test_too_little_data_for_one_step_is_a_users_error() -> None:
    with pytest.raises(UserError, match=r"3 utterances of at least 1\.0 s do not fill a step"):
        sampler(np.array([60, 60, 60, 10], np.int64))


@given(corpora)
@settings(max_examples=30)
def test_a_dev_set_is_seen_whole_and_once(frames: np.ndarray) -> None:
    crops = each_once(frames, LENGTHS, 4.0)
    rows = sorted(int(r) for c in crops for r in c.rows)
    assert rows == np.flatnonzero(frames >= frames_in(1.0)).tolist()
    assert all((c.frames <= frames[c.rows]).all() and not c.starts.any() for c in crops)


def digest(arrays: Iterable[np.ndarray]) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a, np.int64).tobytes() for a in arrays)).hexdigest()[:16]


def test_draws_are_those_of_commit_f84ada9_byte_for_byte() -> None:
    """Loss curves of existing runs depend on them."""
    frames = np.array([20 + 7919 * i % 400 for i in range(300)], np.int64)
    buckets = sampler(frames)
    crops = [buckets.micro(s, m) for s in [*range(2 * buckets.steps), 400_000] for m in (0, 1)]
    assert digest(a for c in crops for a in (c.rows, c.starts, np.array([c.frames]))) == "0d966aaea7547450"
    once = each_once(frames, LENGTHS, 4.0)
    assert digest(a for c in once for a in (c.rows, c.starts, np.array([c.frames]))) == "75aba51349ae3764"


@pytest.mark.parametrize("epochs", [0, 0.4, 2, 2.7])
def test_coverage_is_what_counting_the_crops_gives(epochs: float) -> None:
    buckets = sampler(np.random.default_rng(0).integers(20, 400, 300))
    steps = round(epochs * buckets.steps)
    crops = [buckets.micro(s, m) for s in range(steps) for m in (0, 1)]
    times = Counter(int(row) for c in crops for row in c.rows)
    coverage = buckets.coverage(steps)
    tally = coverage.tallies[""]
    assert dict(zip(tally.items.tolist(), tally.times.tolist())) == times
    assert coverage.cost[""] == pytest.approx(sum(len(c.rows) * c.frames * 0.02 for c in crops))
    assert coverage.repeats == {"": times.total() - len(times)}
    assert {c.group for c in crops} <= {""}
