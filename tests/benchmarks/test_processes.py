"""Chains of processes: their order, their failures, what they hold and leave."""

import sys
from pathlib import Path

import pytest

from benchmarks.processes import megabytes, run_chain


def script(text: str) -> list[str]:
    return [sys.executable, "-c", text]


def test_phases_run_one_after_the_other_and_commands_of_a_phase_at_once(tmp_path: Path) -> None:
    """The two of the first phase wait for each other; the second phase finds what both wrote."""
    meet = """
import sys, time, pathlib
here, mine, other = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
(here / mine).write_text("x" * 1000)
for _ in range(600):
    if (here / other).exists():
        sys.exit(0)
    time.sleep(0.05)
sys.exit("the other did not come")
"""
    out = tmp_path / "out"
    phases = {
        "first": [[*script(meet), str(out), "a", "b"], [*script(meet), str(out), "b", "a"]],
        "second": [script(f"assert open({str(out / 'a')!r}).read() == open({str(out / 'b')!r}).read()")],
    }
    taken = run_chain(phases, out, cores=2)
    assert list(taken.seconds) == ["first", "second"] and min(taken.seconds.values()) > 0
    assert megabytes(out) == pytest.approx(0.002) and megabytes(out / "a") == pytest.approx(0.001)


def test_what_a_process_and_its_children_hold_is_counted_together(tmp_path: Path) -> None:
    hold = "import time; block = b'x' * 40_000_000; time.sleep(1.5)"
    both = f"import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', {hold!r}]); {hold}; child.wait()"
    taken = run_chain({"hold": [script(both)]}, tmp_path / "out", cores=1, watch=True)
    assert 80 < taken.peak_mb["hold"] < 150


def test_a_failure_is_told_with_what_the_process_said(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"second failed:\n(?s:.*)no such wine"):
        run_chain({"first": [script("")], "second": [script("raise SystemExit('no such wine')")]}, tmp_path / "out", 1)
