"""Second half of a run: a unit, that is one task (of a fold, on a layer) on one row, trained and scored."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file

from ..core.files import read_json, remove, write_json
from ..core.identity import identity_id
from ..core.record import DROPPED, Ledger
from ..core.rows import FILES, Identity, mark
from ..data.bad_clips import BadClipsOfRun
from ..data.listen import WARNED
from ..train.objectives.classify import Features
from .base import Fitted, Notes, TaskData
from .examples import build, with_batch
from .feed import Source
from .folds import fold_of, tree_of
from .grid import Grid, Unit
from .hear import WORK, Hearing
from .results import write_results
from .unit import Fit
from .upstream import Network, Tuned

COUNTS, FOLD = "counts.json", "fold.json"
WHY = "failed.json"  # of a unit that failed: the reason


class Work:
    """Makes units, one after the other."""

    def __init__(self, grid: Grid, hearing: Hearing) -> None:
        self.grid, self.hearing = grid, hearing
        self.finished: list[Path] = []  # trainings whose units are done

    def make(self, unit: Unit, path: Path) -> None:
        """Train and score a unit: its result files, counts, ledger and identity into the new folder `path`.

        Checkpoints lie in OUT/work, from which a rerun after a kill goes on.
        """
        while self.finished:
            remove(self.finished.pop())
        torch.set_num_threads(self.grid.config.threads)
        identity = self.grid.identity(unit)
        training = self.grid.step.out / WORK / f"{unit.label.replace(' ', '.')}.{identity_id(dict(identity))}"
        notes = Notes(Ledger(self.grid.step.name))
        data, source = self.data(unit, notes), self._source(unit)
        bad_clips = BadClipsOfRun(training / "bad_clips")
        bad_clips.begin()
        fitted = Fit(self.grid.config, data, source, training, unit.label, self.hearing.device, bad_clips).run()
        notes.counts |= {f"{unit.label}.{name}": count for name, count in bad_clips.settle(notes.ledger).items()}
        (path / FILES).mkdir(parents=True)
        self._write(unit, data, fitted, path)
        write_json(path / COUNTS, notes.counts)
        notes.ledger.write(path / DROPPED)
        warned = Ledger(self.grid.step.name)
        for row in notes.warned:
            warned.drop(*row)
        warned.write(path / WARNED)
        mark(path, identity)
        self.finished.append(training)

    def give_up(self, unit: Unit, path: Path, reason: str) -> None:
        """What stands for a unit that failed, in the new folder `path`: no result, but the reason."""
        print(f"{unit.label} failed: {reason}", flush=True)
        leave_failed(path, reason, self.grid.identity(unit))

    def pool(self, unit: Unit, notes: Notes) -> TaskData:
        """All examples of the unit's task. What was left out, by the upstream or the task, goes to `notes`."""
        features = self.hearing.of(unit)
        for of_set in features.values():
            for dropped in of_set.dropped:
                notes.ledger.drop(*dropped)
            notes.warned += of_set.warned
        rate = next(iter(features.values())).rate
        return build(unit.task, self.grid.config.tasks[unit.task], self.grid.served.sets, features, rate, notes)

    def data(self, unit: Unit, notes: Notes) -> TaskData:
        """The unit's examples: those of its fold, where its task has folds."""
        data = self.pool(unit, notes)
        if unit.fold is None:
            return data
        tested, left_out = self.grid.served.tested[unit.task], self.grid.served.folds(unit.task)[unit.fold]
        return with_batch(fold_of(data, tested, left_out, self.grid.config.seed, notes), notes)

    def _source(self, unit: Unit) -> Source:
        sets = self.hearing.of(unit)
        if not unit.row.frozen:
            return Source(sets, tuned=partial(self._tuned, unit))
        return Source(sets, upstream=partial(self.hearing.open, unit.row.row, self.grid.states(unit)))

    def _tuned(self, unit: Unit) -> Features:
        upstream = self.hearing.open_row(unit.row)
        assert isinstance(upstream, Network)
        return Tuned(upstream.encoder, self.grid.states(unit), self.grid.config.freeze_convolutions)

    def _write(self, unit: Unit, data: TaskData, fitted: Fitted, path: Path) -> None:
        """Result files: of a fold its predictions, of a layer its scores alone, else scores and weights."""
        if unit.fold is None:
            write_results(path / FILES, unit.row, self.grid.config, data, fitted)
        else:
            write_json(path / FOLD, tree_of(fitted))
        if unit.layer is None:
            save_file(fitted.weights, path / FILES / f"{unit.result}.safetensors")
        else:
            for file in (path / FILES).glob("*"):
                if file.name != f"{unit.task}.json":
                    file.unlink()


def leave_failed(path: Path, reason: str, identity: Identity) -> None:
    """The folder of a part without a result."""
    (path / FILES).mkdir(parents=True)
    write_json(path / WHY, {"reason": reason})
    write_json(path / COUNTS, {})
    Ledger("").write(path / DROPPED)
    Ledger("").write(path / WARNED)
    mark(path, identity)


def reason_in(folder: Path) -> str:
    """Why a finished part has no result; empty if it has one."""
    return str(read_json(folder / WHY)["reason"]) if (folder / WHY).is_file() else ""
