"""Folders of task runs, with the paired tests between their systems, as core/results.py has them."""

from __future__ import annotations

from pathlib import Path

from ...core.errors import UserError
from ...core.files import read_json
from ...core.results import COST, ITEMS, LAYERS, PAIRS, ROW, TASKS, Cost, LayerResults, Pair, System, TaskResult
from ...core.schema import read, read_list
from ...core.systems_results import SYSTEMS
from .resultfile import ResultFile, broken


def is_system(folder: Path) -> bool:
    """True for the folder of a system of a task run, its row.json gone or not."""
    costs = (folder / COST).is_file() and not (folder / SYSTEMS).is_file()
    return (folder / ROW).is_file() or costs


def read_system(folder: Path) -> tuple[System, list[TaskResult], Cost | None]:
    """A system, its results and its cost. Raises UserError for a broken file, or a result of another system."""
    system = read(System, folder / ROW, broken)
    results = []
    for items in sorted(folder.glob("*" + ITEMS)):
        path = folder / f"{items.name.removesuffix(ITEMS)}.json"
        result = read(TaskResult, path, broken)
        if result.system != system.name:
            raise broken(path, f"it is of {result.system}, and its folder of {system.name}")
        results.append(result)
    cost = read(Cost, folder / COST, broken) if (folder / COST).is_file() else None
    return system, results, cost


def read_order(folder: Path) -> list[str]:
    """Tasks of a run in the order of its config; none if the folder is not of one. Raises UserError."""
    if not (folder / TASKS).is_file():
        return []
    try:
        tree = {"tasks": read_json(folder / TASKS)}
    except UserError as e:
        raise broken(folder / TASKS, e.what) from None
    return [str(name) for name in ResultFile(folder / TASKS, tree).listed("tasks")]


def read_layers(folder: Path) -> LayerResults | None:
    """A system probed layer by layer; None if the folder has none. Raises UserError for a broken file."""
    return read(LayerResults, folder / LAYERS, broken) if (folder / LAYERS).is_file() else None


def read_pairs(folder: Path) -> list[Pair]:
    """Paired tests; none if the folder has none. Raises UserError for a broken file."""
    return read_list(Pair, folder / PAIRS, broken) if (folder / PAIRS).is_file() else []
