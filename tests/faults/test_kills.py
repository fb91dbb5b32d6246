"""kill -9 in the nano recipe: of each kind of process, and (`long`) at a random moment of every step."""

import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import House, made_bytes

from toolkit.core.files import read_json
from toolkit.core.record import RECORD

pytestmark = pytest.mark.faults
FEWEST_KILLS = 20
LONGEST_STEP_SECONDS = 12.0
BEGIN_SECONDS = 120.0
TRIES = 20


@pytest.fixture(scope="module")
def house(nano: Path, new_house: Callable[[], House]) -> House:
    """A house with a finished nano run, of which each test takes an output away."""
    copy = new_house()
    shutil.copytree(nano, copy.root / "egs/mini/ssl/nano")
    return copy


def children(pid: int) -> list[int]:
    """Its children that are alive; bash leaves dead ones to the engine, which takes its place."""
    try:
        tasks = list(Path(f"/proc/{pid}/task").iterdir())
        pids = [int(word) for task in tasks for word in (task / "children").read_text().split()]
        states = [
            Path(f"/proc/{child}/stat").read_text(errors="replace").rpartition(")")[2].split()[0] for child in pids
        ]
    except OSError:  # gone meanwhile
        return []
    return [child for child, state in zip(pids, states, strict=True) if state != "Z"]


def step_of(engine: int) -> list[int]:
    """The step that the engine runs now."""
    return children(engine)[:1]


def worker_of(engine: int) -> list[int]:
    """A process that makes shards for the step that the engine runs now."""
    return [pid for step in step_of(engine) for pid in children(step)][-1:]


def engine_alone(engine: int) -> list[int]:
    return [engine]


@pytest.mark.parametrize(
    ("stage", "out", "victim", "sign"),
    [
        ("it1.label", "dump/it1/labels", step_of, "shards"),  # with its workers at work
        ("it1.label", "dump/it1/labels", worker_of, "log/worker.2.log"),
        ("it1.base", "exp/it1/base", step_of, "loss.tsv"),
        ("it2.label", "dump/it2/labels", engine_alone, "shards"),
        ("probe", "exp/tuned", None, "record.json"),  # the whole process group
    ],
)
def test_a_process_that_is_killed_costs_no_byte(
    stage: str, out: str, victim: Callable[[int], list[int]] | None, sign: str, house: House, nano: Path
) -> None:
    folder = house.root / "egs/mini/ssl/nano"
    words = ("--preset", "nano", "--stage", stage, "--stop-stage", stage, "--nj", "2")
    for _ in range(TRIES):
        shutil.rmtree(folder / out)
        process = house.start("mini/ssl", *words)
        pids = wait_for(process, folder / out / sign, victim)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        if victim is None and process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        written, _ = process.communicate(timeout=BEGIN_SECONDS)
        if process.returncode and read_json(folder / out / RECORD)["state"] == "running":
            break
    else:
        raise AssertionError(f"no kill landed in {TRIES} tries: {written}")
    if victim in (step_of, worker_of):
        assert process.returncode == 1 and f"({stage}) failed with code" in written, written
    else:
        assert process.returncode == -signal.SIGKILL
    code, written = house.run("mini/ssl", *words, cold=True)
    assert code == 0, written
    interrupted, whole = made_bytes(folder), made_bytes(nano)
    assert interrupted.keys() == whole.keys()
    assert [name for name in whole if interrupted[name] != whole[name]] == []


def wait_for(process: subprocess.Popen[str], sign: Path, victim: Callable[[int], list[int]] | None) -> list[int]:
    """Process ids of the victim as soon as there are the file `sign` and the victim; empty where the run has ended."""
    deadline = time.monotonic() + BEGIN_SECONDS
    while process.poll() is None:
        pids = victim(process.pid) if victim else []
        if sign.exists() and (pids or victim is None):
            return pids
        assert time.monotonic() < deadline, f"{sign} was not made in {BEGIN_SECONDS:.0f} s"
        time.sleep(0.002)
    return []


@pytest.mark.long
def test_killed_at_random_in_every_step_it_ends_byte_identical(nano: Path, new_house) -> None:
    house, rng = new_house(), random.Random(5)
    folder, kills = house.root / "egs/mini/ssl", 0
    for stage, outs in stages(house).items():
        words = ("--preset", "nano", "--stage", stage, "--stop-stage", stage, "--nj", str(rng.choice((1, 2, 4))))
        for out in outs:
            kill_once(house, words, folder / out, rng)
            kills += 1
        code, output = house.run("mini/ssl", *words)
        assert code == 0, output
    assert kills >= FEWEST_KILLS
    interrupted, whole = made_bytes(folder / "nano"), made_bytes(nano)
    assert interrupted.keys() == whole.keys()
    assert [name for name in whole if interrupted[name] != whole[name]] == []


def stages(house: House) -> dict[str, list[str]]:
    """Outputs of every stage, one for each of its steps, as `--list` shows them."""
    code, output = house.run("mini/ssl", "--preset", "nano", "--list")
    assert code == 0, output
    outputs: dict[str, list[str]] = {}
    for line in output.splitlines():
        if line[:3].strip():
            outputs[line.split()[1]] = outs = []
        else:
            outs.append(line.split(" -> ")[1])
    return outputs


def kill_once(house: House, words: tuple[str, ...], out: Path, rng: random.Random) -> None:
    """Start the stage and kill it at some moment after it began to make `out`.

    A step that ends before its kill is started again, and the next kill comes within the seconds that it took. So
    the speed of the machine does not decide whether a kill lands.
    """
    span = LONGEST_STEP_SECONDS
    while True:
        before = stamp(out)
        process = house.start("mini/ssl", *words)
        wait_for_record(process, out, before)
        began = time.monotonic()
        try:
            output, _ = process.communicate(timeout=rng.uniform(0.05, 0.95) * span)
        except subprocess.TimeoutExpired:
            kill = rng.choice((os.kill, os.killpg))  # the engine alone, or all of its processes at once
            kill(process.pid, signal.SIGKILL)
            process.communicate()
            if read_json(out / RECORD)["state"] == "running":
                return
            span = min(span, time.monotonic() - began)  # it was a later step of the stage that was killed
        else:
            assert process.returncode == 0, output
            if "nothing to do" not in output:
                span = min(span, time.monotonic() - began)
        shutil.rmtree(out)


def wait_for_record(process: subprocess.Popen[str], out: Path, before: tuple[int, int] | None) -> None:
    """Until the step has written what it is made from, or has ended: a kill before that would kill bash, or imports."""
    deadline = time.monotonic() + BEGIN_SECONDS
    while process.poll() is None and (stamp(out) in (None, before) or read_json(out / RECORD)["state"] != "running"):
        assert time.monotonic() < deadline, f"{out} was not begun in {BEGIN_SECONDS:.0f} s"
        time.sleep(0.005)


def stamp(out: Path) -> tuple[int, int] | None:
    """What tells a record from the one before it; every run writes its own."""
    record = out / RECORD
    return (record.stat().st_ino, record.stat().st_mtime_ns) if record.is_file() else None
