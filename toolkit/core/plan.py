"""Disk that a run will take, as the registry declares it for each step.

Scratch is removed when its step is done. Steps run one after the other, so only the largest scratch counts. A config
that needs another amount states it in a comment: `# disk: 3800 MB`; if several steps share the config, for one of
them: `# disk of train.whisper: 3800 MB`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from . import record
from .config import config_files
from .errors import UserError
from .step import read_command
from .table import StepRun, Table


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


def cost(table: Table, run: StepRun) -> Cost:
    """Raises UserError if --hours is no number of hours."""
    step, stated = run.declared, _stated_in_config(run)
    known = [h for h in map(audio_hours, run.ins) if h is not None]
    given = next((o.value for o in table.options if o.name == "hours" and o.value), "")
    try:
        hours = sum(known) if known else float(given) if given else audio_hours(run.out)
        if hours is not None and not 0 <= hours < float("inf"):
            raise ValueError
    except ValueError:
        raise UserError(
            f"--hours: {given!r} is no number of hours", "--hours", "give hours of audio, e.g. 1200"
        ) from None
    hourly, fixed = stated.get("mb_per_hour", step.mb_per_hour), stated.get("mb", step.mb)
    if not hourly and hours is None:
        hours = 0.0
    of_audio = hourly * (hours or 0)
    if step.disk and not stated and hours is not None and (planned := _planned(table, run, hours)) is not None:
        of_audio = planned
    return Cost(hours, fixed, of_audio) if step.scratch else Cost(hours, fixed + of_audio, 0.0)


@dataclass(frozen=True)
class Planned:
    """What a step's own function of its disk is told.

    Attributes:
        config: of the step.
        ins, out: its inputs and its output.
        hours: of audio among the inputs.
        config_of: the config with which a stage will make an input; None for an input that no stage makes.
    """

    config: Any
    ins: list[str]
    out: str
    hours: float
    config_of: Callable[[str], Any]


def _planned(table: Table, run: StepRun, hours: float) -> float | None:
    """MB that the audio costs, as the step's own function tells it; None where it cannot."""
    mb: float | None = run.declared.disk_function()(_told(table, run, hours))
    return mb


def _told(table: Table, run: StepRun, hours: float) -> Planned:
    def config_of(name: str) -> Any:
        made = table.maker(Path(name))
        return _config(made[1]) if made and made[1].declared.config else None

    return Planned(_config(run), run.ins, run.out, hours, config_of)


def memory(table: Table, first: int, last: int) -> list[str]:
    """What steps tell of the memory that they take on a GPU, each line once."""
    lines: dict[str, None] = {}
    for _, run in table.to_make(first, last):
        if function := run.declared.memory_function():
            lines |= dict.fromkeys(function(_told(table, run, 0.0)))
    return list(lines)


def _config(run: StepRun) -> Any:
    return read_command(run.argv[0], run.argv[1:], run.declared.config_class())[1]


def together(costs: Sequence[Cost]) -> Cost:
    """Cost of runs one after the other: the sum of what they keep, and the largest scratch."""
    hours = max((c.hours for c in costs if c.hours is not None), default=None)
    return Cost(hours, sum(c.kept for c in costs), max((c.scratch for c in costs), default=0.0))


def _stated_in_config(run: StepRun) -> dict[str, float]:
    """Disk that the config's comment states for this step: a fixed amount, or `90 MB per hour`."""
    stated: dict[str, float] = {}
    files = [
        file for name in record.flag(run.argv, "--config") if Path(name).is_file() for file in config_files(Path(name))
    ]
    for file in files:
        text = file.read_text(encoding="utf-8", errors="replace") if file.is_file() else ""
        for step, mb, hourly in re.findall(r"^# disk(?: of (\S+))?: (\d+(?:\.\d+)?) MB( per hour)?", text, re.M):
            if step in ("", run.argv[0]):
                stated["mb_per_hour" if hourly else "mb"] = float(mb)
    return stated


def free_mb(folder: str) -> float:
    """Free disk space where `folder` is, or will be."""
    path = Path(folder).absolute()
    return shutil.disk_usage(next(p for p in (path, *path.parents) if p.exists())).free / 1e6


def check_disk(table: Table, first: int, last: int) -> None:
    """Raise UserError if the outputs of stages first..last do not fit on the disk."""
    on_disk: dict[int, list[StepRun]] = {}
    for _, run in table.to_make(first, last):
        path = Path(run.out).absolute()
        disk = next(p for p in (path, *path.parents) if p.exists()).stat().st_dev
        on_disk.setdefault(disk, []).append(run)
    for runs in on_disk.values():
        mb, folder = together([cost(table, run) for run in runs]).mb, runs[-1].out
        largest = max(runs, key=lambda run: cost(table, run).mb)
        if mb > free_mb(folder):
            raise UserError(
                f"the disk is short: stages {first} to {last} need about {mb:,.0f} MB, {free_mb(folder):,.0f} are free "
                f"(most for {largest.out}: {cost(table, largest).mb:,.0f})",
                str(Path(folder).absolute()),
                "free some room, move data, dump or exp to a larger disk (--data, --dump, --exp), or ask less of that "
                "step: its config may say how, and `# disk:` there what it takes",
            )


def show(table: Table, first: int, last: int, nj: int) -> None:
    """Print jobs, hours of audio and disk per stage; refuse when the disk is short."""
    print(f"{'':3} {'stage':16} {'state':8} {'jobs':>4} {'audio h':>9} {'disk MB':>10}")
    unknown, to_make = False, table.to_make(first, last)
    for n, stage in enumerate(table.stages[first - 1 : last], first):
        costs = [cost(table, run) for run in stage.runs]
        unknown |= any(c.hours is None for c in costs)
        hours = together(costs).hours
        mb = together([cost(table, run) for number, run in to_make if number == n]).mb
        audio = "?" if hours is None else f"{hours:,.2f}" if hours else "-"
        jobs = max(run.at_once(nj) for run in stage.runs)
        print(f"{n:3} {stage.name:16} {table.stage_status(stage).state:8} {jobs:4} {audio:>9} {mb:10,.0f}")
    total = together([cost(table, run) for _, run in to_make]).mb
    print(f"to write: {total:,.0f} MB; free here: {free_mb('.'):,.0f} MB")
    print(*memory(table, first, last), sep="\n", end="\n" if memory(table, first, last) else "")
    if unknown:
        print("? = not known before the data stage has run; give --hours to plan ahead of it")
    check_disk(table, first, last)
