"""kill -9 at random moments of every stage of the nano recipe."""

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
OUTS = {
    "data": "data",
    "it1.sample": "dump/it1/sample",
    "it1.kmeans": "exp/it1/codebook",
    "it1.label": "dump/it1/labels",
    "it1.quality": "exp/it1/quality",
    "it1.base": "exp/it1/base",
    "probe": "exp/probe",
    "results": "exp/report",
}
KILLS_PER_STAGE = 2
LONGEST_STAGE_SECONDS = 12.0
BEGIN_SECONDS = 120.0


def test_killed_at_random_in_every_stage_it_ends_byte_identical(nano: Path, new_house) -> None:
    house, rng = new_house(), random.Random(5)
    made = house.root / "egs/mini/ssl/nano"
    for stage, out in OUTS.items():
        words = ("--preset", "nano", "--stage", stage, "--stop-stage", stage, "--nj", str(rng.choice((1, 2, 4))))
        span = LONGEST_STAGE_SECONDS
        for _ in range(KILLS_PER_STAGE):
            span = kill_once(house, words, made / out, rng, span)
        code, said = house.run("mini/ssl", *words)
        assert code == 0, said
    interrupted, whole = made_bytes(made), made_bytes(nano)
    assert interrupted.keys() == whole.keys()
    assert [name for name in whole if interrupted[name] != whole[name]] == []


def kill_once(house: House, words: tuple[str, ...], out: Path, rng: random.Random, span: float) -> float:
    """Start the stage and kill it within `span` seconds of its beginning; returns the span for the next kill.

    A stage that was done before its kill came is begun anew, and the seconds it took are the new span:
    how fast a machine is must not decide whether a kill lands.
    """
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
            return span
        assert process.returncode == 0, said
        if "nothing to do" not in said:
            span = time.monotonic() - began
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
