"""First half of a run: the features of every row that still has work, each set of each row in one piece.

Features lie in OUT/work until the run is done. They are no part of what the run leaves: without them nothing is stale,
and a later run computes those of the rows that it trains on, and no others.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from ..core.files import read_json, remove, write_json
from ..core.shards import run_shards
from .config import SETS
from .features import SetFeatures, again, compute
from .grid import Grid, Unit
from .room import frames_mb, stored_rows
from .upstream import Row, Upstream

WORK = "work"  # what a rerun after a kill goes on from
FEATURES, LIST = "features", "features.json"


@dataclass(frozen=True)
class SetOfRow:
    """Features of one set by one row's upstream.

    Attributes:
        folder: where they are, below OUT/work/features.
        stored: True if frames are stored, not only means.
    """

    row: str
    set: str
    folder: str
    stored: bool


class Hearing:
    """Computes and opens the features of a run."""

    def __init__(self, grid: Grid, device: torch.device) -> None:
        self.grid, self.device = grid, device
        self.rows = {row.row: row for row in grid.rows}
        self.folder = grid.step.out / WORK
        self.open = lru_cache(1)(self._open)  # rows come one after the other
        self.features = lru_cache(16)(self._features)

    def run(self, units: Sequence[Unit]) -> None:
        """Compute what `units` need and is not there. In a worker: a part of it, if the run is still at that."""
        step = self.grid.step
        if not step.worker:
            self._choose(units)
        sets = [SetOfRow(**tree) for tree in read_json(self.folder / LIST)]
        places = [self._place(of_row) for of_row in sets]
        if all(place.is_dir() for place in places):
            return
        seconds = [self.grid.served.sets[of_row.set].seconds for of_row in sets]

        def work(k: int, path: Path) -> None:
            self._compute(sets[k], path)

        run_shards(step, seconds, work, on_device=True, places=places)

    def of(self, unit: Unit) -> dict[str, SetFeatures]:
        """Features of the sets of a unit's task, of the states that its head gets."""
        stored, states = self.grid.stored(unit.row), self.grid.states(unit)
        places = [stored.index(state) for state in states]
        task = self.grid.config.tasks[unit.task]
        names = sorted({*map(task.sets.of, SETS)})
        return {name: self.features(unit.row.row, name).of_states(places) for name in names}

    def _choose(self, units: Sequence[Unit]) -> None:
        """Write the list of what is computed, which all workers read; remove what an earlier run has no use for."""
        grid, config = self.grid, self.grid.config
        needed: dict[str, set[str]] = {}
        for unit in units:
            task = config.tasks[unit.task]
            needed.setdefault(unit.row.row, set()).update(map(task.sets.of, SETS))
        framed = {row: names & config.framed for row, names in needed.items() if self.rows[row].frozen}
        whole = {row: {name for name in names if self._has_frames(row, name)} for row, names in framed.items()}
        wanted = {row: self._mb(row, names - whole[row]) for row, names in framed.items()}
        missing = {row: mb for row, mb in wanted.items() if mb}
        must = config.features == "frames"
        kept = stored_rows(missing, must, grid.step.out) if config.features != "stream" else set()
        stored = {row: names if row in kept else whole[row] for row, names in framed.items()}
        sets = [
            SetOfRow(row, name, self._name(row, name), name in stored.get(row, ()))
            for row, names in needed.items()
            for name in sorted(names)
        ]
        self._clear(sets)
        write_json(self.folder / LIST, [vars(of_row) for of_row in sets])

    def _clear(self, sets: Sequence[SetOfRow]) -> None:
        """Remove features that are not in the list, or lack the frames that the list wants."""
        listed = {of_row.folder: of_row.stored for of_row in sets}
        for path in sorted((self.folder / FEATURES).glob("*")):
            if path.name not in listed or (listed[path.name] and not SetFeatures.open(path).stored):
                remove(path)

    def _has_frames(self, row: str, name: str) -> bool:
        path = self.folder / FEATURES / self._name(row, name)
        return path.is_dir() and SetFeatures.open(path).stored

    def _mb(self, row: str, names: set[str]) -> float:
        seconds = sum(self.grid.served.sets[name].seconds for name in names)
        return frames_mb(seconds, *self.grid.stored_shape(self.rows[row]))

    def _name(self, row: str, name: str) -> str:
        return f"{row}.{name}.{self.grid.features_id(self.rows[row], name)}"

    def _place(self, of_row: SetOfRow) -> Path:
        return self.folder / FEATURES / of_row.folder

    def _compute(self, of_row: SetOfRow, path: Path) -> None:
        torch.set_num_threads(self.grid.config.threads)
        upstream, utterances = self.open(of_row.row), self.grid.served.sets[of_row.set].utterances
        label = f"{of_row.row} features of {of_row.set}"
        compute(upstream, utterances, path, of_row.stored, self.device, label)

    def _open(self, row: str) -> Upstream:
        """A row's upstream with the states that are computed of it."""
        return self.open_row(self.rows[row])

    def open_row(self, row: Row) -> Upstream:
        return row.open(self.grid.config.random_seed, self.device, self.grid.stored(row) if row.model else ())

    def _features(self, row: str, name: str) -> SetFeatures:
        utterances, threads = self.grid.served.sets[name].utterances, self.grid.config.threads
        path = self.folder / FEATURES / self._name(row, name)
        return SetFeatures.open(path, again(lambda: self.open(row), utterances, self.device, threads))
