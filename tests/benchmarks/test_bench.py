"""`python -m benchmarks`: what it refuses, and two small races from inputs to page."""

import os
import subprocess
from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.race import OURS, PEERS, ROOT
from benchmarks.table import Section


def command(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(OURS), "-m", "benchmarks", *words], cwd=ROOT, capture_output=True, text=True)


def test_an_unknown_race_is_told_the_nearest_and_all() -> None:
    done = command("latent-kmean")
    assert done.returncode == 2 and "did you mean latent-kmeans?" in done.stderr and "Traceback" not in done.stderr
    assert all(name in done.stderr for name in bench.RACES)


def test_the_list_names_every_race() -> None:
    assert command("--list").stdout.split() == list(bench.RACES)


@pytest.mark.parametrize("words", [["mfcc", "--publish"], ["--publish", "--scale", "0.02"], ["--rounds", "0"]])
def test_what_cannot_be_is_refused(words: list[str]) -> None:
    done = command(*words)
    assert done.returncode == 2 and done.stderr.startswith("error: ") and "Traceback" not in done.stderr


def test_a_finished_race_is_kept_for_as_many_rounds_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []

    def dummy(inputs: bench.BenchInputs, rounds: int) -> Section:
        runs.append(rounds)
        return Section("Dummy", f"{rounds} rounds", [""])

    monkeypatch.setitem(bench.RACES, "dummy", dummy)
    monkeypatch.setattr(bench, "commit", lambda: "0123abc")
    inputs = bench.BenchInputs(tmp_path)
    for rounds, resume in ((5, True), (5, True), (3, True), (3, False)):
        assert bench.finished("dummy", inputs, rounds, resume).conditions == f"{rounds} rounds"
    assert runs == [5, 3, 3]
    monkeypatch.setattr(bench, "commit", lambda: "0123abc+")  # files that no commit has
    for _ in range(2):
        bench.finished("dummy", inputs, 3, resume=True)
    assert runs == [5, 3, 3, 3, 3]


@pytest.mark.skipif(not PEERS.is_file(), reason="the peers are not installed: tools/setup.sh peers")
def test_two_races_from_inputs_to_page(tmp_path: Path) -> None:
    done = command("mfcc", "assignment", "--rounds", "1", "--scale", "0.002", "--data", str(tmp_path))
    assert done.returncode == 0, done.stderr
    page = (tmp_path / "scale-0.002/RESULTS.md").read_text(encoding="utf-8")
    assert page.splitlines()[0].startswith("# Benchmarks, ") and "scale of 0.002" in page.splitlines()[0]
    assert "| MFCC, 1 thread | torchaudio |" in page and "| assignment, 2,000 × 39 | scikit-learn |" in page
    assert "Frames with another label than ours: scikit-learn predict 0," in page
    assert os.listdir(tmp_path / "scale-0.002/finished") and page.count("\n## ") == 3
