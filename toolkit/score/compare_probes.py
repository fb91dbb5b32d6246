"""Compare the systems of task runs in pairs, item by item: pairs.json.

Inputs: folders of task runs, one or several. Every trained system is compared with every baseline (features without a
network, random initialisations) and with every other trained system, on each task that both did under the same
conditions and against the same references, by every metric.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from ..core.errors import UserError
from ..core.files import write_json
from ..core.record import ASIDE, Ledger
from ..core.results import ITEMS, PAIRS, ROW, Figure, Pair, System, TaskResult
from ..core.schema import dump, read
from ..core.step import Step, main
from .config import CompareConfig
from .items import Items, difference, read_items


@dataclass(frozen=True)
class Scored:
    """A task as one system did it, with the items behind its figures."""

    result: TaskResult
    items: Items
    folder: Path


@dataclass(frozen=True)
class Compared:
    """A system and its tasks by name."""

    system: System
    tasks: dict[str, Scored]

    @property
    def baseline(self) -> bool:
        return self.system.arm != "trained"


def compare(systems: Sequence[Compared], seed: int, ledger: Ledger) -> list[Pair]:
    """Paired tests of (system - other) in points, system by system in the order of `systems`.

    Of two trained systems the later one is `system`. An item that only one of two systems has (e.g. because the
    features of the other are not finite) is left out. A pair that did a task under different conditions is not
    compared. Both are rows of the ledger. Raises UserError if two systems did a task on different items, by different
    metrics or against different references.
    """
    trained, baselines = ([s for s in systems if s.baseline is wanted] for wanted in (False, True))
    pairs = [(system, rival) for system in trained for rival in baselines]
    pairs += [(later, earlier) for earlier, later in combinations(trained, 2)]
    return [
        pair
        for system, rival in pairs
        for task in sorted(system.tasks.keys() & rival.tasks.keys())
        if _alike(system.tasks[task], rival.tasks[task], ledger)
        for pair in _pairs(system.tasks[task], rival.tasks[task], seed, ledger)
    ]


def read_systems(folders: Sequence[Path]) -> list[Compared]:
    """All systems below `folders`, by folder and name. Raises UserError for none, and for two of one name."""
    systems: dict[str, tuple[Compared, Path]] = {}
    for path in _row_files(folders):
        system, folder = read(System, path, _damaged), path.parent
        if system.name in systems and systems[system.name][1] != folder:
            message = f"two systems are called {system.name}"
            where = f"--in {systems[system.name][1]}, {folder}"
            raise UserError(message, where, "leave one of the runs out, or let only one of them make this system")
        systems[system.name] = Compared(system, dict(_tasks(folder))), folder
    if not systems:
        where = ", ".join(map(str, folders)) or "--in"
        raise UserError("no system of a task run is here", where, "name folders that tasks.fit made")
    return [system for system, _ in systems.values()]


def _row_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob(ROW)):
            inside = path.relative_to(folder).parts
            if "shards" not in inside and not any(ASIDE in part for part in inside):
                yield path


def _tasks(folder: Path) -> Iterator[tuple[str, Scored]]:
    for path in sorted(folder.glob("*" + ITEMS)):
        result = read(TaskResult, folder / f"{path.name.removesuffix(ITEMS)}.json", _damaged)
        items = read_items(path, result.decides.unit_of_n, _damaged)
        _refuse_others(path, items, result)
        yield result.task, Scored(result, items, folder)


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"a damaged result file: {why}", str(path), "fit the tasks again: ./run.sh --fresh probe")


def _refuse_others(path: Path, items: Items, result: TaskResult) -> None:
    """Raise UserError if the lines of a table do not give the figures of its result."""
    if items.digest != result.references:
        raise _damaged(path, "its references are not those of the result")
    for figure in result.figures:
        metric = figure.metric
        if metric.statistic != "ratio":
            continue
        if metric.name not in items.counts:
            raise _damaged(path, f"it has no column {metric.name}")
        part, whole = items.counts[metric.name].sum(0)
        n = items.number()
        if n != figure.n:
            raise _damaged(path, f"it counts {n:g} {items.unit}, where the result is of {figure.n}")
        value = 100 * part / whole if whole else math.nan
        if not math.isclose(value, figure.value, rel_tol=1e-9, abs_tol=1e-9):
            raise _damaged(path, f"its lines come to {value:.4f} %, where the result is {figure.value:.4f} %")


def _alike(first: Scored, second: Scored, ledger: Ledger) -> bool:
    """True if two systems did a task under the same conditions; if not, that is a row of the ledger, and printed."""
    one, two = first.result.conditions, second.result.conditions
    differ = [name for name in {**one, **two} if one.get(name) != two.get(name)]
    if differ:
        values = " and ".join(f"{s.result.system} {s.result.conditions.get(differ[0])}" for s in (first, second))
        pair = f"{first.result.system} against {second.result.system}"
        ledger.drop(pair, f"a pair of rows with different {differ[0]}", f"task {first.result.task}: {values}")
        print(f"  no pair of {pair} on {first.result.task}: different {differ[0]}")
    return not differ


def _pairs(first: Scored, second: Scored, seed: int, ledger: Ledger) -> Iterator[Pair]:
    """The paired test of every metric that both have and items give, the deciding one first."""
    one, two = _shared(first, second)
    for scored, rival in ((first, second), (second, first)):
        for id in sorted(set(rival.items.ids) - set(scored.items.ids)):
            ledger.drop(id, "not scored in every row", f"task {scored.result.task}: not in {scored.result.system}")
    by_speaker = all(scored.result.decides.blocks == "speaker" for scored in (first, second))
    confusion = first.result.confusion
    labels = confusion.labels if confusion else ()
    for figure in first.result.figures:
        metric = figure.metric
        if second.result.figure(metric.name) is None or metric.statistic == "folds":
            continue
        drawn: Figure = difference(metric, one, two, labels, by_speaker, seed)
        yield Pair(first.result.task, first.result.system, second.result.system, drawn)


def _shared(first: Scored, second: Scored) -> tuple[Items, Items]:
    """The items that both have, in the order of their ids; raises UserError where the two cannot be compared."""
    places = [{id: i for i, id in enumerate(scored.items.ids)} for scored in (first, second)]
    shared = sorted(places[0].keys() & places[1].keys())
    task = first.result.task
    where, remedy = f"{first.folder}, {second.folder}", "score both on the same sets with the same config"
    names = f"{first.result.system} and {second.result.system}"
    if not shared:
        raise UserError(f"task {task} of {names} was scored on different utterances", where, remedy)
    metrics = [scored.result.decides.metric.name for scored in (first, second)]
    if metrics[0] != metrics[1]:
        raise UserError(f"task {task} of {names} was scored by {' and by '.join(metrics)}", where, remedy)
    one, two = (s.items.chosen([of[id] for id in shared]) for s, of in zip((first, second), places, strict=True))
    if differ := [id for id, a, b in zip(shared, one.references, two.references) if _other(one.unit, a, b)]:
        message = f"task {task} of {names} was scored against different references, e.g. of {differ[0]}"
        raise UserError(message, where, remedy)
    return one, two


def _other(unit: str, reference: str, second: str) -> bool:
    """True if two references differ; labels of frames may differ in number, as networks have rates of their own."""
    return reference != second and (unit != "frames" or reference.count(" ") == second.count(" "))


def run(step: Step[CompareConfig]) -> None:
    systems = read_systems(step.ins)
    pairs = compare(systems, step.config.seed, step.ledger)
    step.counts.update({"rows": len(systems), "pairs": len(pairs)})
    write_json(step.out / PAIRS, [dump(pair) for pair in pairs])


if __name__ == "__main__":
    main(run)
