"""kill -9 at random moments of every stage of the nano recipe."""

import json
import os
import random
import signal
import subprocess
from pathlib import Path

import pytest
from conftest import made_bytes

pytestmark = pytest.mark.faults
STAGES = ("data", "it1.sample", "it1.kmeans", "it1.label", "it1.quality", "it1.base", "probe", "results")
OUTS = (
    "data",
    "dump/it1/sample",
    "exp/it1/codebook",
    "dump/it1/labels",
    "exp/it1/quality",
    "exp/it1/base",
    "exp/probe",
)
TORCH_IMPORT_SECONDS = 2.0


def test_killed_at_random_in_every_stage_it_ends_byte_identical(nano: Path, new_house) -> None:
    house, rng, kills = new_house(), random.Random(5), 0
    for n, stage in enumerate(STAGES):
        took = json.loads((nano / OUTS[n] / "times.json").read_text())["seconds"] if n < len(OUTS) else 2.0
        words = ("--preset", "nano", "--stage", stage, "--stop-stage", stage, "--nj", str(rng.choice((1, 2, 4))))
        for _ in range(2):
            process = house.start("mini/ssl", *words)
            try:
                process.communicate(timeout=rng.uniform(0.1, 0.9) * (took + TORCH_IMPORT_SECONDS))
            except subprocess.TimeoutExpired:
                kill = rng.choice((os.kill, os.killpg))  # the engine alone, or all of its processes at once
                kill(process.pid, signal.SIGKILL)
                process.communicate()
                kills += 1
        code, said = house.run("mini/ssl", *words)
        assert code == 0, said
    assert kills >= 10
    interrupted, whole = made_bytes(house.root / "egs/mini/ssl/nano"), made_bytes(nano)
    assert interrupted.keys() == whole.keys()
    assert [name for name in whole if interrupted[name] != whole[name]] == []
