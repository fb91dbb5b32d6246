"""Which tasks of a config the data can serve, and the data directories that they use."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ..core.errors import UserError
from ..core.results import LEFT_OUT
from ..core.step import Step
from ..data.kaldi import DataDir
from ..train.subset import within_hours
from .base import OUT
from .config import TasksConfig
from .examples import unusable
from .folds import folds_by_utterance
from .sets import Folders, chosen_on_test, read_sets, refuse_misspelt, refuse_shared, shared_speakers, with_labels
from .task_config import SETS, TaskConfig


@dataclass(frozen=True)
class Served:
    """What a run can do.

    Attributes:
        config: with the tasks that the data can serve.
        folders: those that hold the data directories.
        sets: data directories by name, those that are only trained on cut to `max_hours`.
        cut: names of those that were cut.
        tested: task -> the fold that tests each utterance; {} for a task without folds.
        why: reason of each task that is left out.
    """

    config: TasksConfig
    folders: Folders
    sets: dict[str, DataDir]
    cut: frozenset[str]
    tested: dict[str, dict[str, str]]
    why: dict[str, str]

    def folds(self, task: str) -> list[str]:
        """Names of a task's folds, in order; [] for a task without folds."""
        return sorted({*self.tested[task].values()})

    @property
    def trained(self) -> set[str]:
        """Names of the sets that are trained on and never scored: in a task with folds all utterances are scored."""
        tasks, plain = self.config.tasks.values(), [t for t in self.config.tasks.values() if not t.folds]
        scored = {name for t in plain for name in (t.sets.dev, t.sets.test)} | {t.sets.train for t in tasks if t.folds}
        return {t.sets.train for t in plain} - scored

    def tell(self, step: Step[TasksConfig]) -> None:
        """Print and note what is left out, and warn of doubtful labels and of speakers both trained on and scored."""
        for line in self._doubts():
            print(line, flush=True)
        for name, why in self.why.items():
            print(f"{name} is left out: {why}", flush=True)
            step.ledger.drop(name, LEFT_OUT, why)
        for line in shared_speakers({n: t for n, t in self.config.tasks.items() if _by_speaker(t)}, self.sets):
            print(line, flush=True)
        for line in chosen_on_test({n: t for n, t in self.config.tasks.items() if not t.folds}, self.sets):
            print(line, flush=True)

    def _doubts(self) -> list[str]:
        """Warnings about the labels of the sets, each once."""
        tasks = self.config.tasks.values()
        places = ((task, self.sets[task.sets.of(part)]) for task in tasks for part in SETS)
        lines = (
            f"warning: {data.path / task.table}: {doubt}"
            for task, data in places
            for doubt in task.implementation.doubts(task, data)
        )
        return list(dict.fromkeys(lines))


def _by_speaker(task: TaskConfig) -> bool:
    """True for a task that is to tell how unseen speakers fare: one without folds that does not ask who speaks."""
    return not task.folds and task.table != "utt2spk"


def serve(config: TasksConfig, folders: Folders) -> Served:
    """The tasks of `config` that the data can serve.

    Raises UserError where there are labels but no task has enough of them, for a task that would be scored on what it
    trains on, and for an excluded label that no set has.
    """
    labelled = with_labels(config.tasks, folders)
    sets = read_sets(folders, labelled)
    why = {name: _unlabelled(task, folders) for name, task in config.tasks.items() if name not in labelled}
    why |= unusable(labelled, sets, config.seed)
    tasks = {name: task for name, task in labelled.items() if name not in why}
    if labelled and not tasks:
        lines = "".join(f"\n  {name}: {why[name]}" for name in labelled)
        raise UserError(f"no task can be done with these labels:{lines}", str(folders), OUT)
    if config.only and not tasks:
        reasons = "; ".join(f"{name}: {why[name]}" for name in config.only)
        raise UserError(f"what is asked for alone cannot be done: {reasons}", str(folders), OUT)
    for name, task in tasks.items():
        if not task.folds:
            refuse_shared(name, task, sets)
        refuse_misspelt(name, task, sets)
    used = {task.sets.of(part) for task in tasks.values() for part in SETS}
    possible = replace(config, tasks=tasks, only=())
    whole = {name: of_name for name, of_name in sets.items() if name in used}
    within = _within_hours(possible, whole)
    tested = {
        name: folds_by_utterance(name, task, sets, config.seed) if task.folds else {} for name, task in tasks.items()
    }
    return Served(possible, folders, {**whole, **within}, frozenset(within), tested, why)


def _unlabelled(task: TaskConfig, folders: Folders) -> str:
    """Why a task has no labels: its sets are not there, or have no such table."""
    names = dict.fromkeys(task.sets.of(part) for part in SETS)
    existing = any((folders.place(name) / "wav.scp").is_file() for name in names)
    return f"no set has {task.table}" if existing else f"no data directory {', '.join(names)}"


def _within_hours(config: TasksConfig, sets: Mapping[str, DataDir]) -> dict[str, DataDir]:
    """The sets that are only trained on, of each as much as the config says; none where it does not limit them."""
    if not config.max_hours:
        return {}
    chosen, tasks = {}, config.tasks.values()
    for name in {t.sets.train for t in tasks} - {s for t in tasks for s in (t.sets.dev, t.sets.test)}:
        utterances = sets[name].utterances
        ids = within_hours({u.id: u.seconds for u in utterances}, {}, config.max_hours, config.seed, "max_hours")
        chosen[name] = replace(sets[name], utterances=[u for u in utterances if u.id in ids])
    return chosen
