"""Several processes for one run: torchrun under the step, which keeps the lock and the record to itself.

The chain is step -> this module -> ranks; each link dies with the one before it, so a killed step leaves no
rank behind that goes on writing.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from ..core.errors import UserError
from ..core.job import command, die_with_parent, parenthood, run
from ..core.step import Step
from .ranks import World

WORTH_SECONDS = 600.0  # audio that must be ahead before a second CPU process pays for its start


def processes(step: Step[Any], micro_batches: int, audio_seconds: float) -> int:
    """Processes that a run takes: one per GPU, or two CPU processes where two jobs may run at once.

    Two, since the sum of two gradients does not depend on their order: weights are the same bits as those
    of one process that adds up both micro-batches. With three, rounding would tell.
    Raises UserError where there are fewer GPUs than asked for.
    """
    if step.ngpu:
        World.choose(step.ngpu)
        return step.ngpu
    pays = micro_batches == 2 and audio_seconds >= WORTH_SECONDS and (os.cpu_count() or 1) > 1
    return 2 if pays and step.nj > 1 else 1


def launch(step: Step[Any], count: int) -> None:
    """Run the step's command line in `count` ranks and wait. Raises UserError when one of them fails."""
    argv = [sys.executable, "-m", __name__, str(count), *command(step.argv)[1:], "--worker", f"1/{count}"]
    log = step.out / "log" / "ranks.log"
    if run(argv, log):
        raise UserError(
            f"one of {count} processes failed", str(log), "mend the cause named there and rerun: it goes on"
        )


def main(count: str, *arguments: str) -> None:
    """torchrun on this machine, without its traceback for a rank that has said what is wrong."""
    die_with_parent()
    os.environ.update(parenthood())
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.run import parse_args
    from torch.distributed.run import run as torchrun

    try:
        torchrun(parse_args(["--standalone", "--nproc-per-node", count, *arguments]))
    except ChildFailedError:
        raise SystemExit(1) from None


if __name__ == "__main__":
    main(*sys.argv[1:])
