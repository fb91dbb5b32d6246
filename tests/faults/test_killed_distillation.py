"""kill -9 at random moments of a distillation."""

import contextlib
import multiprocessing
import os
import random
import runpy
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest
import torch
from packed import distillation

import toolkit.train.whisper  # noqa: F401 what the children run is read once, here

pytestmark = pytest.mark.faults
INS = ("packs/train", "packs/dev", "student", "teacher")
CONFIG = """
data: {windows: 2, micro_batches: 2, window_seconds: 2, timestamps: 0.3, previous: 0.3}
optim: {peak_lr: 3e-3, warmup: 2, schedule: constant}
loop: {total_steps: 12, log_every: 2, validate_every: 3, checkpoint_every: 2, tensorboard: no, best: wer}
"""
MADE = ("hf/model.safetensors", "hf/config.json", "hf/README.md", "loss.tsv")


def command(folder: Path) -> None:
    """The step's command line, in a child of this process: to start Python and torch each time would take minutes."""
    os.chdir(folder)
    with open("said.log", "a") as log, contextlib.redirect_stdout(log), contextlib.redirect_stderr(log):
        sys.argv = ["seq2seq", "--config", "distil.yaml", "--in", *INS, "--out", "out"]
        runpy.run_module("toolkit.train.whisper", run_name="__main__", alter_sys=True)


def begun(folder: Path) -> multiprocessing.Process:
    process = multiprocessing.get_context("fork").Process(target=command, args=(folder,))
    process.start()
    return process  # type: ignore[return-value]


def finished(folder: Path) -> dict[str, bytes]:
    """What a run that nobody kills leaves."""
    process = begun(folder)
    process.join(120)
    assert process.exitcode == 0, (folder / "said.log").read_text()[-2000:]
    return {name: (folder / "out" / name).read_bytes() for name in MADE}


@pytest.mark.parametrize("wanted", [5, pytest.param(21, marks=pytest.mark.long)])
def test_a_distillation_killed_at_random_moments_ends_byte_identical(wanted: int, tmp_path: Path) -> None:
    torch.set_num_threads(1)  # a forked child has no threads of OpenMP
    folder, rng = distillation(tmp_path), random.Random(6)
    (folder / "distil.yaml").write_text(CONFIG)
    start = time.monotonic()
    whole = finished(folder)
    span, kills, during = time.monotonic() - start, 0, 0
    shutil.rmtree(folder / "out")
    while kills < wanted:
        process = begun(folder)
        process.join(rng.uniform(0.02, 0.9) * span)
        if process.exitcode is None:
            os.kill(process.pid or 0, signal.SIGKILL)
            process.join()
        if process.exitcode == -signal.SIGKILL:
            kills += 1
            during += (folder / "out/loss.tsv").is_file() and not (folder / "out/hf").exists()
            continue
        assert process.exitcode == 0, (folder / "said.log").read_text()[-2000:]
        assert {name: (folder / "out" / name).read_bytes() for name in MADE} == whole
        shutil.rmtree(folder / "out")  # done before its kill: begun anew
    assert during >= wanted // 4  # of them so many while it trained
    assert finished(folder) == whole
