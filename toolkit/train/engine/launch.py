"""Start the processes of a training, here or on a cluster; only the step holds the lock and writes the record.

Here the chain is step -> this module, which is torchrun -> ranks; each process dies with its parent, so a killed
step leaves no rank that goes on writing. On Slurm the step submits a job and waits for it; the job starts this
module on each node, or the rank itself if there is only one.
"""

from __future__ import annotations

import os
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core import slurm, slurm_job
from ...core.errors import UserError
from ...core.job import command, die_with_parent, parenthood, run
from ...core.step import Step
from .ranks import World

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

WORTH_SECONDS = 600.0  # audio to process for which starting a second CPU process pays


def processes(step: Step[Any], micro_batches: int, audio_seconds: float) -> int:
    """Number of processes of a run: one per GPU, or two CPU processes if two jobs may run at once.

    On a cluster: one per GPU of each node, or one per node without GPUs.

    Two, because the sum of two gradients does not depend on their order: the weights equal, bit for bit, those of one
    process that adds both micro-batches. With three, rounding would differ.
    Raises UserError if there are fewer GPUs than asked for, or on a cluster more than can share the work.
    """
    if slurm.chosen():
        count = slurm.settings().nodes * max(step.ngpu, 1)
        if micro_batches % count:
            problem = f"{count} processes cannot share {micro_batches} micro-batches: they do not divide them"
            raise UserError(problem, "nodes and gpus of slurm.yaml, --ngpu", "change these, or data.micro_batches")
        return count
    if step.ngpu:
        World.choose(step.ngpu)
        return step.ngpu
    pays = micro_batches == 2 and audio_seconds >= WORTH_SECONDS and (os.cpu_count() or 1) > 1
    return 2 if pays and step.nj > 1 else 1


def share(step: Step[Any], micro_batches: int, audio_seconds: float, work: Callable[[World], object]) -> None:
    """Call `work(world)` here, or in several processes that share the work; does not return in one of those.

    Raises UserError as `processes` and `launch` do.
    """
    if step.worker:
        with World.joined(step.ngpu) as world:
            work(world)
            world.leave()
    count = processes(step, micro_batches, audio_seconds)
    if count > 1 or slurm.chosen():
        launch(step, count)
    else:
        work(World.choose(step.ngpu))


def launch(step: Step[Any], count: int) -> None:
    """Run the step's command line in `count` ranks and wait. Raises UserError when one of them fails."""
    if slurm.chosen():
        batch = slurm.ranks(step.argv, step.out, slurm.settings().nodes, step.ngpu)
        slurm_job.run(batch, Follow(batch.log(1)))
        return
    argv = [sys.executable, "-m", __name__, str(count), *command(step.argv)[1:], "--worker"]
    log = step.out / "log" / "ranks.log"
    if run(argv, log):
        ends = re.findall(r"^# (rank .+)$", log.read_text(encoding="utf-8", errors="replace"), re.M)
        how = f": {ends[-1]}" if ends else ""
        problem = f"one of {count} processes failed{how}"
        raise UserError(problem, str(log), "mend the cause named there and rerun: it goes on")


class Follow:
    """Prints new lines of a log, as if the job were a child process."""

    def __init__(self, log: Path) -> None:
        self.log, self.read = log, log.stat().st_size if log.exists() else 0
        self.note = ""

    def __call__(self, note: str) -> None:
        states = note.partition(": ")[2]
        if states and states != self.note:
            print(note, flush=True)
            self.note = states
        if not self.log.exists():
            return
        with open(self.log, "rb") as f:
            if self.log.stat().st_size < self.read:  # the log is new: the job was requeued, or is another job
                self.read = 0
            f.seek(self.read)
            new = f.read()
        self.read += len(new)
        sys.stdout.buffer.write(new)
        sys.stdout.buffer.flush()


def main(count: str, *arguments: str) -> None:
    """torchrun with `count` processes on this machine, and with others if `arguments` begin with their rendezvous.

    Without its traceback for a rank that has printed its error; with a line for the rank that ended the run.
    """
    die_with_parent()
    os.environ.update(parenthood())
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torchrun would, with a long message
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args
    from torch.distributed.run import run as torchrun

    try:
        alone = [] if any(word.startswith("--rdzv-endpoint") for word in arguments) else ["--standalone"]
        torchrun(parse_args([*alone, "--nproc-per-node", count, *arguments]))
    except ChildFailedError as e:
        print(f"# {_first_to_fail(e.failures)}", file=sys.stderr, flush=True)
        raise SystemExit(1) from None


def _first_to_fail(failures: dict[int, ProcessFailure]) -> str:
    """The rank that failed first; a killed rank comes before the ranks that then missed it."""
    rank, failure = min(failures.items(), key=lambda item: (item[1].exitcode > 0, item[1].timestamp))
    if failure.exitcode < 0:
        return f"rank {rank} was killed by {signal.Signals(-failure.exitcode).name}"
    return f"rank {rank} ended with code {failure.exitcode}"


if __name__ == "__main__":
    main(*sys.argv[1:])
