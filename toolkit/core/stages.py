"""Reads a recipe's stage table on standard input, decides what is to be done, does it. Imports no torch."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from . import job, plan, record
from .config import read_yaml
from .errors import UserError, told
from .files import locked, remove, write_text
from .progress import clock
from .shards import BACKENDS
from .table import Run, Table

RESULTS = "RESULTS.md"
ENGINE_OPTIONS = {
    "stage": "first stage, by number or name",
    "stop-stage": "last stage, by number or name",
    "nj": "shards at once (changes no result)",
    "ngpu": "GPUs to use, 1 if there is one; 0 is the CPU (no part of the identity)",
    "backend": f"where sharded jobs run: {', '.join(BACKENDS)}",
    "fresh": "redo this stage: its old output, and all that was made from it, is moved aside, never deleted",
    "list": "show the stages: number, name, state and why, inputs, outputs",
    "plan": "show jobs, hours of audio and disk",
    "dry-run": "show the commands",
    "publish": "copy RESULTS.md beside run.sh",
    "help": "show this",
}


def main() -> None:
    """Entry of utils/recipe.sh. Ends the process with 1 on a failed stage, 2 on a mistake in the call."""
    with told(2, os.getcwd()):
        table = Table.parse(sys.stdin.buffer.read().decode("utf-8", "surrogateescape"))
        try:
            code = _act(table, _parse(table))
        except BrokenPipeError:  # ./run.sh --list | head
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = 141
        raise SystemExit(code)


def _parse(table: Table) -> argparse.Namespace:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    for name in ("help", "list", "plan", "dry-run", "publish"):
        parser.add_argument(f"--{name}", action="store_true")
    for name in ("stage", "stop-stage", "fresh", "nj", "ngpu", "backend"):
        parser.add_argument(f"--{name}")
    parser.add_argument("--unknown", action="append", default=[])
    args = parser.parse_args()
    for word in (u.removeprefix("word:") for u in args.unknown):
        names = [o.flag[2:] for o in table.options] + list(ENGINE_OPTIONS)
        near = difflib.get_close_matches(word.lstrip("-").replace("_", "-"), names, 1, 0.4)
        hint = f"did you mean --{near[0]}? (--help shows all)" if near else "--help shows all"
        raise UserError(f"unknown option {word}", "command line", hint)
    for name, least in (("nj", 1), ("ngpu", 0)):
        value = getattr(args, name)
        if value is not None and not (value.isdecimal() and int(value) >= least):
            raise UserError(f"--{name} needs a whole number from {least}, not {value!r}", f"--{name}")
    if args.backend not in (None, *BACKENDS):
        raise UserError(f"no back-end {args.backend!r}", "--backend", f"one of {', '.join(BACKENDS)}")
    return args


def _act(table: Table, args: argparse.Namespace) -> int:
    if args.help:
        return _help(table)
    if args.fresh and (args.list or args.plan):
        raise UserError(
            "--fresh moves outputs; --list and --plan only look",
            "command line",
            "use --fresh with --dry-run to see what it would move, or without these to do it",
        )
    if args.list:
        return _list(table)
    first = table.number(args.stage) if args.stage else 1
    last = table.number(args.stop_stage, "--stop-stage") if args.stop_stage else len(table.stages)
    if first > last:
        raise UserError(f"--stage {first} comes after --stop-stage {last}", "command line", "swap them")
    os.environ["SAWT_NJ"] = args.nj or str(len(os.sched_getaffinity(0)))
    os.environ["SAWT_NGPU"] = args.ngpu or ("1" if any(Path("/dev").glob("nvidia[0-9]*")) else "0")
    os.environ["SAWT_BACKEND"] = args.backend or "local"
    if args.plan:
        plan.show(table, first, last, int(os.environ["SAWT_NJ"]))
        return 0
    fresh = _made_anew(table, table.number(args.fresh, "--fresh"), first, last) if args.fresh else []
    if args.dry_run:
        return _dry_run(table, first, last, fresh)
    if args.publish and not (args.stage or args.stop_stage or args.fresh):
        return _publish(table)
    _preflight(table, first, last, fresh)
    _move_aside(fresh)
    code = _run(table, first, last)
    return code or (_publish(table) if args.publish else 0)


def _help(table: Table) -> int:
    print("usage: ./run.sh [options]\n\nrecipe options (value now):")
    for o in table.options:
        print(f"  {o.flag:14} {o.value or '(empty)':22} {o.meaning}")
    print("\nrunning:")
    for name, meaning in ENGINE_OPTIONS.items():
        print(f"  --{name:12} {meaning}")
    return 0


def _list(table: Table) -> int:
    for n, stage in enumerate(table.stages, 1):
        state = table.stage_status(stage)
        print(f"{n:3} {stage.name:16} {state.state:8} {stage.what}{'   [' + state.why + ']' if state.why else ''}")
        for run in stage.runs:
            print(f"{'':29}{' '.join(run.ins) or '-'} -> {run.out}")
    return 0


def _dry_run(table: Table, first: int, last: int, fresh: list[str]) -> int:
    for out in fresh:
        print(shlex.join(["mv", out, _aside(out)]))
    for n, stage in enumerate(table.stages[first - 1 : last], first):
        print(f"# stage {n} {stage.name}: {table.stage_status(stage).state}")
        for run in stage.runs:
            print(shlex.join(["python3", *job.command(run.argv)[1:]] if "/" not in run.argv[0] else run.argv))
    return 0


def _made_anew(table: Table, n: int, first: int, last: int) -> list[str]:
    """What --fresh moves aside: the outputs of stage `n`, and all that was made from them.

    Those below go too although their identity may stay: who makes a stage anew expects other bytes of it, and
    what was made from the old ones would pass for made from the new. Raises UserError where what the stage is
    made from is stale itself, and where the stage is not among those that will run.
    """
    if not first <= n <= last:
        why = f"--fresh {table.stages[n - 1].name} is stage {n}, and only stages {first} to {last} are to run"
        raise UserError(why, "command line", "widen --stage and --stop-stage, or leave them out")
    for run in table.stages[n - 1].runs:
        for made in filter(None, (table.maker(Path(i)) for i in run.ins)):
            if made[0] != n and table.status(made[1]).state == "stale":
                why = f"stage {n} is made from {made[1].out}, which is stale itself"
                raise UserError(why, "--fresh", table.renewal(made[1]))
    moved = {run.out for run in table.stages[n - 1].runs}
    for stage in table.stages[n:]:
        for run in stage.runs:
            if any(made[1].out in moved for made in filter(None, (table.maker(Path(i)) for i in run.ins))):
                moved.add(run.out)
    return [run.out for stage in table.stages for run in stage.runs if run.out in moved and Path(run.out).exists()]


def _move_aside(outs: list[str]) -> None:
    """All of them or, where a run is at work in one, none: it would go on writing into the new folder of that name."""
    with ExitStack() as held:
        for out in outs:
            held.enter_context(locked(Path(out), 1.0))
        for out in outs:
            aside, copy, own = _aside(out), Path(out).parent / RESULTS, Path(out) / RESULTS
            if own.is_file() and copy.is_file() and own.read_bytes() == copy.read_bytes():
                copy.unlink()  # the table as it stood; the original moves along
            Path(out).rename(aside)
            print(f"moved {out} to {aside} (rename it back to undo)", flush=True)


def _aside(out: str) -> str:
    """The first free name beside `out` for an earlier output."""
    return next(name for k in range(1, 10**6) if not Path(name := f"{out}.aside-{k}").exists())


def _preflight(table: Table, first: int, last: int, fresh: list[str]) -> None:
    """What can be known now is said now, before anything is moved or run: configs, inputs, room on the disk."""

    def to_be_made(name: str) -> bool:
        """Whether a stage of this call will make the input `name`."""
        made = table.maker(Path(name)) if name else None
        return made is not None and made[0] >= first and (made[1].out in fresh or table.status(made[1]).state != "done")

    for n, stage in enumerate(table.stages[first - 1 : last], first):
        for run in stage.runs:
            if run.out in fresh or table.status(run).state != "done":
                table.check_inputs(n, Run([run.argv[0], "--in", *[i for i in run.ins if not to_be_made(i)]]))
                for name in record.flag(run.argv, "--config"):
                    read_yaml(Path(name))
    plan.check_disk(table, first, last)


def _run(table: Table, first: int, last: int) -> int:
    stages = table.stages[first - 1 : last]
    for run in (run for stage in stages for run in stage.runs):
        leftover = Path(run.out, "shards")  # of a step that was killed after its last word
        if leftover.exists() and table.status(run).state == "done":
            with locked(Path(run.out)):
                remove(leftover)
    if all(table.stage_status(s).state == "done" for s in stages):
        print(f"stages {first} to {last} are done: nothing to do{_where(table)}")
        return 0
    start = time.monotonic()
    for n, stage in enumerate(stages, first):
        print(f"== stage {n}/{len(table.stages)} {stage.name}: {stage.what}", flush=True)
        for run in stage.runs:
            code = _run_one(table, n, run)
            if code:
                return code
    print(f"stages {first} to {last} are done in {clock(time.monotonic() - start)}{_where(table)}")
    return 0


def _run_one(table: Table, n: int, run: Run) -> int:
    name, state = table.stages[n - 1].name, table.status(run)
    if state.state == "done":
        print("   done before", flush=True)
        return 0
    if state.state == "stale":
        raise UserError(f"{run.out} is stale ({state.why})", f"stage {n} ({name})", table.renewal(run))
    table.check_inputs(n, run)
    with locked(Path(run.out)):  # before the log is begun anew: another run may be writing to it
        pass
    start, parts = time.monotonic(), record.identity(run.argv)
    code = job.run(job.command(run.argv), run.log)
    if code == 0:
        if not Path(run.out, record.RECORD).is_file():  # a script's: the record is ours to write
            record.finish(parts, Path(run.out), {}, {}, record.Ledger(run.argv[0]), time.monotonic() - start)
        print(f"   {run.out}: done in {clock(time.monotonic() - start)}", flush=True)
        return 0
    if code in (130, -2):
        raise KeyboardInterrupt
    again = shlex.join(["./run.sh", *_without(table.words, ("stage", "stop-stage", "fresh")), "--stage", name])
    print(
        f"\nstage {n} ({name}) failed with code {code}. The last lines of its log:\n{job.tail(run.log)}",
        file=sys.stderr,
    )
    print(f"  log:   {run.log}\n  rerun: {again}", file=sys.stderr)
    return 1


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


def _results(table: Table) -> Path | None:
    """The table that the recipe's last step left, if that step is done."""
    runs = [run for stage in table.stages for run in stage.runs if Path(run.out, RESULTS).is_file()]
    return next((Path(run.out, RESULTS) for run in runs if table.status(run).state == "done"), None)


def _where(table: Table) -> str:
    results = _results(table)
    if results is None:
        return ""
    copy = results.parent.parent / RESULTS
    return f"; see {copy if copy.is_file() else results} and {results.with_name('index.html')}"


def _publish(table: Table) -> int:
    old = next((s for s in table.stages if table.stage_status(s).state != "done"), None)
    if old:
        state = table.stage_status(old)
        why = f"the results are not of what the recipe says now: stage {old.name} is {state.state}"
        raise UserError(f"{why} ({state.why})" if state.why else why, "--publish", "run the recipe to its end first")
    results = _results(table)
    if results is None:
        raise UserError("no stage of this recipe makes a RESULTS.md", "--publish", "add the results stage")
    write_text(Path(RESULTS), results.read_text(encoding="utf-8"))
    print(f"published {results} as {Path(RESULTS).absolute()}")
    return 0


if __name__ == "__main__":
    main()
