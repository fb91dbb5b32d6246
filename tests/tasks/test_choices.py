"""Which learning rate a task is scored with: the best on dev, and nothing of test has a say."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from tones import task_of

from toolkit.core.errors import UserError
from toolkit.tasks.base import Fitted, TaskData
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Source
from toolkit.tasks.task_config import task_type
from toolkit.tasks.unit import Fit
from toolkit.train.engine.loop import Diverged, Trained

CPU = torch.device("cpu")
LAST = Trained(1, 0, {}, {}, {})  # a training whose last step counts


def _objective(lr: float) -> Any:
    head = SimpleNamespace(mix=SimpleNamespace(shares_L=torch.ones(1)))
    return SimpleNamespace(lr=lr, head=head, state_dict=dict)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """(part, rate) of all predictions that are asked for; a "prediction" is its rate."""
    made: list[tuple[str, float]] = []

    def predict(self: Fit, objective: Any, part: str) -> float:
        made.append((part, objective.lr))
        return float(objective.lr)

    monkeypatch.setattr(Fit, "_train", lambda self, lr, folder: (_objective(lr), LAST))
    monkeypatch.setattr(Fit, "predict", predict)
    return made


def fitted(kind: Any, figures: dict[float, float], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Fitted:
    """A task whose rates have these figures on dev."""
    monkeypatch.setattr(
        task_type(kind).__class__, "figure", lambda self, data, examples, prediction: figures[prediction]
    )
    task = task_of(kind, steps=1, lr=tuple(figures), label="utt2lang" if kind == "classify" else "")
    data = TaskData("task", task, {"train": [], "dev": [], "test": []}, ["a", "b"], 2)
    return Fit(TasksConfig(tasks={"task": task}), data, Source({}), folder, "row task", CPU).run()


@pytest.mark.parametrize(("kind", "best"), [("ctc", 0.1), ("frames", 1.0), ("classify", 1.0)])
def test_the_lowest_error_rate_or_the_highest_accuracy_on_dev_wins_and_test_is_seen_once(
    kind: str, best: float, asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figures = {1.0: 40.0, 0.1: 20.0, 0.01: 30.0}
    result = fitted(kind, figures, tmp_path, monkeypatch)
    assert (result.lr, result.dev, result.predictions) == (best, figures, best)
    assert asked == [("dev", 1.0), ("dev", 0.1), ("dev", 0.01), ("test", best)]


@pytest.mark.parametrize("kind", ["ctc", "frames"])
def test_the_first_of_equals_wins(
    kind: str, asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fitted(kind, {0.1: 20.0, 1.0: 20.0, 0.01: 20.0}, tmp_path, monkeypatch).lr == 0.1


def test_a_single_rate_needs_no_dev_set(
    asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fitted("ctc", {0.1: 20.0}, tmp_path, monkeypatch).dev == {}
    assert asked == [("test", 0.1)]


def diverging(*rates: float) -> Any:
    """Fit._train of which these rates diverge."""

    def train(self: Fit, lr: float, folder: Path) -> Any:
        if lr in rates:
            raise Diverged("not finite")
        return _objective(lr), LAST

    return train


@pytest.mark.parametrize("kind", ["ctc", "frames"])
def test_a_rate_that_diverges_is_the_worst_and_is_told(
    kind: str, asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setattr(Fit, "_train", diverging(1e30, 1e20))
    result = fitted(kind, {1e30: 0.0, 0.1: 100.0, 1e20: 100.0}, tmp_path, monkeypatch)
    assert (result.lr, result.dev, result.diverged) == (0.1, {0.1: 100.0}, (1e30, 1e20))
    assert asked == [("dev", 0.1), ("test", 0.1)]
    assert "row task: lr 1e+30 is left out: not finite\n" in capsys.readouterr().out


def test_where_every_rate_diverges_the_message_names_the_tasks_rates(
    asked: list[tuple[str, float]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Fit, "_train", diverging(1e30, 1e20))
    with pytest.raises(UserError, match="every learning rate") as error:
        fitted("ctc", {1e30: 0.0, 1e20: 0.0}, tmp_path, monkeypatch)
    assert error.value.where == "tasks.task.lr (1e+30, 1e+20)"
