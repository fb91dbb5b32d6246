"""Tasks, rates and folders that a probe step cannot use: what is left out and said, and what ends it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tones import CONFIG, TASKS, results, task_of

from toolkit.core.errors import UserError
from toolkit.core.step import Step
from toolkit.tasks import fit
from toolkit.tasks.task_config import TaskConfig, TaskSets


@pytest.mark.parametrize(
    ("task", "message"),
    [
        (task_of("frames", sets=TaskSets(test="tset")), "no data directory tset"),
        (task_of("classify", label="utt2lang", exclude=("R",)), "at least two labels"),
    ],
)
def test_a_task_that_the_data_cannot_serve_is_a_users_mistake(
    task: TaskConfig, message: str, run: Callable[..., Path]
) -> None:
    with pytest.raises(UserError, match=message):
        run(replace(CONFIG, tasks={"phone": task}, rows=("fbank",)))


def test_a_task_of_which_no_set_has_labels_is_left_out_and_said(run: Callable[..., Path], capsys: Any) -> None:
    without = task_of("classify", label="utt2emotion")
    out = run(replace(CONFIG, tasks={"emotion": without}, rows=("fbank",)))
    assert "emotion is left out: no set has utt2emotion" in capsys.readouterr().out
    assert (out / "fbank/cost.json").is_file() and not (out / "fbank/emotion.json").exists()


def test_a_task_with_too_few_labels_is_left_out_and_the_others_are_done(run: Callable[..., Path], capsys: Any) -> None:
    one = replace(TASKS["dialect"], exclude=("R",), sets=TaskSets(dev="test"))
    out = run(replace(CONFIG, tasks={"one": one, "dialect": TASKS["dialect"]}, rows=("fbank", "fbank_stacked")))
    why = "it needs at least two labels in training and has 1: Q"
    assert f"one is left out: {why}\n" in capsys.readouterr().out
    assert ("one", "", "task left out", why) in run.step.ledger.rows  # type: ignore[attr-defined]
    for row in ("fbank", "fbank_stacked"):
        assert (out / row / "dialect.json").is_file() and not (out / row / "one.json").exists()


def test_a_rate_that_diverges_is_left_out_and_told_in_the_result(run: Callable[..., Path], capsys: Any) -> None:
    tasks = {name: replace(task, lr=(1e-2, 1e300)) for name, task in TASKS.items()}
    out = run(replace(CONFIG, tasks=tasks, rows=("fbank",)))
    assert capsys.readouterr().out.count("lr 1e+300 is left out") == len(TASKS)
    for name in TASKS:
        chosen = results(out, "fbank", name).chosen
        assert (chosen.lr, chosen.diverged, chosen.tried) == (1e-2, (1e300,), 2)
        assert list(chosen.dev) == ["0.01"]


def test_a_folder_without_a_model_is_a_users_mistake(corpus: Path, tmp_path: Path) -> None:
    step = Step(replace(CONFIG, rows=("models",)), [corpus / "data", corpus / "audio"], tmp_path, ["tasks.fit"])
    with pytest.raises(UserError):
        fit.run(step)
