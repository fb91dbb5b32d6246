from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from toolkit.core.errors import UserError
from toolkit.score.bootstrap import interval, paired_difference, ratio, ratio_interval
from toolkit.score.classification import label_sums, macro_f1, macro_f1_of_sums


def simulated(rng: np.random.Generator, utterances: int, spread: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Word errors of utterances of 3 to 20 words at a true rate of 30 %, which differs by speaker of ten."""
    lengths = rng.integers(3, 21, utterances)
    speakers = rng.normal(0.3, spread, utterances // 10 + 1)[np.arange(utterances) // 10]
    return rng.binomial(lengths, np.clip(speakers, 0, 1)).astype(float), lengths.astype(float)


def covered(spread: float, by_speaker: bool, trials: int = 200, utterances: int = 300) -> float:
    rng = np.random.default_rng(1)
    blocks = [i // 10 for i in range(utterances)] if by_speaker else None
    hits = 0
    for _ in range(trials):
        edits, lengths = simulated(rng, utterances, spread)
        found = interval(np.stack([edits, lengths], 1), ratio, blocks, replicates=500)
        hits += found.low <= 0.3 <= found.high
    return hits / trials


def test_95_percent_intervals_cover_the_truth_about_95_percent_of_the_time() -> None:
    assert 0.90 <= covered(spread=0.0, by_speaker=False) <= 0.99


def test_blocks_of_speakers_keep_coverage_where_speakers_differ_and_utterances_lose_it() -> None:
    assert 0.88 <= covered(spread=0.15, by_speaker=True) <= 0.99
    assert covered(spread=0.15, by_speaker=False) < 0.75


def test_the_interval_agrees_with_scipys_percentile_bootstrap() -> None:
    edits, lengths = simulated(np.random.default_rng(3), 400)
    ours = ratio_interval(edits, lengths)
    peer = stats.bootstrap(
        (edits, lengths),
        lambda e, n, axis=-1: e.sum(axis) / n.sum(axis),
        paired=True,
        method="percentile",
        n_resamples=4000,
        rng=np.random.default_rng(5),
    ).confidence_interval
    assert ours.estimate == pytest.approx(edits.sum() / lengths.sum())
    assert (ours.low, ours.high) == pytest.approx((peer.low, peer.high), abs=0.002)


def test_the_estimate_is_a_ratio_of_sums() -> None:
    found = ratio_interval(np.array([0.0, 1.0]), np.array([9.0, 1.0]), limits=(0, 1))
    assert (found.estimate, found.low, found.high, found.blocks) == (0.1, 0.0, 1.0, 2)


def test_equal_seeds_give_equal_intervals_and_other_seeds_others() -> None:
    edits, lengths = simulated(np.random.default_rng(2), 100)
    assert ratio_interval(edits, lengths, seed=4) == ratio_interval(edits, lengths, seed=4)
    assert ratio_interval(edits, lengths, seed=4) != ratio_interval(edits, lengths, seed=5)


def test_utterances_of_one_block_are_drawn_together() -> None:
    edits, lengths = np.array([1.0, 0.0, 3.0, 1.0]), np.array([2.0, 2.0, 4.0, 1.0])
    together = ratio_interval(edits, lengths, ["a", "a", "b", "b"])
    assert together == ratio_interval(np.array([1.0, 4.0]), np.array([4.0, 5.0]))
    one = ratio_interval(edits, lengths, ["a"] * 4)
    assert one.low == one.high == one.estimate


def test_pairing_finds_a_small_difference_that_two_intervals_hide() -> None:
    rng = np.random.default_rng(7)
    lengths = rng.integers(5, 30, 400).astype(float)
    hard = rng.uniform(0.0, 0.8, 400)
    first = np.round(lengths * hard)
    second = np.maximum(first - (rng.uniform(size=400) < 0.3), 0)
    a, b = ratio_interval(first, lengths), ratio_interval(second, lengths)
    paired = paired_difference(np.stack([first, lengths], 1), np.stack([second, lengths], 1))
    assert a.low < b.high
    assert paired.low > 0
    assert paired.low > 0 or paired.high < 0
    assert paired.estimate == pytest.approx(a.estimate - b.estimate)


def test_a_system_does_not_differ_from_itself() -> None:
    values = np.stack(simulated(np.random.default_rng(0), 50), 1)
    same = paired_difference(values, values)
    assert (same.low, same.estimate, same.high) == (0, 0, 0)
    assert same.low <= 0 <= same.high


def test_paired_differences_are_covered_too() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(100):
        lengths = rng.integers(3, 21, 200)
        hard = rng.uniform(0.1, 0.5, 200)
        first, second = (np.stack([rng.binomial(lengths, hard + d), lengths], 1).astype(float) for d in (0.05, 0.0))
        found = paired_difference(first, second)
        hits += found.low <= 0.05 <= found.high
    assert hits >= 88


def test_macro_f1_has_the_interval_of_its_resampled_confusions() -> None:
    rng = np.random.default_rng(0)
    cells = rng.choice(9, 300, p=[0.3, 0.05, 0.05, 0.05, 0.2, 0.05, 0.05, 0.05, 0.2])
    confusions = np.eye(9)[cells].reshape(-1, 3, 3)
    found = interval(label_sums(confusions), macro_f1_of_sums)
    naive = [macro_f1(confusions[rng.integers(0, 300, 300)].sum(0)) for _ in range(2000)]
    assert found.estimate == pytest.approx(macro_f1(confusions.sum(0)))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(naive, [2.5, 97.5])), abs=0.006)


def test_an_accuracys_interval_is_the_normal_one_where_there_is_much() -> None:
    right = (np.random.default_rng(0).uniform(size=400) < 0.7).astype(float)
    found = ratio_interval(right, np.ones(400))
    normal = 1.96 * (found.estimate * (1 - found.estimate) / 400) ** 0.5
    assert found.high - found.low == pytest.approx(2 * normal, rel=0.06)


@pytest.mark.parametrize(("edits", "lengths"), [([], []), ([1.0], [0.0])])
def test_nothing_to_count_is_a_users_mistake(edits: list[float], lengths: list[float]) -> None:
    with pytest.raises(UserError, match="nothing to count"):
        ratio_interval(np.array(edits), np.array(lengths))


def test_unpaired_systems_are_refused() -> None:
    with pytest.raises(UserError, match="same utterances"):
        paired_difference(np.ones((2, 2)), np.ones((3, 2)))


def test_six_blocks_cover_the_truth_as_often_as_many() -> None:
    rng, hits, trials = np.random.default_rng(8), 0, 400
    for _ in range(trials):
        means = rng.normal(0.0, 1.0, 6)  # six speakers, each with an effect of its own
        values = np.stack([np.repeat(means, 20) + rng.normal(0, 1, 120), np.ones(120)], 1)
        found = interval(values, ratio, np.repeat(np.arange(6), 20).tolist(), replicates=400)
        hits += found.low <= 0.0 <= found.high
    assert 0.91 <= hits / trials <= 0.98


def test_an_interval_stays_within_its_limits() -> None:
    found = ratio_interval(np.array([9.0, 10.0, 10.0]), np.array([10.0, 10.0, 10.0]), limits=(0, 1))
    assert found.high <= 1.0 and found.low >= 0.0
