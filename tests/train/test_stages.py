"""Schedules: samplers one after another."""

from collections import Counter

import numpy as np
import pytest

from toolkit.core.errors import UserError
from toolkit.train.samplers.base import Sampler
from toolkit.train.samplers.buckets import Buckets
from toolkit.train.samplers.quota import Quota
from toolkit.train.samplers.stages import Stages

GROUPS = ["asr"] * 300 + ["dialect"] * 40


def only(task: str, seed: int = 1) -> Quota:
    return Quota(GROUPS, {"asr": float(task == "asr"), "dialect": float(task == "dialect")}, 4, 2, seed)


def both(seed: int = 1) -> Quota:
    return Quota(GROUPS, {"asr": 0.5, "dialect": 0.5}, 4, 2, seed)


def test_a_step_is_that_of_its_stage_counted_from_the_stages_beginning() -> None:
    parts: list[tuple[int, Sampler]] = [(5, only("asr")), (3, only("dialect")), (7, both(2))]
    stages, step = Stages(parts), 0
    assert stages.steps == 15
    for steps, sampler in parts:
        for local in range(steps):
            for number in (0, 1):
                draw, expected = stages.micro(step, number), sampler.micro(local, number)
                assert draw.group == expected.group and np.array_equal(draw.items, expected.items)
            step += 1


def test_a_last_stage_may_have_no_end_and_stages_may_hold_stages() -> None:
    inner = Stages([(2, only("asr")), (None, only("dialect"))])
    stages = Stages([(1, both()), (None, inner)])
    assert stages.steps is None
    assert [stages.micro(step, 0).group for step in (1, 2, 3, 10**6)] == ["asr", "asr", "dialect", "dialect"]
    assert np.array_equal(stages.micro(10**6, 1).items, only("dialect").micro(10**6 - 3, 1).items)


@pytest.mark.parametrize("step", [0, 3, 5, 6, 15])
def test_coverage_adds_up_over_stages(step: int) -> None:
    stages = Stages([(5, only("asr")), (10, both(2))])
    times: dict[str, Counter[int]] = {"asr": Counter(), "dialect": Counter()}
    for s in range(step):
        for number in (0, 1):
            draw = stages.micro(s, number)
            times[draw.group].update(draw.items.tolist())
    coverage = stages.coverage(step)
    for group, tally in coverage.tallies.items():
        assert dict(zip(tally.items.tolist(), tally.times.tolist())) == times[group]
        assert coverage.repeats[group] == times[group].total() - len(times[group])
    assert sum(coverage.cost.values()) == 8 * step


def test_a_stage_goes_on_with_the_streams_of_the_one_before() -> None:
    first = only("asr")
    second = Quota(GROUPS, {"asr": 0.5, "dialect": 0.5}, 4, 2, 1, first=first.drawn(20))
    stages = Stages([(20, first), (None, second)])
    times: Counter[int] = Counter()
    for step in range(120):
        times.update(int(item) for number in (0, 1) for item in stages.micro(step, number).items)
    for group in ("asr", "dialect"):
        counts = [times[i] for i, name in enumerate(GROUPS) if name == group]
        assert max(counts) - min(counts) <= 1
    assert second.drawn(0) == {"asr": 160, "dialect": 0}


def test_samplers_of_speech_can_be_staged() -> None:
    one, two = (Buckets(np.full(64, 250, np.int64), (2.0,), 8.0, 2, seed) for seed in (1, 2))
    stages = Stages([(3, one), (None, two)])
    assert np.array_equal(stages.micro(4, 1).items, two.micro(1, 1).items)
    assert stages.coverage(5).cost[""] == pytest.approx(5 * one.seconds)


@pytest.mark.parametrize(
    "stages, message",
    [
        ([], "no stages"),
        ([(5, only("asr")), (0, both())], "stage 2 has 0 steps"),
        ([(-1, only("asr")), (None, both())], "stage 1 has -1 steps"),
        ([(None, only("asr")), (5, both())], "without end before the last"),
    ],
)
def test_schedules_that_cannot_be_are_refused(stages: list[tuple[int | None, Sampler]], message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        Stages(stages, "data.schedule")
    assert error.value.where == "data.schedule" and error.value.remedy


def test_a_step_behind_the_last_stage_is_refused() -> None:
    stages = Stages([(5, only("asr")), (3, both())])
    stages.micro(7, 1), stages.coverage(8)
    for ask in (lambda: stages.micro(8, 0), lambda: stages.coverage(9)):
        with pytest.raises(UserError, match="step 9 of a schedule of 8 steps"):
            ask()
