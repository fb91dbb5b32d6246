"""Task types: those of the toolkit, one of one's own, and that nothing else knows them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tones import CONFIG, TASKS, results, task_of

from toolkit.core.config import load_config, section_help
from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.core.record import Ledger
from toolkit.core.schema import dump
from toolkit.report.config import ReportConfig
from toolkit.report.kinds import gather
from toolkit.report.render.html import page
from toolkit.report.render.markdown import document
from toolkit.score import compare_probes
from toolkit.tasks.config import TasksConfig
from toolkit.tasks.task_config import TaskConfig, task_type

ROOT = Path(__file__).resolve().parents[2]
OWN = "length_task:TYPE"


def test_a_type_of_ones_own_runs_from_data_to_the_page(run: Callable[..., Path], tmp_path: Path) -> None:
    out = run(replace(CONFIG, tasks={"length": task_of(OWN, 30, (3e-2,), parts=3)}, rows=("fbank", "models")))
    result = results(out, "it1.base", "length")
    assert (result.decides.metric.name, result.decides.n, result.type) == ("accuracy", 11, OWN)
    assert result.confusion and result.confusion.labels == ("part 1", "part 2", "part 3")
    pairs = compare_probes.compare(compare_probes.read_systems([out]), 1, Ledger(""))
    assert {(pair.task, pair.system, pair.against) for pair in pairs} == {("length", "it1.base", "fbank")}
    assert [pair.difference.metric.name for pair in pairs] == ["accuracy", "macro_f1"]
    write_json(tmp_path / "compare/pairs.json", [dump(pair) for pair in pairs])
    report, _ = gather([out, tmp_path / "compare"], ReportConfig(recipe="mine/ssl"))
    assert [tile.label for tile in report.tiles] == ["Length accuracy % ↑: it1.base"]
    for text in (document(report), page(report).replace("\u00a0", " ")):
        assert "Length accuracy % ↑" in text and "iteration 1 (it1.base)" in text


def test_a_second_task_of_a_type_is_a_section(run: Callable[..., Path]) -> None:
    loud = replace(TASKS["dialect"], lr=(3e-2,))
    out = run(replace(CONFIG, tasks={"loud": loud, "louder": loud}, rows=("fbank",)))
    assert all(results(out, "fbank", name).decides.value > 90 for name in ("loud", "louder"))


def test_a_section_gets_the_fields_of_its_type(tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(f"tasks:\n  l:\n    type: {OWN}\n    steps: 3\n    lr: [0.1]\n    parts: 4\n")
    task = load_config(TasksConfig, tmp_path / "t.yaml").tasks["l"]
    assert (type(task).__name__, task.table, task.parts) == ("LengthTask", "utt2dur", 4)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("type: words", "no task type words; there are classify, ctc, frames, phones"),
        ("type: nowhere:TYPE", "cannot be imported: No module named 'nowhere'"),
        ("type: length_task:KIND", "cannot be imported"),
        ("type: length_task:Length", "not a toolkit.tasks.base.TaskType"),
        ("type: frames\n    hidden: 3", "unknown config field tasks.it.hidden"),
        ("kind: ctc", "unknown config field tasks.it.kind"),
    ],
)
def test_a_type_or_a_field_that_is_none_is_a_users_mistake(section: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "t.yaml").write_text(f"tasks:\n  it:\n    steps: 1\n    lr: [0.1]\n    {section}\n")
    with pytest.raises(UserError, match=re.escape(message)):
        load_config(TasksConfig, tmp_path / "t.yaml")


def test_the_types_import_neither_torch_nor_numpy() -> None:
    names = ", ".join(f"toolkit.tasks.types.{name}" for name in TaskConfig.variants())
    code = f"import sys, {names}; print(sorted({{'torch', 'numpy'}} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert ended.stdout.strip() == "[]", ended.stderr


def test_nothing_but_a_types_own_file_knows_its_name() -> None:
    names = "|".join(set(TaskConfig.variants()) - {"frames"})  # which are also what a head needs
    for path in sorted((ROOT / "toolkit/tasks").glob("*.py")):
        asked = re.search(rf"""(?:task|config)\.type (?:==|in)|["'](?:{names})["']""", path.read_text(encoding="utf-8"))
        assert not asked, f"{path}: {asked}"


def test_help_shows_the_fields_of_every_type() -> None:
    rows = dict(section_help(TasksConfig))
    assert "steps" in {name for name, _, _ in rows["fields of each section of `tasks`"]}
    for name in TaskConfig.variants():
        own = {row[0].split(".")[0] for row in rows.get(f"of `type: {name}` also", [])}
        config = task_type(name).config
        assert own == set(config.__dataclass_fields__) - set(TaskConfig.__dataclass_fields__)
    assert all(meaning for own in rows.values() for _, _, meaning in own)
