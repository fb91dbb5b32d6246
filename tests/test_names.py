"""Names that say nothing are used for nothing: `found` is better called `rows`, `said` is better called `message`.

Files that still have one are listed in tests/names_exempt.txt, a list that may only shrink: who touches such a file
renames.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EMPTY = {"found", "said", "there", "some", "what", "other"}
EXEMPT = Path(__file__).with_name("names_exempt.txt")


def defined(tree: ast.AST) -> set[str]:
    """Names that a module gives to variables, arguments, functions, classes and attributes of its own."""
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            names.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.arg):
            names.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
    return names


def with_empty_names() -> list[str]:
    """Files of ours that define one."""
    paths = (path for room in ("toolkit", "tests", "benchmarks", "egs") for path in sorted((ROOT / room).rglob("*.py")))
    return [
        str(path.relative_to(ROOT)) for path in paths if EMPTY & defined(ast.parse(path.read_text(encoding="utf-8")))
    ]


def test_only_the_files_on_the_list_have_names_that_say_nothing() -> None:
    assert with_empty_names() == EXEMPT.read_text(encoding="utf-8").split()


def test_a_name_is_seen_wherever_it_is_given() -> None:
    for code in (
        "found = 1",
        "def f(said): ...",
        "def there(): ...",
        "for some in []: ...",
        "[what for what in []]",
        "self.other = 1",
        "class C:\n    found: int",
        "lambda said: 1",
    ):
        assert EMPTY & defined(ast.parse(code)), code
    assert not EMPTY & defined(ast.parse("e.what; f(other=1); 'said'"))
