"""The step for a folder of recordings, killed when so many of its shards are there: the bytes stay the same."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toolkit.core.record import read_ledger, read_record

SHARDS, SECONDS = 8, 60.0


@pytest.fixture
def many(tmp_path: Path, record: Callable[..., Path], make_noise: Callable[..., np.ndarray]) -> Path:
    """Forty recordings of ten speakers, and one that is none."""
    for speaker in range(10):
        for i in range(4):
            record(f"corpus/{speaker}/مقطع {i}.flac", make_noise(3 + speaker / 10, seed=10 * speaker + i))
    (tmp_path / "corpus/broken.wav").write_bytes(b"RIFF")
    return tmp_path / "corpus"


def start(corpus: Path, out: Path, nj: int = 1) -> subprocess.Popen[str]:
    env = {**os.environ, "SAWT_NJ": str(nj), "OMP_NUM_THREADS": "1"}
    argv = [sys.executable, "-m", "toolkit.data.corpora.folder", "--in", str(corpus), "--out", str(out)]
    return subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8")


def finished(corpus: Path, out: Path, nj: int = 1) -> dict[str, bytes]:
    """Run to the end; path -> bytes of all that neither jobs nor kills may change."""
    process = start(corpus, out, nj)
    output, _ = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, output
    measured = ("times.json", ".lock", "record.json")
    files = (p for p in sorted(out.rglob("*")) if p.is_file() and p.name not in measured and "log" not in p.parts)
    return {str(p.relative_to(out)): p.read_bytes() for p in files}


def killed(corpus: Path, out: Path, least: int) -> bool:
    """Kill a run when `least` shards are there; whether it had not ended yet."""
    process, deadline = start(corpus, out, nj=2), time.monotonic() + SECONDS
    while process.poll() is None and len(list(out.glob("shards/*.jsonl"))) < least:
        assert time.monotonic() < deadline, f"no {least} shards in {SECONDS:.0f} s"
        time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    output, _ = process.communicate()
    assert process.returncode in (0, -signal.SIGKILL), output
    return process.returncode == -signal.SIGKILL and read_record(out)["state"] == "running"


def test_jobs_and_kills_change_no_byte(many: Path, tmp_path: Path) -> None:
    one, four = finished(many, tmp_path / "a/out"), finished(many, tmp_path / "b/out", nj=4)
    for least in (1, 3, SHARDS - 2):
        while not killed(many, tmp_path / "c/out", least):
            shutil.rmtree(tmp_path / "c/out")  # done before its kill: begun anew
    assert finished(many, tmp_path / "c/out") == four == one
    assert ("broken.wav", "unreadable") in {(row[0], row[2]) for row in read_ledger(tmp_path / "a/out/dropped.tsv")}
    assert read_record(tmp_path / "a/out")["counts"]["recordings_kept"] == 40
