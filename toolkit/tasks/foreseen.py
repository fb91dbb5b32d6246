"""Sets that the call of a recipe names for its tasks and that no folder has, told before stage 1. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..core.errors import UserError
from ..core.plan import Planned
from .config import TasksConfig
from .sets import Folders, with_labels
from .task_config import SETS


def set_mistakes(planned: Planned) -> Iterator[UserError]:
    """A set of a task that has labels that is in none of the folders, where all of them are made."""
    config: TasksConfig = planned.config
    names = planned.ins[: config.folders]
    if not planned.are_known(names):
        return
    folders = Folders(tuple(map(Path, names)))
    places = {
        (f"sets.{part}" if task.sets.of(part) == config.sets.of(part) else f"tasks.{name}.sets.{part}"): set_name
        for name, task in (with_labels(config.tasks, folders) or config.tasks).items()
        for part in SETS
        if not (folders.place(set_name := task.sets.of(part)) / "wav.scp").is_file()
    }
    remedy = f"name one of {', '.join(folders.names()) or 'the sets that the data stage makes'}"
    for field, set_name in places.items():
        yield UserError(f"{field}: no set is called {set_name}", str(folders), remedy)
