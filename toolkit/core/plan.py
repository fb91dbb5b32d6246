"""Disk that a run will take, as the registry declares it for each step.

Scratch is removed when its step is done. Steps run one after the other, so only the largest scratch counts. A config
that needs another amount states it in a comment: `# disk: 3800 MB`, or 3.8 GB; if several steps share the config, for
one of them: `# disk of train.whisper: 3800 MB`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import record
from .config import config_files
from .disk import FREE_INODES, INODES, free_mb, on_disk, without_inodes
from .errors import UserError
from .step import read_command
from .table import StepRun, Table

MB_OF = {"KB": 1e-3, "MB": 1.0, "GB": 1e3, "TB": 1e6}  # a unit that a config's comment may state
_AMOUNT = re.compile(
    r"(\d{1,3}(?:,\d{3})+(?![\d,])|\d+)((?:\.\d+)?) ?([KMGT]B)\b( (?:per|an) hour\b)?(?! ?/| per)", re.I
)


@cache
def audio_hours(folder: str) -> float | None:
    """Hours in a Kaldi data dir, or in the data dirs of a folder; None before there are any. Raises UserError."""
    path = Path(folder)
    files = [path / "utt2dur"] if (path / "utt2dur").is_file() else sorted(path.glob("*/utt2dur"))
    if not files:
        return None
    seconds = 0.0
    for f in files:
        for n, line in enumerate(f.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
            try:
                seconds += float(line.split()[1])
            except (ValueError, IndexError):
                remedy = f"see python3 -m toolkit.data.validate {f.parent}, or redo the stage that made it with --fresh"
                raise UserError("no duration here", f"{f}, line {n}", remedy) from None
    return seconds / 3600


@dataclass(frozen=True)
class Cost:
    """Disk that one or several runs take.

    Attributes:
        hours: hours of input audio; None if not known yet, 0 if the disk does not depend on them.
        kept: MB that stay on disk.
        scratch: MB that are removed when it is done.
    """

    hours: float | None
    kept: float
    scratch: float

    @property
    def mb(self) -> float:
        return self.kept + self.scratch


def stated_hours(table: Table) -> float | None:
    """Hours of audio that the option `hours` states, if the recipe has it. Raises UserError if it is no such number."""
    stated = next((o.value for o in table.options if o.name == "hours" and o.value), "")
    try:
        hours = float(stated) if stated else None
        if hours is not None and not 0 <= hours < float("inf"):
            raise ValueError
    except ValueError:
        problem = f"--hours: {stated!r} is no number of hours"
        raise UserError(problem, "--hours", "give hours of audio, e.g. 1200") from None
    return hours


def cost(table: Table, run: StepRun) -> Cost:
    """Disk of a run: what its config states, else what its own function tells, else what the registry has.

    Raises UserError if --hours is no number of hours.
    """
    step, stated = run.declared, _stated_in_config(run)
    known = [h for h in map(audio_hours, run.ins) if h is not None]
    given = stated_hours(table)
    hours = sum(known) if known else audio_hours(run.out) if given is None else given
    if step.disk and not stated and (disk := step.disk_function()(told_of(table, run, hours))) is not None:
        return Cost(hours if disk.by_audio else 0.0, disk.kept, disk.scratch)
    hourly, fixed = stated.get("mb_per_hour", step.mb_per_hour), stated.get("mb", step.mb)
    if not hourly and hours is None:
        hours = 0.0
    of_audio = hourly * (hours or 0)
    return Cost(hours, fixed, of_audio) if step.scratch else Cost(hours, fixed + of_audio, 0.0)


@dataclass(frozen=True)
class Disk:
    """What a step's own function tells of its disk, in MB: what stays, and what is gone when the step is done.

    by_audio: False if it is the same for any amount of audio.
    """

    kept: float
    scratch: float = 0.0
    by_audio: bool = True


@dataclass(frozen=True)
class Planned:
    """What a step's own function of its disk is told.

    Attributes:
        config: of the step.
        ins, out: its inputs and its output.
        hours: of audio among the inputs; None if they are not known yet.
        made_by: name of an input -> (step, what its function would be told) of the run that makes it; None for an input
            that no stage makes.
        is_made: name of an input -> True if the stage that makes it is done, so that what it holds is known.
    """

    config: Any
    ins: list[str]
    out: str
    hours: float | None
    made_by: Callable[[str], tuple[str, Planned] | None]
    is_made: Callable[[str], bool] = lambda name: False

    def are_known(self, names: Sequence[str]) -> bool:
        """True if what inputs hold is known: the first is made, the others are made or of no stage."""
        made = [self.is_made(name) or (self.made_by(name) is None and Path(name).exists()) for name in names]
        return all(made) and any(map(self.is_made, names[:1]))

    def config_of(self, name: str) -> Any:
        """The config with which a stage will make an input; None for an input that no stage makes."""
        made = self.made_by(name)
        return made[1].config if made else None


def told_of(table: Table, run: StepRun, hours: float | None, fresh: Collection[str] = ()) -> Planned:
    """What the own functions of a run are told; `fresh`: outputs to be redone. Raises UserError for a wrong config."""

    def made_by(name: str) -> tuple[str, Planned] | None:
        made = table.maker(Path(name)) if name else None
        return (made[1].argv[0], told_of(table, made[1], hours, fresh)) if made else None

    return Planned(_config(table, run), run.ins, run.out, hours, made_by, lambda name: table.is_made(name, fresh))


def memory(table: Table, first: int, last: int) -> list[str]:
    """What steps tell of the memory that they take on a GPU, each line once."""
    lines: dict[str, None] = {}
    for _, run in table.to_make(first, last):
        if function := run.declared.memory_function():
            lines |= dict.fromkeys(function(told_of(table, run, 0.0)))
    return list(lines)


def _config(table: Table, run: StepRun) -> Any:
    """The config of a step of the toolkit, read once; None of a script."""
    if "/" in run.argv[0]:
        return None
    if run.out not in table.configs:
        table.configs[run.out] = read_command(run.argv[0], run.argv[1:], run.declared.config_class())[1]
    return table.configs[run.out]


def together(costs: Sequence[Cost]) -> Cost:
    """Cost of runs one after the other: the sum of what they keep, and the largest scratch."""
    hours = max((c.hours for c in costs if c.hours is not None), default=None)
    return Cost(hours, sum(c.kept for c in costs), max((c.scratch for c in costs), default=0.0))


def _stated_in_config(run: StepRun) -> dict[str, float]:
    """Disk that the config's comment states for this step: a fixed amount, or `90 MB per hour`.

    Raises UserError for a comment with an amount that cannot be read: the step's own would stand for it silently.
    """
    stated: dict[str, float] = {}
    files = [
        file for name in record.flag(run.argv, "--config") if Path(name).is_file() for file in config_files(Path(name))
    ]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        for step, amount in re.findall(r"^#+[ \t]*disk(?: of (\S+))?:[ \t]*(.*\d.*)", text, re.M | re.I):
            if step not in ("", run.argv[0]):
                continue
            read = _AMOUNT.match(amount)
            if read is None:
                remedy = "write it as `# disk: 3800 MB`, 3.8 GB or 90 MB per hour"
                raise UserError(f"no amount of disk: {amount.strip()!r}", str(file), remedy)
            whole, fraction, unit, hourly = read.groups()
            mb = float(whole.replace(",", "") + fraction) * MB_OF[unit.upper()]
            stated["mb_per_hour" if hourly else "mb"] = mb
    return stated


def check_disk(table: Table, first: int, last: int, refuse: bool = True) -> None:
    """Raise UserError if the outputs of stages first..last do not fit on the disk; print it where not to `refuse`."""
    runs = [run for _, run in table.to_make(first, last)]
    _check_disks([(run.out, cost(table, run)) for run in runs], f"stages {first} to {last}", refuse)


def _check_disks(costs: Sequence[tuple[str, Cost]], stages: str, refuse: bool) -> None:
    """As check_disk, of (output, cost)."""
    on_disks: dict[int, list[tuple[str, Cost]]] = {}
    for out, of_run in costs:
        on_disks.setdefault(on_disk(out).stat().st_dev, []).append((out, of_run))
    for outputs in on_disks.values():
        try:
            _refuse_short(outputs, stages)
        except UserError as e:
            if refuse:
                raise
            print(f"WARNING: {e.what}; begun all the same, as --disk-check is false", file=sys.stderr, flush=True)


def _refuse_short(outputs: Sequence[tuple[str, Cost]], stages: str) -> None:
    """Raise UserError if outputs, (folder, cost), do not fit on the disk that they are on."""
    mb, folder = together([of_run for _, of_run in outputs]).mb, outputs[-1][0]
    place, free = str(Path(folder).absolute()), free_mb(folder)
    if without_inodes(folder):
        raise UserError(INODES, place, FREE_INODES)
    if mb > free:
        out, most = max(outputs, key=lambda output: output[1].mb)
        largest = f"most for {out}: {most.mb:,.0f}"
        raise UserError(
            f"the disk is short: {stages} need about {mb:,.0f} MB, {free:,.0f} are free ({largest})",
            place,
            "free some room, move data, dump or exp to a larger disk (--data, --dump, --exp), or ask less of that "
            "step: its config may say how, and `# disk:` there what it takes; --disk-check false begins all the same",
        )


def free_where(outs: Sequence[str]) -> str:
    """Free MB of each disk that outputs are on; a place of each is named if there are several."""
    disks = {(place := on_disk(out)).stat().st_dev: place for out in outs or ["."]}
    free = [(f"{free_mb(str(place)):,.0f} MB", place) for place in disks.values()]
    if len(free) == 1 and on_disk(".").stat().st_dev in disks:
        return f"free here: {free[0][0]}"
    return ", ".join(f"free at {place}: {mb}" for mb, place in free)


def show(table: Table, first: int, last: int, nj: int, disk_check: bool = True) -> None:
    """Print jobs, hours of audio and disk per stage; refuse when the disk is short, or warn without `disk_check`."""
    print(f"{'':3} {'stage':16} {'state':8} {'jobs':>4} {'audio h':>9} {'disk MB':>10}")
    stages = list(enumerate(table.stages[first - 1 : last], first))
    costs = {run.out: cost(table, run) for _, stage in stages for run in stage.runs}
    to_make = {run.out for _, run in table.to_make(first, last)}
    for n, stage in stages:
        hours = together([costs[run.out] for run in stage.runs]).hours
        mb = together([costs[run.out] for run in stage.runs if run.out in to_make]).mb
        audio = "?" if hours is None else f"{hours:,.2f}" if hours else "-"
        jobs = max(run.at_once(nj) for run in stage.runs)
        print(f"{n:3} {stage.name:16} {table.stage_status(stage).state:8} {jobs:4} {audio:>9} {mb:10,.0f}")
    planned = [(out, costs[out]) for out in costs if out in to_make]
    total = together([of_run for _, of_run in planned])
    passing = f", {total.scratch:,.0f} of them for a time" if total.scratch >= 1 else ""
    print(f"to write: {total.mb:,.0f} MB{passing}; {free_where([out for out, _ in planned])}")
    if lines := memory(table, first, last):
        print(*lines, sep="\n")
    if any(of_run.hours is None for of_run in costs.values()):
        print("? = not known before the data stage has run; give --hours to plan ahead of it")
    _check_disks(planned, f"stages {first} to {last}", disk_check)
