"""Configuration of a run of downstream tasks: rows, tasks, and what they share.

This file imports no torch: --list, --plan and the check of all configs read it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ..core.config import check_threads
from .task_config import OPTIM, SETS, Optimizer, Schedule, TaskConfig, TaskSets, check_optimiser, check_rising

Protocol = Literal["strict", "superb-compat", "star"]
ROWS = ("fbank", "fbank_stacked", "random", "models")
BINS, CONTEXT = 40, 3  # of the filter banks; the stacked ones see so many frames on either side
RESERVED = ("row", "cost", "layers", "counts", "record", "times", "cache", "tasks")  # a task has <name>.json


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
    only: tuple[str, ...] = ()
    "tasks to do, of those in `tasks`; empty = all"
    folders: int = 1
    """how many of the inputs, from the first on, are folders of data directories; the others are models. A data
    directory is looked for in all of these folders"""
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
    protocol: Protocol = "strict"
    """what may be chosen on what, and how features are made; every result names it. strict: all is chosen on dev, and
    no feature depends on the other utterances of a batch. superb-compat: as the code of the SUPERB benchmark:
    utterances of a batch are padded to one length and their features computed for each batch, which padding changes a
    little (slow: the network computes in each step). star: as superb-compat, a name for rows with the rates of STaR"""
    standardise: bool = True
    """true: each hidden state is standardised by its mean and deviation in training before they are mixed (ours);
    false: they are mixed as they are, as in SUPERB"""
    final_norm: bool = False
    """true: the last hidden state of a network with norms before its branches (large, XLS-R) is taken after its final
    LayerNorm, as in SUPERB; false: before it, as all other states"""
    seed: int = 1
    "seed of heads, order of batches, dropout, folds and intervals"
    random_seed: int = 1
    "seed of the randomly initialised network"
    optimizer: Optimizer = "adamw"
    """optimiser of tasks that name none: adamw (weight decay apart from the gradient), adam (weight decay added to the
    gradient), sgd (its momentum is the first of `betas`; 0 = plain gradient descent)"""
    schedule: Schedule = "linear"
    "learning rate after the warm-up: linear: falls to 0; cosine: falls to 0 along half a cosine; constant: stays"
    warmup: float = 0.1
    "length of the warm-up, in which the learning rate rises from 0: a share of the steps or, from 1 on, so many steps"
    weight_decay: float = 0.01
    "weight decay; a larger value pulls weights to 0 more strongly"
    clip: float = 5.0
    "largest norm of the gradient: a longer one is scaled down to it; 0 = not limited"
    betas: tuple[float, float] = (0.9, 0.98)
    "decay rates of the optimiser's averages of the gradient and of its square; closer to 1 = averages over more steps"
    eps: float = 1e-6
    "small number in Adam's denominator; larger damps steps of small gradients"
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
        wanted = self.features in ("auto", "means") and not self.pads
        return wanted and task.implementation.needs == "means"

    @property
    def pads(self) -> bool:
        """True if the protocol computes features for each batch, padded to one length."""
        return self.protocol != "strict"

    @property
    def framed(self) -> set[str]:
        """Sets of which heads on frozen networks see whole frames that were computed before."""
        if self.pads:
            return set()
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
        if absent := [name for name in self.only if name not in self.tasks]:
            raise ValueError(f"only: there is no task {absent[0]}; there are {', '.join(self.tasks)}")
        chosen = {name: task for name, task in self.tasks.items() if name in (self.only or self.tasks)}
        object.__setattr__(self, "tasks", {name: replace(task, sets=self._sets(task)) for name, task in chosen.items()})
        self._check_tasks()
        self._check_protocol()

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
            if task.crop_seconds and task.implementation.needs != "means":
                problem = f"tasks.{name}.crop_seconds: a head of type {task.type} needs whole utterances"
                raise ValueError(f"{problem}; leave it at 0")
            if task.gain_db and not self.pads:
                problem = f"tasks.{name}.gain_db: protocol {self.protocol} computes features once, for all tasks"
                raise ValueError(f"{problem}; leave it at 0, or choose superb-compat")

    def _check_protocol(self) -> None:
        """Raise ValueError for settings that contradict the protocol."""
        if not self.pads:
            return
        wanted = {"freeze": True, "standardise": False, "layer_wise": False, "features": "auto"}
        for name, value in wanted.items():
            if getattr(self, name) != value:
                told = str(value).lower()
                raise ValueError(f"protocol {self.protocol} needs {name}: {told}, not {getattr(self, name)}")

    def _check_numbers(self) -> None:
        check_threads("threads", self.threads)
        for name in ("checkpoint_every", "cost_utterances", "folders"):
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
