"""Whole recipes in a copy of the house, so that tests neither see nor leave anything in the working tree."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MADE = {"data", "dump", "exp", "downloads", "nano", "full"}
MEASURED = {
    "times.json",
    "cost.json",
    ".lock",
}  # what may differ between two runs: times, and below them logs and tables
MEASURED_FOLDERS = {"log", "tensorboard", "report"}


def made(folder: str, names: list[str]) -> set[str]:
    """Of a recipe folder's `names`, those that runs made."""
    return {n for n in names if n in MADE or ".aside-" in n} if "run.sh" in names else set()


class House:
    """A copy of egs/, utils/, tools/ and toolkit/ in which recipes run."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("egs", "utils", "tools"):
            shutil.copytree(ROOT / name, root / name, ignore=made)
        shutil.copytree(ROOT / "toolkit", root / "toolkit", ignore=shutil.ignore_patterns("__pycache__"))

    def start(self, recipe: str, *words: str) -> subprocess.Popen[str]:
        env = {**os.environ, "SAWT_PYTHON": str(ROOT / ".venv/bin/python3")}
        return subprocess.Popen(
            ["./run.sh", *words],
            cwd=self.root / "egs" / recipe,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, recipe: str, *words: str) -> tuple[int, str]:
        process = self.start(recipe, *words)
        said, _ = process.communicate(timeout=600)
        return process.returncode, said


def made_bytes(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of all that a recipe made and that neither nj nor a kill may change."""
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for top in ("data", "dump", "exp")
        for p in sorted((folder / top).rglob("*"))
        if p.is_file() and p.name not in MEASURED | {"RESULTS.md"} and not MEASURED_FOLDERS & set(p.parts)
    }


@pytest.fixture(scope="session")
def new_house(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], House]:
    return lambda: House(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="session")
def nano(new_house: Callable[[], House]) -> Path:
    """Folder of an uninterrupted nano run with nj 4."""
    house = new_house()
    code, said = house.run("mini/ssl", "--preset", "nano", "--nj", "4")
    assert code == 0, said
    return house.root / "egs/mini/ssl/nano"
