"""Corpora as their users prepare them: a tree in the true layout, one command, data directories."""

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from trees import speech

from toolkit.core.record import read_ledger
from toolkit.data.kaldi import DataDir


@dataclass
class Prepared:
    """A corpus that was prepared: its tree, the output folder, what the command said."""

    corpus: Path
    out: Path
    code: int
    output: str

    def set(self, name: str) -> DataDir:
        return DataDir.read(self.out / name)

    @property
    def dropped(self) -> list[tuple[str, str]]:
        """(original id, reason) of the ledger."""
        return [(id, reason) for id, _, reason, _ in read_ledger(self.out / "dropped.tsv")]


def prepare(name: str, corpus: Path, out: Path, *words: str, nj: int = 1, also: Sequence[Path] = ()) -> Prepared:
    """Run the step data.corpora.<name> on a tree, and on further inputs `also`."""
    inputs = map(str, (corpus, *also))
    command = [sys.executable, "-m", f"toolkit.data.corpora.{name}", "--in", *inputs, "--out", str(out), *words]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "SAWT_NJ": str(nj)})
    return Prepared(corpus, out, done.returncode, done.stdout + done.stderr)


def prepare_tree(name: str, folder: Path) -> Prepared:
    """The tree of a corpus below `folder`, prepared: for fixtures that many tests share and none changes."""
    importlib.import_module(f"trees.{name}").make(folder / name, speech())
    done = prepare(name, folder / name, folder / "data")
    assert done.code == 0, done.output
    return done


@pytest.fixture
def make_tree(tmp_path: Path) -> Callable[..., Path]:
    """make_tree("mgb2") writes the tree of that corpus below tmp_path; further arguments go to its `make`."""

    def make(name: str, *args: object, count: int = 48, english: bool = False, **options: object) -> Path:
        folder = tmp_path / name
        importlib.import_module(f"trees.{name}").make(folder, speech(count, english), *args, **options)
        return folder

    return make


@pytest.fixture
def prepared(make_tree: Callable[..., Path], tmp_path: Path) -> Callable[..., Prepared]:
    """prepared("mgb2", "--flag", ...) makes the tree, prepares it and returns what came of it."""

    def run(name: str, *words: str, english: bool = False) -> Prepared:
        return prepare(name, make_tree(name, english=english), tmp_path / "data", *words)

    return run
