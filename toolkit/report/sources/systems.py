"""systems.json, which score.systems leaves, as a board."""

from __future__ import annotations

from pathlib import Path

from ...core.results import TaskResult
from ...core.schema import read, read_list
from ...core.systems_results import COSTS, SYSTEMS, SystemCost, SystemsResult
from ..board import Board
from .resultfile import broken


def read_scores(folder: Path) -> SystemsResult | None:
    """None if no systems were scored there. Raises UserError for a broken file."""
    return read(SystemsResult, folder / SYSTEMS, broken) if (folder / SYSTEMS).is_file() else None


def read_costs(folder: Path) -> list[SystemCost]:
    """What the systems took, set by set; none if that was not measured. Raises UserError for a broken file."""
    return read_list(SystemCost, folder / COSTS, broken) if (folder / COSTS).is_file() else []


def board_of(scores: SystemsResult) -> Board:
    """Systems by test sets. Marks are against the undistilled student if there is one, else the reference system."""
    results: dict[tuple[str, str], TaskResult] = {(r.system, r.task): r for r in scores.results}
    floors = list(dict.fromkeys(scores.floors.values()))
    baseline = floors[0] if len(floors) == 1 else scores.reference
    return Board(
        list(scores.systems),
        results,
        list(scores.pairs),
        {},
        baseline,
        scores.profile,
        [test.name for test in scores.tests],
    )
