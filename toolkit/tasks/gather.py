"""From finished units to a row's folder: result files, one score of all folds, layers.json, row.json and cost.json."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import atomic, read_json, remove, write_json
from ..core.progress import Progress
from ..core.record import DROPPED, Ledger
from ..core.results import COST, FAILED, LAYERS, ROW, TASKS, LayerResults
from ..core.rows import FILES, Identity, Place, mark, move_up
from ..core.schema import dump
from ..core.step import Step
from ..data.find import read_from_here
from ..data.listen import WARNED, is_of_audio, tell_dropped, tell_warned
from .base import Notes
from .cost import measure, waves_of
from .folds import of_fold, together
from .grid import COST_PART, Grid, Unit
from .hear import Hearing
from .results import by_layer, system_of, write_results
from .work import COUNTS, FOLD, Work, leave_failed, reason_in


def write_costs(grid: Grid, hearing: Hearing, identities: dict[Place, Identity]) -> None:
    """row.json and cost.json of every row that has none yet, one row after the other."""
    config, out = grid.config, grid.step.out
    lacking = [row for row in grid.rows if not Place(row.row, COST_PART).is_whole(out)]
    if not lacking:
        return
    waves = waves_of(read_from_here(grid.served.folders.place(grid.timed_set)), config.cost_utterances)
    with Progress(f"{grid.step.name} cost", len(lacking), "rows") as bar:
        for row in lacking:
            place = Place(row.row, COST_PART)
            cost = measure(partial(hearing.open_row, row), waves, config.cost_seconds, hearing.device, config.threads)
            with atomic(place.folder(out)) as folder:
                (folder / FILES).mkdir(parents=True)
                write_json(folder / FILES / COST, dump(cost))
                write_json(folder / FILES / ROW, dump(system_of(row, config.random_seed, hearing.open_row(row))))
                mark(folder, identities[place])
            bar.add(1)


def gather(grid: Grid) -> None:
    """The result files of every row, its counts and its ledger, from units that are all finished.

    Raises UserError if all of them failed.
    """
    step = grid.step
    _refuse_nothing(grid)
    warned = Ledger(step.name)
    _write_changed(step.out / TASKS, list(grid.config.tasks))
    for row in grid.rows:
        layers = {}
        for task in grid.config.tasks:
            units = list(grid.units_of(row, task))
            scored = {unit.layer: unit.place if unit.fold is None else unit.scored for unit in units}
            for unit in units:
                step.counts.update(read_json(unit.place.folder(step.out) / COUNTS))
                step.ledger.merge(unit.place.folder(step.out) / DROPPED)
                if (unit.place.folder(step.out) / WARNED).is_file():  # not of an earlier version
                    warned.merge(unit.place.folder(step.out) / WARNED)
            whole = {layer: place for layer, place in scored.items() if not _note_failed(step, place)}
            if not grid.config.layer_wise:
                for place in [*whole.values(), *(unit.place for unit in units)]:
                    move_up(step.out, place)
            elif whole:
                layers[task] = by_layer(task, {int(k or 0): p.folder(step.out) / FILES for k, p in whole.items()})
        if grid.config.layer_wise:
            system = system_of(row, grid.config.random_seed)
            _write_changed(step.out / row.row / LAYERS, dump(LayerResults(system, tuple(layers.values()))))
        else:
            move_up(step.out, Place(row.row, COST_PART))
    step.ledger.rows = sorted(set(step.ledger.rows))  # every row of the table drops the same utterance
    lost = [(id, reason, detail) for id, _, reason, detail in step.ledger.rows if is_of_audio(reason)]
    tell_dropped(lost, step)
    tell_warned(warned, step)


def _refuse_nothing(grid: Grid) -> None:
    """Raise UserError if every unit failed; they are then tried again when the step is run again."""
    folders = [unit.place.folder(grid.step.out) for unit in grid.units()]
    reasons = [reason_in(folder) for folder in folders]
    if reasons and all(reasons):
        for folder in folders:
            remove(folder.parent)
        first = "; ".join(dict.fromkeys(reasons[:3]))
        raise UserError(f"every task of every row failed: {first}", str(grid.step.out), "mend the cause and rerun")


def _note_failed(step: Step[Any], place: Place) -> bool:
    """True if the scores of a place failed, which the ledger then says."""
    reason = reason_in(place.folder(step.out))
    if reason:
        task, _, part = place.part.partition("/")
        of_layer = f"{part.split('.')[0]}: " if part.startswith("layer") else ""
        step.ledger.drop(f"{place.row}/{task}", FAILED, of_layer + reason)
        again = shlex.join(["rm", "-r", str(place.folder(step.out).parent)])
        print(f"{place.row} {task} failed; to try it again, run the stage after: {again}", flush=True)
    return bool(reason)


def _write_changed(path: Path, tree: Any) -> None:
    if not path.is_file() or read_json(path) != json.loads(json.dumps(tree)):
        write_json(path, tree)


def score_folds(grid: Grid, work: Work, units: Sequence[Unit]) -> None:
    """Score the folds that `units` belong to together, where that is not done yet: task by task, layer by layer."""
    for one in units:
        if one.fold is not None and not one.scored.is_whole(grid.step.out):
            folds = [unit for unit in grid.units_of(one.row, one.task) if unit.layer == one.layer]
            reasons = [f"fold {k}: {why}" for k, unit in enumerate(folds, 1) if (why := _reason(grid, unit))]
            with atomic(one.scored.folder(grid.step.out)) as folder:
                if reasons:
                    leave_failed(folder, "; ".join(reasons), grid.scored_identity(folds))
                else:
                    _score_together(grid, work, folds, folder)


def _reason(grid: Grid, unit: Unit) -> str:
    return reason_in(unit.place.folder(grid.step.out))


def _score_together(grid: Grid, work: Work, folds: Sequence[Unit], folder: Path) -> None:
    """Result files of all folds of a task on a row, as of one test set; <task>.json also says how many there are."""
    name, trees = folds[0].task, [read_json(unit.place.folder(grid.step.out) / FOLD) for unit in folds]
    data, fitted = together(work.pool(folds[0], Notes(Ledger(""))), trees)
    (folder / FILES).mkdir(parents=True)
    values = grid.served.folds(name)
    each = tuple(of_fold(data, fitted, value, tree) for value, tree in zip(values, trees, strict=True))
    write_results(folder / FILES, folds[0].row, grid.config, data, fitted, each)
    mark(folder, grid.scored_identity(folds))
