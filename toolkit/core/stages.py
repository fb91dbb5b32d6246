"""Reads a recipe's stage table on standard input, decides what is to be done, does it. Imports no torch."""

from __future__ import annotations

import argparse
import difflib
import os
import shlex
import shutil
import signal
import sys
from pathlib import Path

from . import check, job, plan, slurm
from .check_digests import check_digests
from .conf_folder import strays
from .errors import UserError, told
from .fields import BOOLEANS
from .files import held, write_text
from .fresh import RESULTS, made_anew, move_aside
from .record import aside
from .runner import preflight, results, run_stages
from .slurm_job import at_work
from .table import StepRun, Table

BACKENDS = ("local", "slurm")
TESTS = "nano"  # the preset of the tests
ENGINE_OPTIONS = {
    "stage": "first stage, by number or name",
    "stop-stage": "last stage, by number or name",
    "nj": "shards at once (changes no result)",
    "ngpu": "GPUs to use, 1 if there is one; 0 is the CPU (no part of the identity)",
    "backend": "where the heavy work runs: local, or slurm with the settings of conf/slurm.yaml",
    "fresh": "redo this stage: its old output, and all that was made from it, is moved aside, never deleted",
    "disk-check": "false: begin although the disk is short of what --plan states, with a warning",
    "list": "show the stages: number, name, state and why, inputs, outputs",
    "plan": "show jobs, hours of audio and disk",
    "dry-run": "show the commands",
    "check-digests": "read every file that has a digest; show those that are not as their step left them",
    "publish": "copy RESULTS.md beside run.sh",
    "help": "show this",
}


def main() -> None:
    """Entry of utils/recipe.sh. Ends the process with 1 on a failed stage, 2 on a mistake in the call."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a caller may ignore it, which would hide how steps end
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
    for name in ("help", "list", "plan", "dry-run", "check-digests", "publish"):
        parser.add_argument(f"--{name}", action="store_true")
    for name in ("stage", "stop-stage", "fresh", "nj", "ngpu", "backend", "disk-check"):
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
    if args.disk_check is not None and args.disk_check.lower() not in BOOLEANS:
        problem = f"--disk-check is true or false, not {args.disk_check!r}"
        raise UserError(problem, "--disk-check", "leave it out, or say false")
    return args


def _act(table: Table, args: argparse.Namespace) -> int:
    if args.help:
        return _help(table)
    check.warn(strays(table))
    if args.fresh and (args.list or args.plan or args.check_digests):
        raise UserError(
            "--fresh moves outputs; --list, --plan and --check-digests only look",
            "command line",
            "use --fresh with --dry-run to see what it would move, or without these to do it",
        )
    if args.list:
        code = _list(table)
        check.warn([*check.option_mistakes(table, len(table.stages)), *_gpu_mistakes(args)])
        return code
    if args.check_digests:
        return check_digests(table)
    first = table.number(args.stage) if args.stage else 1
    last = table.number(args.stop_stage, "--stop-stage") if args.stop_stage else len(table.stages)
    if first > last:
        raise UserError(f"--stage {first} comes after --stop-stage {last}", "command line", "swap them")
    os.environ["SAWT_NJ"] = args.nj or str(len(os.sched_getaffinity(0)))
    os.environ["SAWT_BACKEND"] = args.backend or "local"
    gpus = _gpus_of_cluster(table, args.dry_run) if slurm.chosen() else _gpus_here()
    os.environ["SAWT_NGPU"] = args.ngpu or gpus
    disk_check = BOOLEANS[(args.disk_check or "true").lower()]
    if args.plan:
        check.warn(_gpu_mistakes(args))
        check.refuse(check.call_mistakes(table, first, last))
        plan.show(table, first, last, int(os.environ["SAWT_NJ"]), disk_check)
        return 0
    fresh = made_anew(table, table.number(args.fresh, "--fresh"), first, last) if args.fresh else []
    if args.dry_run:
        check.warn([*check.option_mistakes(table, last), *_gpu_mistakes(args)])
        return _dry_run(table, first, last, fresh)
    if args.publish and not (args.stage or args.stop_stage or args.fresh):
        return _publish(table)
    preflight(table, first, last, fresh, bool(args.ngpu), disk_check)
    if fresh:
        undone = [run.out for _, run in table.to_make(first, last) if run.out not in fresh]
        move_aside(table, fresh, [out for out in undone if Path(out).is_dir()])
    code = run_stages(table, first, last)
    return code or (_publish(table) if args.publish else 0)


def _gpu_mistakes(args: argparse.Namespace) -> list[UserError]:
    """The mistake in --ngpu, if it was given, for calls that only look: the GPUs may be those of another machine."""
    return check.gpu_mistakes(int(args.ngpu), True, []) if args.ngpu and args.backend != "slurm" else []


def _gpus_here() -> str:
    return "1" if any(Path("/dev").glob("nvidia[0-9]*")) else "0"


def _gpus_of_cluster(table: Table, only_look: bool) -> str:
    """GPUs of a node as slurm.yaml has them; hands the file on to the steps. Raises UserError without sbatch."""
    if not only_look and not shutil.which("sbatch"):
        raise UserError("there is no sbatch on this machine", "--backend slurm", "run on a host that submits to Slurm")
    os.environ.pop(slurm.SETTINGS, None)
    folders = [o.value for o in table.options if o.name == "conf"]
    files = [Path(folder, "slurm.yaml") for folder in [*folders, "conf"]]
    settings = next(filter(os.path.lexists, files), None)  # a link that leads nowhere is refused where it is read
    if settings:
        os.environ[slurm.SETTINGS] = str(settings.absolute())
    return str(slurm.settings().gpus)


def _help(table: Table) -> int:
    print("usage: ./run.sh [options]\n\nrecipe options (value now):")
    for o in table.options:
        print(f"  {o.flag:21} {o.value or '(empty)':22} {o.meaning}")
    print("\nrunning:")
    for name, meaning in ENGINE_OPTIONS.items():
        print(f"  --{name:12} {meaning}")
    return 0


def _list(table: Table) -> int:
    for n, stage in enumerate(table.stages, 1):
        state = table.stage_status(stage)
        busy = ["a run is at work here"] if any(held(Path(run.out)) for run in stage.runs) else []
        busy += filter(None, (_job_there(Path(run.out)) for run in stage.runs))
        why = "; ".join(filter(None, [state.why, *busy]))
        print(f"{n:3} {stage.name:16} {state.state:8} {stage.meaning}{f'   [{why}]' if why else ''}")
        for run in stage.runs:
            print(f"{'':29}{' '.join(run.ins) or '-'} -> {run.out}")
    return 0


def _job_there(out: Path) -> str:
    """What --list says of a job of Slurm for `out`; also where Slurm does not answer, so that the list goes on."""
    try:
        number = at_work(out)
    except UserError as e:
        return f"{e.what}; see {e.where}"
    return f"job {number} of Slurm is at work here" if number else ""


def _dry_run(table: Table, first: int, last: int, fresh: list[str]) -> int:
    for out in fresh:
        print(shlex.join(["mv", out, aside(out)]))
    for n, stage in enumerate(table.stages[first - 1 : last], first):
        moved = any(run.out in fresh for run in stage.runs)
        print(f"# stage {n} {stage.name}: {'missing' if moved else table.stage_status(stage).state}")
        for run in stage.runs:
            print(shlex.join(["python3", *job.command(run.argv)[1:]] if "/" not in run.argv[0] else run.argv))
            if slurm.chosen():
                _show_script(run)
    return 0


def _show_script(run: StepRun) -> None:
    """The sbatch script of a step of which anything is submitted."""
    kind, out, ngpu = run.declared.jobs, Path(run.out), int(os.environ["SAWT_NGPU"])
    if not kind:
        return
    config = slurm.settings()
    if kind == "ranks":
        batch = slurm.ranks(run.argv, out, config.nodes, ngpu)
    else:
        nj, gpus = run.at_once(int(os.environ["SAWT_NJ"])), 0 if kind == "cpu array" else ngpu
        if nj > 1:
            note = ", each with a GPU only if the step computes on one" if gpus else ""
            print(f"# an array of {nj} tasks, or of one a shard if these are fewer{note}:")
        batch = slurm.array(run.argv, out, range(1, nj + 1), nj, gpus)
    print(slurm.script(batch, config), end="")


def _publish(table: Table) -> int:
    if any(o.name == "preset" and o.value == TESTS for o in table.options):
        problem = f"the preset {TESTS} is a test of the stages: its figures are of nothing, and would replace others"
        raise UserError(problem, f"--preset {TESTS}", "publish a run of another preset, or copy the table by hand")
    old = next((s for s in table.stages if table.stage_status(s).state != "done"), None)
    if old:
        state = table.stage_status(old)
        why = f"the results are not of what the recipe says now: stage {old.name} is {state.state}"
        remedy = "run the recipe to its end first, with the options of the run to be published"
        raise UserError(f"{why} ({state.why})" if state.why else why, "--publish", remedy)
    table_file = results(table)
    if table_file is None:
        raise UserError("no stage of this recipe makes a RESULTS.md", "--publish", "add the results stage")
    write_text(Path(RESULTS), table_file.read_text(encoding="utf-8"))
    print(f"published {table_file} as {Path(RESULTS).absolute()}")
    return 0


if __name__ == "__main__":
    main()
