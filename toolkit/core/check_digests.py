"""--check-digests: read every file of a recipe that has a digest, and show those that differ."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from .contents import Contents, times_of
from .errors import UserError
from .files import read_json, sha256_of
from .progress import Progress
from .record import RECORD, read_record, without_record
from .table import StepRun, Table

CHECKPOINTS, STATE, FILES = "checkpoints", "state.json", "digests"  # where a training keeps digests of its own

Difference = tuple[str, str, str]  # stage, file, what is wrong


def check_digests(table: Table) -> int:
    """Print a table of the files that are not as their step left them. Returns the exit code: 1 if there are any."""
    every = [(stage.name, run) for stage in table.stages for run in stage.runs]
    runs = [(name, run) for name, run in every if (Path(run.out) / RECORD).is_file() or without_record(Path(run.out))]
    wrong: list[Difference] = []
    with Progress("digests", len(runs), "outputs") as bar:
        for name, run in runs:
            wrong += [(name, file, problem) for file, problem in _of_output(run)]
            bar.add(1)
    for row in wrong:
        print("  ".join((f"{row[0]:16}", f"{row[1]:40}", row[2])))
    if not wrong:
        print(f"{len(runs)} outputs are as their steps left them")
        return 0
    number = "1 file differs" if len(wrong) == 1 else f"{len(wrong)} files differ"
    print(
        f"\n{number}. What is damaged: restore it from a copy, or delete it, and the next run makes it again. "
        "A table that you edited may stay so: what was made from it is stale"
    )
    return 1


def _of_output(run: StepRun) -> Iterator[tuple[str, str]]:
    """(file, what is wrong) of an output, of the checkpoints in it, and of the raw tables that it was made from."""
    out = Path(run.out)
    if not (out / RECORD).is_file():
        yield str(out / RECORD), "it is gone"
        return
    try:
        record = read_record(out)
    except UserError as e:
        yield e.where, e.what
        return
    if record["state"] == "done":
        for name, problem in Contents(out, record).wrong():
            yield str(out / name), problem
    for state in sorted(out.glob(f"{CHECKPOINTS}/*/{STATE}")):
        yield from _of_checkpoint(state)
    for file, (_, _, digest) in times_of(out, "inputs").items():
        if not Path(file).is_file():
            yield file, "an input that is gone"
        elif sha256_of(file)[:16] != digest:
            yield file, "an input that was edited since"


def _of_checkpoint(state: Path) -> Iterator[tuple[str, str]]:
    try:
        digests = read_json(state).get(FILES, {})
    except UserError as e:
        yield str(state), e.what
        return
    for name, was in digests.items():
        file = state.parent / name
        if not file.is_file():
            yield str(file), "it is gone"
        elif (now := sha256_of(file)[:16]) != was:
            yield str(file), f"digest {now}, recorded {was}"
