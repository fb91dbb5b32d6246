"""Disk that frames of features take, and which rows come together where not all of them fit. Imports no torch.

Shapes: L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..core.files import read_json
from ..core.plan import Planned, audio_hours, free_mb
from .config import BINS, CONTEXT, TasksConfig, row_names

RATE = 50.0  # frames per second of filter banks and of networks
BYTES = 2  # float16
SHARE = 0.8  # of the free disk, which frames fill at most


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


def planned_mb(planned: Planned) -> float | None:
    """MB of frames that a run will store at once; None where the size of a network cannot be told yet.

    Rows that do not fit together on the disk come one after the other.
    """
    config: TasksConfig = planned.config
    if not config.freeze or config.features in ("means", "stream"):
        return 0.0
    seconds = sum(_seconds(planned, name) for name in config.framed)
    shapes = [_shape(planned, word, model) for word, model in _rows(planned)]
    wanted = [frames_mb(seconds, *shape) for shape in shapes if shape]
    if len(wanted) < len(shapes):
        return None
    room_mb = SHARE * free_mb(planned.out)
    if config.features == "auto":
        wanted = [mb for mb in wanted if mb <= room_mb]
    return min(sum(wanted), max([room_mb, *wanted]))


def _rows(planned: Planned) -> list[tuple[str, str]]:
    """(word of `rows`, model) of every row."""
    models = planned.ins[planned.config.folders :]
    words = planned.config.rows or row_names(bool(models), planned.config.freeze)
    return [(word, model) for word in words for model in (models if word in ("random", "models") else [""])]


def _seconds(planned: Planned, name: str) -> float:
    """Audio of a set; of one that is not there yet all audio that is planned with, which is too much."""
    config: TasksConfig = planned.config
    each = [audio_hours(str(Path(folder, name))) for folder in planned.ins[: config.folders]]
    hours = next((of_set for of_set in each if of_set is not None), planned.hours)
    tasks = config.tasks.values()
    if config.max_hours and name not in {task.sets.of(part) for task in tasks for part in ("dev", "test")}:
        hours = min(hours, config.max_hours)
    return 3600 * hours


def _shape(planned: Planned, word: str, model: str) -> tuple[int, int] | None:
    """(L, D) of a row: by the model's config.json, or by the config that it will be trained with."""
    if not model:
        return 1, BINS * (2 * CONTEXT + 1 if word == "fbank_stacked" else 1)
    for path in (Path(model, "hf/config.json"), Path(model, "config.json")):
        if path.is_file():
            tree = read_json(path)
            shape = tree.get("num_hidden_layers"), tree.get("hidden_size")
            break
    else:
        network = getattr(planned.config_of(model), "model", None)
        shape = getattr(network, "num_hidden_layers", None), getattr(network, "hidden_size", None)
    if not all(isinstance(number, int) for number in shape):
        return None
    states = {state for task in planned.config.tasks.values() for state in planned.config.states_of(task, shape[0])}
    return len(states), shape[1]
