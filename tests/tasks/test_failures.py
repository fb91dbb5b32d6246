"""A task that fails does not take the others along: it is named, and they go on."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tones import CONFIG, TASKS, results

from toolkit.core.errors import UserError
from toolkit.core.results import FAILED
from toolkit.data.audio import AudioError
from toolkit.tasks import features
from toolkit.tasks.unit import Fit
from toolkit.train.engine.loop import Diverged

ROOT = Path(__file__).resolve().parents[2]
TWO = {"dialect": replace(TASKS["dialect"], steps=4, lr=(1e-2,)), "phone": replace(TASKS["phone"], steps=4, lr=(1e-2,))}
RUN = replace(CONFIG, tasks=TWO, rows=("fbank", "models"))


def failing(monkeypatch: pytest.MonkeyPatch, label: str, how: Callable[[], Any]) -> None:
    honest = Fit._train

    def train(self: Fit, lr: float, folder: Path) -> Any:
        if self.label == label:
            how()
        return honest(self, lr, folder)

    monkeypatch.setattr(Fit, "_train", train)


def diverges() -> None:
    raise Diverged("loss not finite")


def failed(run: Any) -> dict[str, str]:
    return {id: detail for id, _, reason, detail in run.step.ledger.rows if reason == FAILED}


def test_a_task_that_diverges_is_named_and_the_others_are_scored(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, "fbank phone", diverges)
    run(RUN, tmp_path)
    assert failed(run).keys() == {"fbank/phone"} and "diverged at every learning rate" in failed(run)["fbank/phone"]
    assert not (tmp_path / "fbank/phone.json").exists()
    for row, task in (("fbank", "dialect"), ("it1.base", "dialect"), ("it1.base", "phone")):
        assert results(tmp_path, row, task).decides.n
    line = next(line for line in capsys.readouterr().out.splitlines() if "to try it again" in line)
    monkeypatch.undo()
    subprocess.run(shlex.split(line.partition(" after: ")[2]), check=True)  # as it is printed
    run(RUN, tmp_path)
    assert not failed(run) and results(tmp_path, "fbank", "phone").decides.n


def test_a_fold_that_fails_fails_its_task(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failing(monkeypatch, "fbank dialect fold 2", diverges)
    tasks = {**TWO, "dialect": replace(TWO["dialect"], folds="utt2spk")}
    run(replace(RUN, tasks=tasks, rows=("fbank",)), tmp_path)
    assert "fold 2" in failed(run)["fbank/dialect"] and results(tmp_path, "fbank", "phone").decides.n


def test_where_everything_fails_the_step_ends_with_the_reason_and_tries_again_when_it_is_run_again(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(RUN, tasks={"phone": TWO["phone"]}, rows=("fbank",))
    with monkeypatch.context() as broken:
        failing(broken, "fbank phone", diverges)
        with pytest.raises(UserError, match=r"every task of every row failed: .*diverged"):
            run(config, tmp_path)
    run(config, tmp_path)
    assert results(tmp_path, "fbank", "phone").decides.n


def test_a_network_whose_features_are_not_finite_fails_alone(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = features._states

    def broken(upstream: Any, utterance: Any, *more: Any) -> Any:
        if upstream.layers:
            raise AudioError("non-finite features", "NaN", utterance.path)
        return honest(upstream, utterance, *more)

    monkeypatch.setattr(features, "_states", broken)
    run(RUN, tmp_path)
    assert failed(run).keys() == {"it1.base/dialect", "it1.base/phone"}
    assert "non-finite features" in failed(run)["it1.base/phone"] and results(tmp_path, "fbank", "phone").decides.n


KILLED = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from test_failures import RUN, failing
from toolkit.core.step import Step
from toolkit.data.audio import AudioError
from toolkit.tasks import fit
from toolkit.tasks.unit import Fit

train = Fit._train
Fit._train = lambda self, lr, folder: (
    os.kill(os.getpid(), signal.SIGKILL) if self.label == "it1.base phone" else train(self, lr, folder)
)
corpus, out = map(Path, sys.argv[2:])
step = Step(RUN, [corpus / "data", corpus / "exp/it1/base"], out, ["tasks.fit"])
fit.run(step)
step.ledger.write(out / "dropped.tsv")
"""


def test_a_process_that_is_killed_for_memory_fails_its_task_alone(
    run: Callable[..., Path], corpus: Path, tmp_path: Path
) -> None:
    argv = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(corpus), str(tmp_path)]
    environment = {**os.environ, "SAWT_NJ": "2", "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(map(str, [ROOT, ROOT / "tests"]))
    ended = subprocess.run(argv, capture_output=True, text=True, env=environment)
    assert ended.returncode == 0, ended.stderr
    rows = [line.split("\t") for line in (tmp_path / "dropped.tsv").read_text().splitlines()]
    assert [(row[0], "SIGKILL" in row[-1]) for row in rows if FAILED in row] == [("it1.base/phone", True)]
    whole = run(replace(RUN, tasks={"dialect": TWO["dialect"]}))
    for row in ("fbank", "it1.base"):
        assert (tmp_path / row / "dialect.json").read_bytes() == (whole / row / "dialect.json").read_bytes()
    assert results(tmp_path, "fbank", "phone").decides.n and not (tmp_path / "it1.base/phone.json").exists()
