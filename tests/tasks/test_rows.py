"""Rows have identities of their own: one more makes its own alone, and none is taken for what it is not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from noises import noise_corpus
from tones import results, task_of

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.rows import ABOUT, FILES, OWN, Place, mark, move_up, settle
from toolkit.core.step import Step
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.hear import Hearing
from toolkit.tasks.sets import Folders
from toolkit.tasks.task_config import TaskSets

TASK = task_of("frames", steps=3, lr=(1e-2,), batch=2)
CONFIG = TasksConfig(tasks={"phone": TASK}, rows=("fbank",), cost_utterances=1, cost_seconds=0.1)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return noise_corpus(tmp_path_factory.mktemp("corpus"))


@pytest.fixture
def run(corpus: Path, tmp_path: Path) -> Callable[..., Path]:
    def go(config: TasksConfig, out: str = "out") -> Path:
        (tmp_path / out).mkdir(exist_ok=True)
        fit.run(Step(config, [corpus / "data", corpus / "exp/it1/base"], tmp_path / out, ["tasks.fit"]))
        return tmp_path / out

    return go


def made(row: Path) -> dict[str, tuple[bytes, int]]:
    """Bytes and time of every file of a row."""
    return {p.name: (p.read_bytes(), p.stat().st_mtime_ns) for p in sorted(row.rglob("*")) if p.is_file()}


def test_one_more_row_makes_its_own_alone(run: Callable[..., Path]) -> None:
    before = made(run(CONFIG) / "fbank")
    both = run(replace(CONFIG, rows=("fbank", "models")))
    assert made(both / "fbank") == before
    at_once = run(replace(CONFIG, rows=("fbank", "models")), "at once")
    for name in ("phone.json", "phone.hyp", "phone.items.tsv", "phone.safetensors"):
        assert (both / "it1.base" / name).read_bytes() == (at_once / "it1.base" / name).read_bytes()


def test_a_row_of_another_config_is_refused_and_stays(run: Callable[..., Path]) -> None:
    before = made(run(CONFIG) / "fbank")
    with pytest.raises(
        UserError, match=r"phone of the row fbank was made from something else \(changed: config\)"
    ) as error:
        run(replace(CONFIG, seed=2))
    assert "--fresh" in error.value.remedy and made(Path(error.value.where)) == before


def test_a_row_that_is_asked_for_no_more_is_set_aside(
    run: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = made(run(replace(CONFIG, rows=("fbank", "fbank_stacked"))) / "fbank")
    out = run(replace(CONFIG, rows=("fbank_stacked",)))
    assert not (out / "fbank").exists() and made(Path(f"{out}.aside-1/fbank")) == before
    assert "moved fbank to" in capsys.readouterr().out


def test_a_step_whose_list_of_rows_has_changed_is_brought_up_to_date(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tasks:\n  phone:\n    type: frames\n    steps: 3\n    lr: [1e-2]\n")
    for rows in ("fbank", "fbank fbank_stacked"):
        words = ["--config", "c.yaml", "--rows", rows, "--in", str(corpus / "data"), "--out", "out"]
        ended = subprocess.run(
            [sys.executable, "-m", "toolkit.tasks.fit", *words], cwd=tmp_path, capture_output=True, text=True
        )
        assert ended.returncode == 0, ended.stderr
        record = read_json(tmp_path / "out/record.json")
        assert (
            record["state"] == "done" and sorted(p.parent.name for p in tmp_path.glob("out/*/row.json")) == rows.split()
        )


def test_what_lies_beside_rows_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out/b").mkdir(parents=True)
    place = part(tmp_path / "out", "a", "asr/whole", {"x": "1"}, "asr.json")
    settle(tmp_path / "out", {place: {"x": "1"}, Place("c", "asr/whole"): {"x": "2"}})
    assert (tmp_path / "out/b").is_dir() and [p.name for p in tmp_path.iterdir()] == ["out"]
    assert place.is_whole(tmp_path / "out")


def part(out: Path, row: str, name: str, identity: dict[str, str], *files: str) -> Place:
    """A finished part of a row with these result files."""
    place = Place(row, name)
    (place.folder(out) / FILES).mkdir(parents=True)
    for file in files:
        (place.folder(out) / FILES / file).write_text(file)
    mark(place.folder(out), identity)
    return place


def test_a_move_that_was_killed_half_way_is_ended_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, honest, moved = part(tmp_path, "a", "asr/whole", {}, "asr.hyp", "asr.json"), os.replace, []

    def dies(source: Path, target: Path) -> None:
        if moved:
            raise KeyboardInterrupt
        moved.append(honest(source, target))

    monkeypatch.setattr(os, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        move_up(tmp_path, place)
    assert place.is_whole(tmp_path) and sorted(p.name for p in (tmp_path / "a").iterdir()) == [ABOUT, "asr.hyp"]
    monkeypatch.setattr(os, "replace", honest)
    move_up(tmp_path, place)
    assert place.is_whole(tmp_path) and not (place.folder(tmp_path) / FILES).exists()
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == [ABOUT, "asr.hyp", "asr.json"]


def test_a_part_whose_file_is_gone_is_made_again(tmp_path: Path) -> None:
    place = part(tmp_path, "a", "asr/whole", {"x": "1"}, "asr.json")
    move_up(tmp_path, place)
    (tmp_path / "a/asr.json").unlink()
    settle(tmp_path, {place: {"x": "1"}})
    assert not place.folder(tmp_path).exists() and not Path(f"{tmp_path}.aside-1").exists()


@pytest.mark.parametrize("name", ["identity.json", "counts.json"])
def test_a_part_that_lacks_a_file_of_its_own_is_made_again(tmp_path: Path, name: str) -> None:
    place = Place("a", "asr/whole")
    place.folder(tmp_path).mkdir(parents=True)
    (place.folder(tmp_path) / "counts.json").write_text("{}")
    mark(place.folder(tmp_path), {"x": "1"})
    settle(tmp_path, {place: {"x": "1"}})
    assert place.is_whole(tmp_path)
    (place.folder(tmp_path) / name).unlink()
    settle(tmp_path, {place: {"x": "1"}})
    assert not place.folder(tmp_path).exists()


def test_parts_that_changed_or_are_asked_for_no_more_are_set_aside_and_the_others_stay(tmp_path: Path) -> None:
    out = tmp_path / "out"
    kept, changed, gone = (part(out, "a", f"{name}/whole", {OWN: "1"}, f"{name}.json") for name in "xyz")
    for place in (kept, changed, gone):
        move_up(out, place)
    settle(out, {kept: {OWN: "1"}, changed: {OWN: "2"}})
    assert sorted(p.name for p in (out / "a").iterdir()) == [ABOUT, "x.json"] and kept.is_whole(out)
    aside = Path(f"{out}.aside-1")
    assert changed.is_whole(aside) and gone.is_whole(aside) and not changed.folder(out).exists()


def test_a_row_of_an_earlier_version_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a/.row").mkdir(parents=True)
    (tmp_path / "a/.row/identity.json").write_text("{}")
    with pytest.raises(UserError, match="the row a was made by an earlier version") as error:
        settle(tmp_path, {})
    assert "--fresh" in error.value.remedy


def test_a_changed_task_section_makes_its_own_results_alone(run: Callable[..., Path]) -> None:
    tasks = {"phone": TASK, "again": TASK}
    rows = ("fbank", "models")
    before = made(run(replace(CONFIG, tasks=tasks, rows=rows)) / "it1.base")
    out = run(replace(CONFIG, tasks={"phone": TASK, "again": replace(TASK, lr=(3e-2,))}, rows=rows))
    after = made(out / "it1.base")
    assert {name for name in after if after[name] == before[name]} >= {"phone.json", "phone.safetensors", "cost.json"}
    assert after["again.json"] != before["again.json"] and results(out, "it1.base", "again").chosen.lr == 3e-2
    assert results(Path(f"{out}.aside-1"), "it1.base", "again").chosen.lr == 1e-2


def test_a_new_task_hears_its_rows_again_and_leaves_the_results_of_others(
    run: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before, heard = made(run(replace(CONFIG, rows=("fbank", "fbank_stacked"))) / "fbank"), []
    honest = Hearing._compute
    monkeypatch.setattr(
        Hearing, "_compute", lambda self, of, path: heard.append((of.row, of.set)) or honest(self, of, path)
    )
    out = run(replace(CONFIG, rows=("fbank", "fbank_stacked", "models")))
    assert heard == [("it1.base", name) for name in ("dev", "test", "train")]
    assert made(out / "fbank") == before
    heard.clear()
    run(replace(CONFIG, tasks={"phone": TASK, "more": TASK}))
    assert {row for row, _ in heard} == {"fbank"} and not (out / "work").exists()


def test_a_task_with_another_set_makes_its_own_results_alone(run: Callable[..., Path]) -> None:
    tasks = {"phone": TASK, "again": TASK}
    before = made(run(replace(CONFIG, tasks=tasks)) / "fbank")
    out = run(replace(CONFIG, tasks={"phone": TASK, "again": replace(TASK, sets=TaskSets(test="dev"))}))
    after = made(out / "fbank")
    assert after["phone.json"] == before["phone.json"] and after["again.json"] != before["again.json"]
    assert results(out, "fbank", "again").conditions["sets"] == ["train", "dev", "dev"]


def test_what_one_changed_task_makes_is_shared_out_among_workers_whatever_their_number(
    corpus: Path, tmp_path: Path
) -> None:
    """Rows, not tasks, alternate among workers: else one of two would get all of every second task."""
    tasks = {name: TASK for name in ("a", "b")}
    config = replace(CONFIG, tasks=tasks, rows=("fbank", "fbank_stacked", "random", "models"))
    step = Step(config, [corpus / "data", corpus / "exp/it1/base"], tmp_path, ["tasks.fit"])
    grid = fit.Grid.of(step, fit.serve(config, Folders((corpus / "data",))))
    for unit in [unit for unit in grid.units() if unit.task == "a"]:
        part(tmp_path, unit.row.row, f"{unit.task}/whole", dict(grid.identity(unit)))
    hearing = Hearing(grid, torch.device("cpu"))
    hearing.choose(grid.wanting())
    assert [(unit.task, unit.row.row) for unit in hearing.group] == [("b", row.row) for row in grid.rows]
    assert [unit.task for unit in grid.units()] == ["a"] * 4 + ["b"] * 4
