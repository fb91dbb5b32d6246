"""Disk that frames of features take, and which rows' frames are stored where not all of them fit. Imports no torch.

Shapes: L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..core.errors import UserError
from ..core.files import read_json
from ..core.plan import Planned, audio_hours, free_mb
from .config import BINS, CONTEXT, TasksConfig, row_kinds

RATE = 50.0  # frames per second of filter banks and of networks
BYTES = 2  # float16
AUTO_SHARE = 0.8  # of the free disk, which `features: auto` fills at most


def frames_mb(seconds: float, states: int, dim: int) -> float:
    """MB that the frames [T, L, D] of so many seconds of audio take."""
    return RATE * seconds * states * dim * BYTES / 1e6


def fitting(wanted: Mapping[str, float], room_mb: float) -> set[str]:
    """Rows, in their order, whose frames fit together into so many MB."""
    stored = set()
    for row, mb in wanted.items():
        if mb <= room_mb:
            stored.add(row)
            room_mb -= mb
    return stored


def stored_rows(wanted: Mapping[str, float], must: bool, out: Path) -> set[str]:
    """Rows whose frames are stored, of those that want so many MB; the others are streamed, which is printed.

    Raises UserError where not all fit although they must.
    """
    free = free_mb(str(out))
    if must and sum(wanted.values()) > free:
        raise UserError(
            f"the features need about {sum(wanted.values()):,.0f} MB, {free:,.0f} are free",
            f"{out}, {len(wanted)} row(s)",
            "choose features: auto or stream, name fewer states in cache_layers, or name a larger disk (--exp)",
        )
    stored = set(wanted) if must else fitting(wanted, AUTO_SHARE * free)
    for row in [row for row in wanted if row not in stored]:
        print(
            f"features of {row} are computed again for each batch, which is slow: their frames take "
            f"{wanted[row]:,.0f} MB, and {free:,.0f} are free; cache_layers makes them smaller, --exp names another disk",
            flush=True,
        )
    return stored


def planned_mb(planned: Planned) -> float | None:
    """MB of frames that a run will store; None where the size of a network cannot be told yet.

    With `features: auto` no more than fits on the disk.
    """
    config: TasksConfig = planned.config
    if not config.freeze or config.features in ("means", "stream"):
        return 0.0
    seconds = sum(_seconds(planned, name) for name in config.framed)
    shapes = [_shape(planned, kind, model) for kind, model in _rows(planned)]
    wanted = {f"{k}": frames_mb(seconds, *shape) for k, shape in enumerate(shapes) if shape}
    if len(wanted) < len(shapes):
        return None
    stored = fitting(wanted, AUTO_SHARE * free_mb(planned.out)) if config.features == "auto" else set(wanted)
    return sum(wanted[row] for row in stored)


def _rows(planned: Planned) -> list[tuple[str, str]]:
    """(kind, model) of every row."""
    models = planned.ins[1:]
    kinds = planned.config.rows or row_kinds(bool(models), planned.config.freeze)
    return [(kind, model) for kind in kinds for model in (models if kind in ("random", "models") else [""])]


def _seconds(planned: Planned, name: str) -> float:
    """Audio of a set; of one that is not there yet all audio that is planned with, which is too much."""
    config: TasksConfig = planned.config
    hours = audio_hours(str(Path(planned.ins[0], name)))
    hours = planned.hours if hours is None else hours
    tasks = config.tasks.values()
    if config.max_hours and name not in {task.sets.of(part) for task in tasks for part in ("dev", "test")}:
        hours = min(hours, config.max_hours)
    return 3600 * hours


def _shape(planned: Planned, kind: str, model: str) -> tuple[int, int] | None:
    """(L, D) of a row: by the model's config.json, or by the config that it will be trained with."""
    if not model:
        return 1, BINS * (2 * CONTEXT + 1 if kind == "fbank_stacked" else 1)
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
