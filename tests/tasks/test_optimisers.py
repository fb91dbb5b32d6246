"""A task's own optimiser and schedule: where its section says nothing, the run's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tones import CONFIG, TASKS

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.tasks import feed, unit
from toolkit.tasks.config import TasksConfig
from toolkit.train.engine.config import OptimConfig
from toolkit.train.engine.schedule import optimiser

TASK = replace(TASKS["phone"], steps=3, lr=(1e-2,))
OWN: dict[str, Any] = {"optimizer": "sgd", "warmup": 0.0, "weight_decay": 0.5, "clip": 1.0, "betas": (0.5, 0.9)}
AS_PUBLISHED = OptimConfig("adamw", 1e-2, 0.1, betas=(0.9, 0.98), weight_decay=0.01, clip=5.0)


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> list[OptimConfig]:
    """The config of every optimiser that heads are trained with."""
    configs: list[OptimConfig] = []
    honest = unit.train

    def train(objective: Any, batches: Any, optim: OptimConfig, *rest: Any, **more: Any) -> Any:
        configs.append(optim)
        return honest(objective, batches, optim, *rest, **more)

    monkeypatch.setattr(unit, "train", train)
    return configs


def test_a_task_is_trained_with_its_own_values_and_else_with_the_runs(
    used: list[OptimConfig], run: Callable[..., Path]
) -> None:
    tasks = {"plain": TASK, "own": replace(TASK, **OWN)}
    run(replace(CONFIG, tasks=tasks, rows=("fbank",)))
    own = replace(AS_PUBLISHED, name="sgd", warmup=0.0, weight_decay=0.5, clip=1.0, betas=(0.5, 0.9))
    assert used == [AS_PUBLISHED, own]
    used.clear()
    run(replace(CONFIG, tasks=tasks, rows=("fbank",), **{**OWN, "optimizer": "adam"}))
    assert used == [replace(own, name="adam"), own]


def test_the_runs_values_are_the_same_as_each_tasks_own(run: Callable[..., Path]) -> None:
    shared = run(replace(CONFIG, tasks={"it": TASK}, rows=("fbank",), **OWN))
    own = run(replace(CONFIG, tasks={"it": replace(TASK, **OWN)}, rows=("fbank",)))
    usual = run(replace(CONFIG, tasks={"it": TASK}, rows=("fbank",)))
    weights = [(out / "fbank/it.safetensors").read_bytes() for out in (shared, own, usual)]
    assert weights[0] == weights[1] != weights[2]


@pytest.mark.parametrize(("name", "kind"), [("sgd", torch.optim.SGD), ("adam", torch.optim.Adam)])
def test_the_optimisers_are_torchs_own(name: Any, kind: Any) -> None:
    """Three steps on a line's gradient, bit for bit; SGD's momentum is the first of the betas."""
    config = OptimConfig(name, 0.1, betas=(0.7, 0.9), weight_decay=0.2, eps=1e-6)
    more: Any = {"momentum": 0.7} if name == "sgd" else {"betas": (0.7, 0.9), "eps": 1e-6}
    ours, theirs = (torch.nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    pair = optimiser(config, [{"params": [ours]}]), kind([theirs], lr=0.1, weight_decay=0.2, **more)
    for _ in range(3):
        for weight, optim in zip((ours, theirs), pair, strict=True):
            optim.zero_grad()
            (weight**2).sum().backward()
            optim.step()
    torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-7)


def test_momentum_survives_a_stop(run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, tasks={"it": replace(TASK, steps=6, optimizer="sgd")}, rows=("fbank",), checkpoint_every=2)
    whole, honest, seen = run(config), feed.Feed.step, []

    def dies(self: Any, step: int, micro: int) -> Any:
        seen.append(step)
        if step == 4 and seen.count(4) == 1:
            raise KeyboardInterrupt
        return honest(self, step, micro)

    monkeypatch.setattr(feed.Feed, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        run(config, tmp_path)
    seen.append(-1)
    run(config, tmp_path)
    assert seen[seen.index(-1) + 1] in (2, 4)
    ours, theirs = (load_file(out / "fbank/it.safetensors") for out in (tmp_path, whole))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("optimizer: adamax", "'adamax' is not one of adamw, adam, sgd"),
        ("warmup: -1", "warmup is a share of the steps"),
        ("clip: -1", "clip must be at least 0"),
        ("weight_decay: -1", "weight_decay must be at least 0"),
        ("betas: [0.9, 1]", "betas must be at least 0 and below 1"),
        ("betas: 0.9", "betas needs 2 values"),
    ],
)
def test_a_value_that_cannot_be_is_refused_in_a_task_and_in_the_run(line: str, message: str, tmp_path: Path) -> None:
    task = "tasks:\n  it:\n    type: frames\n    steps: 1\n    lr: [0.1]\n"
    for text in (f"{task}    {line}\n", f"{line}\n{task}"):
        (tmp_path / "t.yaml").write_text(text)
        with pytest.raises(UserError, match=message):
            load_config(TasksConfig, tmp_path / "t.yaml")
