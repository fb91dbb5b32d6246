"""Both halves of a run as arrays of a real Slurm: features first, then units, and the bytes of a local run."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from noises import noise_corpus

pytestmark = pytest.mark.slurm

CONFIG = """
rows: [fbank, models]
cost_utterances: 1
cost_seconds: 0.1
tasks:
  phone: {type: frames, steps: 3, lr: [1e-2], batch: 2}
  dialect: {type: classify, label: utt2lang, steps: 3, lr: [1e-2, 1e-3], batch: 2}
  folded: {type: classify, label: utt2lang, folds: utt2spk, steps: 2, lr: [1e-2], batch: 2}
"""


def test_a_run_on_slurm_hears_and_trains_in_two_arrays_and_gives_the_bytes_of_a_local_one(
    cluster: None, tmp_path: Path
) -> None:
    noise_corpus(tmp_path)
    (tmp_path / "probe.yaml").write_text(CONFIG)
    printed = {name: run(tmp_path, name) for name in ("local", "slurm")}
    assert printed["slurm"].count("submitted job") == 2, printed["slurm"]
    files = {p.relative_to(tmp_path / "local") for p in (tmp_path / "local").glob("*/*") if p.suffix != ".log"}
    files = {path for path in files if (tmp_path / "local" / path).is_file() and path.name != "cost.json"}
    assert {Path("it1.base/folded.json"), Path("fbank/phone.safetensors")} <= files
    for path in sorted(files):
        assert (tmp_path / "slurm" / path).read_bytes() == (tmp_path / "local" / path).read_bytes(), path
    assert not (tmp_path / "slurm/work").exists()


def run(folder: Path, backend: str) -> str:
    """What the step prints, run on this back-end into a folder of its name."""
    words = ["--config", "probe.yaml", "--in", "data", "exp/it1/base", "--out", backend]
    ended = subprocess.run(
        [sys.executable, "-m", "toolkit.tasks.fit", *words],
        cwd=folder,
        env={**os.environ, "SAWT_BACKEND": backend, "SAWT_NJ": "2", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended.stdout + ended.stderr
