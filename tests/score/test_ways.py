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
NAMES = [f"متحدث{k}" for k in range(SPEAKERS)]
SEED = seed_of(1, *NAMES)  # of the draws of these speakers
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
    expected = figure(WER, of_student, seed=SEED)
    got = way.figures["asr"]
    assert (got.value, got.low, got.high) == pytest.approx((expected.value, expected.low, expected.high))
    assert way.mean is not None and way.mean.value == pytest.approx(100 - expected.value)


def test_seeds_add_students_t_as_a_square() -> None:
    base = rates(1, 0.5)
    shifts = (-0.1, 0.0, 0.1)  # the same speakers' spread in each, as every utterance is shifted alike
    students = [system(f"both.s{k}", asr=items(WER, np.round(base, 1) + shift)) for k, shift in enumerate(shifts, 1)]
    (way,) = compared(*students).ways
    alone = figure(WER, items(WER, np.round(base, 1)), seed=SEED)
    got = way.figures["asr"]
    t = student.ppf(0.975, 2) * 10 / np.sqrt(3)
    assert way.seeds == 3 and way.spread["asr"] == pytest.approx(10)
    assert got.value == pytest.approx(alone.value)
    assert alone.low is not None and alone.high is not None
    assert got.low == pytest.approx(max(0, got.value - np.hypot(got.value - alone.low, t)))
    assert got.high == pytest.approx(got.value + np.hypot(alone.high - got.value, t))


def test_the_variance_of_seeds_is_pooled_and_one_seed_has_its_part() -> None:
    base = np.round(rates(1, 0.5), 1)
    students = [system(f"both.s{k}", asr=items(WER, base + shift)) for k, shift in enumerate((-0.1, 0.0, 0.1), 1)]
    students += [system(f"mse.s{k}", asr=items(WER, base + shift)) for k, shift in enumerate((0.0, 0.1), 1)]
    alone = system("arm.s1", asr=items(WER, base))
    claim = ClaimConfig("both", "arm", "asr")
    result = compared(*students, alone, text=claim)
    pooled = np.sqrt((2 * 10**2 + 1 * 50) / 3)  # in points: of three seeds, of two
    t = student.ppf(0.975, 3) * pooled
    got = {way.name: way for way in result.ways}["arm"].figures["asr"]
    speakers = figure(WER, items(WER, base), seed=SEED)
    assert speakers.low is not None and speakers.high is not None
    assert got.high == pytest.approx(got.value + np.hypot(speakers.high - got.value, t))
    told = result.directions[0]
    assert told.difference is not None and told.seeds == (3, 1) and not told.alone
    assert told.difference.value == pytest.approx(0, abs=1e-9) and told.outcome == "not shown"


def test_a_direction_of_single_seeds_is_the_paired_difference() -> None:
    claim = ClaimConfig("both", "mse", "asr")
    one, rival = items(WER, rates(1)), items(WER, rates(1, 0.6))
    (told,) = compared(system("both.s1", asr=one), system("mse.s1", asr=rival), text=claim).directions
    expected = difference(WER, one, rival, seed=SEED)
    assert told.difference is not None and told.alone
    ends = (told.difference.value, told.difference.low, told.difference.high)
    assert ends == pytest.approx((expected.value, expected.low, expected.high))
    assert told.outcome == "shown"
    turned = ClaimConfig("mse", "both", "asr")
    (told,) = compared(system("both.s1", asr=one), system("mse.s1", asr=rival), text=turned).directions
    assert told.outcome == "opposite"


def test_a_teacher_has_no_seeds() -> None:
    students = [system(f"both.s{k}", asr=items(WER, rates(1, 0.6 + k / 100))) for k in (1, 2, 3)]
    teacher = items(WER, rates(1, 0.3))
    result = compared(*students, system("it2.L", asr=teacher), text=ClaimConfig("it2.L", "both"))
    (told,) = result.directions
    assert told.seeds == (1, 3) and told.outcome == "shown"
    got = {way.name: way for way in result.ways}["it2.L"].figures["asr"]
    expected = figure(WER, teacher, seed=SEED)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))


def test_tasks_of_the_same_speakers_get_the_same_draws() -> None:
    """Of one task twice, the mean is as uncertain as the task; of draws apart it would seem more certain by √2."""
    of_student = items(WER, rates(1))
    once, twice = compared(system("a.s1", asr=of_student)), compared(system("a.s1", asr=of_student, pr=of_student))
    assert once.ways[0].mean is not None and twice.ways[0].mean is not None
    first, second = once.ways[0].mean, twice.ways[0].mean
    assert (second.value, second.low, second.high) == pytest.approx((first.value, first.low, first.high))


@pytest.mark.parametrize("wrong", [0, 4])
def test_a_way_stays_within_what_its_metric_can_be(wrong: int) -> None:
    of_student = items(ACCURACY, np.ones(len(IDS)))
    of_student.counts["accuracy"][0, 0] -= wrong
    got = compared(system("a.s1", ks=of_student)).ways[0].figures["ks"]
    expected = figure(ACCURACY, of_student, seed=SEED)
    assert (got.low, got.high) == pytest.approx((expected.low, expected.high))
    assert got.agreeing == expected.agreeing == (wrong == 0)
    assert got.high is not None and got.high <= 100


@pytest.mark.parametrize(
    ("claim", "note"),
    [
        (ClaimConfig("both", "arm"), "no arm in this run"),
        (ClaimConfig("both", "mse", "pr"), "no task pr in this run"),
        (ClaimConfig("both", "units"), "a student lacks a task"),
        (ClaimConfig(note="of two published rows"), "of two published rows"),
    ],
)
def test_what_cannot_be_told_says_why(claim: ClaimConfig, note: str) -> None:
    rows = [
        system(name, asr=items(WER, rates(k)), ks=items(WER, rates(k))) for k, name in enumerate(("both.s1", "mse.s1"))
    ]
    rows.append(system("units.s4", asr=items(WER, rates(3))))
    (told,) = compared(*rows, text=claim).directions
    assert (told.outcome, told.note, told.difference) == ("not tested", note, None)


def test_equal_ways_are_not_shown() -> None:
    same = items(WER, rates(1))
    (told,) = compared(system("a.s1", asr=same), system("b.s1", asr=same), text=ClaimConfig("a", "b")).directions
    assert told.outcome == "not shown" and told.difference is not None and told.difference.value == 0


def test_means_and_ranks_over_tasks_turn_error_rates_round() -> None:
    good = system("good.s1", asr=items(WER, rates(1, 0.2)), ks=items(ACCURACY, rates(2, 0.8)))
    poor = system("poor.s1", asr=items(WER, rates(1, 0.6)), ks=items(ACCURACY, rates(2, 0.5)))
    early = system("good.s1.at10", 1.0, asr=items(WER, rates(1, 0.7)), ks=items(ACCURACY, rates(2, 0.3)))
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
