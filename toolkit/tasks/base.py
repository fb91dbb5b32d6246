"""What a task type is: one class that knows how a task reads its data, learns, predicts and is scored.

A type is the object TYPE of a file of toolkit/tasks/types/, or one of your own, named `module:NAME` in the config. A
task is a YAML section that names its type. Nothing else in the toolkit knows types or tasks by name.

This file and those of the types import neither torch nor numpy when they are imported, so that --list and --plan stay
quick; their methods import what they need.

Shapes: T frames of an utterance, B utterances of a batch, N frames of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from ..core.errors import UserError
from ..core.results import Confusion, Figure, Metric
from .task_config import TaskConfig

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import torch
    from torch import Tensor

    from ..core.record import Ledger
    from ..data.kaldi import DataDir, Utterance
    from ..models.heads import Head, LayerMix
    from ..score.items import Items
    from ..train.engine.objective import Batch
    from ..train.objectives.classify import Features, ProbeObjective

    Array = np.ndarray[Any, np.dtype[Any]]
    Prediction = Array | str  # classes of the frames [T] or of the utterance [1]; a transcript

OUT = "see the labels and `exclude`, name another set under `sets`, or take the task out"


class Unusable(UserError):
    """A task that its data cannot serve; the other tasks can still be done."""


@dataclass(frozen=True)
class Example:
    """An utterance of a task.

    Attributes:
        u: its number among the set's features.
        target: class of each frame [T], of the utterance [1], or the tokens to spell, as numbers.
        reference: what it is scored against: a label, or a transcript; for frames their labels.
    """

    utterance: Utterance
    u: int
    target: Array
    reference: str

    @property
    def id(self) -> str:
        return self.utterance.id


@dataclass
class Notes:
    """What a row tells the record: the ledger's rows, counts by name, and what is kept with a warning.

    Attributes:
        warned: (id, reason, detail) of utterances.
    """

    ledger: Ledger
    counts: dict[str, float] = field(default_factory=dict)
    warned: list[tuple[str, str, str]] = field(default_factory=list)

    def count(self, name: str, amount: float = 1) -> None:
        if amount:
            self.counts[name] = self.counts.get(name, 0) + amount


# Part -> (utterance, its number among the set's features, its frames, its raw label).
Collected = Mapping[str, Sequence[tuple["Utterance", int, int, Any]]]


@dataclass(frozen=True)
class TaskData:
    """A task ready to train.

    Attributes:
        name: of the task; config: its section.
        parts: examples of train, dev and test.
        labels: labels of training, then those that only dev or test have; empty if the task has none.
        classes: classes of the head.
    """

    name: str
    config: Any
    parts: dict[str, list[Example]]
    labels: list[str]
    classes: int


@dataclass(frozen=True)
class Scores:
    """The figures of a task on its test set.

    Attributes:
        figures: the one that decides, then others.
        items: what they are counted over: every example of the test set, in its order.
        conditions: beside the sets, what two results must share to be compared: the classes, the tokens.
        chance: the deciding figure, in percent, of always giving the most frequent answer of training.
        settings: what was chosen on dev beside the learning rate.
        files: further files beside the result, by name.
    """

    figures: tuple[Figure, ...]
    items: Items
    conditions: dict[str, Any] = field(default_factory=dict)
    chance: float | None = None
    confusion: Confusion | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A trained task.

    Attributes:
        dev: learning rate -> figure on dev (percent), for those that were tried.
        predictions: of the test set, by utterance id.
        layer_weights: share of each state in the mix.
        weights: state of the trained head, and of the upstream where it was trained too.
        further: what the type made of the test set beside the predictions (`TaskType.further`).
        diverged: learning rates with which training did not end well; they have no figure.
        step: the step that was best on dev; None: the last one.
    """

    lr: float
    dev: dict[float, float]
    predictions: dict[str, Prediction]
    layer_weights: list[float]
    weights: dict[str, Tensor]
    further: Any = None
    diverged: tuple[float, ...] = ()
    step: int | None = None


Batches = Callable[[str], "Iterator[tuple[Sequence[Example], Batch]]"]  # part -> its examples with their batch


class TaskType:
    """A type of task.

    Attributes:
        config: class of its YAML section, a subclass of TaskConfig.
        needs: what its head needs of a frozen upstream: "frames", or "means" of each utterance.
        metric: the figure that decides on dev.
    """

    config: ClassVar[type[TaskConfig]] = TaskConfig
    needs: ClassVar[Literal["frames", "means"]] = "frames"
    metric: ClassVar[Metric]

    def labels(self, config: Any, data: DataDir) -> Mapping[str, Any]:
        """Raw label of each utterance of a set, by utterance id; the file with them is there."""
        return data.tables.get(config.table, {})

    def doubts(self, config: Any, data: DataDir) -> list[str]:
        """Warnings about the raw labels of a set; the file with them is there."""
        return []

    def names(self, label: Any) -> Iterable[str]:
        """The labels within a raw label, which `exclude` may name."""
        return [str(label)]

    def read(self, name: str, config: Any, collected: Collected, rate: float, notes: Notes) -> TaskData:
        """Examples of task `name`. `rate`: frames per second. What is left out goes to `notes`.

        Raises Unusable for data that cannot serve the task.
        """
        raise NotImplementedError

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        """The head before training, with initial values from `generator`."""
        raise NotImplementedError

    def objective(self, data: TaskData, features: Features, head: Head, feature_lr: float) -> ProbeObjective:
        """The head with its loss."""
        raise NotImplementedError

    def targets(self, examples: Sequence[Example]) -> dict[str, Array]:
        """What a batch holds beside the features."""
        import numpy as np

        return {"targets": np.concatenate([example.target for example in examples])}

    def order(self, data: TaskData, order: list[int], rng: np.random.Generator) -> list[int]:
        """The order in which one pass goes through the training examples, from a random one."""
        return order

    def predict(self, data: TaskData, examples: Sequence[Example], objective: Any, batch: Batch) -> list[Prediction]:
        """Predictions for the examples of a batch, in their order."""
        raise NotImplementedError

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        """`metric` of a set, in percent: what chooses on dev."""
        raise NotImplementedError

    def further(self, data: TaskData, objective: Any, batches: Batches, folder: Path) -> Any:
        """What else is made of dev and test with the chosen head, e.g. a beam search. `folder` survives a kill."""
        return None

    def may_draw_speakers(self, examples: Sequence[Example]) -> bool:
        """True if intervals may be drawn over the speakers of these examples."""
        return True

    def score(self, data: TaskData, fitted: Fitted, by_speaker: bool, seed: int) -> Scores:
        """Figures of the test set with intervals. `by_speaker`: a speaker's examples are drawn together, else alone."""
        raise NotImplementedError


def lines_of(examples: Sequence[Example], lines: Sequence[str]) -> str:
    """A table `utterance prediction`."""
    return "".join(f"{e.id} {line}".rstrip() + "\n" for e, line in zip(examples, lines, strict=True))
