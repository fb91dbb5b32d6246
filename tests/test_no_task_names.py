"""A task is a YAML section, a type is a file of its own: nothing else in the toolkit asks which task or type it has."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from toolkit.tasks.task_config import TaskConfig

ROOT = Path(__file__).resolve().parents[1]
TOOLKIT = ROOT / "toolkit"
TYPES = set(TaskConfig.variants())
DATA = {
    "phone",
    "dialect",
    "language",
    "summary",
}  # what else is called so: a label of phones.ctm, of utt2lang, of a window
LITERALS = {  # (file, string that is a task's name too) -> what it is there
    ("report/sections/labels.py", "dialect"): "a group of survival.json",
    ("report/sources/selection.py", "dialect"): "a group of survival.json",
    ("train/whisper_dev.py", "language"): "a key of a batch: that of its prompts",
    ("train/window_speech.py", "language"): "a key of a batch: that of its prompts",
}
KINDS = {  # (file, what is compared) -> what it is there
    ("report/sections/scores.py", "test.kind"): "one test set, all of them, or their mean",
    ("report/sections/ablation.py", "kind"): "the curve of train or of dev",
    ("report/render/plots.py", "kind"): "the curve of train or of dev",
}


def task_names() -> set[str]:
    """Names of the sections `tasks` of all recipes."""
    configs = (yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "egs").glob("**/conf/**/*.yaml"))
    sections = (config.get("tasks") for config in configs if isinstance(config, dict))
    return {name for tasks in sections if isinstance(tasks, dict) for name in tasks}


def files(*rooms: str) -> list[Path]:
    return sorted(path for room in rooms for path in (TOOLKIT / room).rglob("*.py"))


def inside(path: Path) -> str:
    return path.relative_to(TOOLKIT).as_posix()


def strings(tree: ast.AST) -> Iterator[str]:
    """String constants of a module but for those that stand alone, which are docstrings and meanings of fields."""
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def identifiers(tree: ast.AST) -> Iterator[str]:
    """Names that a module gives or uses: variables, attributes, arguments, keywords, functions and classes."""
    for node in ast.walk(tree):
        for field in ("id", "attr", "arg", "name"):
            if isinstance(name := getattr(node, field, None), str):
                yield name


def parts(identifier: str) -> set[str]:
    """`asr` and `table` of asr_table and of AsrTable."""
    return {part.lower() for part in re.split(r"_|(?<=[a-z])(?=[A-Z])", identifier)}


def special_cases(tree: ast.AST, names: set[str]) -> set[str]:
    """Where a module knows a task by name: an exact string; of names that nothing else has, also a word of any string
    or a part of any identifier.
    """
    own, used = names - DATA, set(strings(tree))
    cases = used & names
    cases |= {text for text in used if own & {word.lower() for word in re.findall(r"[A-Za-z]+", text)}}
    return cases | {name for name in identifiers(tree) if own & parts(name)}


def compared(tree: ast.AST) -> Iterator[ast.expr]:
    """Both sides of every comparison, the cases of every `match`, and the entries of literals within them."""
    for node in ast.walk(tree):
        sides: list[ast.expr] = []
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
        elif isinstance(node, ast.MatchValue):
            sides = [node.value]
        for side in sides:
            yield side
            yield from getattr(side, "elts", [])


def compared_strings(tree: ast.AST) -> set[str]:
    return {side.value for side in compared(tree) if isinstance(side, ast.Constant) and isinstance(side.value, str)}


def compared_kinds(tree: ast.AST) -> set[str]:
    """`task.type` and its like, and `kind`, where a module compares them; a device's type is no task's."""
    asked = set()
    for side in compared(tree):
        words = ast.unparse(side)
        if isinstance(side, ast.Attribute | ast.Name) and words.split(".")[-1] in ("type", "kind"):
            asked |= {words} if not words.endswith("device.type") else set()
    return asked


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_file_of_the_report_or_of_the_training_knows_a_task_by_name() -> None:
    names = task_names()
    assert names >= {"phone", "asr", "dialect", "emotion"}
    cases = {(inside(path), case) for path in files("report", "train") for case in special_cases(parsed(path), names)}
    assert cases == LITERALS.keys()


def test_no_file_but_a_types_own_compares_anything_with_a_types_name() -> None:
    """A type is told apart by its object's methods and attributes, wherever it is used."""
    for path in files("tasks", "train", "report", "score"):
        asked = compared_strings(parsed(path)) & TYPES
        own = {path.stem} if path.parent == TOOLKIT / "tasks/types" else set()
        # "frames" is also a unit of counting and what a head needs
        assert asked - own <= {"frames"}, f"{inside(path)}: {asked}"


def test_no_file_asks_for_the_kind_or_the_type_of_a_task_or_a_row() -> None:
    paths = [*files("tasks", "train", "report"), TOOLKIT / "score/compare_probes.py", TOOLKIT / "score/items.py"]
    asked = {(inside(path), words) for path in paths for words in compared_kinds(parsed(path))}
    assert asked == KINDS.keys()


def test_the_report_has_no_twin_for_one_recipe_kind() -> None:
    files_of_the_report = [path.name for path in (TOOLKIT / "report").rglob("*") if "__pycache__" not in path.parts]
    assert [name for name in files_of_the_report if name.startswith("whisper")] == []


@pytest.mark.parametrize(
    "code",
    [
        "x = board['asr']",
        "if task == 'dialect': pass",
        "ORDER = ('phone', 'toasts')",
        "def f(results): return results.get('emotion')",
        "def asr_table(): pass",
        "class AsrTable: pass",
        "row.emotion",
        "note = f'{n} of ASR'",
    ],
)
def test_a_task_that_is_special_cased_is_seen(code: str) -> None:
    assert special_cases(ast.parse(code), {"phone", "asr", "dialect", "emotion", "language"})


@pytest.mark.parametrize(
    "code",
    ["'''An ASR task.'''", "for dialect in dialects: pass", "x = f'{title} by dialect'", "phone, n = row", "basra = 1"],
)
def test_a_word_of_the_data_or_of_a_docstring_is_no_special_case(code: str) -> None:
    assert not special_cases(ast.parse(code), {"phone", "asr", "dialect", "emotion", "language"})


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("if task.type == 'ctc': pass", "task.type"),
        ("x = 1 if row.kind in ('model', 'random') else 2", "row.kind"),
        ("if kind != 'fbank': pass", "kind"),
        ("if self.config.type not in TYPES: pass", "self.config.type"),
        ("if device.type == 'cuda' or x.device.type == 'cpu': pass", None),
    ],
)
def test_a_question_for_a_kind_is_seen(code: str, asked: str | None) -> None:
    assert compared_kinds(ast.parse(code)) == ({asked} if asked else set())
    assert asked is None or compared_strings(ast.parse(code)) or "TYPES" in code
