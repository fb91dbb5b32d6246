"""Folds: each value of a table is left out once, and all predictions are scored as one test set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from tones import CONFIG, TASKS, results, task_of

from toolkit.core.errors import UserError
from toolkit.core.record import Ledger
from toolkit.core.results import LayerResults
from toolkit.core.schema import read
from toolkit.data.kaldi import Utterance
from toolkit.tasks.base import Example, Notes, TaskData, Unusable
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.feed import Feed
from toolkit.tasks.folds import fold_of, together
from toolkit.tasks.task_config import TaskSets
from toolkit.tasks.unit import Fit

FOLDED = replace(TASKS["dialect"], folds="utt2spk", steps=20, lr=(3e-2, 1e-6))
SPELT = replace(TASKS["asr"], folds="utt2spk", steps=4)
TASKS_OF_FOLDS = {"dialect": FOLDED, "asr": SPELT, "phone": replace(TASKS["phone"], steps=3)}
BY_FOLDS = replace(CONFIG, tasks=TASKS_OF_FOLDS, rows=("fbank",))
SPEAKERS = [f"train{i}" for i in range(4)]


@pytest.fixture(scope="module")
def whole(run: Callable[..., Path]) -> Path:
    return run(BY_FOLDS)


def table(path: Path) -> dict[str, str]:
    return dict(line.split() for line in path.read_text().splitlines())


def test_every_utterance_of_the_set_is_tested_once_and_scored_with_all_others(whole: Path, corpus: Path) -> None:
    result, guessed = results(whole, "fbank", "dialect"), table(whole / "fbank/dialect.hyp")
    labels = table(corpus / "data/train/utt2lang")
    assert guessed.keys() == labels.keys() and (result.decides.n, result.decides.unit_of_n) == (24, "utterances")
    right = metrics.accuracy_score([labels[id] for id in guessed], list(guessed.values()))
    figure = result.decides
    assert figure.value == pytest.approx(100 * right) and figure.value > 90
    assert figure.low is not None and figure.high is not None and figure.low <= figure.value <= figure.high
    assert [fold.left_out for fold in result.folds] == SPEAKERS
    assert result.conditions["sets"] == ["train", "train", "train"]
    names = sorted(p.name for p in (whole / "fbank").glob("dialect.fold*"))
    assert names == [f"dialect.fold{k}.safetensors" for k in range(1, 5)]


def test_transcripts_of_folds_are_scored_together_too(whole: Path) -> None:
    result = results(whole, "fbank", "asr")
    assert (result.decides.n, len(result.folds), result.decides.metric.name) == (24, 4, "cer")


def test_a_task_without_folds_is_as_it_is_without_the_others(whole: Path, run: Callable[..., Path]) -> None:
    alone = run(replace(BY_FOLDS, tasks={"phone": TASKS_OF_FOLDS["phone"]}))
    for name in ("phone.json", "phone.safetensors"):
        assert (whole / "fbank" / name).read_bytes() == (alone / "fbank" / name).read_bytes()
    assert not results(whole, "fbank", "phone").folds


def test_a_fold_trains_on_nobody_whom_it_is_tested_on(
    run: Callable[..., Path], corpus: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken, seen = table(corpus / "data/train/utt2spk"), []
    honest = Fit.run

    def look(self: Fit) -> Any:
        seen.append({part: [e.id for e in examples] for part, examples in self.data.parts.items()})
        return honest(self)

    monkeypatch.setattr(Fit, "run", look)
    run(replace(BY_FOLDS, tasks={"dialect": replace(FOLDED, steps=1)}))
    assert len(seen) == 4
    for parts, speaker in zip(seen, SPEAKERS, strict=True):
        assert {spoken[id] for id in parts["test"]} == {speaker}
        assert speaker not in {spoken[id] for part in ("train", "dev") for id in parts[part]}
        assert len(parts["dev"]) == 4 and len(parts["train"]) == 14 and not {*parts["dev"]} & {*parts["train"]}
    assert Counter(id for parts in seen for id in parts["test"]) == dict.fromkeys(spoken, 1)


def test_a_run_stopped_in_the_second_fold_ends_with_the_same_bytes(
    whole: Path, run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest, train, trained = Feed.step, Fit._train, []

    def begins(self: Fit, lr: float, folder: Path) -> Any:
        trained.append(self.label)
        return train(self, lr, folder)

    def dies(self: Feed, step: int, micro: int) -> Any:
        if trained[-1] == "fbank dialect fold 2" and step == 5 and "stopped" not in trained:
            trained.append("stopped")
            raise KeyboardInterrupt
        return honest(self, step, micro)

    monkeypatch.setattr(Fit, "_train", begins)
    monkeypatch.setattr(Feed, "step", dies)
    with pytest.raises(KeyboardInterrupt):
        run(BY_FOLDS, tmp_path)
    run(BY_FOLDS, tmp_path)
    assert "fbank dialect fold 1" not in trained[trained.index("stopped") :]
    for path in sorted((whole / "fbank").iterdir()):
        if path.is_file() and path.name != "cost.json":
            assert (tmp_path / "fbank" / path.name).read_bytes() == path.read_bytes(), path.name


def test_a_score_that_is_gone_is_made_again_without_training(
    run: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = replace(BY_FOLDS, tasks={"dialect": replace(FOLDED, steps=1)})
    path = run(config, tmp_path) / "fbank/dialect.json"
    before = path.read_bytes()
    path.unlink()
    monkeypatch.setattr(Fit, "run", lambda self: 1 / 0)
    run(config, tmp_path)
    assert path.read_bytes() == before


def test_folds_on_each_layer_have_one_score_a_layer(run: Callable[..., Path]) -> None:
    config = replace(BY_FOLDS, tasks={"dialect": replace(FOLDED, steps=1)}, rows=("models",), layer_wise=True)
    path = run(config) / "it1.base/layers.json"
    (of_task,) = read(LayerResults, path, lambda path, why: AssertionError(f"{path}: {why}")).tasks
    assert list(of_task.test) == [0, 1, 2] and of_task.test[0].n == 24


def test_a_task_without_its_table_of_folds_is_left_out(run: Callable[..., Path], capsys: Any) -> None:
    tasks = {"phone": TASKS_OF_FOLDS["phone"], "dialect": replace(FOLDED, folds="utt2session")}
    out = run(replace(BY_FOLDS, tasks=tasks))
    assert "dialect is left out: folds need at least 2 values of utt2session and train has 0" in (
        capsys.readouterr().out
    )
    assert not (out / "fbank/dialect.json").exists()


def test_an_utterance_without_a_value_is_noted_and_a_fold_without_an_utterance_refused() -> None:
    examples = [Example(Utterance(id, "", 0.0, None, id, 1.0), u, np.array([0]), "a") for u, id in enumerate("abcde")]
    data = TaskData("it", FOLDED, {part: examples for part in ("train", "dev", "test")}, ["a"], 1)
    notes = Notes(Ledger("tasks.fit"))
    values = {"a": "x", "b": "x", "c": "y", "d": "y"}
    fold = fold_of(data, values, "x", 1, notes)
    assert [row[:3] for row in notes.ledger.rows] == [("e", "tasks.fit", "no utt2spk")]
    assert [e.id for e in fold.parts["test"]] == ["a", "b"]
    assert sorted(e.id for part in ("train", "dev") for e in fold.parts[part]) == ["c", "d"]
    with pytest.raises(Unusable, match="no utterance is left for train where utt2spk x is left out"):
        fold_of(data, {"a": "x", "b": "y"}, "x", 1, notes)


def test_a_folded_task_has_one_set() -> None:
    named = replace(FOLDED, sets=TaskSets("all", "dev", "test"))
    assert TasksConfig(tasks={"it": named}).tasks["it"].sets == TaskSets("all", "all", "all")


@pytest.mark.parametrize("field", [{"decode": "beam"}, {"tokens": "sentencepiece"}])
def test_what_would_learn_from_the_fold_left_out_is_refused(field: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="folds of a task of type ctc need tokens: characters and decode: greedy"):
        task_of("ctc", folds="utt2spk", **field)


def test_a_set_that_is_folded_may_be_one_that_another_task_trains_on(run: Callable[..., Path]) -> None:
    """Nothing is refused: only the task without folds is scored on a set of its own."""
    tasks = {"dialect": replace(FOLDED, steps=1), "phone": TASKS_OF_FOLDS["phone"]}
    out = run(replace(BY_FOLDS, tasks=tasks))
    assert results(out, "fbank", "phone").conditions["sets"][2] == "test"
    with pytest.raises(UserError, match="both trained on and scored"):
        run(replace(BY_FOLDS, tasks={"phone": replace(TASKS["phone"], sets=TaskSets(test="train"))}))


def test_dev_of_a_fold_hardly_changes_if_an_utterance_is_gone() -> None:
    examples = [
        Example(Utterance(f"u{i:04d}", "", 0.0, None, f"s{i % 5}", 1.0), i, np.array([0]), "a") for i in range(1000)
    ]
    values = {e.id: e.utterance.speaker for e in examples}
    devs = []
    for gone in (None, "u0001"):
        kept = [e for e in examples if e.id != gone]
        data = TaskData("d", FOLDED, dict.fromkeys(("train", "dev", "test"), kept), ["a", "b"], 2)
        devs.append({e.id for e in fold_of(data, values, "s0", 1, Notes(Ledger(""))).parts["dev"]})
    assert len(devs[0] & devs[1]) >= 158  # of 160: one gone, one drawn in its place


def test_rates_that_a_fold_lost_are_lost_and_layer_weights_are_means() -> None:
    data = TaskData("d", FOLDED, {"train": [], "dev": [], "test": []}, ["a", "b"], 2)
    common = {"predictions": {}, "lr": 0.1}
    trees = [
        {**common, "dev": [(0.1, 50.0), (0.01, 30.0)], "layer_weights": [0.2, 0.8], "diverged": []},
        {**common, "dev": [(0.1, 70.0)], "layer_weights": [0.6, 0.4], "diverged": [0.01]},
    ]
    fitted = together(data, trees)[1]
    assert (fitted.dev, fitted.diverged) == ({0.1: 60.0}, (0.01,)) and fitted.layer_weights == pytest.approx([0.4, 0.6])
