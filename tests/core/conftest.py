"""A recipe of three sharded steps that need no torch, for the engine's tests."""

import os
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import warm_recipe
from warm_python import WarmPopen

ROOT = Path(__file__).resolve().parents[2]

STEP = '''#!/usr/bin/env python3
"""Adds the numbers of its input, shard by shard."""
import os, time
from dataclasses import dataclass
from pathlib import Path
from toolkit.core.errors import UserError
from toolkit.core.shards import run_shards
from toolkit.core.step import main

@dataclass(frozen=True)
class Config:
    add: int = 1
    """what is added to each number"""
    sleep: float = 0.0
    """seconds per shard"""
    fail: bool = False
    """end with a user's mistake"""

def run(step):
    numbers = [int(x) for x in (step.ins[0] / "numbers").read_text().split()] if step.ins else list(range(6))
    def work(k, path):
        time.sleep(step.config.sleep)
        with open("made", "a") as f:
            f.write(f"{step.out} {k}\\n")
        path.write_text(f"{numbers[k] + step.config.add}\\n")
    shards = run_shards(step, [1.0] * len(numbers), work, unit="numbers")
    if step.config.fail:
        raise UserError("the numbers are wrong", "here", "give others")
    (step.out / "numbers").write_text("".join(p.read_text() for p in shards))
    (step.out / "figures.json").write_text(f'{{"numbers": {len(numbers)}}}\\n')
    step.ledger.drop("utt1", "too short", "0.01 s")
    step.counts["numbers"] = len(numbers)

main(run, Config)
'''

RUN = """#!/usr/bin/env bash
cd "$(dirname "$0")" || exit 1
. "{root}/utils/recipe.sh"
corpus=. # folder of the corpus
sleep=0  # seconds per shard
mode=    # an option that may stay empty
stages() {{
  stage one "First"
  run ./add.py --config conf/one.yaml --sleep "$sleep" --out dump/one
  stage two "Second"
  run ./add.py --config conf/two.yaml --in dump/one "$corpus" --sleep "$sleep" --out exp/two
  stage three "Third"
  run ./add.py --in exp/two --out exp/three
}}
recipe "$@"
"""


class Recipe:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @staticmethod
    def env() -> dict[str, str]:
        return {**os.environ, "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}"}

    def popen(self, *words: str, **more: object) -> subprocess.Popen:
        return subprocess.Popen(
            ["./run.sh", *words],
            cwd=self.folder,
            env=self.env(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **more,
        )

    def __call__(self, *words: str) -> tuple[int, str]:
        """Run to the end, the engine forked (tests/warm_python.py); `popen` starts it as a user does."""
        if WarmPopen.nursery is None:
            process = self.popen(*words)
        else:
            pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
            process = warm_recipe.start(self.folder, list(words), self.env(), **pipes)
        out, err = process.communicate(timeout=60)
        return process.returncode, out + err

    def numbers(self, out: str = "exp/three") -> str:
        return (self.folder / out / "numbers").read_text()

    def made(self) -> list[str]:
        path = self.folder / "made"
        return path.read_text().splitlines() if path.exists() else []

    def declare(self, script: str, words: str) -> None:
        """Declare a script of the recipe: jobs="array", mb=5."""
        source = f"from toolkit.core.registry import Declaration\n\nSTEPS = (Declaration({script!r}, {words}),)\n"
        (self.folder / "registry.py").write_text(source)

    def config(self, name: str, text: str) -> None:
        (self.folder / "conf" / name).write_text(text)

    def states(self) -> list[str]:
        """State of each stage, as --list shows it."""
        rows = [line.split() for line in self("--list")[1].splitlines()]
        return [row[2] for row in rows if row and row[0].isdigit()]

    def bytes(self) -> dict[str, bytes]:
        """Every byte that must not depend on nj or on a kill: logs, locks and times aside."""
        loose = ("times.json", ".lock", "made")
        return {
            str(p.relative_to(self.folder)): p.read_bytes()
            for p in sorted(self.folder.rglob("*"))
            if p.is_file() and p.name not in loose and "log" not in p.parts
        }

    def at_work(self) -> list[int]:
        """Processes whose working folder is the recipe's."""
        pids = []
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):  # of another user, or gone meanwhile
                if os.readlink(process / "cwd") == str(self.folder):
                    pids.append(int(process.name))
        return pids

    def begun(self, *words: str, sleep: str) -> subprocess.Popen:
        """A run in the middle of its first stage, of six shards that take `sleep` seconds each."""
        process = self.popen("--sleep", sleep, "--nj", "1", *words)
        self.wait(lambda: (self.folder / "dump/one/shards").exists() or process.poll() is not None)
        assert process.poll() is None
        return process

    @staticmethod
    def wait(condition: Callable[[], object], seconds: float = 60.0) -> None:
        """Wait until `condition` is true; fails after `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.fixture
def recipe(tmp_path: Path) -> Recipe:
    folder = tmp_path / "egs" / "صوت 2" / "ssl"
    (folder / "conf").mkdir(parents=True)
    (folder / "corpus").mkdir()
    (folder / "corpus" / "a.wav").write_text("x")
    for name, text in (("add.py", STEP), ("run.sh", RUN.format(root=ROOT).replace("corpus=.", "corpus=corpus"))):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    made = Recipe(folder)
    made.config("one.yaml", "add: 1\n")
    made.config("two.yaml", "add: 10\n")
    return made
