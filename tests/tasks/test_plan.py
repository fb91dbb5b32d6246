"""--plan counts the frames that a run will store, before anything is computed and without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit.core import plan
from toolkit.core.table import Stage, StepRun, Table
from toolkit.tasks import room

HOURS = 2.0
PER_STATE = 50 * 3600 * 2 / 1e6  # MB of an hour, a state and a unit of width
BASE = "model: {num_hidden_layers: 12, hidden_size: 768}\n"
TASKS = """
rows: [{rows}]
{more}
tasks:
  phone: {{type: frames, steps: 1, lr: [0.1]}}
  dialect: {{type: classify, label: utt2lang, steps: 1, lr: [0.1]}}
"""
FBANKS = 40 + 280


@pytest.fixture(autouse=True)
def disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(room, "free_mb", lambda folder: 1e6)
    plan.audio_hours.cache_clear()
    for name, hours in (("train", 1.5), ("dev", 0.25), ("test", 0.25)):
        Path("data", name).mkdir(parents=True)
        Path("data", name, "utt2dur").write_text(f"u {3600 * hours}\n")
    Path("base.yaml").write_text(BASE)


def frames(rows: str = "fbank, fbank_stacked, models", more: str = "", head: str = "", task: str = "") -> float:
    """MB that the plan adds to the step's 20 for a model that a stage will train."""
    Path("probe.yaml").write_text(head + TASKS.format(rows=rows, more=more) + task)
    pretrain = ["train.pretrain", "--config", "base.yaml", "--in", "data/train", "--out", "exp/it1/base"]
    probe = ["tasks.fit", "--config", "probe.yaml", "--in", "data", "exp/it1/base", "--out", "exp/probe"]
    stages = [Stage("base", "", [StepRun(pretrain)]), Stage("probe", "", [StepRun(probe)])]
    return plan.cost(Table([], stages, []), stages[1].runs[0]).scratch


def test_frames_of_base_size_are_3_6_gb_an_hour_told_by_the_config_of_the_training() -> None:
    assert frames("models") == pytest.approx(HOURS * 13 * 768 * PER_STATE) == pytest.approx(HOURS * 3594, rel=1e-3)
    assert frames() == pytest.approx(HOURS * (13 * 768 + FBANKS) * PER_STATE)
    assert frames("random, models") == pytest.approx(2 * frames("models"))


def test_a_model_that_is_there_tells_its_size_itself() -> None:
    Path("exp/it1/base/hf").mkdir(parents=True)
    Path("exp/it1/base/hf/config.json").write_text(json.dumps({"num_hidden_layers": 2, "hidden_size": 64}))
    assert frames("models") == pytest.approx(HOURS * 3 * 64 * PER_STATE)


def test_fewer_states_and_fewer_hours_take_less() -> None:
    assert frames("models", "cache_layers: [0, 12]") == pytest.approx(HOURS * 2 * 768 * PER_STATE)
    assert frames("models", "max_hours: 1") == pytest.approx((HOURS - 0.5) * 13 * 768 * PER_STATE)


def test_no_frames_are_counted_where_none_are_stored() -> None:
    assert frames(more="features: stream") == frames(rows="models", more="freeze: false") == 0


def test_rows_that_do_not_fit_together_are_counted_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "free_mb", lambda folder: 10_000.0)
    assert frames("random, models") == pytest.approx(8000)
    monkeypatch.setattr(room, "free_mb", lambda folder: 1000.0)
    assert frames() == pytest.approx(HOURS * FBANKS * PER_STATE)  # the network is streamed
    assert frames("models", "features: frames") > 1000  # which the plan then refuses


def test_the_words_of_a_comment_count_before_the_figure() -> None:
    assert frames(head="# disk: 10 MB per hour\n") == 20.0


def test_a_network_of_unknown_size_is_planned_as_one_of_base_size() -> None:
    Path("exp/it1").mkdir(parents=True)
    Path("probe.yaml").write_text(TASKS.format(rows="models", more=""))
    run = StepRun(["tasks.fit", "--config", "probe.yaml", "--in", "data", "owner/name", "--out", "exp/probe"])
    assert plan.cost(Table([], [Stage("probe", "", [run])], []), run).scratch == 3600 * HOURS


def test_planning_imports_no_torch() -> None:
    code = "import sys; from toolkit.tasks import room; from toolkit.core import plan; print('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True).stdout == "False\n"
