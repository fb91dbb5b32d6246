"""Task type `slots`: several labels of an utterance, such as the parts of an intent; accuracy, all of them right.

One head: Linear, mean over time, Linear, whose outputs are the values of slot 1, then those of slot 2, ...
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.results import Metric
from ..base import OUT, Collected, Example, Fitted, Notes, Scores, TaskData, TaskType, Unusable
from ..task_config import TaskConfig

if TYPE_CHECKING:
    import torch

    from ...models.heads import Head, LayerMix
    from ...train.engine.objective import Batch
    from ...train.objectives.classify import Features, ProbeObjective
    from ..base import Array, Prediction


@dataclass(frozen=True)
class SlotsTask(TaskConfig):
    """Each label has as many words, parted by spaces, as there are slots: `activate lights kitchen`."""

    TABLE: ClassVar[str] = "utt2intent"
    LARGEST: ClassVar[dict[str, int]] = {**TaskConfig.LARGEST, "hidden": 65536}

    hidden: int = 128
    "width of the projection"
    slots: tuple[str, ...] = ("action", "object", "location")
    "names of the slots, in the order of a label's words"

    def __post_init__(self) -> None:
        self.check_least("hidden")
        super().__post_init__()
        if not self.slots or len({*self.slots, "accuracy"}) <= len(self.slots):
            raise ValueError(f"slots must be one or several names, each once and none accuracy, not {list(self.slots)}")


@dataclass(frozen=True)
class SlotData(TaskData):
    """Slots, and the values of each that training has."""

    values: tuple[tuple[str, ...], ...]


class SlotsType(TaskType):
    """Intent classification as in SUPERB. The head is linear up to the mean over time, so it needs means alone."""

    config = SlotsTask
    needs = "means"
    metric = Metric("accuracy", "%", "high", "acc.")

    def read(self, name: str, config: SlotsTask, collected: Collected, rate: float, notes: Notes) -> SlotData:
        import numpy as np

        cut = {part: [(*row[:3], str(row[3])) for row in rows] for part, rows in collected.items()}
        for part, rows in cut.items():
            _refuse_other_counts(name, config, part, rows)
            cut[part] = [row for row in rows if row[3] not in config.exclude]
            notes.count(f"{name}.{part}.label excluded", len(rows) - len(cut[part]))
        columns = list(zip(*(row[3].split() for row in cut["train"]), strict=True)) or [()] * len(config.slots)
        values = tuple(tuple(sorted(set(column))) for column in columns)
        if max(map(len, values)) < 2:
            where = f"task {name}: {config.sets.train}/{config.table}"
            raise Unusable("no slot has two values in training", where, OUT)
        number = [{value: i for i, value in enumerate(of_slot)} for of_slot in values]
        parts: dict[str, list[Example]] = {}
        for part, rows in cut.items():
            unseen: Counter[str] = Counter()
            parts[part] = []
            for utterance, u, _, label in rows:
                words = label.split()
                unseen.update(s for s, of_slot, word in zip(config.slots, number, words) if word not in of_slot)
                # A value that training does not have cannot be guessed: the utterance counts as wrong.
                target = np.array([of_slot.get(word, -1) for of_slot, word in zip(number, words)], np.int64)
                parts[part].append(Example(utterance, u, target, " ".join(words)))
            for slot, count in unseen.items():
                notes.count(f"{name}.{part}.{slot} unseen in training", count)
        return SlotData(name, config, parts, [], sum(map(len, values)), values)

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import PooledHead

        return PooledHead(mix, data.config.hidden, data.classes, generator)

    def objective(self, data: Any, features: Features, head: Head, feature_lr: float) -> ProbeObjective:
        from ...train.objectives.slots import Slots

        return Slots(features, head, [len(of_slot) for of_slot in data.values], feature_lr)

    def predict(self, data: Any, examples: Sequence[Example], objective: Any, batch: Batch) -> list[Prediction]:
        """The values, as a label is written."""
        return [
            " ".join(of_slot[i] for of_slot, i in zip(data.values, row)) for row in objective.values(batch).tolist()
        ]

    def figure(self, data: TaskData, examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> float:
        return float(100 * _right(examples, predictions).all(1).mean())

    def score(self, data: Any, fitted: Fitted, by_speaker: bool, seed: int) -> Scores:
        import numpy as np

        from ...score.items import Items, figure

        examples = data.parts["test"]
        right_NS = _right(examples, fitted.predictions)
        columns = {self.metric.name: right_NS.all(1), **dict(zip(data.config.slots, right_NS.T))}
        items = Items(
            [e.id for e in examples],
            [e.utterance.speaker for e in examples],
            [e.reference for e in examples],
            [str(fitted.predictions[e.id]) for e in examples],
            {name: np.stack([right, np.ones(len(right))], 1).astype(float) for name, right in columns.items()},
        )
        metrics = [Metric(slot, "%", "high", f"{slot} acc.", minor=True) for slot in data.config.slots]
        return Scores(
            tuple(figure(metric, items, (), by_speaker, seed) for metric in (self.metric, *metrics)),
            items,
            conditions={"slots": dict(zip(data.config.slots, map(list, data.values)))},
            chance=_chance(data.parts["train"], examples),
        )


def _refuse_other_counts(name: str, config: SlotsTask, part: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Raise Unusable for a label that has another number of words than there are slots."""
    for utterance, _, _, label in rows:
        if len(label.split()) != len(config.slots):
            reason = f"{utterance.id} has {label!r}, which is not {len(config.slots)} words: {' '.join(config.slots)}"
            raise Unusable(reason, f"task {name}: {config.sets.of(part)}/{config.table}", OUT)


def _right(examples: Sequence[Example], predictions: Mapping[str, Prediction]) -> Array:
    """True [N, S] where the value of a slot is right."""
    import numpy as np

    pairs = [(e.reference.split(), str(predictions[e.id]).split()) for e in examples]
    return np.array([[r == a for r, a in zip(reference, answer, strict=True)] for reference, answer in pairs])


def _chance(train: Sequence[Example], test: Sequence[Example]) -> float:
    """Accuracy, percent, of always giving the most frequent label of training, the first of equals."""
    counts = Counter(e.reference for e in train)
    most = min(counts, key=lambda label: (-counts[label], label))
    return 100.0 * sum(e.reference == most for e in test) / len(test)


TYPE = SlotsType()
