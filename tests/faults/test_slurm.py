"""The nano recipe on a real Slurm, its jobs cancelled, killed and requeued, its engine killed: bytes of a local run."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import House, made_bytes

pytestmark = pytest.mark.slurm
# Tasks wait at the door while there is a file `hold`: how fast a machine is must not decide what is killed.
SETTINGS = "nodes: 2\nmemory: 100M\nsetup: |\n  while [[ -e hold ]]; do sleep 0.1; done\n"
WORDS = ("--preset", "nano", "--backend", "slurm", "--nj", "2")


class OnSlurm:
    """A nano recipe that runs on Slurm, one stage at a time."""

    def __init__(self, house: House) -> None:
        self.house, self.recipe = house, house.root / "egs/mini/ssl"
        self.made, self.hold = self.recipe / "nano", self.recipe / "hold"
        (self.recipe / "conf/nano/slurm.yaml").write_text(SETTINGS)

    def stage(self, name: str) -> tuple[int, str]:
        return self.house.run("mini/ssl", *WORDS, "--stage", name, "--stop-stage", name, cold=True)

    def begun(self, name: str, out: str) -> tuple[subprocess.Popen[str], str]:
        """A run whose tasks are all on their nodes, waiting at the door; the number of its job."""
        self.hold.touch()
        process = self.house.start("mini/ssl", *WORDS, "--stage", name, "--stop-stage", name)
        state = self.made / out / "log/slurm.json"
        wait(lambda: process.poll() is not None or (state.exists() and json.loads(state.read_text())["job"]))
        assert process.poll() is None, process.communicate()
        job = json.loads(state.read_text())["job"]
        wait(lambda: set(asked("squeue", f"--jobs={job}", "--format=%T").split()) == {"RUNNING"})
        logs = self.made / out / "log"
        wait(lambda: all("# Started" in p.read_text() for p in [*logs.glob("worker.?.log"), *logs.glob("ranks.log")]))
        return process, job

    def kill_engine(self, process: subprocess.Popen[str]) -> None:
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()


@pytest.fixture
def on_slurm(cluster: None, new_house: Callable[[], House]) -> OnSlurm:
    return OnSlurm(new_house())


def wait(condition: Callable[[], object], seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def asked(*words: str) -> str:
    return subprocess.run([words[0], "--noheader", "--array", *words[1:]], capture_output=True, text=True).stdout


def processes(folder: Path, word: str) -> list[int]:
    """Processes at work in `folder` with `word` on their command line."""
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder) and word in (process / "cmdline").read_text().split("\0"):
                pids.append(int(process.name))
        except OSError:  # gone meanwhile
            continue
    return pids


def test_whatever_befalls_its_jobs_the_bytes_are_those_of_a_local_run(on_slurm: OnSlurm, nano: Path) -> None:
    assert on_slurm.stage("data")[0] == 0
    a_task_cancelled(on_slurm)
    assert on_slurm.stage("it1.kmeans")[0] == 0
    a_task_requeued(on_slurm)
    assert on_slurm.stage("it1.quality")[0] == 0
    training_killed_then_left_alone(on_slurm)
    a_worker_killed(on_slurm)
    code, output = on_slurm.house.run("mini/ssl", *WORDS, "--stop-stage", "it2.label", cold=True)
    assert code == 0, output
    slurm_bytes, local = made_bytes(on_slurm.made), made_bytes(nano)
    assert {"dump/it2/labels/labels.npy", "exp/it1/base/hf/model.safetensors"} <= slurm_bytes.keys() <= local.keys()
    assert [name for name in slurm_bytes if slurm_bytes[name] != local[name]] == []


def a_task_cancelled(on_slurm: OnSlurm) -> None:
    process, job = on_slurm.begun("it1.sample", "dump/it1/sample")
    subprocess.run(["scancel", f"{job}_1"], check=True)
    on_slurm.hold.unlink()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and f"1 of 2 tasks of job {job} ended unfinished" in output and "CANCELLED" in output
    code, output = on_slurm.stage("it1.sample")
    assert code == 0, output


def a_task_requeued(on_slurm: OnSlurm) -> None:
    process, job = on_slurm.begun("it1.label", "dump/it1/labels")
    subprocess.run(["scontrol", "requeue", f"{job}_2"], check=True)
    on_slurm.hold.unlink()
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 0, output


def training_killed_then_left_alone(on_slurm: OnSlurm) -> None:
    """A rank is killed in the middle; the next run's engine is killed, and the one after it waits for its job."""
    out = on_slurm.made / "exp/it1/base"
    process, job = on_slurm.begun("it1.base", "exp/it1/base")
    on_slurm.hold.unlink()
    wait(lambda: process.poll() is not None or list((out / "checkpoints").glob("????????")))
    for pid in processes(on_slurm.recipe, "--worker")[-1:]:
        os.kill(pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    if process.returncode == 0:  # it was done before its kill: begun anew
        shutil.rmtree(out)
        return training_killed_then_left_alone(on_slurm)
    assert "1 of 1 tasks" in output and f"task 1 of job {job} ended unfinished" in output, output
    process, job = on_slurm.begun("it1.base", "exp/it1/base")
    on_slurm.kill_engine(process)
    assert f"job {job} of Slurm is at work here" in on_slurm.house.run("mini/ssl", "--preset", "nano", "--list")[1]
    on_slurm.hold.unlink()
    code, output = on_slurm.stage("it1.base")
    assert code == 0 and f"job {job} of this step was submitted before: waiting for it" in output, output


def a_worker_killed(on_slurm: OnSlurm) -> None:
    process, job = on_slurm.begun("it2.sample", "dump/it2/sample")
    on_slurm.hold.unlink()
    wait(lambda: process.poll() is not None or processes(on_slurm.recipe, "2/2"))
    for pid in processes(on_slurm.recipe, "2/2"):
        os.kill(pid, signal.SIGKILL)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 1 and f"1 of 2 tasks of job {job} ended unfinished" in output, output
    assert "exit code 137 (SIGKILL)" in output and "nano/dump/it2/sample/log/worker.2.log ends with:" in output
