"""Clips that a training cannot use: each leaves its batches, nothing is drawn instead, and the ledger has a row of it.

A clip is bad if it cannot be decoded (any more), is of another length than it was when it was labelled or packed, or,
in the set that is trained on, if a rule speaks against it (judge.py). A dev clip of the latter kind is kept, with a
warning. What is bad is decoded once in a run, and noted on the disk at once: the rows survive a kill, and are the same
for any number of processes. Above max(3, 0.1 %) of the set, or 5 % that only a rule speaks against, the run ends.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, TypeVar

from ..core.files import atomic, remove
from ..core.record import Ledger
from ..core.step import Step
from .audio import SAMPLE_RATE, AudioError, Wave
from .judge import judge
from .kaldi import Utterance
from .listen import WARNED, decoded, refuse_broken, told_of, too_many, undecodable, warned_of
from .provenance import Rules

FOLDER = "shards/bad_clips"  # below a step's output: what lies in shards/ is gone once the step is done
BEFORE = "before.tsv"  # rows of the runs before this one
WELL = "well"  # reason of a row of a clip that was bad in a run before, and no longer is
MOST_UNFIT = 0.05  # share of a set that rules may speak against
OF_UNFIT = (
    "look at the recordings: scale them, leave them out of the set, or loosen the rules: `limits` (or `take`) of the "
    "data stage's config, or of a directory without one its judged.json, "
    '{"limits": {"silent_dbfs": -75, "max_clipped": 0.2}}'
)
T = TypeVar("T")
Row = tuple[str, str, str]
Fits = Callable[[Wave], str]  # what is wrong with the length of a wave; "" if nothing is


def any_length(wave_N: Wave) -> str:
    """The length is right: Utterance.audio has held it against the tables."""
    return ""


class NoBadClips:
    """For those who have no ledger: the first clip that cannot be decoded raises AudioError."""

    def foresee(self, made: Path, ids: Container[str]) -> None:
        """Nothing: each clip is judged when it is decoded."""

    def wave(self, u: Utterance, fits: Fits = any_length) -> Wave | None:
        """Samples [N], mono, 16 kHz. Raises AudioError."""
        wave_N = decoded(u)
        if problem := fits(wave_N):
            raise AudioError("changed", f"{u.id}: {problem}", u.path, "make again what was made of it")
        return wave_N


class BadClips(NoBadClips):
    """Decodes the clips of one set, and remembers those that are bad. Threads may call it at once."""

    def __init__(self, folder: Path, name: str, size: int, rules: Rules, where: str) -> None:
        """Args:
        folder: where each process adds rows to a file of its own.
        name: of the set, e.g. train; size: its clips; where: its data directory, for errors.
        """
        self.folder, self.name, self.size, self.rules, self.where = folder, name, size, rules, where
        self._before = frozenset(row[0] for row in read_rows(folder / BEFORE))  # bad in a run before this one
        self._bad: dict[str, Row] = {}
        self._told: set[str] = set()
        self._lock = threading.Lock()

    def foresee(self, made: Path, ids: Container[str]) -> None:
        """Leave out, of a set that is trained on, those of `ids` that the step before has warned of.

        It kept them because it was not told what its set is for. Raises UserError, with their list, if they are too
        many: before the training, not in the midst of it.

        Args:
            made: output of that step: labels or windows.
        """
        rows = warned_of(made, ids, bool(self.rules.texts)) if self.rules.trains else []
        for row in rows:
            self._bad[row[0]] = row
            self._note(row)
        if rows:
            print(told_of(rows, "left out", made / WARNED, "left out"), flush=True)
            self._refuse_many(dict(self._bad))

    def wave(self, u: Utterance, fits: Fits = any_length) -> Wave | None:
        """Samples [N], mono, 16 kHz; None if the clip is bad.

        Raises UserError if too many are bad, or the disk cannot be read.
        """
        return self.use(u, lambda: self._judged(u, fits))

    def _judged(self, u: Utterance, fits: Fits) -> Wave | None:
        wave_N = super().wave(u, fits)
        text = self.rules.texts.get(u.id, "")
        fault = None if wave_N is None else judge(wave_N, SAMPLE_RATE, self.rules.limits, text)
        if fault and (self.rules.trains or fault.damage):
            raise AudioError(fault.reason, fault.detail, u.path)
        if fault:
            self._warn((u.id, fault.reason, fault.detail))
        return wave_N

    def use(self, u: Utterance, read: Callable[[], T | None]) -> T | None:
        """What `read` gives of a clip; None if it raises AudioError, or the clip is known to be bad.

        Raises UserError as `wave` does.
        """
        if u.id in self._bad:
            return None
        try:
            value = read()
        except AudioError as e:
            self._leave_out((u.id, e.reason, f"{e.what}: {u.path}"))
            return None
        if u.id in self._before and u.id not in self._told:
            self._told.add(u.id)
            self._note((u.id, WELL, ""))
        return value

    def _warn(self, row: Row) -> None:
        with self._lock:
            if row[0] in self._told:
                return
            self._told.add(row[0])
        print("WARNING: {}: {}: {}; it is kept, as one of a dev set".format(*row), flush=True)

    def _leave_out(self, row: Row) -> None:
        with self._lock:
            if row[0] in self._bad:
                return
            self._bad[row[0]] = row
        self._note(row)
        print("left out: {}: {}: {}".format(*row), flush=True)
        files = sorted(self.folder.glob(f"{self.name}.*.tsv"))
        self._refuse_many({row[0]: row for path in files for row in read_rows(path)})

    def _note(self, row: Row) -> None:
        """Add a row to this process's file, at once: a line of it is complete, or it is the last one."""
        with self._lock:
            self.folder.mkdir(parents=True, exist_ok=True)
            with open(self.folder / f"{self.name}.{os.uname().nodename}.{os.getpid()}.tsv", "ab") as f:
                f.write(("\t".join(" ".join(field.split()) for field in row) + "\n").encode(errors="surrogateescape"))
                f.flush()

    def _refuse_many(self, rows: dict[str, Row]) -> None:
        bad = [row for row in rows.values() if row[1] != WELL]
        broken = [row for row in bad if undecodable(row[1])]
        if too_many(len(broken), self.size) or len(bad) >= self.size:
            refuse_broken(broken or bad, self.size, self.where)
        unfit = [row for row in bad if not undecodable(row[1])]
        if too_many(len(unfit), self.size, MOST_UNFIT):
            refuse_broken(unfit, self.size, self.where, OF_UNFIT, MOST_UNFIT)


class BadClipsOfRun:
    """The bad clips of all sets of a training, in all its processes."""

    def __init__(self, folder: Path) -> None:
        """`folder`: survives a kill, and is gone once the step is done."""
        self.folder = folder

    @staticmethod
    def of_step(step: Step[Any]) -> BadClipsOfRun:
        """Those of a step, in its main process or in one of those that share its work."""
        run = BadClipsOfRun(step.out / FOLDER)
        if not step.worker:
            run.begin()
        return run

    def begin(self) -> None:
        """Put the rows of the runs before this one together. For the process that starts the others, before it does."""
        files = self._files()
        rows = {row[0]: row for path in files for row in read_rows(path) if row[1] != WELL}
        if rows:
            with atomic(self.folder / BEFORE) as temporary, open(temporary, "wb") as f:
                f.writelines("\t".join(row).encode(errors="surrogateescape") + b"\n" for row in rows.values())
        for path in files:
            if path.name != BEFORE:
                remove(path)

    def of(self, name: str, size: int, rules: Rules, where: str) -> BadClips:
        """Those of a set of `size` clips, called `name`, e.g. train."""
        return BadClips(self.folder, name, size, rules, where)

    def settle(self, ledger: Ledger) -> dict[str, float]:
        """One row in the ledger for every clip that was left out; returns their count by name, if there are any."""
        rows: dict[str, Row] = {}
        well: set[str] = set()
        for path in self._files():
            for row in read_rows(path):
                well |= {row[0]} if row[1] == WELL else set()
                rows |= {row[0]: row} if row[1] != WELL else {}
        for id, reason, detail in rows.values():
            ledger.drop(id, reason, f"{detail}; until the training was resumed" if id in well else detail)
        return {"left_out_bad_clips": len(rows)} if rows else {}

    def _files(self) -> list[Path]:
        """Every file of rows, those of earlier runs first."""
        files = sorted(self.folder.glob("*.tsv")) if self.folder.is_dir() else []
        return sorted(files, key=lambda path: (path.name != BEFORE, path.name))


def read_rows(path: Path) -> list[Row]:
    """Complete rows of a file; none if it is not there."""
    if not path.is_file():
        return []
    lines = path.read_bytes().decode(errors="surrogateescape").split("\n")[:-1]  # what follows the last end is cut off
    return [(a, b, c) for a, b, c in (line.split("\t") for line in lines)]
