"""--fresh: redo a stage and everything made from it; the old outputs are set aside, all or none."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from . import record
from .errors import UserError
from .files import locked, remove
from .slurm_job import refuse_at_work
from .table import Table

RESULTS = "RESULTS.md"


def made_anew(table: Table, n: int, first: int, last: int) -> list[str]:
    """Outputs that --fresh moves aside: those of stage `n`, and all that were made from them.

    If some outputs of the stage are stale, those that are done stay: an edit made to one of them is why they are.
    Later outputs are moved too, even if their identity stays: the redone stage may give other bytes, and outputs made
    from the old bytes would pass as made from the new ones. Raises UserError if an input of the stage is stale, or if
    the stage is not among those that will run.
    """
    if not first <= n <= last:
        why = f"--fresh {table.stages[n - 1].name} is stage {n}, and only stages {first} to {last} are to run"
        raise UserError(why, "command line", "widen --stage and --stop-stage, or leave them out")
    for run in table.stages[n - 1].runs:
        for made in table.makers(run):
            if made[0] != n and table.status(made[1]).state == "stale":
                why = f"stage {n} is made from {made[1].out}, which is stale itself"
                raise UserError(why, "--fresh", table.renewal(made[1]))
    runs = table.stages[n - 1].runs
    states = [table.status(run).state for run in runs]
    moved = {run.out for run, state in zip(runs, states) if state != "done" or "stale" not in states}
    for run in runs:
        if any(made[1].out in moved for made in table.makers(run)):
            moved.add(run.out)
    for stage in table.stages[n:]:
        for run in stage.runs:
            if any(made[1].out in moved for made in table.makers(run)):
                moved.add(run.out)
    return [run.out for stage in table.stages for run in stage.runs if run.out in moved and Path(run.out).exists()]


def move_aside(table: Table, outs: list[str], beside: list[str]) -> None:
    """Rename all of `outs`, or none if a run is at work in one of them or of `beside`, or if a rename fails.

    A run or Slurm job at work would go on writing into the new folder. Later outputs are renamed first, so that a kill
    in between leaves no output whose inputs are gone.
    """
    with ExitStack() as held:
        for out in [*outs, *beside]:
            held.enter_context(locked(Path(out), 1.0))
            refuse_at_work(Path(out))
        moved: list[tuple[str, str]] = []
        for out in reversed(outs):
            to = record.aside(out)
            try:
                _forget_copy(Path(out))
                Path(out).rename(to)
            except OSError:
                for old, new in reversed(moved):
                    Path(new).rename(old)
                raise
            moved.append((out, to))
    for out, to in reversed(moved):
        print(f"moved {out} to {to} (rename it back to undo)", flush=True)
    table.forget()


def remake(table: Table, out: str) -> None:
    """Set aside the stale output of a step that takes seconds; replaces the one set aside before.

    Outputs set aside by --fresh stay. Raises UserError if a run is at work in it.
    """
    to = Path(f"{out}{record.ASIDE}before")
    with locked(Path(out), 1.0):
        refuse_at_work(Path(out))
        remove(to)
        _forget_copy(Path(out))
        Path(out).rename(to)
    print(f"   moved {out}, which was stale, to {to}", flush=True)
    table.forget()


def _forget_copy(out: Path) -> None:
    """Remove the copy of a table beside `out`, as `out` holds the table itself."""
    copy, own = out.parent / RESULTS, out / RESULTS
    if own.is_file() and copy.is_file() and own.read_bytes() == copy.read_bytes():
        copy.unlink()
