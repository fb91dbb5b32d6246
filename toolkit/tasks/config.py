"""Configuration of the downstream tasks: a task is a YAML section that names its type.

This file imports no torch: --list, --plan and the check of all configs read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from ..core.config import check_threads

if TYPE_CHECKING:
    from .base import TaskType

ROWS = ("fbank", "fbank_stacked", "random", "models")
SETS = ("train", "dev", "test")
BINS, CONTEXT = 40, 3  # of the filter banks; the stacked ones see so many frames on either side
OPTIM = ("optimizer", "warmup", "weight_decay", "clip", "betas")  # of a task; where it says nothing, the run's
Optimizer = Literal["adamw", "adam", "sgd"]
RESERVED = ("row", "cost", "layers", "counts", "record", "times", "cache", "tasks")  # a task has <name>.json
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
    "utterances in an optimiser step; more take more memory and time per step"
    states: tuple[int, ...] = ()
    """hidden states of the network that the head gets, e.g. [0, 8, 16]; empty = all that the run has (cache_layers).
    With fewer states features take less memory, and the head cannot use the states left out"""
    folds: str = ""
    """table such as utt2spk or utt2session: train once for each of its values and test on that value, which is left
    out of training; dev is a fifth of the rest, drawn by the seed. All utterances are of `sets.train`; sets.dev and
    sets.test are not used. The predictions of all folds are scored together; empty = no folds"""
    optimizer: Optimizer | None = None
    "optimiser of this task; not given: the run's. The same holds for the four fields below"
    warmup: float | None = None
    "share of this task's steps in which the learning rate rises; not given: the run's"
    weight_decay: float | None = None
    "weight decay of this task; a larger value pulls weights to 0 more strongly; not given: the run's"
    clip: float | None = None
    """largest norm of this task's gradient, which is scaled down to it; larger limits less; 0: not limited; not given:
    the run's"""
    betas: tuple[float, float] | None = None
    "decay rates of the optimiser's two averages, for this task; not given: the run's"

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
            raise ValueError("lr must be one or several rates above 0")
        check_rising("states", self.states)
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


def check_optimiser(config: TaskConfig | TasksConfig) -> None:
    """Raise ValueError for a field of OPTIM that cannot be; None, which only a task has, is the run's value."""
    for name in ("weight_decay", "clip"):
        value = getattr(config, name)
        if value is not None and not value >= 0:
            raise ValueError(f"{name} must be at least 0, not {value}")
    if config.warmup is not None and not 0 <= config.warmup < 1:
        raise ValueError(f"warmup is a share of the steps: at least 0 and below 1, not {config.warmup}")
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
        loaded = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as e:
        raise ValueError(f"task type {name} cannot be imported: {e}") from None
    if not isinstance(loaded, TaskType):
        raise ValueError(f"task type {name} is a {type(loaded).__name__}, not a toolkit.tasks.base.TaskType")
    return loaded


def row_names(has_models: bool, freeze: bool) -> tuple[str, ...]:
    """The kinds of rows that are made where none is named."""
    return ("fbank", "fbank_stacked") if not has_models else ("random", "models") if freeze else ("models",)


@dataclass(frozen=True)
class TasksConfig:
    """Which rows, which tasks, and what they share."""

    tasks: dict[str, TaskConfig]
    "a section for each task; its name is that of the result files and of the table's column"
    sets: TaskSets = field(default_factory=TaskSets)
    "data directories of tasks that do not name their own"
    rows: tuple[str, ...] = ()
    """what is compared: fbank (filter banks), fbank_stacked (each with 3 frames on either side), random (a randomly
    initialised network of the shape of each model of --in), models (the models of --in). Empty: fbank and fbank_stacked
    without a model, else random and models, or models alone if freeze is false"""
    freeze: bool = True
    "true: networks only compute features; false: each task trains a copy of the network together with its head"
    freeze_convolutions: bool = True
    "with freeze: false, do not train the network's convolutional front end"
    encoder_lr: float = 0.1
    "with freeze: false, learning rate of the network as a multiple of the head's; larger changes the network more"
    layer_wise: bool = False
    """true: train a head on each hidden state alone instead of one on their weighted sum, to see what each layer knows;
    each row then gets layers.json instead of the other result files"""
    features: Literal["auto", "means", "frames", "stream"] = "auto"
    """how heads get the features of a frozen network. means: store each utterance's average over time; for tasks whose
    head does nothing nonlinear before it averages (classify). frames: store every frame until its network is done; MB =
    0.36 x hidden states x width x hours (24 layers and their input, width 1024: 9.2 GB an hour). stream: every frame,
    recomputed from the audio for each batch: no disk, much slower. auto: means where the task allows it, else frames,
    else (where those of one network do not fit on the disk) stream. All give the same figures"""
    cache_layers: tuple[int, ...] = ()
    """hidden states of a network that the heads get, e.g. [0, 8, 16, 24]; empty = all. Fewer states take less disk
    and time"""
    max_hours: float = 0.0
    "train on at most this many hours of each training set, drawn by the seed; 0 = all"
    seed: int = 1
    "seed of heads, order of batches, dropout, folds and intervals"
    random_seed: int = 1
    "seed of the randomly initialised network"
    optimizer: Optimizer = "adamw"
    """optimiser of tasks that name none: adamw (weight decay apart from the gradient), adam (weight decay added to the
    gradient), sgd (its momentum is the first of `betas`; 0 = plain gradient descent)"""
    warmup: float = 0.1
    "share of the steps in which the learning rate rises from 0; afterwards it falls linearly to 0"
    weight_decay: float = 0.01
    "weight decay; a larger value pulls weights to 0 more strongly"
    clip: float = 5.0
    "largest norm of the gradient: a longer one is scaled down to it; 0 = not limited"
    betas: tuple[float, float] = (0.9, 0.98)
    "decay rates of the optimiser's averages of the gradient and of its square; closer to 1 = averages over more steps"
    checkpoint_every: int = 200
    "steps between two checkpoints; a run that is killed repeats at most this many. It changes no result"
    min_speakers: int = 5
    "intervals resample speakers if the test set has at least this many, else utterances"
    threads: int = 1
    "CPU threads of each process; 1 is fastest for small heads, and --nj runs several processes"
    cost_seconds: float = 5.0
    "seconds of audio in the clip on which an upstream's latency and memory are measured (cost.json)"
    cost_utterances: int = 5
    "test utterances on which an upstream's real-time factor is measured; the median counts (cost.json)"

    def by_means(self, task: TaskConfig) -> bool:
        """True if the head of a task on a frozen network trains on the means of utterances."""
        return task.implementation.needs == "means" and self.features in ("auto", "means")

    @property
    def framed(self) -> set[str]:
        """Sets of which heads on frozen networks see whole frames."""
        return {task.sets.of(part) for task in self.tasks.values() if not self.by_means(task) for part in SETS}

    def states_of(self, task: TaskConfig, layers: int) -> tuple[int, ...]:
        """Numbers of the states that a task's head gets of a network of `layers` layers."""
        return task.states or self.cache_layers or tuple(range(layers + 1))

    def resolved(self, task: TaskConfig) -> TaskConfig:
        """The task with the run's value in each field of OPTIM that it does not set."""
        return replace(task, **{name: getattr(self, name) for name in OPTIM if getattr(task, name) is None})

    def __post_init__(self) -> None:
        self._check_numbers()
        unknown = [row for row in self.rows if row not in ROWS]
        if unknown:
            raise ValueError(f"rows: {', '.join(unknown)}; there are {', '.join(ROWS)}")
        check_rising("cache_layers", self.cache_layers)
        if self.layer_wise and not self.freeze:
            raise ValueError(
                "layer_wise needs freeze: true: an upstream that trains has no layer of its own to look at"
            )
        reserved = [name for name in self.tasks if name in RESERVED or "/" in name]
        if reserved:
            raise ValueError(f"tasks: {reserved[0]} cannot name a result file; choose another name")
        object.__setattr__(self, "tasks", {name: replace(t, sets=self._sets(t)) for name, t in self.tasks.items()})
        self._check_tasks()

    def _sets(self, task: TaskConfig) -> TaskSets:
        """Sets of a task by their own names; folds are all of its training set."""
        sets = task.sets.within(self.sets)
        return TaskSets(*[sets.train] * len(SETS)) if task.folds else sets

    def _check_tasks(self) -> None:
        """Raise ValueError for a task that does not go with the run's settings."""
        for name, task in self.tasks.items():
            if self.cache_layers and (absent := sorted({*task.states} - {*self.cache_layers})):
                raise ValueError(f"tasks.{name}.states: state {absent[0]} is not in cache_layers: add it there")
            if task.states and self.layer_wise:
                raise ValueError(f"tasks.{name}.states: with layer_wise a head gets one state; use cache_layers")
            if self.features == "means" and task.implementation.needs != "means":
                remedy = "choose auto, frames or stream"
                raise ValueError(f"features: means are not enough for task {name} of type {task.type}: {remedy}")

    def _check_numbers(self) -> None:
        check_threads("threads", self.threads)
        for name in ("checkpoint_every", "cost_utterances"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("max_hours", "seed", "random_seed"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not self.encoder_lr > 0:
            raise ValueError(f"encoder_lr must be above 0, not {self.encoder_lr}")
        check_optimiser(self)
        if not 0 < self.cost_seconds <= 3600:
            raise ValueError(f"cost_seconds must be above 0 and at most 3600, not {self.cost_seconds}")
