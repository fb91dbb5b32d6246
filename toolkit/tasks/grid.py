"""Work units of a run, row x task x fold x layer, and what each is made from.

The learning rates of a unit are tried one after the other on the same features. A unit's identity is its row's
upstream, its own task's section, the settings that all tasks share and its data. Another task or row changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.config import to_dict
from ..core.errors import UserError
from ..core.identity import id_of_input, place
from ..core.record import digest
from ..core.registry import declared
from ..core.rows import OWN, Identity, Place
from ..core.step import Step
from ..models.encoder import refuse_unusable
from .config import TasksConfig
from .served import Served
from .task_config import OPTIM, SETS, TaskConfig
from .upstream import Row, rows_of

WHOLE, SCORED = "whole", "scored"
COST_PART = "row/cost"  # row.json and cost.json of a row
COST_FIELDS = ("cost_seconds", "cost_utterances", "threads")
# Fields that are in the identity of a part in another form, or change no result.
APART = {
    *OPTIM,
    "tasks",
    "only",
    "folders",
    "sets",
    "rows",
    "features",
    "cache_layers",
    "layer_wise",
    "checkpoint_every",
}
APART |= {"random_seed", "max_hours", "cost_seconds", "cost_utterances"}
TUNING = {"encoder_lr", "freeze_convolutions"}  # which frozen rows do not read


@dataclass(frozen=True)
class Unit:
    """What a worker trains and scores at a time.

    Attributes:
        fold: number of the value that is left out; None: the task has no folds.
        layer: the one state that the head gets; None: the mix of the task's states.
    """

    row: Row
    task: str
    fold: int | None = None
    layer: int | None = None

    @property
    def place(self) -> Place:
        layer = [] if self.layer is None else [f"layer{self.layer}"]
        fold = [] if self.fold is None else [f"fold{self.fold + 1}"]
        return Place(self.row.row, f"{self.task}/{'.'.join([*layer, *fold]) or WHOLE}")

    @property
    def scored(self) -> Place:
        """The part with the scores of all folds together."""
        return Place(self.row.row, f"{self.task}/" + ("" if self.layer is None else f"layer{self.layer}.") + SCORED)

    @property
    def label(self) -> str:
        """As progress bars name it: `it1.base dialect layer 2`."""
        layer = "" if self.layer is None else f" layer {self.layer}"
        return f"{self.row.row} {self.task}{layer}" + ("" if self.fold is None else f" fold {self.fold + 1}")

    @property
    def result(self) -> str:
        """Stem of the unit's own files: the task, and its fold where it has one."""
        return self.task if self.fold is None else f"{self.task}.fold{self.fold + 1}"


@dataclass(frozen=True)
class Grid:
    """All units of a run, in order: task by task, so that worker k mod n gets rows of each, cheap and costly ones.

    Attributes:
        shapes: row -> (layers, dim) of its upstream.
    """

    step: Step[TasksConfig]
    served: Served
    rows: Sequence[Row]
    shapes: Mapping[str, tuple[int, int]]

    @classmethod
    def of(cls, step: Step[TasksConfig], served: Served) -> Grid:
        """The grid of a step. Raises UserError for models that cannot be used, or lack a state that is asked for."""
        models = step.ins[served.config.folders :]
        rows = rows_of(served.config.rows, models, served.config.freeze)
        _refuse_unusable(models)
        for row in rows:
            row.refuse_absent("cache_layers", served.config.cache_layers)
            for name, task in served.config.tasks.items():
                row.refuse_absent(f"tasks.{name}.states", task.states)
        return cls(step, served, rows, {row.row: row.shape() for row in rows})

    @property
    def config(self) -> TasksConfig:
        return self.served.config

    def units(self) -> list[Unit]:
        return [unit for task in self.config.tasks for row in self.rows for unit in self.units_of(row, task)]

    def units_of(self, row: Row, task: str) -> Iterator[Unit]:
        """Units of one task of a row: layer by layer, of each fold by fold."""
        layers = self.stored(row) if self.config.layer_wise else [None]
        for layer in layers:
            for fold in range(len(self.served.folds(task))) or [None]:
                yield Unit(row, task, fold, layer)

    def stored(self, row: Row) -> tuple[int, ...]:
        """Numbers of the states that are computed for a row."""
        if row.model is None:
            return (0,)
        config, layers = self.config, self.shapes[row.row][0]
        tasks = {state for task in config.tasks.values() for state in config.states_of(task, layers)}
        return tuple(sorted(tasks)) or config.cache_layers or tuple(range(layers + 1))

    def stored_shape(self, row: Row) -> tuple[int, int]:
        """(L, D) of a frame of a row."""
        return len(self.stored(row)), self.shapes[row.row][1]

    def states(self, unit: Unit) -> tuple[int, ...]:
        """Numbers of the states that a unit's head gets."""
        if unit.layer is not None:
            return (unit.layer,)
        if unit.row.model is None:
            return (0,)
        return self.config.states_of(self.config.tasks[unit.task], self.shapes[unit.row.row][0])

    def cost_of(self, unit: Unit) -> float:
        """Optimiser steps."""
        task = self.config.tasks[unit.task]
        return float(task.steps * len(task.lr))

    def identities(self) -> dict[Place, Identity]:
        """What each part of each row is made from."""
        units = self.units()
        parts: dict[Place, Identity] = {unit.place: self.identity(unit) for unit in units}
        for unit in units:
            if unit.fold == 0:
                folds = [u for u in self.units_of(unit.row, unit.task) if u.layer == unit.layer]
                parts[unit.scored] = self.scored_identity(folds)
        if not self.config.layer_wise:
            parts |= {Place(row.row, COST_PART): self._cost_identity(row) for row in self.rows}
        return parts

    def identity(self, unit: Unit) -> Identity:
        task = self.config.resolved(self.config.tasks[unit.task])
        own = {
            "task": to_dict(task),
            "name": unit.task,
            "states": self.states(unit),
            "means": unit.row.frozen and self.config.by_means(task),
            "fold": None if unit.fold is None else self.served.folds(unit.task)[unit.fold],
        }
        return {**self._upstream(unit.row), "config": self._shared(unit.row), OWN: _digest(own), **self.data(task)}

    def scored_identity(self, folds: Sequence[Unit]) -> Identity:
        """What the scores of all folds together are made from."""
        each = [self.identity(unit) for unit in folds]
        return {**each[0], OWN: _digest([identity[OWN] for identity in each])}

    def wanting(self) -> list[Unit]:
        """Units that need features: those to be made, and folds whose common score is to be made."""
        out = self.step.out
        return [
            unit
            for unit in self.units()
            if not unit.place.is_whole(out) or (unit.fold is not None and not unit.scored.is_whole(out))
        ]

    @property
    def timed_set(self) -> str:
        """The set on which the cost of all rows is measured: the first task's test set, or the run's without a task."""
        return [*(task.sets.test for task in self.config.tasks.values()), self.config.sets.test][0]

    def data(self, task: TaskConfig) -> dict[str, str]:
        """Identity of each set of a task."""
        return {
            f"input {place(str(self.served.folders.place(name)))}": self.set_id(name)
            for name in sorted({*map(task.sets.of, SETS)})
        }

    def set_id(self, name: str) -> str:
        """Identity of a data directory, how it is judged, and how it was cut."""
        id = id_of_input(self.served.folders.place(name), self.step.out)
        id += ", trained on" if name in self.served.trained else ""
        return f"{id}, {self.config.max_hours:g} h drawn by {self.config.seed}" if name in self.served.cut else id

    def features_id(self, row: Row, name: str) -> str:
        """Identity of the features of a set by a row's upstream."""
        return _digest([self._upstream(row), self.stored(row), self.set_id(name)])

    def _upstream(self, row: Row) -> dict[str, str]:
        seed = f", random seed {self.config.random_seed}" if row.arm == "random" else ""
        seed += ", final LayerNorm" if self.config.final_norm and row.model else ""
        return {
            "step": f"{self.step.name} {declared(self.step.name).version}",
            "upstream": (id_of_input(row.model, self.step.out) if row.model else row.row) + seed,
        }

    def _shared(self, row: Row) -> str:
        left_out = APART | (TUNING if row.frozen else set())
        return _digest({name: value for name, value in to_dict(self.config).items() if name not in left_out})

    def _cost_identity(self, row: Row) -> Identity:
        named = {name: getattr(self.config, name) for name in COST_FIELDS}
        audio = {name: self.set_id(name) for name in [self.timed_set]}
        return {**self._upstream(row), OWN: _digest([named, self.stored(row), row.frozen, audio])}


def _refuse_unusable(models: Sequence[Path]) -> None:
    """Raise one UserError that names every model without usable weights, before anything is done or moved aside."""
    faults = []
    for model in models:
        try:
            refuse_unusable(model)
        except UserError as e:
            faults.append(e)
    if len(faults) == 1:
        raise faults[0]
    if faults:
        lines = "".join(f"\n  {fault.where}: {fault.what}; {fault.remedy}" for fault in faults)
        raise UserError(
            f"{len(faults)} of {len(models)} models cannot be used:{lines}", "--in", "mend or leave them out"
        )


def _digest(tree: Any) -> str:
    return digest(json.dumps(tree, sort_keys=True, ensure_ascii=False).encode())
