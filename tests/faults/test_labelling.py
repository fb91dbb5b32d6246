"""pseudo.transcribe killed at random, and on a disk that fills up: it ends as one that nobody disturbed."""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
from whispers import tiny_whisper_folder

from toolkit.core.files import read_json
from toolkit.core.record import RECORD
from toolkit.data.kaldi import write_data_dir

pytestmark = pytest.mark.faults
RESULTS = ("hypotheses.jsonl", "text", "header.json", "dropped.tsv")
RATE = 16000
WORDS = ("--decode.max-new-tokens", "60", "--decode.window-seconds", "2", "--speed.batch", "2")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny", d=32, layers=2)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 utterances of 0.3 to 3 s, one of which cannot be read."""
    root, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    scp, seconds = {}, {}
    for n in range(80):
        id, path = f"متكلم{n % 7}-{n:03d}", root / f"{n:03d}.wav"
        wave = 0.1 * rng.standard_normal(int(rng.uniform(0.3, 3) * RATE))
        soundfile.write(path, wave, RATE)
        scp[id], seconds[id] = str(path), f"{len(wave) / RATE:.4f}"
    (root / "037.wav").write_bytes(b"no sound")
    write_data_dir(root / "set", {"wav.scp": scp, "utt2dur": seconds, "utt2spk": {id: id[:6] for id in scp}})
    return root / "set"


@pytest.fixture(scope="module")
def whole(data: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    finish(data, model, out)
    return out


def argv(data: Path, model: Path, out: Path) -> list[str]:
    step = [sys.executable, "-m", "toolkit.pseudo.transcribe", *WORDS]
    return [*step, "--in", str(data), str(model), "--out", str(out)]


def start(data: Path, model: Path, out: Path, nj: int) -> subprocess.Popen[str]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "SAWT_NJ": str(nj)}
    words = argv(data, model, out)
    return subprocess.Popen(
        words, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finish(data: Path, model: Path, out: Path) -> None:
    process = start(data, model, out, 1)
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0, output


def results(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in RESULTS}


def decoded(root: Path) -> int:
    """Bytes that the stores beside an output hold: they grow with every batch."""
    return sum(p.stat().st_size for p in root.glob(".transcribed/*/*.jsonl"))


@pytest.mark.parametrize("wanted", [4, pytest.param(20, marks=pytest.mark.long)])
def test_killed_at_random_while_labelling_it_ends_byte_identical(
    wanted: int, whole: Path, data: Path, model: Path, tmp_path: Path
) -> None:
    bytes_of_whole, out, rng = decoded(whole.parent), tmp_path / "killed/out", random.Random(3)
    kills = 0
    while kills < wanted:
        process = start(data, model, out, rng.choice((1, 1, 1, 2)))
        # Kill after a drawn number of new bytes: each kill comes at another moment of the work, on any machine.
        goal = decoded(out.parent) + rng.uniform(0, 1.6 / wanted) * bytes_of_whole
        while process.poll() is None and decoded(out.parent) <= goal:
            time.sleep(0.01)
        time.sleep(rng.uniform(0, 0.02))
        kill = rng.choice((os.kill, os.killpg))  # the main process alone, or its workers too
        if process.poll() is None:
            kill(process.pid, signal.SIGKILL)
        output, _ = process.communicate(timeout=60)
        assert process.returncode in (0, -signal.SIGKILL), output
        if read_json(out / RECORD)["state"] == "running":
            kills += 1
            continue
        # Done before its kill, as on a machine that is busy: it must have ended well, and is begun anew.
        assert results(out) == results(whole)
        shutil.rmtree(out.parent)
    finish(data, model, out)
    assert results(out) == results(whole)
    assert b"037" in (out / "dropped.tsv").read_bytes() and not (out / "shards").exists()


SCRIPT = """
mount -t tmpfs -o size=%dk none disk || exit
"$@"; echo "first: $?"
mount -o remount,size=64m disk
"$@"; echo "second: $?"
cp -r disk/out saved
"""


@pytest.mark.parametrize("kilobytes", [pytest.param(40, marks=pytest.mark.long), 80])
def test_a_disk_full_while_labelling_is_a_clear_error_and_with_room_it_ends_as_any_other(
    kilobytes: int, whole: Path, data: Path, model: Path, tmp_path: Path, unshare: list[str]
) -> None:
    (tmp_path / "disk").mkdir()
    script = ["sh", "-c", SCRIPT % kilobytes, "sh", *argv(data, model, Path("disk/out"))]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*unshare, *script], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert "first: 1" in done.stdout and "error: the disk is full" in done.stderr, done.stderr
    assert "second: 0" in done.stdout and "Traceback" not in done.stderr, done.stderr
    assert results(tmp_path / "saved") == results(whole)
