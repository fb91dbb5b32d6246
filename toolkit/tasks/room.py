"""Disk that frames of features take, and which rows come together where not all of them fit. Imports no torch.

Shapes: L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.disk import free_mb
from ..core.errors import UserError
from ..core.plan import Disk, Planned, audio_hours
from ..models.planned import BYTES as WEIGHT_BYTES
from ..models.planned import MB, encoder_shape, encoder_weights
from .config import BINS, CONTEXT, TasksConfig, row_names
from .task_config import TaskConfig

RATE = 50.0  # frames per second of filter banks and of networks
BYTES = 2  # float16
SHARE = 0.8  # of the free disk, which frames fill at most
TASK_MB = 0.06  # files of a task of a row, beside its head
CLASSES = 50  # of a task, about


def frames_mb(seconds: float, states: int, dim: int) -> float:
    """MB that the frames [T, L, D] of so many seconds of audio take."""
    return RATE * seconds * states * dim * BYTES / 1e6


@dataclass(frozen=True)
class Group:
    """Rows whose features are on the disk together.

    Attributes:
        rows: all of them, in order.
        stored: those whose frames are stored; the others need none, or are streamed.
    """

    rows: list[str]
    stored: set[str]


def first_group(wanted: Mapping[str, float], must: bool, out: Path) -> Group:
    """As many rows, which want so many MB for frames, as the disk has room for; 80 % of what is free is used.

    A row that does not fit alone is streamed, which is printed. Raises UserError where its frames must be stored.
    """
    free = free_mb(str(out))
    left, rows, stored = SHARE * free, [], set()
    for row, mb in wanted.items():
        if mb > SHARE * free:
            _stream(row, mb, free, must, out)
            rows.append(row)
        elif mb <= left:
            rows.append(row)
            left -= mb
            stored |= {row} if mb else set()
    return Group(rows, stored)


def _stream(row: str, mb: float, free: float, must: bool, out: Path) -> None:
    """Print that a row is streamed; raise UserError where that is not allowed."""
    needed = f"the frames of {row} need about {mb:,.0f} MB and {free:,.0f} are free, of which 80 % may be used"
    if must:
        remedy = "choose features: auto or stream, name fewer states in cache_layers, or name a larger disk (--exp)"
        raise UserError(needed, str(out), remedy)
    print(
        f"{needed}: they are computed again for each batch, which is slow; cache_layers makes them smaller", flush=True
    )


def planned_disk(planned: Planned) -> Disk | None:
    """Heads, results and fine-tuned networks, which stay, and frames of a run; None if a network's size is not known.

    Frames of rows that do not fit together on the disk come one after the other.
    """
    config: TasksConfig = planned.config
    rows = _rows(planned)
    shapes = [shape for word, model in rows if (shape := _shape(planned, word, model))]
    if len(shapes) < len(rows):
        return None
    kept = sum(_kept_mb(planned, model, shape) for (_, model), shape in zip(rows, shapes, strict=True))
    if not config.freeze or config.features in ("means", "stream"):
        return Disk(kept)
    seconds = _seconds(planned, config.framed)
    wanted = [frames_mb(seconds, _states(config, layers), dim) for layers, dim in shapes]
    room_mb = SHARE * free_mb(planned.out)
    if config.features == "auto":
        wanted = [mb for mb in wanted if mb <= room_mb]
    return Disk(kept, min(sum(wanted), max([room_mb, *wanted])))


def _rows(planned: Planned) -> list[tuple[str, str]]:
    """(word of `rows`, model) of every row."""
    models = planned.ins[planned.config.folders :]
    words = planned.config.rows or row_names(bool(models), planned.config.freeze)
    return [(word, model) for word in words for model in (models if word in ("random", "models") else [""])]


def _seconds(planned: Planned, names: Collection[str]) -> float:
    """Audio of sets; of those that are not there yet, together, all audio that is planned with, which is too much."""
    config: TasksConfig = planned.config
    held_out = {task.sets.of(part) for task in config.tasks.values() for part in ("dev", "test")}
    known, unknown = 0.0, 0.0
    for name in names:
        most = config.max_hours if config.max_hours and name not in held_out else float("inf")
        each = [audio_hours(str(Path(folder, name))) for folder in planned.ins[: config.folders]]
        hours = next((of_set for of_set in each if of_set is not None), None)
        known += min(hours or 0.0, most)
        unknown += min(planned.hours or 0.0, most) if hours is None else 0.0
    return 3600 * (known + min(unknown, planned.hours or 0.0))


def _kept_mb(planned: Planned, model: str, shape: tuple[int, int]) -> float:
    """MB that a row leaves: for each task its files, its head and, where networks are tuned, the network."""
    config: TasksConfig = planned.config
    tuned = 0 if config.freeze or not model else encoder_weights(planned, model) or 0
    weights = sum(_head_weights(task, shape[1]) + tuned for task in config.tasks.values())
    return len(config.tasks) * TASK_MB + weights * WEIGHT_BYTES / MB


def _head_weights(task: TaskConfig, dim: int) -> int:
    """About as many weights as the head of a task has: Linear, BLSTMs if its config names layers, Linear."""
    hidden, layers, stride = (getattr(task, name, 0) for name in ("hidden", "layers", "stride"))
    if not hidden:
        return dim * CLASSES
    recurrent = sum(8 * hidden * ((hidden if i == 0 else 2 * hidden) + hidden + 2) for i in range(layers))
    return max(stride, 1) * dim * hidden + recurrent + (2 if layers else 1) * hidden * CLASSES


def _states(config: TasksConfig, layers: int) -> int:
    """Number of states of a network of so many layers that the heads of all tasks get; one of a filter bank."""
    if not layers:
        return 1
    return len({state for task in config.tasks.values() for state in config.states_of(task, layers)})


def _shape(planned: Planned, word: str, model: str) -> tuple[int, int] | None:
    """(layers, D) of a row; filter banks have no layers."""
    if not model:
        return 0, BINS * (2 * CONTEXT + 1 if word == "fbank_stacked" else 1)
    return encoder_shape(planned, model)
