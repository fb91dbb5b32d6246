"""The benchmark's scores. Oracles: the scores that the papers print beside the figures, and scipy's ranks."""

import random
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import rankdata

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.results import Figure, Metric, System, TaskResult
from toolkit.core.schema import load
from toolkit.core.superb_results import SUPERB, SuperbResult
from toolkit.score.compare_probes import Compared, Scored
from toolkit.score.config import PublishedRow, SuperbConfig
from toolkit.score.superb import own_rows, published_rows
from toolkit.score.superb_scores import MEASURES, OF_SCORES, doubts, generalizability, overall, rankings

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / "egs/TEMPLATE/superb/conf/superb.yaml"


@pytest.fixture(scope="module")
def config() -> SuperbConfig:
    return load_config(SuperbConfig, CONFIG)


def test_the_figures_of_every_published_row_give_the_scores_that_were_printed(config: SuperbConfig) -> None:
    checked = 0
    for name, row in config.published.items():
        if row.overall is None or row.generalizability is None:
            continue
        assert overall(row.values) == pytest.approx(row.overall, abs=0.1), name
        assert generalizability(row.values) == pytest.approx(row.generalizability, abs=2), name
        checked += 1
    assert checked == 15


@pytest.mark.parametrize(
    ("name", "of_tasks", "of_leaderboard"),
    [("HuBERT base", 80.80, 941.0), ("STaR, 960 h", 79.54, 887.4), ("WavLM base", None, 1018.8), ("FBANK", None, 0)],
)
def test_scores_of_known_encoders(
    config: SuperbConfig, name: str, of_tasks: float | None, of_leaderboard: float
) -> None:
    values = config.published[name].values
    assert generalizability(values) == pytest.approx(of_leaderboard, abs=0.05)
    assert of_tasks is None or overall(values) == pytest.approx(of_tasks, abs=0.005)


def test_a_row_that_lacks_a_task_has_neither_score(config: SuperbConfig) -> None:
    whole = config.published["HuBERT base"].values
    for name in OF_SCORES:
        values = {n: v for n, v in whole.items() if n != name}
        assert overall(values) is None and generalizability(values) is None
    assert overall({n: v for n, v in whole.items() if n in OF_SCORES}) == overall(whole)  # SE has no part in it


def test_the_rank_of_a_row_is_its_mean_rank_over_the_tasks_as_scipy_ranks_them() -> None:
    rng = random.Random(3)
    rows = {f"r{i}": {name: rng.choice((1.0, 2.0, 3.0)) for name in OF_SCORES} for i in range(6)}  # with equals
    ranks = {name: rankdata([-MEASURES[name].goodness(row[name]) for row in rows.values()]) for name in OF_SCORES}
    tasks = [ranks[name] for name in OF_SCORES if not name.startswith("SF")]
    tasks.append((ranks["SF F1"] + ranks["SF CER"]) / 2)  # one task of two measures
    expected = dict(zip(rows, np.mean(tasks, axis=0), strict=True))
    assert rankings(rows) == pytest.approx(expected)
    assert sum(rankings(rows).values()) == pytest.approx(sum(range(1, 7)))


def test_a_row_that_lacks_a_task_is_not_ranked_and_changes_no_other_rank() -> None:
    rows = {"a": {"PR": 5.0, "KS": 90.0}, "b": {"PR": 6.0, "KS": 91.0}, "c": {"PR": 7.0, "KS": 80.0}}
    assert rankings(rows) == {"a": 1.5, "b": 1.5, "c": 3.0}
    assert rankings({**rows, "d": {"PR": 1.0}}) == rankings(rows)
    assert rankings({}) == {}


def test_figures_that_cannot_be_are_told_and_all_others_are_not(config: SuperbConfig) -> None:
    told = {row.system: row.doubts for row in published_rows(config) if row.doubts}
    assert told == {
        "STaR, the report's own run, 100 h": (
            "SD 4.54 is below its teacher's 5.88",
            "SE PESQ 2.05 is worse than that of filter banks, 2.55",
            "SE STOI 85.84 is worse than that of filter banks, 93.6",
        )
    }


def test_a_printed_score_that_the_figures_do_not_give_is_told(config: SuperbConfig) -> None:
    row = config.published["FitHuBERT"]
    assert doubts(replace(row, generalizability=695), None, None) == [
        "Generalizability is printed as 695; its figures give 685.3"
    ]
    assert doubts(replace(row, overall=74.7), None, None) == ["Overall is printed as 74.7; its figures give 74.5"]
    assert doubts(PublishedRow({"PR": 5.0}, overall=80.0), None, None) == []  # too few figures to hold it against


def compared(name: str, **tasks: tuple[Figure, ...]) -> Compared:
    results = {task: TaskResult(name, task, task, "classify", figures, "refs") for task, figures in tasks.items()}
    system = System(name, name, "trained")
    return Compared(system, {task: Scored(result, None, Path()) for task, result in results.items()})  # type: ignore[arg-type]


def figure(metric: str, value: float, better: str) -> Figure:
    return Figure(Metric(metric, "%", better), value, None, None, 9, "utterances", "utterance", 9)  # type: ignore[arg-type]


def test_the_config_says_which_task_and_which_figure_is_a_measure() -> None:
    asr = (figure("cer", 3.0, "low"), figure("wer", 8.0, "low"))
    systems = [
        compared("a", speech=asr, words=(figure("accuracy", 90.0, "high"),)),
        compared("b", speech=(figure("cer", 9.0, "low"), figure("wer", 7.0, "low"))),
    ]
    rows = own_rows(systems, SuperbConfig({"ASR": "speech wer", "KS": "words"}))
    assert [(row.system, row.values, row.ranking) for row in rows] == [
        ("a", {"ASR": 8.0, "KS": 90.0}, 1.0),
        ("b", {"ASR": 7.0}, None),  # it lacks KS
    ]
    rows = own_rows(systems, SuperbConfig({"ASR": "speech"}))
    assert [row.values for row in rows] == [{"ASR": 3.0}, {"ASR": 9.0}]


def test_a_system_of_the_run_has_its_size_as_published_rows_print_it() -> None:
    counted = compared("a", words=(figure("accuracy", 90.0, "high"),))
    system = replace(counted.system, parameters=94_371_712, macs_benchmark=1_669_156_022_848)
    banks = compared("fbank", words=(figure("accuracy", 50.0, "high"),))
    rows = own_rows([replace(counted, system=system), banks], SuperbConfig({"KS": "words"}))
    assert [(row.parameters, row.gmacs) for row in rows] == [
        (pytest.approx(94.371712), pytest.approx(1669.156022848)),
        (None, None),
    ]


@pytest.mark.parametrize(
    ("measures", "message"),
    [
        ({"ASR": "speech per"}, "task speech has no figure per"),
        ({"KS": "speech"}, "cer of task speech is better when smaller, KS is not"),
    ],
)
def test_a_measure_that_a_task_does_not_have_is_a_users_mistake(measures: dict[str, str], message: str) -> None:
    with pytest.raises(UserError, match=message):
        own_rows([compared("a", speech=(figure("cer", 3.0, "low"),))], SuperbConfig(measures))


@pytest.mark.parametrize(
    ("yaml", "message"),
    [
        ("measures: {KWS: ks}", "measures: no measure KWS; there are PR, ASR"),
        ("published: {A: {values: {WER: 5}}}", "published.A: no measure WER"),
        ("published: {A: {values: {PR: 5}, teacher: B}}", "published.A.teacher: there is no row B"),
    ],
)
def test_a_config_that_names_what_is_not_there_is_refused(tmp_path: Path, yaml: str, message: str) -> None:
    (tmp_path / "superb.yaml").write_text(yaml)
    with pytest.raises(UserError, match=message):
        load_config(SuperbConfig, tmp_path / "superb.yaml")


def test_the_step_scores_a_run_of_tasks(tmp_path: Path, nano: Path) -> None:
    (tmp_path / "superb.yaml").write_text(f"like: {CONFIG}\nmeasures: {{PR: null, ASR: asr wer, ER: emotion}}\n")
    words = ["--config", str(tmp_path / "superb.yaml"), "--in", str(nano / "exp/probe"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-m", "toolkit.score.superb", *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    made = load(SuperbResult, read_json(tmp_path / "out" / SUPERB), ValueError)
    assert made.measures == ("ASR", "ER") and made.protocol == "strict"
    for row in made.rows:
        result = read_json(nano / "exp/probe" / row.system / "emotion.json")
        assert row.values["ER"] == result["figures"][0]["value"] and row.overall is None
    assert sorted(row.ranking or 0 for row in made.rows)[0] >= 1 and len(made.published) == 16


def test_a_run_without_a_task_of_the_benchmark_is_a_users_mistake(tmp_path: Path, nano: Path) -> None:
    words = ["--in", str(nano / "exp/probe"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-m", "toolkit.score.superb", *words], capture_output=True, text=True)
    assert done.returncode == 1 and "no task of this run is one of the benchmark" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_run_of_other_tasks_alone_has_no_scores_and_goes_on(tmp_path: Path, nano: Path) -> None:
    (tmp_path / "superb.yaml").write_text("measures: {KS: keyword}\n")  # its corpus was not given
    words = ["--config", str(tmp_path / "superb.yaml"), "--in", str(nano / "exp/probe"), "--out", str(tmp_path / "out")]
    done = subprocess.run([sys.executable, "-m", "toolkit.score.superb", *words], capture_output=True, text=True)
    assert done.returncode == 0 and "there are no scores" in done.stdout, done.stderr
    made = load(SuperbResult, read_json(tmp_path / "out" / SUPERB), ValueError)
    assert made.measures == () and made.published_measures == ()
    assert all(row.values == {} and row.ranking is None for row in made.rows)
