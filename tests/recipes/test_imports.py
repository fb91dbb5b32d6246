"""What the processes of a whole run import: torch takes a second or two, torch._dynamo with sympy as much again."""

from collections import Counter
from pathlib import Path

import pytest

pytestmark = pytest.mark.recipe

TRAINS = {"train.pretrain", "tasks.fit", "train.whisper"}
COMPUTES = {"units.sample", "units.kmeans", "units.label", "models.student", "pseudo.transcribe", "pseudo.pack"}


def imported(run: Path) -> list[tuple[str, str]]:
    """(step, module) for every slow import of the processes of a run."""
    rows = []
    for line in (run / "imports.tsv").read_text(encoding="utf-8").splitlines():
        _, module, command = line.split("\t")
        rows.append((command.partition("-m toolkit.")[2].split()[0], module))
    return rows


def test_a_nano_run_of_ssl_imports_torch_16_times_and_dynamo_6_times_at_most(nano: Path) -> None:
    counts = Counter(module for _, module in imported(nano))
    assert 10 <= counts["torch"] <= 16, counts
    assert counts["torch._dynamo"] <= 6, counts


@pytest.mark.parametrize("recipe", ["nano", "nano_whisper"])
def test_a_step_that_builds_no_optimiser_imports_neither_dynamo_nor_sympy(
    recipe: str, request: pytest.FixtureRequest
) -> None:
    rows = imported(request.getfixturevalue(recipe))
    assert {step for step, module in rows if module in ("torch._dynamo", "sympy")} <= TRAINS
    assert {step for step, module in rows if module == "torch"} <= TRAINS | COMPUTES  # not the engine, not the report


def test_a_sharded_step_imports_torch_once_however_many_workers_it_has(nano: Path) -> None:
    outs = Counter(
        (line.split(" --out ")[1], line.split("\t")[1])
        for line in (nano / "imports.tsv").read_text(encoding="utf-8").splitlines()
    )
    assert outs and set(outs.values()) == {1}, outs
