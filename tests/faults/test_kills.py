"""kill -9 at a random moment of every step of the nano recipe."""

import os
import random
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
from conftest import House, made_bytes

from toolkit.core.files import read_json
from toolkit.core.record import RECORD

pytestmark = pytest.mark.faults
FEWEST_KILLS = 20
LONGEST_STEP_SECONDS = 12.0
BEGIN_SECONDS = 120.0


def test_killed_at_random_in_every_step_it_ends_byte_identical(nano: Path, new_house) -> None:
    house, rng = new_house(), random.Random(5)
    folder, kills = house.root / "egs/mini/ssl", 0
    for stage, outs in stages(house).items():
        words = ("--preset", "nano", "--stage", stage, "--stop-stage", stage, "--nj", str(rng.choice((1, 2, 4))))
        for out in outs:
            kill_once(house, words, folder / out, rng)
            kills += 1
        code, said = house.run("mini/ssl", *words)
        assert code == 0, said
    assert kills >= FEWEST_KILLS
    interrupted, whole = made_bytes(folder / "nano"), made_bytes(nano)
    assert interrupted.keys() == whole.keys()
    assert [name for name in whole if interrupted[name] != whole[name]] == []


def stages(house: House) -> dict[str, list[str]]:
    """Outputs of every stage, one for each of its steps, as `--list` shows them."""
    code, said = house.run("mini/ssl", "--preset", "nano", "--list")
    assert code == 0, said
    found: dict[str, list[str]] = {}
    for line in said.splitlines():
        if line[:3].strip():
            found[line.split()[1]] = outs = []
        else:
            outs.append(line.split(" -> ")[1])
    return found


def kill_once(house: House, words: tuple[str, ...], out: Path, rng: random.Random) -> None:
    """Start the stage and kill it at some moment after it began to make `out`.

    A step that was done before its kill came is begun anew, and the seconds it took are what the next kill has:
    how fast a machine is must not decide whether a kill lands.
    """
    span = LONGEST_STEP_SECONDS
    while True:
        before = stamp(out)
        process = house.start("mini/ssl", *words)
        wait_for_record(process, out, before)
        began = time.monotonic()
        try:
            said, _ = process.communicate(timeout=rng.uniform(0.05, 0.95) * span)
        except subprocess.TimeoutExpired:
            kill = rng.choice((os.kill, os.killpg))  # the engine alone, or all of its processes at once
            kill(process.pid, signal.SIGKILL)
            process.communicate()
            if read_json(out / RECORD)["state"] == "running":
                return
            span = min(span, time.monotonic() - began)  # it was a later step of the stage that was killed
        else:
            assert process.returncode == 0, said
            if "nothing to do" not in said:
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
