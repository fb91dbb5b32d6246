"""Run the stages of a table: first check everything that can be checked, then run one job after the other."""

from __future__ import annotations

import os
import shlex
import sys
import time
from pathlib import Path

from . import check, forked, job, output, plan, record, slurm
from .files import locked, remove, write_text
from .fork import forkable
from .fresh import RESULTS, remake
from .progress import clock
from .record import refuse_foreign
from .table import StepRun, Table


def preflight(table: Table, first: int, last: int, fresh: list[str], asked_gpus: bool, disk_check: bool) -> None:
    """Check options, configs, inputs, outputs, GPUs and disk before anything is moved or run.

    Args:
        asked_gpus: --ngpu was given.
        disk_check: False: a disk that is short is a warning.
    """

    def to_be_made(name: str) -> bool:
        """True if a stage of this call will make the input `name`."""
        made = table.maker(Path(name)) if name else None
        return made is not None and made[0] >= first and (made[1].out in fresh or table.status(made[1]).state != "done")

    runs = table.to_make(first, last, fresh)
    gpus = check.gpu_mistakes(int(os.environ["SAWT_NGPU"]), asked_gpus, [run.argv for _, run in runs])
    check.refuse([*check.call_mistakes(table, first, last, fresh), *gpus])
    for n, run in runs:
        table.check_places(n, run)
        table.check_inputs(n, run, [i for i in run.ins if not to_be_made(i)])
        if run.out not in fresh:
            os.environ[record.STAGE] = table.stages[n - 1].name
            refuse_foreign(Path(run.out))
            table.refuse_stale(n, run)
    plan.check_disk(table, first, last, disk_check)


def run_stages(table: Table, first: int, last: int) -> int:
    stages = table.stages[first - 1 : last]
    for run in (run for stage in stages for run in stage.runs):
        leftover, state = Path(run.out, "shards"), table.status(run)
        if state.state == "done" and (state.old or leftover.exists()):
            with locked(Path(run.out)):
                remove(leftover)  # of a step that was killed at its very end
                if state.old:
                    output.renew(run.argv, Path(run.out))
    wanting = [run for _, run in table.to_make(first, last)]
    if not wanting:
        print(f"stages {first} to {last} are done: nothing to do{where(table)}")
        return 0
    start = time.monotonic()
    shared = sum(run.declared.torch for run in wanting) > 1 and not slurm.chosen()
    for n, stage in enumerate(stages, first):
        print(f"== stage {n}/{len(table.stages)} {stage.name}: {stage.meaning}", flush=True)
        for run in stage.runs:
            code = _run_one(table, n, run, shared)
            if code:
                return code
        if any(run in stage.runs for run in wanting):  # what it made may tell that a later stage will fail
            check.refuse(check.data_mistakes(table, table.to_make(n + 1, last)))
    print(f"stages {first} to {last} are done in {clock(time.monotonic() - start)}{where(table)}")
    return 0


def _run_one(table: Table, n: int, run: StepRun, shared: bool) -> int:
    """Run a step that is not done; returns the exit code. shared: the engine loads torch for the steps that need it."""
    name, state = table.stages[n - 1].name, table.status(run)
    os.environ[record.STAGE] = name
    if state.state == "done":
        print(f"   done before{f', {state.why}' if state.why else ''}", flush=True)
        return 0
    table.refuse_stale(n, run)
    table.check_inputs(n, run, run.ins)
    if state.state == "stale" and run.declared.remade:
        remake(table, run.out)
    with locked(Path(run.out)):  # before a new log is begun: another run may be writing to the old one
        pass
    start, out = time.monotonic(), Path(run.out)
    script = "/" in run.argv[0]  # a step of the toolkit keeps its own record
    if script:
        output.set_aside(out, state.differences)
        begun = output.begin(run.argv, out)
    try:
        code = job.run(job.command(run.argv), run.log, begin=_way(run, shared))
    except KeyboardInterrupt:  # Ctrl-C reaches both the engine and its jobs
        code = 130
    if code and script:
        output.withdraw(begun, out)
    if code == 0:
        if script and record.read_record(out)["state"] == "running":
            output.finish(begun, out, {}, {}, record.Ledger(run.argv[0]), time.monotonic() - start)
        print(f"   {run.out}: done in {clock(time.monotonic() - start)}", flush=True)
        return 0
    if code in (130, -2):
        goes_on = shlex.join(["./run.sh", *_without(table.words, ("fresh",))])
        print(f"\nstopped; to go on: {goes_on}", file=sys.stderr)
        return 130
    again = shlex.join(["./run.sh", *_without(table.words, ("stage", "fresh")), "--stage", name])
    print(
        f"\nstage {n} ({name}) failed with code {code}. The last lines of its log:\n{job.tail(run.log)}",
        file=sys.stderr,
    )
    print(f"  log:   {run.log}\n  rerun: {again}", file=sys.stderr)
    return 1


def _way(run: StepRun, shared: bool) -> job.Begin:
    """How a step begins: as a fork if it is the toolkit's and what it needs is in memory, else as a new process."""
    if "/" in run.argv[0]:
        return job.spawn
    if shared and run.declared.torch:
        forked.load(run.declared.loads)
    return forked.Forked if (forked.loaded() or not run.declared.torch) and forkable() else job.spawn


def _without(words: list[str], names: tuple[str, ...]) -> list[str]:
    kept, skip = [], False
    for word in words:
        name = word.removeprefix("--").replace("_", "-").split("=")[0]
        if skip:
            skip = False
        elif word.startswith("--") and name in names:
            skip = "=" not in word
        else:
            kept.append(word)
    return kept


def results(table: Table) -> Path | None:
    """RESULTS.md of the recipe's last step, if that step is done."""
    runs = [run for stage in table.stages for run in stage.runs if Path(run.out, RESULTS).is_file()]
    return next((Path(run.out, RESULTS) for run in runs if table.status(run).state == "done"), None)


def where(table: Table) -> str:
    """End of a sentence that names the results, or ""; restores a copy of the table that is gone, or another's."""
    table_file = results(table)
    if table_file is None:
        return ""
    copy = table_file.parent.parent / RESULTS
    text = table_file.read_text(encoding="utf-8")
    if copy.exists() and copy.read_text(encoding="utf-8", errors="replace") != text:
        aside = copy.with_name(f"{RESULTS}{record.ASIDE}before")
        copy.replace(aside)
        print(f"moved {copy}, which was not the table of {table_file.parent}, to {aside}", flush=True)
    if not copy.exists():
        write_text(copy, text)
    return f"; see {copy} and {table_file.with_name('index.html')}"
