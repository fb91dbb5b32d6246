"""Folders that options name for outputs: never the recipe's own, another part of the project, or one of a user's files.

Outputs would stand among files that are not of this recipe, and a `--fresh` would move them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError
from .files import TEMPORARY
from .recipe_files import EGS, HOUSE, OWN, TEMPLATE
from .record import BOOKKEEPING, RECORD
from .table import Table

PROJECT = (".git", ".venv", "benchmarks", "docs", "tests", "toolkit", "tools", "utils")  # folders of HOUSE
DEEPEST = 3  # folders between one that an option names and the record of an output


def misplaced(table: Table) -> Iterator[UserError]:
    """A mistake for each option of the command line that names no place for outputs."""
    outs = [Path(os.path.abspath(run.out)) for stage in table.stages for run in stage.runs]
    for option in table.options:
        root = Path(os.path.abspath(option.value)) if option.value and option.is_given(table.words) else None
        if root is None or not any(root in (out, *out.parents) for out in outs):
            continue
        if problem := _own(root) or _own(Path(os.path.realpath(root))) or _foreign(root):
            remedy = "name a new folder, or one that holds outputs of this recipe alone"
            yield UserError(f"outputs do not go here: {problem}", f"{option.flag} {option.value}", remedy)


def _own(root: Path) -> str:
    """Whose folder `root` is, of the recipe or the project; "" if it is neither's."""
    recipe = Path.cwd()
    if root == recipe or root in recipe.parents:
        return "it is the recipe's folder" if root == recipe else "the recipe's folder is in it"
    if root.is_relative_to(recipe):
        part = root.relative_to(recipe).parts[0]
        return f"it is in {part}, which is of the recipe itself" if part in OWN else ""
    if not root.is_relative_to(HOUSE):
        return ""
    parts = root.relative_to(HOUSE).parts
    if parts[:1] == (EGS.name,):
        has_recipe = any((folder / OWN[0]).is_file() for folder in (root, *root.glob("*")))
        is_own = has_recipe or len(parts) == 1 or parts[1] == TEMPLATE or not {*parts[3:4]}.isdisjoint(OWN)
    else:
        is_own = parts[:1] == () or parts[0] in PROJECT
    return "it is a folder of the project" if is_own else ""


def _foreign(root: Path) -> str:
    """The file that shows that a folder is of something else, as a sentence; "" for one that holds outputs, or none."""
    if not root.is_dir() or any(any(root.glob("*/" * depth + RECORD)) for depth in range(DEEPEST + 1)):
        return ""
    for path in root.rglob("*"):
        name = path.relative_to(root)
        passed = any(part.startswith(".") or part in BOOKKEEPING or part.endswith(TEMPORARY) for part in name.parts)
        if not passed and os.path.isfile(path):
            return f"it holds files that are not of this recipe, {name} for one"
    return ""
