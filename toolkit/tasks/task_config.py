"""Configuration of a downstream task: a YAML section that names its type. Imports no torch, as config.py does."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

if TYPE_CHECKING:
    from .base import TaskType

SETS = ("train", "dev", "test")
OPTIM = ("optimizer", "schedule", "warmup", "weight_decay", "clip", "betas", "eps")  # not given: those of the run
Optimizer = Literal["adamw", "adam", "sgd"]
Schedule = Literal["linear", "cosine", "constant"]
TYPES = Path(__file__).with_name("types")


@dataclass(frozen=True)
class TaskSets:
    """Data directories of a task, by name, inside the data folder."""

    train: str = "train"
    "data directory that heads train on; in a task, `train` stands for the run's training set"
    dev: str = "dev"
    "data directory that chooses the learning rate if several are given; in a task, `dev` stands for the run's"
    test: str = "test"
    "data directory that is scored; in a task, `test` stands for the run's"

    def of(self, part: str) -> str:
        return str(getattr(self, part))

    def within(self, run: TaskSets) -> TaskSets:
        """A task's sets by their own names: what it calls train, dev and test are the run's."""
        return TaskSets(*(run.of(part) if self.of(part) == part else self.of(part) for part in SETS))


@dataclass(frozen=True)
class TaskConfig:
    """What every task has; its type adds fields."""

    TABLE: ClassVar[str] = ""  # file of a data directory with the labels, if `label` names none
    LARGEST: ClassVar[dict[str, int]] = {"batch": 65536}  # above it memory is all that is used

    type: str
    "type of task: a file of toolkit/tasks/types, or module:NAME of your own, in the recipe's folder"
    steps: int
    "optimiser steps of a training; each learning rate is trained for this many"
    lr: tuple[float, ...]
    "peak learning rates; each is trained, and the one that is best on dev is scored on test"
    title: str = ""
    "what tables call the task, e.g. ASR; empty: its name"
    label: str = ""
    "table with the labels: utt2lang, utt2emotion, ... for classify; empty: text for ctc, phones.ctm for frames"
    sets: TaskSets = field(default_factory=TaskSets)
    "data directories, if they are not those of the run"
    exclude: tuple[str, ...] = ()
    "labels whose utterances (of type frames: whose frames) are left out of training and scores"
    batch: int = 16
    "utterances in an optimiser step; more take more time per step, and more memory unless piece_seconds limits it"
    eval_batch: int = 0
    """utterances computed together on dev and test; it changes results only where a protocol pads them to one length;
    0: as many as `batch`"""
    piece_seconds: float = 0.0
    """audio, seconds, that is computed at once: a longer batch is computed in pieces whose gradients are added; smaller
    takes less memory; 0: a batch is one piece"""
    piece_utterances: int = 0
    "likewise, utterances that are computed at once; 0: no limit. Protocols that pad pad those of a piece together"
    crop_seconds: float = 0.0
    """training utterances that are longer are cut to this length at a random place, anew each time, and their features
    computed anew (slow: a network computes in each step); 0: whole utterances, from means that are computed once"""
    gain_db: float = 0.0
    "gain on the waveform, dB; only for protocols that compute features for each batch"
    validate_every: int = 0
    """steps between two looks at dev, of which the best one's weights are kept; smaller finds a better step and takes
    longer; 0: the weights of the last step"""
    states: tuple[int, ...] = ()
    """hidden states of the network that the head gets, e.g. [0, 8, 16]; empty = all that the run has (cache_layers).
    With fewer states features take less memory, and the head cannot use the states left out"""
    folds: str = ""
    """table such as utt2spk or utt2session: train once for each of its values and test on that value, which is left
    out of training; dev is a fifth of the rest, drawn by the seed. All utterances are of `sets.train`; sets.dev and
    sets.test are not used. The predictions of all folds are scored together; empty = no folds"""
    fold_groups: int = 0
    "deal the values of `folds`, e.g. 61 speakers, into so many groups, each tested once; 0: each value is a fold"
    optimizer: Optimizer | None = None
    "optimiser of this task; not given: the run's. The same holds for the six fields below"
    schedule: Schedule | None = None
    "course of this task's learning rate after the warm-up; not given: the run's"
    warmup: float | None = None
    "this task's warm-up, a share of its steps or, from 1 on, a number of steps; not given: the run's"
    weight_decay: float | None = None
    "weight decay of this task; a larger value pulls weights to 0 more strongly; not given: the run's"
    clip: float | None = None
    """largest norm of this task's gradient, which is scaled down to it; larger limits less; 0: not limited; not given:
    the run's"""
    betas: tuple[float, float] | None = None
    "decay rates of the optimiser's two averages, for this task; not given: the run's"
    eps: float | None = None
    "small number in Adam's denominator, for this task; not given: the run's"

    @classmethod
    def variant(cls, name: str) -> TaskClass:
        """Config class of the type called `name`. Raises ValueError for a type that is unknown."""
        return task_type(name).config

    @classmethod
    def variants(cls) -> list[str]:
        """Names of the types that the toolkit has."""
        return sorted(path.stem for path in TYPES.glob("[a-z]*.py"))

    @property
    def implementation(self) -> TaskType:
        """The type itself."""
        return task_type(self.type)

    @property
    def table(self) -> str:
        """File in a data directory that holds the labels."""
        return self.label or self.TABLE

    def __post_init__(self) -> None:
        self.check_least("steps", "batch")
        for name, most in self.LARGEST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most}, not {getattr(self, name)}")
        if not self.lr or min(self.lr) <= 0:
            raise ValueError(f"lr must be one or several rates above 0, not {', '.join(map(str, self.lr)) or 'none'}")
        for name in (
            "fold_groups",
            "eval_batch",
            "piece_seconds",
            "piece_utterances",
            "crop_seconds",
            "validate_every",
        ):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        check_rising("states", self.states)
        if self.fold_groups == 1 or (self.fold_groups and not self.folds):
            raise ValueError("fold_groups: name a table in `folds` and 2 groups or more, or leave it at 0")
        check_optimiser(self)

    def check_least(self, *names: str) -> None:
        """Raise ValueError for a field of `names` that is below 1."""
        for name in names:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")


def check_rising(name: str, numbers: tuple[int, ...]) -> None:
    """Raise ValueError, naming the field, unless `numbers` rise and begin at 0 or above."""
    if any(a >= b for a, b in zip((-1, *numbers), numbers)):
        raise ValueError(f"{name} must be rising numbers from 0, not {list(numbers)}")


def check_optimiser(config: Any) -> None:
    """Raise ValueError for a field of OPTIM that cannot be; None, which only a task has, is the run's value."""
    for name in ("weight_decay", "clip"):
        value = getattr(config, name)
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    if config.warmup is not None and not config.warmup >= 0:
        raise ValueError(f"warmup is a share of the steps or a number of steps: at least 0, not {config.warmup}")
    if config.eps is not None and not config.eps > 0:
        raise ValueError(f"eps must be above 0, not {config.eps}")
    if config.betas is not None and not all(0 <= beta < 1 for beta in config.betas):
        raise ValueError(f"betas must be at least 0 and below 1, not {list(config.betas)}")


TaskClass = type[TaskConfig]  # the class has a field `type`, so the builtin has another name there


@cache
def task_type(name: str) -> TaskType:
    """The task type of a config's `type`: TYPE of toolkit/tasks/types/<name>.py, or NAME of a module of one's own.

    Raises ValueError for a type that is unknown.
    """
    from .base import TaskType

    module, _, attribute = name.partition(":")
    if not attribute:
        known = TaskConfig.variants()
        if name not in known:
            raise ValueError(f"no task type {name}; there are {', '.join(known)}, and module:NAME of your own")
        module, attribute = f"{__package__}.types.{name}", "TYPE"
    try:
        with _current_folder():
            loaded = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise ValueError(f"task type {name} cannot be imported: {e}") from None
    if not isinstance(loaded, TaskType):
        raise ValueError(f"task type {name} is a {type(loaded).__name__}, not a toolkit.tasks.base.TaskType")
    return loaded


@contextmanager
def _current_folder() -> Iterator[None]:
    """Modules of the current folder, the recipe's, can be imported; else they cannot, see toolkit/__init__.py."""
    folder = os.getcwd()
    sys.path.insert(0, folder)
    try:
        yield
    finally:
        sys.path.remove(folder)
