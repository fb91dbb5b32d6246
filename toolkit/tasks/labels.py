"""What task types that choose among labels have in common: classes, cross-entropy, accuracy and macro F1.

Shapes: T frames of an utterance (or 1, for the utterance itself), C classes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from ..core.results import Confusion, Metric
from .base import OUT, Example, Fitted, Notes, Scores, TaskData, TaskType, Unusable
from .task_config import TaskConfig

if TYPE_CHECKING:
    from ..models.heads import Head
    from ..train.engine.objective import Batch
    from ..train.objectives.classify import Features, ProbeObjective
    from .base import Array, Prediction

NONE = "<none>"  # in tables, a frame that has no label of the task
MACRO_F1 = Metric("macro_f1", "%", "high", "macro F1", "macro_f1", minor=True)


class LabelType(TaskType):
    """A task type that chooses among labels.

    Attributes:
        unit: what is counted: "frames" or "utterances".
    """

    unit: ClassVar[str] = "utterances"

    def objective(self, data: TaskData, features: Features, head: Head, feature_lr: float) -> ProbeObjective:
        from ..train.objectives.classify import Classify

        return Classify(features, head, feature_lr)

    def predict(self, data: TaskData, examples: Sequence[Example], objective: Any, batch: Batch) -> list[Prediction]:
        """The best class of every target of an example, by number [T]."""
        flat = objective.classes(batch).cpu()
        return [classes.numpy() for classes in flat.split([len(example.target) for example in examples])]

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        right, counted = right_and_counted(examples, predictions)
        return float(100.0 * right.sum() / counted.sum())

    def score(self, data: TaskData, fitted: Fitted, by_speaker: bool, seed: int) -> Scores:
        import numpy as np

        from ..score.items import Items, figure

        examples, labels = data.parts["test"], data.labels
        names = np.array([*labels, NONE])  # -1, no label of the task, is the last one
        items = Items(
            [e.id for e in examples],
            [e.utterance.speaker for e in examples],
            [" ".join(names[e.target]) for e in examples],
            [" ".join(names[np.asarray(fitted.predictions[e.id])]) for e in examples],
            {self.metric.name: np.stack(right_and_counted(examples, fitted.predictions), 1)},
            self.unit,
        )
        counts = items.confusions(labels).sum(0)
        return Scores(
            tuple(figure(metric, items, labels, by_speaker, seed) for metric in (self.metric, MACRO_F1)),
            items,
            conditions={"classes": labels},
            chance=100.0 * chance(data.parts["train"], examples, len(labels)),
            confusion=Confusion(tuple(labels), tuple(map(tuple, counts.tolist()))),
        )


def label_set(
    name: str, config: TaskConfig, seen: Mapping[str, Counter[str]], left_out: set[str], notes: Notes
) -> tuple[list[str], int]:
    """Labels of training, in order, then those that only dev or test have; and the number of the former.

    Args:
        seen: part -> how often each label is in it.
        left_out: labels that are none of the task.

    Raises Unusable where training has fewer than two.
    """
    known = sorted(seen["train"].keys() - left_out)
    if len(known) < 2:
        raise Unusable(
            f"it needs at least two labels in training and has {len(known)}: {', '.join(known) or 'none'}",
            f"task {name}: {config.sets.train}/{config.table}",
            OUT,
        )
    new: set[str] = set()
    for part in ("dev", "test"):
        unseen = seen[part].keys() - {*known, *left_out}
        notes.count(f"{name}.{part}.label unseen in training", sum(seen[part][label] for label in unseen))
        notes.count(f"{name}.{part}.labels of training that are absent", len({*known} - seen[part].keys()))
        new |= unseen
    return known + sorted(new), len(known)


def right_and_counted(examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> tuple[Array, Array]:
    """Right classes and labelled ones of each utterance."""
    import numpy as np

    right = np.array([np.sum(np.asarray(predictions[e.id]) == e.target) for e in examples], np.float64)
    return right, np.array([np.sum(e.target >= 0) for e in examples], np.float64)


def chance(train: Sequence[Example], test: Sequence[Example], classes: int) -> float:
    """Accuracy, 0 to 1, on `test` of always answering the class (of so many) that is most frequent in `train`.

    That is what can be known unheard: which class is most frequent in the test set, only its labels tell. Of equally
    frequent ones it is the first; frames without a class do not count.
    """
    import numpy as np

    known_C, given_C = (
        np.sum([np.bincount(e.target[e.target >= 0], minlength=classes) for e in part], axis=0)
        for part in (train, test)
    )
    return float(given_C[known_C.argmax()] / given_C.sum())
