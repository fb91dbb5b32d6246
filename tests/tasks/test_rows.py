"""Rows have identities of their own: one more makes its own alone, and none is taken for what it is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from noises import noise_corpus
from tones import task_of

from toolkit.core.errors import UserError
from toolkit.core.files import read_json
from toolkit.core.rows import mark, settle
from toolkit.core.step import Step
from toolkit.tasks import fit
from toolkit.tasks.config import TasksConfig

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
    with pytest.raises(UserError, match=r"the row fbank was made from something else \(changed: config\)") as error:
        run(replace(CONFIG, seed=2))
    assert "--fresh" in error.value.remedy and made(Path(error.value.where)) == before


def test_a_row_that_is_asked_for_no_more_is_set_aside(
    run: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    before = made(run(replace(CONFIG, rows=("fbank", "fbank_stacked"))) / "fbank")
    out = run(replace(CONFIG, rows=("fbank_stacked",)))
    assert not (out / "fbank").exists() and made(Path(f"{out}.aside-1/fbank")) == before
    assert "rows that are asked for no more" in capsys.readouterr().out


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
    for name in ("a", "b"):
        (tmp_path / "out" / name).mkdir(parents=True)
    mark(tmp_path / "out/a", {"x": "1"})
    settle(tmp_path / "out", {"a": {"x": "1"}, "c": {"x": "2"}})
    assert (tmp_path / "out/b").is_dir() and [p.name for p in tmp_path.iterdir()] == ["out"]
