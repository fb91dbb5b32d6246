"""Task type `classify`: a class for an utterance, such as its dialect: Linear, mean over time, Linear; accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from ...core.results import Metric
from ..base import Collected, Example, Notes, TaskData
from ..labels import LabelType, label_set, right_and_counted
from ..task_config import TaskConfig

if TYPE_CHECKING:
    import numpy as np
    import torch

    from ...models.heads import Head, LayerMix
    from ..base import Prediction


@dataclass(frozen=True)
class ClassifyTask(TaskConfig):
    """`label` names the table. Utterances that it calls `unknown` are always left out."""

    LARGEST: ClassVar[dict[str, int]] = {**TaskConfig.LARGEST, "hidden": 65536}

    hidden: int = 128
    "width of the projection"
    balanced: bool = False
    """true: training draws each class equally often, and the mean of the classes' accuracies on dev chooses: for sets
    that are mostly of one class; false: every utterance once each time round"""

    def __post_init__(self) -> None:
        self.check_least("hidden")
        super().__post_init__()
        if not self.label:
            raise ValueError("a task of type classify needs a label: the table with its labels, e.g. utt2lang")


class Classify(LabelType):
    """A class for every utterance. The head is linear up to the mean over time, so it needs means alone."""

    config = ClassifyTask
    needs = "means"
    metric = Metric("accuracy", "%", "high", "acc.")

    def read(self, name: str, config: ClassifyTask, collected: Collected, rate: float, notes: Notes) -> TaskData:
        import numpy as np

        from ...data.kaldi import UNKNOWN

        seen = {part: Counter(str(label) for *_, label in rows) for part, rows in collected.items()}
        labels, classes = label_set(name, config, seen, {*config.exclude, UNKNOWN}, notes)
        number = {label: i for i, label in enumerate(labels)}
        parts: dict[str, list[Example]] = {}
        for part, rows in collected.items():
            kept = [row for row in rows if row[3] in number]
            notes.count(f"{name}.{part}.label excluded", len(rows) - len(kept))
            parts[part] = [
                Example(utterance, u, np.array([number[label]], np.int64), label) for utterance, u, _, label in kept
            ]
        return TaskData(name, config, parts, labels, classes)

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import PooledHead

        return PooledHead(mix, data.config.hidden, data.classes, generator)

    def order(self, data: TaskData, order: list[int], rng: np.random.Generator) -> list[int]:
        """With `balanced` as many draws as there are examples, with replacement: a class, then one of its examples."""
        if not data.config.balanced:
            return order
        of_class: dict[int, list[int]] = {}
        for i, example in enumerate(data.parts["train"]):
            of_class.setdefault(int(example.target[0]), []).append(i)
        classes = [of_class[k] for k in sorted(of_class)]
        drawn = rng.integers(len(classes), size=len(order)).tolist()
        return [classes[k][int(share * len(classes[k]))] for k, share in zip(drawn, rng.random(len(order)).tolist())]

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        """Accuracy; with `balanced` the mean of the accuracies of the classes that the examples have."""
        if not data.config.balanced:
            return super().figure(data, examples, predictions)
        import numpy as np

        right, counted = right_and_counted(examples, predictions)
        classes = np.array([e.reference for e in examples])
        means = [right[classes == k].sum() / max(counted[classes == k].sum(), 1) for k in np.unique(classes)]
        return float(100 * np.mean(means))

    def may_draw_speakers(self, examples: Sequence[Example]) -> bool:
        """Not where each label has one speaker (one per language): speakers drawn anew would lose labels."""
        pairs = {(example.utterance.speaker, int(example.target[0])) for example in examples}
        return len(pairs) != len({label for _, label in pairs})


TYPE = Classify()
