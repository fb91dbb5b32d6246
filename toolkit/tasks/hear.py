"""First half of a run: the features of the rows that still have work, each set of each row in one piece.

Features lie in OUT/work until the units of their row are done. They are no part of what the run leaves: without them
nothing is stale, and a later run computes those of the rows that it trains on, and no others. Rows whose frames do not
fit on the disk together come in groups, one after the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import torch

from ..core.files import read_json, remove, write_json
from ..core.rows import Place
from ..core.shards import run_shards
from ..data.listen import Listener
from .features import SetFeatures, again, compute, is_broken, leave_broken
from .grid import Grid, Unit
from .room import Group, first_group, frames_mb
from .task_config import SETS
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
        self.features = lru_cache(None)(self._features)
        self.current = ""

    def choose(self, units: Sequence[Unit]) -> None:
        """Choose the rows of the next group, of those that `units` want, and write its units down for all workers.

        First removes the features of earlier groups, and those of an earlier run that this one has no use for.
        """
        config, needed = self.grid.config, self._needed(units)
        self._remove_all_but({self._name(row, name) for row, names in needed.items() for name in names})
        self._remove_broken()
        framed = {row: names & config.framed if self.rows[row].frozen else set() for row, names in needed.items()}
        whole = {row: {name for name in names if self._has_frames(row, name)} for row, names in framed.items()}
        if config.features == "stream":
            group = Group(list(needed), set())
        else:
            wanted = {row: self._mb(row, names - whole[row]) for row, names in framed.items()}
            group = first_group(wanted, config.features == "frames", self.grid.step.out)
        stored = {row: framed[row] if row in group.stored else whole[row] for row in group.rows}
        sets = [
            SetOfRow(row, name, self._name(row, name), name in stored[row])
            for row in group.rows
            for name in sorted(needed[row])
        ]
        for of_row in sets:
            if of_row.stored and of_row.set not in whole[of_row.row]:
                remove(self._place(of_row))  # it may have been made when its frames had no room
        places = [[unit.place.row, unit.place.part] for unit in units if unit.row.row in group.rows]
        write_json(self.folder / LIST, {"units": places, "sets": [vars(of_row) for of_row in sets]})

    @property
    def group(self) -> list[Unit]:
        """The units of this group: those that were wanting when it was chosen."""
        by_place = {unit.place: unit for unit in self.grid.units()}
        return [by_place[Place(*names)] for names in read_json(self.folder / LIST)["units"]]

    def run(self) -> None:
        """Compute the features of this group that are missing. In a worker: a part of them, if the run is at that."""
        step = self.grid.step
        sets = [SetOfRow(**tree) for tree in read_json(self.folder / LIST)["sets"]]
        places = [self._place(of_row) for of_row in sets]
        if all(place.is_dir() for place in places):
            return
        seconds = [self.grid.served.sets[of_row.set].seconds for of_row in sets]

        def work(k: int, path: Path) -> None:
            self._compute(sets[k], path)

        run_shards(step, seconds, work, on_device=True, places=places, failed=self._give_up)

    def of(self, unit: Unit) -> dict[str, SetFeatures]:
        """Features of the sets of a unit's task, of the states that its head gets."""
        if self.current != unit.row.row:  # one row's means at a time are in memory
            self.features.cache_clear()
            self.current = unit.row.row
        stored, states = self.grid.stored(unit.row), self.grid.states(unit)
        places = [stored.index(state) for state in states]
        task = self.grid.config.tasks[unit.task]
        names = sorted({*map(task.sets.of, SETS)})
        return {name: self.features(unit.row.row, name).of_states(places) for name in names}

    def _needed(self, units: Sequence[Unit]) -> dict[str, set[str]]:
        """Row -> the sets that its units read."""
        needed: dict[str, set[str]] = {}
        for unit in units:
            task = self.grid.config.tasks[unit.task]
            needed.setdefault(unit.row.row, set()).update(map(task.sets.of, SETS))
        return needed

    def _remove_all_but(self, kept: set[str]) -> None:
        for path in sorted((self.folder / FEATURES).glob("*")):
            if path.name not in kept:
                remove(path)

    def _remove_broken(self) -> None:
        """Features that failed in an earlier run are tried again."""
        for path in sorted((self.folder / FEATURES).glob("*")):
            if is_broken(path):
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
        upstream, data = self.open(of_row.row), self.grid.served.sets[of_row.set]
        label, listener = (
            f"{of_row.row} features of {of_row.set}",
            Listener.of([data], of_row.set in self.grid.served.trained),
        )
        compute(upstream, data.utterances, path, of_row.stored, self.device, label, listener)

    @staticmethod
    def _give_up(k: int, path: Path, reason: str) -> None:
        """What stands for features that cannot be had: the reason, at which the units that need them fail."""
        print(f"features failed: {reason}", flush=True)
        leave_broken(path, reason)

    def _open(self, row: str, states: tuple[int, ...] = ()) -> Upstream:
        return self.open_row(self.rows[row], states)

    def open_row(self, row: Row, states: tuple[int, ...] = ()) -> Upstream:
        """A row's upstream with these states; none named: those that are computed of it."""
        config, states = self.grid.config, states or self.grid.stored(row)
        return row.open(config.random_seed, self.device, states if row.model else (), config.final_norm)

    def _features(self, row: str, name: str) -> SetFeatures:
        utterances, threads = self.grid.served.sets[name].utterances, self.grid.config.threads
        path = self.folder / FEATURES / self._name(row, name)
        return SetFeatures.open(path, again(lambda: self.open(row), utterances, self.device, threads))
