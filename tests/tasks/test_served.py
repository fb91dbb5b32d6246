"""Which tasks a probe step does, and where: told from the tables of the data directories, which have no audio here."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import numpy as np
import pytest
import torch
from phone_tables import WRONG, as_given, later_and_cut, write_corpus
from tones import task_of

from toolkit.core.errors import UserError
from toolkit.core.shards import WorkerDone
from toolkit.core.step import Step
from toolkit.data.kaldi import Utterance, write_data_dir
from toolkit.tasks import fit
from toolkit.tasks.base import Example
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.labels import chance
from toolkit.tasks.served import Served, serve
from toolkit.tasks.sets import Folders, shared_speakers
from toolkit.tasks.task_config import TaskConfig, TaskSets

DIALECT = task_of("classify", label="utt2lang", steps=1, lr=(0.1,))
TASKS = {
    "asr": task_of("ctc", steps=1, lr=(0.1,)),
    "phone": task_of("frames", steps=1, lr=(0.1,)),
    "dialect": DIALECT,
}
CONFIG = TasksConfig(tasks=TASKS, rows=("fbank",))


def write(data: Path, changes: Mapping[str, Mapping[str, str] | None]) -> Path:
    """Three sets of two utterances of a second: `changes` are by `set/table`; None takes the table away."""
    for name in ("train", "dev", "test"):
        ids = (f"{name}-1", f"{name}-2")
        tables: dict[str, Mapping[str, str] | None] = {
            "wav.scp": {id: f"{id}.wav" for id in ids},
            "utt2dur": dict.fromkeys(ids, "1.0"),
            "text": dict.fromkeys(ids, "\u0628\u0627\u0628"),
            "utt2lang": dict(zip(ids, ("MSA", "EGY"), strict=True)),
            "phones.ctm": dict.fromkeys(ids, "0.0 0.5 b"),
        }
        tables |= {path.split("/")[1]: table for path, table in changes.items() if path.startswith(name + "/")}
        phones = tables.pop("phones.ctm")
        write_data_dir(data / name, {table: rows for table, rows in tables.items() if rows is not None})
        if phones is not None:
            spans = (f"{id} 1 {span}\n{id} 1 0.5 0.5 a\n" for id, span in phones.items())
            (data / name / "phones.ctm").write_text("".join(spans))
    return data


@pytest.mark.parametrize(
    ("changes", "left_out"),
    [
        ({}, {}),
        (
            {"train/utt2lang": {"train-1": "MSA", "train-2": "MSA"}},
            {"dialect": "it needs at least two labels in training and has 1: MSA"},
        ),
        ({"test/utt2lang": {}}, {"dialect": "no utterance of test can be used"}),
        ({"dev/utt2lang": None}, {"dialect": "dev has no utt2lang"}),
        ({"train/text": {"train-1": "\u0628" * 60}}, {"asr": "no utterance of train can be used"}),
        ({"dev/phones.ctm": {}}, {"phone": "no utterance of dev can be used"}),
        ({"test/text": None, "dev/utt2lang": None}, {"asr": "test has no text", "dialect": "dev has no utt2lang"}),
        ({f"{name}/utt2lang": None for name in ("train", "dev", "test")}, {"dialect": "no set has utt2lang"}),
    ],
)
def test_tasks_that_the_labels_cannot_serve_are_left_out_with_the_reason(
    tmp_path: Path, changes: dict[str, Any], left_out: dict[str, str]
) -> None:
    served = serve(CONFIG, Folders((write(tmp_path, changes),)))
    config, sets, why = served.config, served.sets, served.why
    assert why == left_out
    assert [*config.tasks] == [name for name in TASKS if name not in left_out]
    assert [*sets] == ["dev", "test", "train"]


def test_sets_that_only_a_task_left_out_names_are_not_read(tmp_path: Path) -> None:
    data = write(tmp_path, {"dev/text": None})
    tasks = {"asr": TASKS["asr"], "dialect": task_of("classify", 1, (0.1,), "utt2lang", sets=TaskSets(dev="test"))}
    served = serve(TasksConfig(tasks=tasks), Folders((data,)))
    assert [*served.config.tasks] == ["dialect"] and [*served.sets] == ["test", "train"]


def test_heads_train_on_a_stated_share_of_the_hours_and_are_scored_on_all(tmp_path: Path) -> None:
    data = write(tmp_path, {})
    sets = serve(replace(CONFIG, max_hours=1.5 / 3600, tasks={"asr": TASKS["asr"]}), Folders((data,))).sets
    assert {name: len(utterances) for name, utterances in sets.items()} == {"train": 1, "dev": 2, "test": 2}
    swapped = task_of("ctc", 1, (0.1,), sets=TaskSets(train="test", dev="dev", test="dev"))
    sets = serve(
        replace(CONFIG, max_hours=1.5 / 3600, tasks={"asr": TASKS["asr"], "other": swapped}), Folders((data,))
    ).sets
    assert {name: len(utterances) for name, utterances in sets.items()} == {"train": 1, "dev": 2, "test": 2}
    with pytest.raises(UserError, match="less than one utterance") as error:
        serve(replace(CONFIG, max_hours=1e-5), Folders((data,)))
    assert error.value.where == "max_hours"


@pytest.mark.parametrize(
    ("task", "remedy"),
    [
        (replace(DIALECT, exclude=("ENGG",)), "EGY (3), MSA (3)"),
        (replace(TASKS["phone"], exclude=("sill",)), "a (6), b (6)"),
    ],
)
def test_a_misspelt_label_to_exclude_is_refused_with_those_that_there_are(
    task: TaskConfig, remedy: str, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=f"no utterance is of group {task.exclude[0]}") as error:
        serve(replace(CONFIG, tasks={"it": task}), Folders((write(tmp_path, {}),)))
    assert "tasks.it.exclude" in error.value.where and remedy in error.value.remedy


def test_a_label_of_one_set_alone_may_be_excluded_and_unknown_always(tmp_path: Path) -> None:
    data = write(tmp_path, {"dev/utt2lang": {"dev-1": "MSA", "dev-2": "ENG"}})
    tasks = {"dialect": replace(DIALECT, exclude=("ENG", "unknown"))}
    assert serve(replace(CONFIG, tasks=tasks, max_hours=2 / 3600), Folders((data,))).config.tasks == tasks


@pytest.mark.parametrize("test", ["train", "again"])
def test_a_task_is_not_scored_on_what_it_trains_on(tmp_path: Path, test: str) -> None:
    data = write(tmp_path, {})
    shutil.copytree(data / "train", data / "again")
    tasks = {"dialect": replace(DIALECT, sets=TaskSets(test=test))}
    with pytest.raises(UserError, match="2 utterances are both trained on and scored: train-1, train-2") as error:
        serve(replace(CONFIG, tasks=tasks), Folders((data,)))
    assert error.value.where == f"tasks.dialect.sets (train: train, test: {test})"


def test_speakers_that_are_trained_on_and_scored_are_told_once_for_all_tasks(tmp_path: Path) -> None:
    spoken = {"train/utt2spk": {"train-1": "s", "train-2": "t"}, "test/utt2spk": {"test-1": "t", "test-2": "u"}}
    served = serve(CONFIG, Folders((write(tmp_path / "some", spoken),)))
    (line,) = shared_speakers(served.config.tasks, served.sets)
    assert line.startswith("warning: 1 of the 2 speakers of test speak in train too: asr, phone, dialect ")
    served = serve(CONFIG, Folders((write(tmp_path / "none", {}),)))
    assert shared_speakers(served.config.tasks, served.sets) == []


def test_labels_that_serve_no_task_are_a_users_mistake(tmp_path: Path) -> None:
    data = write(tmp_path, {"train/utt2lang": {"train-1": "MSA"}, "test/text": {}, "dev/phones.ctm": {}})
    with pytest.raises(UserError, match="no task can be done") as error:
        serve(CONFIG, Folders((data,)))
    assert all(f"\n  {name}: " in error.value.what for name in TASKS)


@pytest.mark.parametrize(("worker", "device"), [(None, "cuda:0"), ((1, 2), "cuda:0"), ((2, 2), "cuda:1")])
def test_each_worker_has_a_gpu_of_its_own(
    tmp_path: Path, worker: tuple[int, int] | None, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []

    def shards(*args: object, on_device: bool, **more: object) -> NoReturn:
        seen.append(on_device)
        raise WorkerDone

    monkeypatch.setenv("SAWT_NGPU", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    hearing = SimpleNamespace(run=lambda: None, choose=lambda units: None, group=[])
    monkeypatch.setattr(fit, "Hearing", lambda grid, device: seen.append(device) or hearing)
    monkeypatch.setattr(fit, "run_shards", shards)
    monkeypatch.setattr(fit, "write_costs", lambda *_: {})
    with pytest.raises(WorkerDone):
        fit.run(Step(CONFIG, [write(tmp_path / "data", {})], tmp_path / "out", ["tasks.fit"], worker))
    assert seen == [torch.device(device), True]


def test_chance_is_what_the_most_frequent_class_of_training_scores_in_test() -> None:
    def examples(*targets: list[int]) -> list[Example]:
        return [Example(Utterance("u", "", 0.0, None, "s", 1.0), 0, np.array(t), "") for t in targets]

    assert chance(examples([0], [0], [1]), examples([0], [1], [1], [2]), 3) == 0.25
    assert chance(examples([0, 0, -1, -1, -1], [1]), examples([-1, 1, 0, 1]), 2) == pytest.approx(1 / 3)


def test_a_task_that_names_no_sets_has_those_of_the_run_and_keeps_what_it_names() -> None:
    own = TaskSets("mgb2_train", "dev", "mgb2_test")
    tasks = {"asr": task_of("ctc", 1, (0.1,)), "dialect": replace(DIALECT, sets=own)}
    made = TasksConfig(tasks, TaskSets("qasr_train", "qasr_dev", "qasr_test"))
    assert made.tasks["asr"].sets == TaskSets("qasr_train", "qasr_dev", "qasr_test")
    assert made.tasks["dialect"].sets == TaskSets("mgb2_train", "qasr_dev", "mgb2_test")


def test_a_task_that_chooses_on_what_it_trains_on_is_refused(tmp_path: Path) -> None:
    data = Folders((write(tmp_path, {}),))
    task = replace(TASKS["asr"], lr=(1e-1, 1e-2), sets=TaskSets(dev="train"))
    with pytest.raises(UserError, match="both trained on and chosen on") as error:
        serve(replace(CONFIG, tasks={"asr": task}), data)
    assert "dev: train)" in error.value.where
    serve(replace(CONFIG, tasks={"asr": replace(task, lr=(1e-2,))}), data)  # nothing is chosen


def test_sets_are_trained_on_by_their_part_in_the_tasks_and_not_by_their_names(tmp_path: Path) -> None:
    """What is scored in one task, or in a fold, stays whole in all."""
    asr = replace(TASKS["asr"], sets=TaskSets("learn", "dev", "train"))

    def trained(**tasks: TaskConfig) -> set[str]:
        return Served(replace(CONFIG, tasks=tasks), Folders((tmp_path,)), {}, frozenset(), {}, {}).trained

    assert trained(asr=asr) == {"learn"} == trained(asr=asr, er=replace(asr, folds="utt2spk", sets=TaskSets("whole")))
    assert trained(asr=asr, vc=replace(asr, sets=TaskSets("more", "dev", "learn"))) == {"more"}


@pytest.mark.parametrize("kind", ["frames", "phones"])
@pytest.mark.parametrize("wrong", ["half a second late", "from the recording's beginning", "frames of 10 ms"])
def test_phones_whose_times_cannot_be_those_of_their_utterances_are_refused_before_a_head_is_trained(
    tmp_path: Path, kind: str, wrong: str
) -> None:
    change, cause = WRONG[wrong]
    for name in ("train", "dev", "test"):
        write_corpus(tmp_path / name, change if name == "test" else as_given, prefix=name)
    with pytest.raises(UserError, match="end past their utterance") as refused:
        serve(TasksConfig(tasks={"phone": task_of(kind)}), Folders((tmp_path,)))
    assert cause in refused.value.what and refused.value.where == str(tmp_path / "test/phones.ctm")


def test_phones_whose_times_are_doubtful_are_told_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("train", "dev", "test"):
        write_corpus(tmp_path / name, later_and_cut(0.5) if name == "test" else as_given, prefix=name)
    tasks = {"phone": task_of("frames"), "phones": task_of("phones")}
    serve(TasksConfig(tasks=tasks), Folders((tmp_path,))).tell(SimpleNamespace(ledger=None))  # nothing is left out
    lines = [line for line in capsys.readouterr().out.splitlines() if "phones.ctm" in line]
    assert len(lines) == 1 and lines[0].startswith(f"warning: {tmp_path / 'test/phones.ctm'}: nearly no utterance")
