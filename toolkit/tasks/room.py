"""Whether the features of the rows fit on the disk, told before any is computed.

Shapes: L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.errors import UserError
from ..core.plan import free_mb
from ..core.step import Step
from ..data.kaldi import DataDir
from .config import TasksConfig
from .upstream import FBANK_RATE, Row

WORK = "work"  # what a rerun after a kill goes on from; below it <row>/cache
BYTES = 2  # float16


def check_room(
    step: Step[TasksConfig],
    config: TasksConfig,
    sets: Mapping[str, DataDir],
    rows: Sequence[Row],
    shapes: Sequence[tuple[int, int]],
) -> None:
    """Raise UserError where frames of the rows that will be at work at once have no room below the output.

    Args:
        shapes: (L, D) of each row. Features of filter banks and of networks have about 50 frames a second.
    """
    frames = FBANK_RATE * sum(sets[name].seconds for name in config.framed)
    waiting = [
        frames * states * dim * BYTES / 1e6
        for row, (states, dim) in zip(rows, shapes, strict=True)
        if row.frozen and not (step.out / row.row).exists()
    ]
    at_once = min(step.nj, step.ngpu) if step.ngpu else step.nj
    present = sum(path.stat().st_size for path in (step.out / WORK).glob("*/cache/**/*") if path.is_file()) / 1e6
    needed, free = sum(sorted(waiting, reverse=True)[:at_once]) - present, free_mb(str(step.out))
    if needed > free:
        raise UserError(
            f"the features need about {needed:,.0f} MB, {free:,.0f} are free",
            f"{step.out}, {min(at_once, len(waiting))} row(s) at once",
            "name fewer states in cache_layers, take fewer rows at once (--nj), or name a larger disk (--exp)",
        )
