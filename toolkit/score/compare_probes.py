"""Compare the rows of probe runs in pairs, utterance by utterance: pairs.json.

Inputs: folders of probe runs, one or several. Every row of a model is compared with every baseline row (filter banks,
random initialisations) and with every other model row, on each task that both did under the same conditions.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import read_json, write_json
from ..core.record import ASIDE, Ledger
from ..core.step import Step, main
from .bootstrap import CONFIDENCE, paired_difference
from .config import CompareConfig

BASELINES = ("fbank", "fbank_stacked", "random")
ROW, PAIRS, COUNTS = "row.json", "pairs.json", ".counts.tsv"
HEADER = "utterance\tspeaker\tcounted\tof"
SAID = {"metric": str, "unit_of_n": str, "blocks": str, "percent": (int, float), "n": int}


@dataclass(frozen=True)
class Scored:
    """A task as one row did it.

    Attributes:
        counted: utterance -> (speaker, what was counted, of how much), as in <task>.counts.tsv.
        conditions: the classes, the sets and the tokens of the head; two of which one differs are two tasks.
    """

    row: str
    task: str
    folder: Path
    metric: str
    unit: str
    by_speaker: bool
    counted: dict[str, tuple[str, float, float]]
    conditions: dict[str, Any]


@dataclass(frozen=True)
class Row:
    """A row of a probe run, and its tasks by name."""

    name: str
    baseline: bool
    tasks: dict[str, Scored]


def compare(rows: Sequence[Row], seed: int, ledger: Ledger) -> list[dict[str, Any]]:
    """Intervals of (row − other) in points, model by model in the order of `rows`.

    Of two models the later one is `row`. An utterance that only one of two rows scored (e.g. because the features
    of the other are not finite) is left out. A pair whose heads did a task under different conditions is not
    compared. Both are rows of the ledger. Raises UserError if two rows of a task were scored on different
    utterances, by different metrics or against different references.
    """
    models, baselines = ([row for row in rows if row.baseline is kind] for kind in (False, True))
    pairs = [(model, rival) for model in models for rival in baselines]
    pairs += [(later, earlier) for earlier, later in combinations(models, 2)]
    return [
        _pair(row.tasks[task], rival.tasks[task], seed, ledger)
        for row, rival in pairs
        for task in sorted(row.tasks.keys() & rival.tasks.keys())
        if _alike(row.tasks[task], rival.tasks[task], ledger)
    ]


def read_rows(folders: Sequence[Path]) -> list[Row]:
    """All rows below `folders`, by folder and name. Raises UserError for none, and for two of one name."""
    rows: dict[str, tuple[Row, Path]] = {}
    for path in _row_files(folders):
        about, folder = _read(path, {"row": str, "kind": str}), path.parent
        name = about["row"]
        if name in rows and rows[name][1] != folder:
            message, where = f"two rows are called {name}", f"--in {rows[name][1]}, {folder}"
            raise UserError(message, where, "leave one of the runs out, or let only one of them make this row")
        rows[name] = Row(name, about["kind"] in BASELINES, dict(_tasks(name, folder))), folder
    if not rows:
        where = ", ".join(map(str, folders)) or "--in"
        raise UserError("no row of a probe run is here", where, "name folders that tasks.fit made")
    return [row for row, _ in rows.values()]


def _row_files(folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        for path in sorted(folder.rglob(ROW)):
            inside = path.relative_to(folder).parts
            if "shards" not in inside and not any(ASIDE in part for part in inside):
                yield path


def _tasks(row: str, folder: Path) -> Iterator[tuple[str, Scored]]:
    for path in sorted(folder.glob("*" + COUNTS)):
        task = path.name.removesuffix(COUNTS)
        result, counted = _read(folder / f"{task}.json", SAID), _counted(path)
        _refuse_others(path, counted, result)
        classes = result["confusion"].get("labels") if isinstance(result.get("confusion"), dict) else None
        conditions = {"classes": classes, "sets": result.get("sets"), "tokens": result.get("tokens")}
        by_speaker = result["blocks"] == "speaker"
        yield task, Scored(row, task, folder, result["metric"], result["unit_of_n"], by_speaker, counted, conditions)


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"a damaged result file: {why}", str(path), "probe again: ./run.sh --fresh probe")


def _read(path: Path, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """The mapping in a JSON file. Raises UserError where a name of `wanted` is missing, or not of its type."""
    if not path.is_file():
        raise _damaged(path, "it is missing")
    tree = read_json(path)
    if not isinstance(tree, dict):
        raise _damaged(path, "it holds no mapping of names to values")
    for name, kind in wanted.items():
        if not isinstance(tree.get(name), kind) or isinstance(tree[name], bool):
            raise _damaged(path, f"{name} is {tree.get(name)!r}"[:80])
    return tree


def _counted(path: Path) -> dict[str, tuple[str, float, float]]:
    """Lines `utterance, speaker, counted, of` of <task>.counts.tsv. Raises UserError naming one that is none."""
    try:
        header, *lines, end = path.read_text(encoding="utf-8").split("\n")
    except ValueError:  # one line, which has no end; or no UTF-8
        raise _damaged(path, "it is no table in UTF-8") from None
    if header != HEADER or end:
        raise _damaged(path, "its last line has no end" if end else "its first line is not the names of the columns")
    counted = {}
    for number, line in enumerate(lines, 2):
        try:
            id, speaker, a, b = line.split("\t")
            counted[id] = speaker, float(a), float(b)
        except ValueError:
            raise _damaged(path, f"line {number} is not `utterance speaker counted of`") from None
    return counted


def _refuse_others(path: Path, counted: Mapping[str, tuple[str, float, float]], result: Mapping[str, Any]) -> None:
    """Raise UserError if the lines of a table do not give the result in its <task>.json."""
    right, total = sum(a for _, a, _ in counted.values()), sum(b for _, _, b in counted.values())
    n = total if result["unit_of_n"] == "frames" else len(counted)
    if n != result["n"]:
        raise _damaged(path, f"it counts {n:g} {result['unit_of_n']}, where the result is of {result['n']}")
    percent = 100 * right / total if total else math.nan
    if not math.isclose(percent, result["percent"], rel_tol=1e-9, abs_tol=1e-9):
        raise _damaged(path, f"its lines come to {percent:.4f} %, where the result is {result['percent']:.4f} %")


def _alike(first: Scored, second: Scored, ledger: Ledger) -> bool:
    """Whether two heads did a task under the same conditions; where not, that is noted and told."""
    differ = [name for name, value in first.conditions.items() if value != second.conditions[name]]
    if differ:
        values = " and ".join(f"{s.row} {s.conditions[differ[0]]}" for s in (first, second))
        pair = f"{first.row} against {second.row}"
        ledger.drop(pair, f"a pair of rows with different {differ[0]}", f"task {first.task}: {values}")
        print(f"  no pair of {pair} on {first.task}: different {differ[0]}")
    return not differ


def _pair(first: Scored, second: Scored, seed: int, ledger: Ledger) -> dict[str, Any]:
    shared = _shared(first, second)
    for one, rival in ((first, second), (second, first)):
        for id in sorted(rival.counted.keys() - one.counted.keys()):
            ledger.drop(id, "not scored in every row", f"task {one.task}: not in {one.row}")
    speakers = [first.counted[id][0] for id in shared]
    by_speaker = first.by_speaker and second.by_speaker
    first_N2, second_N2 = (np.array([s.counted[id][1:] for id in shared], float) for s in (first, second))
    limits = (-1.0, 1.0) if "accuracy" in first.metric else (-np.inf, np.inf)
    difference = paired_difference(first_N2, second_N2, speakers if by_speaker else None, seed, limits)
    return {
        "task": first.task,
        "row": first.row,
        "other": second.row,
        **difference.percent,
        "n": len(shared),
        "unit_of_n": "utterances",
        "blocks": "speaker" if by_speaker else "utterance",
        "block_count": difference.blocks,
        "confidence": round(CONFIDENCE),
    }


def _shared(first: Scored, second: Scored) -> list[str]:
    """Utterances that both scored, in order; raises UserError where the two cannot be compared."""
    shared = sorted(first.counted.keys() & second.counted.keys())
    where, remedy = f"{first.folder}, {second.folder}", "score both on the same sets with the same config"
    names = f"{first.row} and {second.row}"
    if not shared:
        raise UserError(f"task {first.task} of {names} was scored on different utterances", where, remedy)
    if first.metric != second.metric:
        message = f"task {first.task} of {names} was scored by {first.metric} and by {second.metric}"
        raise UserError(message, where, remedy)
    # Frames may differ in number: networks have frame rates of their own.
    differ = [id for id in shared if first.unit != "frames" and first.counted[id][2] != second.counted[id][2]]
    if differ:
        message = f"task {first.task} of {names} was scored against different references, e.g. of {differ[0]}"
        raise UserError(message, where, remedy)
    return shared


def run(step: Step[CompareConfig]) -> None:
    rows = read_rows(step.ins)
    pairs = compare(rows, step.config.seed, step.ledger)
    step.counts.update({"rows": len(rows), "pairs": len(pairs)})
    write_json(step.out / PAIRS, pairs)


if __name__ == "__main__":
    main(run)
