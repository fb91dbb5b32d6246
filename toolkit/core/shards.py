"""Work sharded by content, not by workers: fixed shards, each written under a temporary name and renamed.

nj only says how many shards run at once. Worker i takes shards k = i (mod nj) of those not finished, in one process,
because importing torch costs seconds.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from . import slurm, slurm_job
from .errors import UserError
from .files import TEMPORARY, atomic, remove
from .progress import Progress
from .workers import share

if TYPE_CHECKING:
    from .step import Step

SECONDS_PER_SHARD = 1800.0
FEWEST_SHARDS = 8
Failed = Callable[[int, Path, str], None]  # makes what stands for shard k at a path, for a reason
SHOWN = 4  # largest number of workers whose own bars are shown beside the bar of their array
SECONDS_PER_ENTRY = 1e-3  # s between two listings of a folder: a network disk is slow to list 40,000 shards


class WorkerDone(Exception):
    """Raised when a worker's part is done; the rest is for the process that started it."""


def split(seconds: Sequence[float], fewest: int = FEWEST_SHARDS) -> list[range]:
    """Items in order -> shards of about equal audio: half an hour each, at least `fewest`, none empty.

    Depends on the items alone: the same data give the same shards.
    """
    total, n = sum(seconds), len(seconds)
    wanted = min(n, max(fewest, round(total / SECONDS_PER_SHARD)))
    shards: list[range] = []
    start, heard = 0, 0.0
    for i, s in enumerate(seconds):
        heard += s
        full = heard >= total * (len(shards) + 1) / wanted
        must = n - (i + 1) <= wanted - (len(shards) + 1)  # each remaining shard needs an item
        if (full or must) and len(shards) < wanted - 1:
            shards.append(range(start, i + 1))
            start = i + 1
    if start < n:
        shards.append(range(start, n))
    return shards


def run_shards(
    step: Step,
    costs: Sequence[float],
    work: Callable[[int, Path], None],
    unit: str = "audio s",
    suffix: str = "",
    on_device: bool = False,
    preload: Callable[[], None] | None = None,
    places: Sequence[Path] | None = None,
    failed: Failed | None = None,
) -> list[Path]:
    """Make every missing shard; returns the paths of all shards in order.

    Args:
        step: the running step: gives nj, back-end, output folder and, in a worker, which worker it is.
        costs: cost of each shard, in `unit`, for the progress bar.
        work: called as work(k, path); makes shard k as a file or a folder at `path`.
        suffix: ending of a shard's name.
        on_device: the work runs on GPUs, if there are any; then there is at most one worker per GPU.
        places: path of each shard, which stays; default: below OUT/shards, which is removed when the step is done.
        failed: makes what stands for a shard whose work raised UserError, or whose process was killed by a signal, as
            it is when memory is full; the other shards go on. The latter needs nj above 1: a step that is killed
            itself can make nothing. None: the step ends with the error.
        preload: imports what the work needs; called before this process is forked into workers, so that each of them
            need not import it again.
    """
    work = _told(work, failed) if failed else work
    paths = list(places or (step.out / "shards" / f"{k:05d}{suffix}" for k in range(len(costs))))
    if step.worker:
        _make_each(*step.worker, paths, work)
        raise WorkerDone
    if not slurm_job.at_work(step.out):  # else they belong to workers at work
        for leftover in [file for folder in {path.parent for path in paths} for file in folder.glob("*" + TEMPORARY)]:
            remove(leftover)
    todo = _missing(paths)
    nj = min(step.nj, len(todo), step.ngpu if on_device and step.ngpu else len(todo))
    inline = nj <= 1 and not others_work(step, on_device)
    if inline and len(paths) == 1:  # the work has bars of its own
        for k in todo:
            _make(k, paths[k], work)
        return paths
    with Progress(step.name, sum(costs), unit, sum(costs) - sum(costs[k] for k in todo)) as bar:
        if slurm.chosen():
            while todo := _missing(paths):  # twice if an array found in the queue had fewer shards to make
                _submit(step, paths, todo, step.ngpu if on_device else 0, _Watch(paths, todo, costs, bar))
        elif inline:
            for k in todo:
                _make(k, paths[k], work)
                bar.add(costs[k])
        elif todo:
            watch = _Watch(paths, todo, costs, bar)
            _share(step, nj, paths, work, watch, preload, others_work(step, on_device), failed)
    return paths


def others_work(step: Step, on_device: bool) -> bool:
    """True if this process makes no shard itself: Slurm does, or workers on several GPUs."""
    return not step.worker and (slurm.chosen() or (on_device and step.ngpu > 1 and step.nj > 1))


def _missing(paths: Sequence[Path]) -> list[int]:
    return [k for k in range(len(paths)) if not paths[k].exists()]


def _make(k: int, path: Path, work: Callable[[int, Path], None]) -> None:
    with atomic(path, by=f"{os.uname().nodename}.{os.getpid()}") as temporary:
        work(k, temporary)


class _Watch:
    """Counts shards on the bar as they appear in their folders, whoever makes them."""

    def __init__(self, paths: Sequence[Path], todo: Sequence[int], costs: Sequence[float], bar: Progress) -> None:
        self.waiting: dict[Path, dict[str, float]] = {path.parent: {} for path in paths}
        for k in todo:
            self.waiting[paths[k].parent][paths[k].name] = costs[k]
        self.bar, self.following = bar, 0.0
        self.pause = min(len(paths) * SECONDS_PER_ENTRY, 5.0)
        for folder in self.waiting:
            folder.mkdir(parents=True, exist_ok=True)

    def look(self, note: str) -> None:
        costs = [
            waiting.pop(name)
            for folder, waiting in self.waiting.items()
            if waiting
            for name in waiting.keys() & set(os.listdir(folder))
        ]
        self.bar.add(sum(costs), note)

    def poll(self, note: Callable[[], str]) -> None:
        """Look, if the last look was long enough ago."""
        if time.monotonic() >= self.following:
            self.following = time.monotonic() + self.pause
            self.look(note())


def _share(
    step: Step,
    nj: int,
    paths: Sequence[Path],
    work: Callable[[int, Path], None],
    watch: _Watch,
    preload: Callable[[], None] | None,
    apart: bool,
    failed: Failed | None,
) -> None:
    """Make the shards in `nj` processes: this one and others, or only others."""
    logs = [step.out / "log" / f"worker.{i}.log" for i in range(1, nj + 1)]

    def part(i: int) -> None:
        step.worker = i, nj
        try:
            _make_each(i, nj, paths, work)
        finally:
            step.worker = None

    def revive(i: int, how: str) -> bool:
        """Give up the shard that a killed worker was at: the first that it still had to make."""
        missing = [k for k in range(i - 1, len(paths), nj) if not paths[k].exists()]
        if missing and failed:
            path, reason = paths[missing[0]], f"its process {how}; the kernel does so when memory is full"
            for leftover in path.parent.glob(f"{path.name}*{TEMPORARY}"):
                remove(leftover)
            _make(missing[0], path, lambda k, temporary: failed(k, temporary, reason))
        return bool(missing)

    with watch.bar.apart():
        look = partial(watch.poll, partial(doing, logs))
        share(step.argv, logs, part, look, preload, apart, revive if failed else None)
        watch.look(doing(logs))


def _told(work: Callable[[int, Path], None], failed: Failed) -> Callable[[int, Path], None]:
    """The work, which leaves what `failed` makes where it raises UserError."""

    def tried(k: int, path: Path) -> None:
        try:
            work(k, path)
        except UserError as e:
            remove(path)
            failed(k, path, e.what)

    return tried


def _make_each(i: int, nj: int, paths: Sequence[Path], work: Callable[[int, Path], None]) -> None:
    """The part of worker `i` of `nj`: every missing shard k = i (mod nj), in order."""
    for k in range(i - 1, len(paths), nj):
        if not paths[k].exists():
            _make(k, paths[k], work)


def _submit(step: Step, paths: Sequence[Path], todo: Sequence[int], gpus: int, watch: _Watch) -> None:
    """Submit one array job for all missing shards, without tasks whose shards are finished."""
    of = min(step.nj, len(todo))
    tasks = sorted({k % of + 1 for k in todo})
    batch = slurm.array(step.argv, step.out, tasks, of, gpus)

    def finished(task: int, of: int) -> bool:
        return all(path.exists() for path in paths[task - 1 :: of])

    logs = [batch.log(task) for task in tasks] if len(tasks) <= SHOWN else []

    def poll(note: str) -> None:
        watch.poll(lambda: "; ".join(filter(None, (note, doing(logs)))))

    slurm_job.run(batch, poll, finished)
    watch.look("")


def doing(logs: Sequence[Path]) -> str:
    """Progress of the workers from their logs, e.g. `fbank asr 58%; it1.base asr 21%`."""
    return "; ".join(filter(None, map(_last_bar, logs)))


def _last_bar(log: Path) -> str:
    if not log.exists():
        return ""
    with open(log, "rb") as f:
        f.seek(max(0, log.stat().st_size - 400))
        bars = re.findall(r"(?:^|\r) *(\S.*?) +(\d+%) \|", f.read().decode(errors="replace"), re.M)
    return " ".join(bars[-1]) if bars else ""
