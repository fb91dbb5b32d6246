"""The quota sampler on items without lengths: the four tasks of an audio LLM."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.train.samplers.base import Coverage, Draw
from toolkit.train.samplers.quota import Quota

TASKS = {"asr": 20_000, "summary": 2_000, "dialect": 500, "emotion": 60}
GROUPS = [task for task, count in TASKS.items() for _ in range(count)]
EVEN = dict.fromkeys(TASKS, 0.25)


def draws(quota: Quota, steps: range, micro_batches: int) -> list[Draw]:
    return [quota.micro(step, number) for step in steps for number in range(micro_batches)]


@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_four_tasks_of_equal_share_take_turns_and_each_micro_batch_is_of_one(micro_batches: int) -> None:
    quota = Quota(GROUPS, EVEN, 8, micro_batches, 1)
    drawn = draws(quota, range(400 // micro_batches), micro_batches)
    for draw in drawn:
        assert len(draw.items) == 8 and {GROUPS[item] for item in draw.items} == {draw.group}
    for first in range(0, len(drawn), 4):
        assert {draw.group for draw in drawn[first : first + 4]} == set(TASKS)


@pytest.mark.parametrize("micro_batches", [1, 2, 4])
def test_every_item_of_a_task_is_drawn_equally_often_up_to_one(micro_batches: int) -> None:
    quota = Quota(GROUPS, EVEN, 8, micro_batches, 1)
    times = Counter(int(i) for draw in draws(quota, range(4000 // micro_batches), micro_batches) for i in draw.items)
    for task, count in TASKS.items():
        counts = [times[i] for i, group in enumerate(GROUPS) if group == task]
        assert max(counts) - min(counts) <= 1
        assert sum(counts) / count == pytest.approx(8000 / count, rel=0.01)  # a quarter of 4000 micro-batches of 8


corpora = st.lists(st.sampled_from("abcde"), min_size=20, max_size=120)
named = st.sampled_from([{"a": 0.5}, {"a": 0.25, "b": 0.6}, {"c": 0.07}, {"a": 0.2, "b": 0.3, "c": 0.1}, {}])


@given(corpora, named, st.integers(1, 5), st.integers(1, 3))
@settings(max_examples=60)
def test_at_every_step_the_shares_hold_to_within_two_micro_batches_or_are_refused(
    groups: list[str], shares: dict[str, float], size: int, micro_batches: int
) -> None:
    try:
        quota = Quota(groups, shares, size, micro_batches, 1)
    except UserError as error:
        assert error.where and error.remedy
        return
    left, rest = 1 - sum(shares.values()), [group for group in groups if group not in shares]
    expected = {g: shares.get(g, left * n / max(len(rest), 1)) for g, n in Counter(groups).items()}
    counts: Counter[str] = Counter()
    for step in range(100):
        counts.update(quota.micro(step, number).group for number in range(micro_batches))
        for group, share in expected.items():
            assert abs(counts[group] - share * (step + 1) * micro_batches) < 2
    assert quota.shares == pytest.approx(expected)


def test_shares_of_a_cost_count_the_cost_and_sizes_may_differ_by_group() -> None:
    random = np.random.default_rng(0)
    cost = np.where([group == "summary" for group in GROUPS], 60.0, 5.0) * random.uniform(0.5, 1.5, len(GROUPS))
    sizes = {"asr": 16, "summary": 2, "dialect": 16, "emotion": 16}
    quota = Quota(GROUPS, EVEN, sizes, 4, 1, cost=cost)
    spent: Counter[str] = Counter()
    for draw in draws(quota, range(5000), 4):
        assert len(draw.items) == sizes[draw.group]
        spent[draw.group] += float(cost[draw.items].sum())
    assert {task: spent[task] / sum(spent.values()) for task in TASKS} == pytest.approx(EVEN, rel=0.01)


def test_any_step_is_the_same_alone_in_any_order_and_from_many_threads() -> None:
    steps = [0, 1, 7, 400_000, 399_999, 3, 10**9]
    keys = [(step, number) for step in steps for number in range(4)] * 3
    forward = {key: Quota(GROUPS, EVEN, 8, 4, 1).micro(*key).items.tolist() for key in keys[: len(keys) // 3]}
    shared = Quota(GROUPS, EVEN, 8, 4, 1)
    with ThreadPoolExecutor(8) as pool:
        threaded = pool.map(lambda key: shared.micro(*key).items.tolist(), reversed(keys))
        assert list(threaded) == [forward[key] for key in reversed(keys)]


def test_a_run_that_resumes_draws_what_an_uninterrupted_one_does() -> None:
    whole = [draw.items.tolist() for draw in draws(Quota(GROUPS, EVEN, 8, 2, 1), range(200), 2)]
    resumed = [draw.items.tolist() for draw in draws(Quota(GROUPS, EVEN, 8, 2, 1), range(77, 200), 2)]
    assert whole[2 * 77 :] == resumed


def test_another_seed_draws_other_items_of_the_same_groups() -> None:
    one, two = (draws(Quota(GROUPS, EVEN, 8, 4, seed), range(20), 4) for seed in (1, 2))
    assert [draw.group for draw in one] == [draw.group for draw in two]
    assert not any(np.array_equal(a.items, b.items) for a, b in zip(one, two))


def counted(drawn: list[Draw]) -> dict[str, Counter[int]]:
    counts: dict[str, Counter[int]] = {}
    for draw in drawn:
        counts.setdefault(draw.group, Counter()).update(draw.items.tolist())
    return counts


def same(coverage: Coverage, counts: dict[str, Counter[int]]) -> bool:
    tallies = {g: dict(zip(t.items.tolist(), t.times.tolist())) for g, t in coverage.tallies.items() if len(t.items)}
    return tallies == counts


@pytest.mark.parametrize("step", [0, 1, 13, 700])
def test_coverage_is_what_counting_the_draws_gives(step: int) -> None:
    quota = Quota(GROUPS, {"asr": 0.4, "emotion": 0.1}, 8, 2, 1)
    drawn = draws(quota, range(step), 2)
    coverage, counts = quota.coverage(step), counted(drawn)
    assert same(coverage, counts)
    for task in TASKS:
        times = counts.get(task, Counter())
        assert coverage.distinct[task] == len(times)
        assert coverage.repeats[task] == times.total() - len(times)
        assert coverage.shares[task] == (times.total() / (16 * step) if step else 0.0)


def test_coverages_add_up_and_coverage_of_draws_counts_them() -> None:
    one = Coverage.of({"a": np.array([3, 1, 3])})
    both = one + Coverage.of({"b": np.array([9]), "a": np.array([1, 2])}, {"a": 20.0, "b": 1.0})
    assert both.tallies["a"].items.tolist() == [1, 2, 3] and both.tallies["a"].times.tolist() == [2, 1, 2]
    assert both.distinct == {"a": 3, "b": 1} and both.repeats == {"a": 2, "b": 0}
    assert both.cost == {"a": 23.0, "b": 1.0} and both.shares["b"] == 1 / 24


def test_a_share_of_zero_leaves_a_group_out() -> None:
    quota = Quota(GROUPS, {"asr": 1.0, "summary": 0.0, "dialect": 0.0, "emotion": 0.0}, 8, 2, 1)
    assert {draw.group for draw in draws(quota, range(100), 2)} == {"asr"}
    assert quota.coverage(100).distinct == {"asr": 1600}


@pytest.mark.parametrize(
    "shares, message",
    [
        ({"asr": 0.5, "translation": 0.5}, "no item is of group translation"),
        ({"asr": 0.5, "summary": 0.5}, "mix.shares leave nothing to dialect, emotion"),
        (dict.fromkeys(TASKS, 0.2), "mix.shares add up to 0.8, and there is no other group"),
        ({"asr": 0.9, "summary": 0.9}, "mix.shares add up to 1.8"),
        ({"asr": -0.1}, "mix.shares give asr a share that is not 0 to 1"),
        ({"asr": float("nan")}, "give asr a share that is not 0 to 1"),
    ],
)
def test_shares_that_cannot_be_met_are_refused(shares: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        Quota(GROUPS, shares, 8, 2, 1, field="mix.shares")
    assert error.value.where == "mix.shares" and "emotion (60)" in error.value.remedy


@pytest.mark.parametrize("size, micro_batches, cost", [(0, 2, 1.0), (8, 0, 1.0), (8, 2, 0.0), (8, 2, float("nan"))])
def test_sizes_and_costs_must_be_above_zero(size: int, micro_batches: int, cost: float) -> None:
    with pytest.raises(ValueError, match="must be above 0"):
        Quota(["a", "b"], {"a": 0.5}, size, micro_batches, 1, cost=[cost, cost])


def test_a_micro_batch_that_a_step_does_not_have_is_an_error() -> None:
    with pytest.raises(IndexError):
        Quota(GROUPS, EVEN, 8, 2, 1).micro(0, 2)
