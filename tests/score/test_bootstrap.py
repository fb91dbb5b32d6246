from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from scipy import stats

from toolkit.core.errors import UserError
from toolkit.score.bootstrap import MANY, Interval, interval, paired_difference, ratio, ratio_interval, resampled
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
        result = interval(np.stack([edits, lengths], 1), ratio, blocks, replicates=500)
        hits += result.low <= 0.3 <= result.high
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
    result = ratio_interval(np.array([0.0, 1.0]), np.array([9.0, 1.0]), limits=(0, 1))
    assert (result.estimate, result.low, result.high, result.blocks) == (0.1, 0.0, 1.0, 2)


def test_equal_seeds_give_equal_intervals_and_other_seeds_others() -> None:
    edits, lengths = simulated(np.random.default_rng(2), 100)
    assert ratio_interval(edits, lengths, seed=4) == ratio_interval(edits, lengths, seed=4)
    assert ratio_interval(edits, lengths, seed=4) != ratio_interval(edits, lengths, seed=5)


def test_utterances_of_one_block_are_drawn_together() -> None:
    edits, lengths = np.array([1.0, 0.0, 3.0, 1.0]), np.array([2.0, 2.0, 4.0, 1.0])
    together = ratio_interval(edits, lengths, ["a", "a", "b", "b"])
    assert together == ratio_interval(np.array([1.0, 4.0]), np.array([4.0, 5.0]))


def test_a_single_block_has_no_interval() -> None:
    right = np.array([[1.0, 1.0], [0.0, 1.0]])
    assert ratio_interval(*right.T, ["a", "a"]) == Interval(0.5, None, None, 1)
    assert ratio_interval(*right[:1].T) == Interval(1.0, None, None, 1)
    assert paired_difference(right, right, ["a", "a"]) == Interval(0.0, None, None, 1)


@pytest.mark.parametrize("count", [2, 3, 7, 100])
@pytest.mark.parametrize("right", [0, 1])
def test_an_accuracy_of_all_or_nothing_has_the_interval_of_clopper_and_pearson(count: int, right: int) -> None:
    result = ratio_interval(np.full(count, right), np.ones(count), limits=(0, 1))
    peer = stats.binomtest(right * count, count).proportion_ci(0.95, "exact")
    assert (result.low, result.high) == pytest.approx((peer.low, peer.high), abs=1e-12)


@pytest.mark.parametrize("p", [0.001, 0.01, 0.05, 0.1, 0.9, 0.95, 0.99, 0.999])
@pytest.mark.parametrize("count", [2, 5, 7, 20, 60])
def test_accuracies_near_0_and_1_are_covered(p: float, count: int) -> None:
    """Exactly: over every number of right utterances, not over a sample of them."""
    covered = 0.0
    for right in range(count + 1):
        if (weight := stats.binom.pmf(right, count, p)) > 1e-6:
            result = accuracy_interval(right, count)
            covered += weight * (result.low <= p <= result.high)
    assert covered > 0.94


@cache
def accuracy_interval(right: int, count: int) -> Interval:
    return ratio_interval(np.repeat([1.0, 0.0], [right, count - right]), np.ones(count), limits=(0, 1))


def test_speakers_of_whom_most_are_always_right_are_covered() -> None:
    rng, hits = np.random.default_rng(3), 0
    for _ in range(200):
        right = rng.binomial(10, rng.beta(0.99 * 5, 0.01 * 5, 4)).astype(float)  # each has a rate of his own
        result = ratio_interval(right, np.full(4, 10.0), limits=(0, 1))
        hits += result.low <= 0.99 <= result.high
    assert hits >= 190


def test_blocks_that_agree_on_a_value_between_the_limits_have_an_interval_around_it() -> None:
    result = ratio_interval(np.array([1.0, 2.0, 3.0]), np.array([2.0, 4.0, 6.0]), limits=(0, 1))
    share = 0.025 ** (1 / 3)  # at least so many blocks are like these three; the others are anything
    assert (result.low, result.high) == pytest.approx((share * 0.5, share * 0.5 + 1 - share))
    silent = ratio_interval(np.full(6, 9.0), np.full(6, 9.0))  # an error rate: no limit above
    assert (silent.low, silent.high) == pytest.approx((0.025 ** (1 / 6), 1.0))
    assert silent.percent["agreeing"] is True and result.percent["agreeing"] is True
    assert "agreeing" not in ratio_interval(np.array([1.0, 2.0]), np.array([2.0, 3.0])).percent


@pytest.mark.parametrize(("blocks", "told_apart"), [(2, False), (6, True)])
def test_two_blocks_are_too_few_to_tell_all_right_from_all_wrong(blocks: int, told_apart: bool) -> None:
    right, wrong = (np.stack([np.full(blocks, v), np.ones(blocks)], 1) for v in (1.0, 0.0))
    result = paired_difference(right, wrong, limits=(-1, 1))
    assert (result.low > 0) == told_apart and result.high == 1


def test_a_statistic_that_is_no_ratio_has_no_interval_where_no_draw_differs() -> None:
    confusions = np.repeat(np.eye(2)[None], 5, 0)
    assert interval(label_sums(confusions), macro_f1_of_sums, limits=(0, 1)) == Interval(1.0, None, None, 5)


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
    assert same.estimate == 0
    assert same.low == -same.high < 0  # that the next utterance does not differ either, nobody knows


def test_paired_differences_are_covered_too() -> None:
    rng = np.random.default_rng(11)
    hits = 0
    for _ in range(100):
        lengths = rng.integers(3, 21, 200)
        hard = rng.uniform(0.1, 0.5, 200)
        first, second = (np.stack([rng.binomial(lengths, hard + d), lengths], 1).astype(float) for d in (0.05, 0.0))
        result = paired_difference(first, second)
        hits += result.low <= 0.05 <= result.high
    assert hits >= 88


def test_macro_f1_has_the_interval_of_its_resampled_confusions() -> None:
    rng = np.random.default_rng(0)
    cells = rng.choice(9, 300, p=[0.3, 0.05, 0.05, 0.05, 0.2, 0.05, 0.05, 0.05, 0.2])
    confusions = np.eye(9)[cells].reshape(-1, 3, 3)
    result = interval(label_sums(confusions), macro_f1_of_sums)
    naive = [macro_f1(confusions[rng.integers(0, 300, 300)].sum(0)) for _ in range(2000)]
    assert result.estimate == pytest.approx(macro_f1(confusions.sum(0)))
    assert (result.low, result.high) == pytest.approx(tuple(np.percentile(naive, [2.5, 97.5])), abs=0.006)


def test_an_accuracys_interval_is_the_normal_one_where_there_is_much() -> None:
    right = (np.random.default_rng(0).uniform(size=400) < 0.7).astype(float)
    result = ratio_interval(right, np.ones(400))
    normal = 1.96 * (result.estimate * (1 - result.estimate) / 400) ** 0.5
    assert result.high - result.low == pytest.approx(2 * normal, rel=0.06)


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
        result = interval(values, ratio, np.repeat(np.arange(6), 20).tolist(), replicates=400)
        hits += result.low <= 0.0 <= result.high
    assert 0.91 <= hits / trials <= 0.98


def test_an_interval_stays_within_its_limits() -> None:
    result = ratio_interval(np.array([9.0, 10.0, 10.0]), np.array([10.0, 10.0, 10.0]), limits=(0, 1))
    assert result.high <= 1.0 and result.low >= 0.0


def test_sums_over_kinds_of_utterances_are_distributed_as_those_of_utterances_drawn_one_by_one() -> None:
    """By the closed form of their mean and covariance, N times that of a draw; some kinds are common, some are rare."""
    edits, lengths = simulated(np.random.default_rng(9), MANY)
    edits[: MANY // 10] += 0.01 * np.arange(MANY // 10)  # every one a kind of its own
    values = np.stack([edits, lengths], 1)
    sums = np.concatenate(list(resampled(values, seed=1, replicates=4000)))
    assert sums.shape == (4000, 2)
    covariance = MANY * np.cov(values.T, bias=True)
    error = np.sqrt(np.diag(covariance) / 4000)
    assert (np.abs(sums.mean(0) - values.sum(0)) < 4 * error).all()
    assert np.cov(sums.T) == pytest.approx(covariance, rel=0.1)
    rng = np.random.default_rng(2)
    one_by_one = np.stack([values[rng.integers(0, MANY, MANY)].sum(0) for _ in range(1000)])
    assert stats.ks_2samp(sums[:, 0] / sums[:, 1], one_by_one[:, 0] / one_by_one[:, 1]).pvalue > 0.01


def test_many_utterances_of_one_word_have_the_interval_of_a_binomial() -> None:
    right = np.arange(100_000) < 30_000
    result = ratio_interval(right.astype(float), np.ones(100_000))
    low, high = stats.binom.ppf([0.025, 0.975], 100_000, 0.3) / 100_000
    assert (result.low, result.high) == pytest.approx((low, high), abs=0.0001)
