"""Measures of ways that are no plain figure, by hand: how early, what is gained late, mean ranks."""

import numpy as np
import pytest
from scipy.stats import t

from toolkit.core.results import Metric
from toolkit.score.config import ClaimConfig
from toolkit.score.way_measures import measured
from toolkit.score.ways import Comparison, Drawn, Group

F1, WER = Metric("f1", "%", "high"), Metric("wer", "%", "low")
# way -> seed -> figure at 25, 50, 75 and 100 % of the steps
CURVES = {
    "uniform": {"1": (0.2, 0.4, 0.5, 0.6), "2": (0.1, 0.3, 0.5, 0.5)},
    "ads": {"1": (0.5, 0.6, 0.6, 0.5), "2": (0.2, 0.6, 0.5, 0.6)},
}
BASE = 0.0


def drawn(curves: dict = CURVES, metric: Metric = F1, base: float = BASE, noise: float = 0.0) -> Drawn:
    """`noise`: standard deviation of the replicas, which are else the value itself."""
    value = {"base": base}
    for way, seeds in curves.items():
        for seed, values in seeds.items():
            value |= {f"{way}.s{seed}.at{p}": v for p, v in zip((25, 50, 75), values)}
            value[f"{way}.s{seed}"] = values[3]
    random = np.random.default_rng(0)
    replicas = {name: v + noise * random.standard_normal(2000) for name, v in value.items()}
    return Drawn(metric, value, replicas, "speaker", 40, 100)


def comparison(*tasks: Drawn) -> Comparison:
    groups = [Group("base", 1.0, {"": "base"})]
    for way, seeds in CURVES.items():
        for share in (0.25, 0.5, 0.75, 1.0):
            name = way if share == 1 else f"{way} at {100 * share:g} %"
            ending = "" if share == 1 else f".at{100 * share:g}"
            groups.append(Group(name, share, {seed: f"{way}.s{seed}{ending}" for seed in seeds}))
    return Comparison(groups, {str(i): task for i, task in enumerate(tasks)}, tasks[0], {})


def claim(measure: str, better: str = "ads", worse: str = "uniform", at: float = 50.0) -> ClaimConfig:
    return ClaimConfig(better=better, worse=worse, measure=measure, at=at)


def test_how_early_is_where_the_line_between_two_scores_crosses() -> None:
    """Seed 1: ads has uniform's 0.4 at 20 % (0.5 at 25 %, 0 at 0 %). Seed 2: 0.3 at 31.25 %."""
    task = drawn()
    figure, reason = measured(comparison(task), [task], claim("until"))
    assert reason == "" and figure is not None
    assert figure.value == pytest.approx(((50 - 20) + (50 - 31.25)) / 2) and figure.metric.unit == "% of the steps"


def test_one_that_is_never_as_good_counts_as_at_the_end() -> None:
    task = drawn({**CURVES, "ads": {"1": (0.1, 0.1, 0.2, 0.3), "2": (0.1, 0.1, 0.1, 0.3)}})
    figure, _ = measured(comparison(task), [task], claim("until"))
    assert figure is not None and figure.value == pytest.approx(((50 - 100) + (50 - 100)) / 2)


def test_of_an_error_rate_less_is_better() -> None:
    curves = {way: {s: tuple(1 - v for v in values) for s, values in seeds.items()} for way, seeds in CURVES.items()}
    task = drawn(curves, WER, base=1.0)
    for name in ("until", "change", "rank"):
        figure, _ = measured(comparison(task), [task], claim(name))
        wanted, _ = measured(comparison(drawn()), [drawn()], claim(name))
        assert figure is not None and wanted is not None and figure.value == pytest.approx(wanted.value)


def test_what_is_gained_late_is_paired_by_seed() -> None:
    task = drawn()
    figure, _ = measured(comparison(task), [task], claim("change", "uniform", "ads"))
    gains = [(0.6 - 0.4) - (0.5 - 0.6), (0.5 - 0.3) - (0.6 - 0.6)]
    assert figure is not None and figure.value == pytest.approx(100 * np.mean(gains))


def test_ranks_are_means_over_the_tasks_of_one_seed() -> None:
    first, second = drawn(), drawn({**CURVES, "ads": {"1": (0, 0, 0, 0.7), "2": (0, 0, 0, 0.1)}})
    figure, _ = measured(comparison(first, second), [first, second], claim("rank"))
    # Seed 1: uniform first of two in the first task, ads in the second. Seed 2: the other way round.
    assert figure is not None and figure.value == pytest.approx(0) and figure.metric.unit == "ranks"


def test_the_interval_adds_speakers_and_seeds_as_squares() -> None:
    task = drawn(noise=0.01)
    figure, _ = measured(comparison(task), [task], claim("change", "uniform", "ads"))
    assert figure is not None and figure.low is not None and figure.high is not None
    gains = 100 * np.array([0.3, 0.2])
    of_seeds = t.ppf(0.975, 1) * gains.std(ddof=1) / np.sqrt(2)
    of_speakers = 1.96 * 100 * 0.01 * 2 / np.sqrt(2)  # four figures of each of two seeds
    assert (figure.high - figure.low) / 2 == pytest.approx(np.hypot(of_seeds, of_speakers), rel=0.05)


@pytest.mark.parametrize(
    ("better", "at", "reason"),
    [("ads", 40.0, "no uniform at 40 % with seed 1 in this run"), ("base", 50.0, "the two have no seed in common")],
)
def test_what_cannot_be_told_says_why(better: str, at: float, reason: str) -> None:
    task = drawn()
    assert measured(comparison(task), [task], claim("until", better, at=at)) == (None, reason)
