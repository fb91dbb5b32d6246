"""Worker 1 is the step's own process; the others are forked from it, or started cold where it cannot be forked."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

STEP = '''#!/usr/bin/env python3
"""Six shards that say which process made them."""
import os, sys, threading, time
from dataclasses import dataclass
from toolkit.core.errors import UserError
from toolkit.core.shards import run_shards
from toolkit.core.step import main

@dataclass(frozen=True)
class Config:
    sleep: float = 0.0
    """seconds per shard"""
    threads: bool = False
    """begin with a thread of Python's"""
    omp: bool = False
    """begin with a pool of OpenMP's threads, which torch starts"""
    blas: bool = False
    """begin with OpenBLAS's threads, which numpy starts"""
    fail: int = -1
    """the shard that ends with a user's mistake"""
    crash: int = -1
    """the shard that ends with a bug"""
    wait: int = 6
    """the first shard that waits until there is a file `go`"""

def run(step):
    config = step.config
    if config.threads:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
    if config.blas:
        import numpy
        numpy.ones((500, 500)) @ numpy.ones((500, 500))
    if config.omp:
        import torch
        torch.set_num_threads(2)
        (torch.ones(1000, 1000) + 1).sum()

    def work(k, path):
        print(f"shard {k} here", flush=True)
        time.sleep(config.sleep)
        while k >= config.wait and not os.path.exists("go"):
            time.sleep(0.01)
        if k == config.fail:
            raise UserError(f"shard {k} is wrong", "here", "give another")
        if k == config.crash:
            raise RuntimeError(f"shard {k} is broken")
        path.write_text(f"{os.getpid()} {os.getppid()} {step.worker[0]}\\n")

    shards = run_shards(step, [1.0] * 6, work, unit="shards")
    assert step.worker is None
    (step.out / "made").write_text(f"{os.getpid()}\\n" + "".join(p.read_text() for p in shards))

main(run, Config)
'''


@pytest.fixture
def step(tmp_path: Path) -> Path:
    (tmp_path / "six.py").write_text(STEP)
    (tmp_path / "six.py").chmod(0o755)
    return tmp_path


def begin(step: Path, *words: str, nj: int = 3) -> subprocess.Popen[str]:
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    return subprocess.Popen(
        ["./six.py", "--out", "out", *words],
        cwd=step,
        env={**os.environ, "SAWT_NJ": str(nj), "PYTHONPATH": str(ROOT), "PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(step: Path, *words: str, nj: int = 3) -> tuple[int, str, str]:
    process = begin(step, *words, nj=nj)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def makers(step: Path) -> tuple[int, list[tuple[int, int, int]]]:
    """Pid of the step; pid, parent's pid and number of the worker that made each shard."""
    own, *rows = (step / "out/made").read_text().splitlines()
    return int(own), [tuple(map(int, row.split())) for row in rows]


def logs(step: Path) -> dict[int, list[str]]:
    return {
        int(path.name.split(".")[1]): path.read_text().splitlines()
        for path in sorted((step / "out/log").glob("worker.*.log"))
    }


def at_work(step: Path) -> list[int]:
    """Processes whose working folder is the step's."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # of another user, or gone meanwhile
            if os.readlink(process / "cwd") == str(step):
                pids.append(int(process.name))
    return pids


def wait(condition, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def forked(process: subprocess.Popen[str]) -> list[int]:
    """Children of a running step."""
    return [int(pid) for pid in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


@pytest.mark.parametrize("words", [(), ("--blas", "true")])
def test_the_step_is_worker_1_and_forks_the_others(step: Path, words: tuple[str, ...]) -> None:
    code, _, err = run(step, *words)
    assert code == 0, err
    own, rows = makers(step)
    assert [worker for _, _, worker in rows] == [1, 2, 3, 1, 2, 3]
    assert {pid for pid, _, worker in rows if worker == 1} == {own}
    assert {parent for _, parent, worker in rows if worker > 1} == {own}
    assert len({pid for pid, _, _ in rows}) == 3


@pytest.mark.parametrize("words", [("--threads", "true"), ("--omp", "true")])
def test_a_step_with_threads_of_its_own_starts_the_others_cold(step: Path, words: tuple[str, ...]) -> None:
    code, _, err = run(step, *words)
    assert code == 0, err
    own, rows = makers(step)
    assert [worker for _, _, worker in rows] == [1, 2, 3, 1, 2, 3] and rows[0][0] == own
    assert "--worker 2/3" in Path(step / "out/log/worker.2.log").read_text().splitlines()[0]


def test_each_worker_has_a_log_with_its_command_first_and_how_it_ended_last(step: Path) -> None:
    code, out, err = run(step)
    assert code == 0
    for number, lines in logs(step).items():
        assert lines[0].startswith("# ") and lines[0].endswith(f"six.py --out out --worker {number}/3")
        shown = [line for line in lines if line.startswith("shard ")]
        assert shown == [f"shard {number - 1} here", f"shard {number + 2} here"]
        assert lines[-1].startswith("# Ended (code 0) at ")
    assert "shard" not in out and "6/6 shards" in err  # the bar stays on the step's own standard error


@pytest.mark.parametrize(("shard", "worker"), [(3, 1), (4, 2)])
def test_a_mistake_in_any_worker_ends_the_step_with_it_and_is_no_traceback(step: Path, shard: int, worker: int) -> None:
    code, _, err = run(step, "--fail", str(shard))
    assert code == 1 and f"shard {shard} is wrong" in err and "Traceback" not in err
    assert logs(step)[worker][-1].startswith("# Ended (code 1)")
    assert at_work(step) == []
    assert run(step, "--fail", str(shard))[0] == 1  # what is finished is kept, what is not is tried again
    assert (step / "out/shards/00000").is_file()


def test_a_bug_in_a_forked_worker_leaves_its_traceback_in_the_log(step: Path) -> None:
    code, _, err = run(step, "--crash", "4")
    assert code == 1 and "a worker failed" in err and "RuntimeError: shard 4 is broken" in err
    assert "RuntimeError: shard 4 is broken" in "\n".join(logs(step)[2])


def test_a_worker_that_fails_does_not_wait_for_the_shard_that_the_step_itself_is_at(step: Path) -> None:
    process = begin(step, "--sleep", "60")
    wait(lambda: len(logs(step)) == 3 and any("shard 1" in line for line in logs(step)[2]))
    begun = time.monotonic()
    os.kill(forked(process)[0], signal.SIGKILL)
    _, err = process.communicate(timeout=30)
    assert process.returncode == 1 and time.monotonic() - begun < 20
    assert "a worker was killed by SIGKILL" in err and "Traceback" not in err
    assert at_work(step) == [] and not list((step / "out/shards").glob("*.tmp"))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_when_the_step_ends_so_do_its_forks_and_the_next_run_finishes(step: Path, how: signal.Signals) -> None:
    process = begin(step, "--wait", "3")
    wait(lambda: (step / "out/shards").is_dir() and len(list((step / "out/shards").glob("0000[0-9]"))) == 3)
    (os.killpg if how == signal.SIGINT else os.kill)(process.pid, how)  # Ctrl-C reaches the group, a kill one process
    process.communicate(timeout=30)
    assert process.returncode == (130 if how == signal.SIGINT else -signal.SIGKILL)
    wait(lambda: at_work(step) == [], 5)
    kept = {path.name: path.read_text() for path in (step / "out/shards").glob("0000[0-9]")}
    (step / "go").touch()
    code, _, err = run(step, "--wait", "3")
    assert code == 0, err
    _, rows = makers(step)
    assert len(kept) == 3 and len(rows) == 6
    for name, text in kept.items():
        assert "{} {} {}\n".format(*rows[int(name)]) == text  # made once, by the run that was stopped


def test_a_fork_does_not_hold_the_lock_of_the_step(step: Path) -> None:
    process = begin(step, "--sleep", "60")
    wait(lambda: [n for n, lines in logs(step).items() if f"shard {n - 1} here" in lines] == [1, 2, 3])
    for pid in forked(process):
        held = [os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()]
        assert not [path for path in held if path.endswith(".lock")]
    process.kill()
    process.communicate()
