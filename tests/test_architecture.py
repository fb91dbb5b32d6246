"""What the house promises about its own shape."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ["core", "text", "data", "score", "models", "units", "pseudo", "train", "report"]
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


def steps() -> list[Path]:
    return [
        p for p in MODULES if 'if __name__ == "__main__"' in p.read_text(encoding="utf-8") and p.name != "stages.py"
    ]


@pytest.mark.parametrize("path", steps(), ids=lambda p: str(p.relative_to(ROOT)))
def test_every_step_that_writes_an_output_has_version_and_plan(path):
    text = path.read_text(encoding="utf-8")
    if re.search(r"^    main\(run[,)]", text, re.M):
        assert "\nVERSION = " in text and "\nPLAN = " in text
