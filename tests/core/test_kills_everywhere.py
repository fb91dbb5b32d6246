"""A step cut at every change that it makes to the disk, in a fork of this process: what a rerun makes of it.

A change is a rename, which ends each atomic write, or a removal. Each is cut before it and after it, and a rename also
with half of the file written.
"""

import json
import os
import runpy
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

from toolkit.core.files import TEMPORARY
from toolkit.core.record import RECORD, commit, read_record

STEP = '''"""Adds the numbers of its input: files and folders of shards, a table written in parts, a drop, a count."""
from dataclasses import dataclass
from pathlib import Path
from toolkit.core.files import atomic, write_json, write_text
from toolkit.core.shards import run_shards
from toolkit.core.step import main

@dataclass(frozen=True)
class Config:
    add: int = 1
    """what is added to each number"""

def note(word):
    with open("made", "a") as f:
        f.write(word + "\\n")

def run(step):
    folders = bool(step.ins)
    numbers = [int(x) for x in (step.ins[0] / "numbers").read_text().split()] if folders else list(range(4))
    def work(k, path):
        note(f"{step.out} {k}")
        if folders:
            path.mkdir()
            (path / "number").write_text(f"{numbers[k] + step.config.add}\\n" * 50)
            (path / "دليل.txt").write_text(f"{k}\\n")
        else:
            path.write_text(f"{numbers[k] + step.config.add}\\n" * 50)
    shards = run_shards(step, [1.0] * len(numbers), work, unit="numbers")
    lines = [((p / "number") if folders else p).read_text().split() for p in shards]
    assert all(len(words) == 50 and len(set(words)) == 1 for words in lines), "half a shard was read"
    write_text(step.out / "numbers", "".join(f"{words[0]}\\n" for words in lines))
    with atomic(step.out / "table") as folder:
        folder.mkdir()
        (folder / "a").write_text("1" * 1000)
        (folder / "b").write_text("2" * 1000)
    write_json(step.out / "sum.json", {"sum": sum(int(words[0]) for words in lines)})
    step.ledger.drop("متحدث-1", "too short", "0.01 s")
    step.counts["numbers"] = len(numbers)

main(run, Config)
'''
WORDS = {
    "one": ["--config", "one.yaml", "--out", "dump/one"],
    "two": ["--add", "10", "--in", "dump/one", "--out", "exp/two"],
}
OUT = {"one": Path("dump/one"), "two": Path("exp/two")}


class Cuts:
    """Counts the changes to the disk and ends the process, by kill -9, at the one numbered `at`."""

    def __init__(self, at: int) -> None:
        self.at, self.count = at, 0

    def reached(self) -> bool:
        self.count += 1
        return self.count == self.at

    def around(self, change: Callable[..., Any], *names: Any, **more: Any) -> Any:
        path = Path(names[0])
        if "dir_fd" not in more and not os.path.lexists(path):
            return change(*names, **more)  # a file that may be there is not: nothing changes
        if len(names) == 2 and self.reached():
            half = [path] if path.is_file() else sorted(p for p in path.rglob("*") if p.is_file())[:1]
            for file in half:
                os.truncate(file, file.stat().st_size // 2)
            die()
        if self.reached():
            die()
        result = change(*names, **more)
        if self.reached():
            die()
        return result

    def stand_in(self, name: str) -> None:
        change = getattr(os, name)
        setattr(os, name, lambda *names, **more: self.around(change, *names, **more))


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


def run(step: str, at: int = 0) -> int:
    """Run the step in a fork of this process, cut at change `at`; its exit code, or minus the signal that ended it."""
    child = os.fork()
    if not child:
        code = 1
        try:
            null = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(null, 1)
            os.dup2(null, 2)
            sys.stdout = sys.stderr = open(2, "w", closefd=False)
            if at:
                cuts = Cuts(at)
                for name in ("replace", "unlink", "rmdir"):
                    cuts.stand_in(name)
            sys.argv = ["./add.py", *WORDS[step]]
            runpy.run_path("./add.py", run_name="__main__")
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        finally:
            sys.stdout.flush()
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents() -> dict[str, bytes]:
    """Every byte that must not depend on a cut: logs, locks and times aside."""
    loose = ("times.json", ".lock")
    files = (p for top in ("dump", "exp") for p in sorted(Path(top).rglob("*")) if p.is_file() and p.name not in loose)
    return {str(p): p.read_bytes() for p in files}


def made() -> list[str]:
    return Path("made").read_text().split("\n")[:-1] if Path("made").exists() else []


def finished() -> set[str]:
    """Shards that are there, in the words of the file `made`."""
    return {f"{p.parents[1]} {int(p.name)}" for p in Path().glob("*/*/shards/0000?")}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    commit()  # asks git once, here, instead of in every fork
    recipe = tmp_path / "صوت 2"
    recipe.mkdir()
    (recipe / "add.py").write_text(STEP)
    (recipe / "one.yaml").write_text("add: 1\n")
    monkeypatch.chdir(recipe)
    return recipe


def whole(*steps: str) -> dict[str, bytes]:
    """What the steps make when nobody disturbs them."""
    assert [run(step) for step in steps] == [0] * len(steps), Path("log").read_text()
    return contents()


def clear(*steps: str) -> None:
    for step in steps:
        shutil.rmtree(OUT[step], ignore_errors=True)


@pytest.mark.parametrize("step", ["one", pytest.param("two", marks=pytest.mark.long)])
def test_cut_at_every_change_to_the_disk_a_rerun_ends_byte_identical(step: str, folder: Path) -> None:
    if step == "two":
        whole("one")
    wanted = whole(step)
    at, ended = 0, []
    while not ended or ended[-1] == -signal.SIGKILL:
        clear(step)
        at += 1
        ended.append(run(step, at))
        done, before = finished(), len(made())
        if (OUT[step] / RECORD).exists():
            state = read_record(OUT[step])["state"]
            assert state == "running" or all((OUT[step] / name).exists() for name in read_record(OUT[step])["made"])
        assert run(step) == 0, (at, Path("log").read_text())
        assert contents() == wanted, at
        assert not done & set(made()[before:]), at  # what was finished is not made again
        assert not list(Path().rglob("*" + TEMPORARY)), at
    assert ended[-1] == 0 and at > 40  # cuts at each shard, table and record, and while the shards are removed


def test_what_is_cut_is_no_input_of_another_step(folder: Path) -> None:
    wanted, at = whole("one", "two"), 0
    while True:
        clear("one", "two")
        at += 1
        ended = run("one", at)
        done = (OUT["one"] / RECORD).exists() and read_record(OUT["one"])["state"] == "done"
        code = run("two")
        assert (code == 0) == done and code in (0, 1), (at, Path("log").read_text())
        if ended == 0:
            break
        if not done:
            assert not OUT["two"].exists() or not (OUT["two"] / "numbers").exists()
        assert run("one") == 0 and run("two") == 0
        assert contents() == wanted, at
    assert at > 40


@pytest.mark.parametrize("every", [31, 41])
def test_cut_again_and_again_it_ends_byte_identical(every: int, folder: Path) -> None:
    wanted = whole("one", "two")
    clear("one", "two")
    cuts = 0
    for step in ("one", "two"):
        while run(step, every):
            cuts += 1
            assert cuts < 100, "it makes no progress"
    assert cuts >= 2 and contents() == wanted and not list(Path().rglob("*" + TEMPORARY))


def test_the_cuts_reach_every_kind_of_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shards, tables and records are renamed into place; nothing else in an output grows in place."""
    whole("one", "two")
    names = {Path(name).name for name in contents()}
    assert names == {"numbers", "sum.json", "a", "b", "record.json", "dropped.tsv"}
    assert json.loads(Path("exp/two/sum.json").read_text()) == {"sum": sum(n + 11 for n in range(4))}
