"""What the processes of a whole run import: torch takes a second or two, torch._dynamo with sympy as much again.

A step that the engine forks has the torch that the engine imported.
"""

from pathlib import Path

import pytest

pytestmark = pytest.mark.recipe

TRAINS = {"train.pretrain", "tasks.fit", "train.whisper"}


def imported(run: Path) -> list[tuple[str, str]]:
    """(step, module) for every slow import of the processes of a run."""
    rows = []
    for line in (run / "imports.tsv").read_text(encoding="utf-8").splitlines():
        _, module, command = line.split("\t")
        rows.append((command.partition("-m toolkit.")[2].split()[0], module))
    return rows


@pytest.mark.parametrize("recipe", ["nano", "nano_whisper"])
def test_a_run_imports_torch_once_and_dynamo_only_where_it_trains(recipe: str, request: pytest.FixtureRequest) -> None:
    rows = imported(request.getfixturevalue(recipe))
    assert [step for step, module in rows if module == "torch"] == ["core.stages"]  # the engine, for all steps
    assert {step for step, module in rows if module in ("torch._dynamo", "sympy")} <= TRAINS
