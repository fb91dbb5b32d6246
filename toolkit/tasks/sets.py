"""Data directories that the tasks of a probe name; refused where a task would not measure what it says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..data.find import read_from_here
from ..data.kaldi import UNKNOWN, DataDir
from ..data.tables import few
from ..train.subset import refuse_unknown
from .task_config import SETS, TaskConfig

SHOWN = 3  # utterances that an error names
OWN_SETS = "name sets that have no utterance in common"


@dataclass(frozen=True)
class Folders:
    """Folders of data directories, in which a set is looked for by its name."""

    paths: tuple[Path, ...]

    def __str__(self) -> str:
        return ", ".join(map(str, self.paths))

    def place(self, name: str) -> Path:
        """The data directory called `name`; where no folder has it, its place in the first.

        Raises UserError where two folders have it.
        """
        having = [path / name for path in self.paths if (path / name / "wav.scp").is_file()]
        if len(having) > 1:
            raise UserError(f"{len(having)} folders have a set {name}", str(self), "rename one of the sets")
        return having[0] if having else self.paths[0] / name

    def names(self) -> list[str]:
        """Names of all sets."""
        return sorted(p.parent.name for path in self.paths for p in path.glob("*/wav.scp"))


def with_labels(tasks: Mapping[str, TaskConfig], folders: Folders) -> dict[str, TaskConfig]:
    """The tasks for which at least one of their sets has labels: a folder of plain recordings has none."""
    return {
        name: task
        for name, task in tasks.items()
        if any((folders.place(task.sets.of(part)) / task.table).is_file() for part in SETS)
    }


def read_sets(folders: Folders, tasks: Mapping[str, TaskConfig]) -> dict[str, DataDir]:
    """Every data directory that a task names. Raises one UserError naming all that is missing."""
    wanted = {task.sets.of(part): folders.place(task.sets.of(part)) for task in tasks.values() for part in SETS}
    missing = sorted(name for name, place in wanted.items() if not (place / "wav.scp").is_file())
    if missing:
        present = ", ".join(folders.names()) or "none"
        raise UserError(
            f"no data directory {', '.join(missing)}",
            str(folders),
            f"run the stage that makes it, or name another under `sets`; there are: {present}",
        )
    return {name: read_from_here(wanted[name]) for name in sorted(wanted)}


def refuse_misspelt(name: str, task: TaskConfig, sets: Mapping[str, DataDir]) -> None:
    """Raise UserError for a label that task `name` excludes and none of its sets has."""
    asked = [label for label in task.exclude if label != UNKNOWN]  # which a table need not have to be without it
    if asked:
        used = sorted({task.sets.of(part) for part in SETS})
        labels = (label for part in used for label in _labels(task, sets[part]))
        refuse_unknown(asked, labels, f"tasks.{name}.exclude ({task.table} of {', '.join(used)})")


def _labels(task: TaskConfig, data: DataDir) -> Iterable[str]:
    """Every label of a set, as often as it is there."""
    of_type = task.implementation
    return (name for label in of_type.labels(task, data).values() for name in of_type.names(label))


def refuse_shared(name: str, task: TaskConfig, sets: Mapping[str, DataDir]) -> None:
    """Raise UserError where task `name` would be scored, or choose, on utterances that it trains on."""
    ids = {part: {u.id for u in sets[task.sets.of(part)]} for part in SETS}
    if chooses(task) and (both := ids["dev"] & ids["train"]):
        where = f"tasks.{name}.sets (train: {task.sets.train}, dev: {task.sets.dev})"
        raise UserError(
            f"{len(both):,} utterances are both trained on and chosen on, e.g. {min(both)}", where, OWN_SETS
        )
    if shared := sorted(ids["train"] & ids["test"]):
        named = few(shared, SHOWN)
        raise UserError(
            f"{len(shared):,} utterances are both trained on and scored: {named}",
            f"tasks.{name}.sets (train: {task.sets.train}, test: {task.sets.test})",
            OWN_SETS,
        )


def chooses(task: TaskConfig) -> bool:
    """True if a rate or a step of the task is chosen on dev."""
    return len(task.lr) > 1 or task.validate_every > 0


def chosen_on_test(tasks: Mapping[str, TaskConfig], sets: Mapping[str, DataDir]) -> list[str]:
    """A line for each task whose dev and test share utterances, on which it chooses: its results say so."""
    lines = []
    for name, task in tasks.items():
        dev, test = ({u.id for u in sets[task.sets.of(part)]} for part in ("dev", "test"))
        if chooses(task) and dev & test:
            lines.append(f"warning: {name} chooses on utterances of {task.sets.test}, on which it is scored")
    return lines


def shared_speakers(tasks: Mapping[str, TaskConfig], sets: Mapping[str, DataDir]) -> list[str]:
    """A line for each pair of sets, to train on and to score, that have speakers in common."""
    pairs: dict[tuple[str, str], list[str]] = {}
    for name, task in tasks.items():
        pairs.setdefault((task.sets.train, task.sets.test), []).append(name)
    lines = []
    for (train, test), names in pairs.items():
        speakers = {u.speaker for u in sets[test]}
        if both := speakers & {u.speaker for u in sets[train]}:
            shared = f"{len(both):,} of the {len(speakers):,} speakers of {test} speak in {train} too"
            lines.append(f"warning: {shared}: {', '.join(names)} will not tell how unseen speakers fare")
    return lines
