"""Ways of distilling over tasks, speakers and seeds: against the bootstrap of one system, formulas, known truths."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import t as student

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.record import Ledger
from toolkit.core.results import Metric, System, TaskResult
from toolkit.core.schema import dump, read
from toolkit.core.seed import seed_of
from toolkit.core.ways_results import WAYS, WaysResult
from toolkit.score.compare_probes import Compared, Scored
from toolkit.score.config import ClaimConfig, WaysConfig
from toolkit.score.items import Items, difference, figure, write_items
from toolkit.score.ways import compare_ways

WER, ACCURACY = Metric("wer", "%", "low", "WER"), Metric("accuracy", "%", "high", "acc.")
SPEAKERS, EACH = 8, 5
IDS = [f"متحدث{i % SPEAKERS}-{i:02d}" for i in range(SPEAKERS * EACH)]


def items(metric: Metric, rates: np.ndarray) -> Items:
    """10 words (or answers) an utterance, of which a share, `rates` by utterance, are errors (or right)."""
    counts = np.stack([np.round(10 * rates), np.full(len(IDS), 10.0)], 1)
    speakers = [id.split("-")[0] for id in IDS]
    return Items(IDS, speakers, [f"مرجع {id}" for id in IDS], [""] * len(IDS), {metric.name: counts})


def system(name: str, share: float = 1.0, **tasks: Items) -> Compared:
    scored = {}
    for task, of_task in tasks.items():
        metric = {"wer": WER, "accuracy": ACCURACY}[next(iter(of_task.counts))]
        result = TaskResult(name, task, task.upper(), "ctc", (figure(metric, of_task),), of_task.digest)
        scored[task] = Scored(result, of_task, Path(name))
    return Compared(System(name, name, "trained", share=share), scored)


def rates(seed: int, level: float = 0.4) -> np.ndarray:
    """Speakers differ, and so do utterances."""
    random = np.random.default_rng(seed)
    of_speaker = random.uniform(-0.2, 0.2, SPEAKERS)
    return np.clip(level + np.tile(of_speaker, EACH) + random.uniform(-0.1, 0.1, len(IDS)), 0, 1)


def compared(*systems: Compared, **claims: ClaimConfig) -> WaysResult:
    return compare_ways(systems, WaysConfig(claims), Ledger("score.ways"))


def test_a_way_of_one_seed_has_the_figure_of_its_student() -> None:
    of_student = items(WER, rates(1))
    (way,) = compared(system("both.s1", asr=of_student)).ways
    assert (way.name, way.seeds, way.spread) == ("both", 1, {})
    expected = figure(WER, of_student, seed=seed_of(1, "asr"))
    got = way.figures["asr"]
    assert (got.value, got.low, got.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert way.mean is not None and way.mean.value == pytest.approx(100 - expected.value)


def test_seeds_add_students_t_as_a_square() -> None:
    base = rates(1, 0.5)
    shifts = (-0.1, 0.0, 0.1)  # the same speakers' spread in each, as every utterance is shifted alike
    students = [system(f"both.s{k}", asr=items(WER, np.round(base, 1) + shift)) for k, shift in enumerate(shifts, 1)]
    (way,) = compared(*students).ways
    alone = figure(WER, items(WER, np.round(base, 1)), seed=seed_of(1, "asr"))
    got = way.figures["asr"]
    t = student.ppf(0.975, 2) * 10 / np.sqrt(3)
    assert way.seeds == 3 and way.spread["asr"] == pytest.approx(10)
    assert got.value == pytest.approx(alone.value)
    assert alone.low is not None and alone.high is not None
    assert got.low == pytest.approx(max(0, got.value - np.hypot(got.value - alone.low, t)))
    assert got.high == pytest.approx(got.value + np.hypot(alone.high - got.value, t))


def test_a_direction_is_the_paired_difference_over_common_seeds() -> None:
    claim = ClaimConfig("both", "mse", "asr")
    students = [system("both.s1", asr=items(WER, rates(1))), system("both.s2", asr=items(WER, rates(2)))]
    rival = items(WER, rates(1, 0.6))
    (told,) = compared(*students, system("mse.s1", asr=rival), text=claim).directions
    expected = difference(WER, items(WER, rates(1)), rival, seed=seed_of(1, "asr"))
    assert told.difference is not None and told.seeds == 1
    ends = (told.difference.value, told.difference.low, told.difference.high)
    assert ends == pytest.approx((expected.value, expected.low, expected.high))
    assert told.outcome == "shown"
    (turned,) = compared(*students, system("mse.s1", asr=rival), text=ClaimConfig("mse", "both", "asr")).directions
    assert turned.outcome == "opposite"


def test_a_teacher_stands_against_each_seed() -> None:
    students = [system(f"both.s{k}", asr=items(WER, rates(1, 0.6 + k / 100))) for k in (1, 2, 3)]
    teacher = system("it2.L", asr=items(WER, rates(1, 0.3)))
    (told,) = compared(*students, teacher, text=ClaimConfig("it2.L", "both")).directions
    assert told.seeds == 3 and told.outcome == "shown"


@pytest.mark.parametrize(
    ("claim", "why"),
    [
        (ClaimConfig("both", "arm"), "no arm in this run"),
        (ClaimConfig("both", "mse", "pr"), "no task pr in this run"),
        (ClaimConfig("both", "units"), "no seed that both have, with every task"),
        (ClaimConfig(note="of two published rows"), "of two published rows"),
    ],
)
def test_what_cannot_be_told_says_why(claim: ClaimConfig, why: str) -> None:
    rows = [system(name, asr=items(WER, rates(k))) for k, name in enumerate(("both.s1", "mse.s1", "units.s4"))]
    (told,) = compared(*rows, text=claim).directions
    assert (told.outcome, told.why, told.difference) == ("not tested", why, None)


def test_equal_ways_are_not_shown() -> None:
    same = items(WER, rates(1))
    (told,) = compared(system("a.s1", asr=same), system("b.s1", asr=same), text=ClaimConfig("a", "b")).directions
    assert told.outcome == "not shown" and told.difference is not None and told.difference.value == 0


def test_means_and_ranks_over_tasks_turn_error_rates_round() -> None:
    good = system("good.s1", asr=items(WER, rates(1, 0.2)), ks=items(ACCURACY, rates(2, 0.8)))
    poor = system("poor.s1", asr=items(WER, rates(1, 0.6)), ks=items(ACCURACY, rates(2, 0.5)))
    early = system("good.s1.at10", 0.1, asr=items(WER, rates(1, 0.7)), ks=items(ACCURACY, rates(2, 0.3)))
    half = system("half.s1", asr=items(WER, rates(5)))
    ways = {way.name: way for way in compared(good, early, poor, half).ways}
    assert [*ways] == ["good", "poor", "half", "good at 10 %"]
    assert (ways["good"].ranking, ways["poor"].ranking, ways["good at 10 %"].ranking) == (1, 2, None)
    assert ways["half"].mean is None and ways["half"].ranking is None and ways["good at 10 %"].share == 0.1
    figures = ways["good"].figures
    assert ways["good"].mean is not None
    assert ways["good"].mean.value == pytest.approx((100 - figures["asr"].value + figures["ks"].value) / 2)


def test_systems_under_other_conditions_are_told_apart_and_in_the_ledger() -> None:
    first, second = system("a.s1", asr=items(WER, rates(1))), system("b.s1", asr=items(WER, rates(2)))
    result = replace(second.tasks["asr"].result, conditions={"tokens": 3})
    second = replace(second, tasks={"asr": replace(second.tasks["asr"], result=result)})
    ledger = Ledger("score.ways")
    told = compare_ways([first, second], WaysConfig(), ledger)
    assert {way.name: list(way.figures) for way in told.ways} == {"a": ["asr"], "b": []}
    assert ledger.reasons() == {"other conditions than the first system": 1} and ledger.rows[0][0] == "b.s1"


def test_without_a_trained_system_there_is_nothing_to_compare() -> None:
    banks = system("fbank", asr=items(WER, rates(1)))
    banks = replace(banks, system=replace(banks.system, arm="features"))
    with pytest.raises(UserError, match="no trained system"):
        compared(banks)


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Seeds and speakers with known spreads: of 95 % intervals about 95 of 100 hold the mean of all."""
    random, inside = np.random.default_rng(7), 0
    for _ in range(120):
        of_speaker = np.tile(random.normal(0, 0.08, SPEAKERS), EACH)
        students = []
        for seed in (1, 2, 3):
            shares = 0.5 + of_speaker + random.normal(0, 0.04) + random.normal(0, 0.03, len(IDS))
            exact = items(WER, np.clip(shares, 0, 1))
            exact.counts["wer"][:, 0] = 10 * np.clip(shares, 0, 1)
            students.append(system(f"both.s{seed}", asr=exact))
        got = compared(*students).ways[0].figures["asr"]
        assert got.low is not None and got.high is not None
        inside += got.low <= 50 <= got.high
    assert 0.90 <= inside / 120 <= 1.0


def test_the_command_reads_folders_and_writes_what_the_report_reads(tmp_path: Path) -> None:
    for compared_system in (system("both.s1", asr=items(WER, rates(1))), system("mse.s1", asr=items(WER, rates(2)))):
        folder = tmp_path / "tasks" / compared_system.system.name
        scored = compared_system.tasks["asr"]
        write_json(folder / "row.json", dump(compared_system.system))
        write_json(folder / "asr.json", dump(scored.result))
        write_items(folder / "asr.items.tsv", scored.items)
    (tmp_path / "ways.yaml").write_text("claims:\n  both is better: {better: both, worse: mse, printed: 2.2 and 2.7}\n")
    words = ["--config", "ways.yaml", "--in", "tasks", "--out", "ways"]
    command = [sys.executable, "-m", "toolkit.score.ways", *words]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    result = read(WaysResult, tmp_path / "ways" / WAYS, lambda path, why: UserError(why))
    assert [way.name for way in result.ways] == ["both", "mse"] and result.directions[0].printed == "2.2 and 2.7"
    (tmp_path / "ways.yaml").write_text("claims:\n  both is better: {better: both}\n")
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "name both `better` and `worse`" in done.stdout + done.stderr
