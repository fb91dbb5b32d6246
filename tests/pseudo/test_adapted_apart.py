"""The recipe of a distillation keeps the set that its teacher is adapted on apart from all others."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

RECIPE = Path(__file__).resolve().parents[2] / "egs" / "mini" / "whisper"


def dry(*options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["./run.sh", "--dry-run", *options], cwd=RECIPE, capture_output=True, text=True)


@pytest.mark.parametrize(
    "options", [("--adapt", "train"), ("--train", "train ad*"), ("--adapt", "dev"), ("--adapt", "test")]
)
def test_a_set_that_is_learnt_or_tested_with_is_not_one_to_adapt_the_teacher_on(options: tuple[str, ...]) -> None:
    done = dry(*options)
    assert done.returncode == 2
    assert "--adapt" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_set_of_its_own_is() -> None:
    done = dry()
    assert done.returncode == 0, done.stderr
    assert "dump/sets/adapt" in done.stdout
