"""What the house promises about its own shape."""

import ast
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from toolkit.core.registry import registry

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["core", "text", "data", "score", "models", "units", "pseudo", "train", "tasks", "report"]
MODULES = sorted((ROOT / "toolkit").rglob("*.py"))


def imported_rooms(path: Path) -> set[str]:
    """Rooms that a module imports, relative and absolute spellings alike."""
    here = ["toolkit", *path.relative_to(ROOT / "toolkit").with_suffix("").parts]
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [a.name for a in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level] if node.level else []
            stem = ".".join([*base, *([node.module] if node.module else [])])
            names = [stem, *[f"{stem}.{a.name}" for a in node.names]]
        rooms |= {n.split(".")[1] for n in names if n.startswith("toolkit.") and n.split(".")[1] in ROOMS}
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_a_room_imports_only_rooms_above_it(path):
    room = path.relative_to(ROOT / "toolkit").parts[0]
    if room not in ROOMS:
        return
    allowed = {"core", "report"} if room == "report" else set(ROOMS[: ROOMS.index(room) + 1])
    assert imported_rooms(path) <= allowed


def test_the_engine_and_the_report_import_no_torch():
    code = (
        "import sys, toolkit.core.stages, toolkit.core.step, toolkit.report.__main__; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_kaldiio_is_imported_in_one_module_only():
    users = [p.name for p in MODULES if "import kaldiio" in p.read_text(encoding="utf-8")]
    assert users == ["ark.py"]


def name_of(path: Path) -> str:
    """Name of the step in a file: units.kmeans."""
    return ".".join(path.relative_to(ROOT / "toolkit").with_suffix("").parts).removesuffix(".__main__")


def test_every_step_is_declared_in_its_room_and_every_declaration_is_a_step():
    steps = {name_of(p) for p in MODULES if re.search(r"^ +main\(run\)$", p.read_text(encoding="utf-8"), re.M)}
    scripts = {f"tools/{p.name}" for p in (ROOT / "tools").glob("fetch_*.sh")}
    assert steps | scripts == registry().keys()
    for path in sorted((ROOT / "toolkit").glob("*/registry.py")):
        declared = [name for name in registry() if name.partition(".")[0] == path.parent.name]
        assert path.parent.name == "core" or declared, path


@pytest.mark.parametrize("declaration", registry().values(), ids=lambda d: d.name)
def test_a_declaration_names_sections_and_flags_of_its_config_class(declaration):
    assert {*declaration.reads, *declaration.free} <= {f.name for f in fields(declaration.config_class())}


def test_the_config_class_of_no_step_imports_torch():
    code = """
import sys
from toolkit.core.registry import registry
for name, declaration in registry().items():
    declaration.config_class()
    if "torch" in sys.modules:
        sys.exit(name)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stderr} has a config class that imports torch"
