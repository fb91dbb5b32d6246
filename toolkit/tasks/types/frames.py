"""Task type `frames`: a class for every frame, such as its phone; one Linear, scored by frame accuracy."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ...core.results import Metric
from ..base import Collected, Example, Notes, TaskData
from ..labels import LabelType, label_set
from ..task_config import TaskConfig

if TYPE_CHECKING:
    import torch

    from ...data.kaldi import DataDir
    from ...models.heads import Head, LayerMix


@dataclass(frozen=True)
class FramesTask(TaskConfig):
    """Labels are spans of time: lines `utterance 1 start duration label`, seconds."""

    TABLE: ClassVar[str] = "phones.ctm"


class Frames(LabelType):
    """A class for every frame."""

    config = FramesTask
    metric = Metric("frame_accuracy", "%", "high", "frame acc.")
    unit = "frames"

    def labels(self, config: FramesTask, data: DataDir) -> Mapping[str, Any]:
        from ...units.phones import phones_of

        return phones_of(data, config.table)[0]

    def doubts(self, config: FramesTask, data: DataDir) -> list[str]:
        from ...units.phones import phones_of

        return phones_of(data, config.table)[1]

    def names(self, label: Any) -> Iterable[str]:
        return (phone for *_, phone in label)

    def read(self, name: str, config: FramesTask, collected: Collected, rate: float, notes: Notes) -> TaskData:
        import numpy as np

        from ...train.objectives.classify import NO_LABEL
        from ...units.phones import phone_frames

        framed = {
            part: [(utterance, u, phone_frames(spans, frames, rate)) for utterance, u, frames, spans in rows]
            for part, rows in collected.items()
        }
        seen = {part: Counter(p for _, _, phones in rows for p in phones) for part, rows in framed.items()}
        labels, classes = label_set(name, config, seen, {*config.exclude, ""}, notes)
        number = {label: i for i, label in enumerate(labels)}
        parts: dict[str, list[Example]] = {}
        for part, rows in framed.items():
            parts[part] = []
            for utterance, u, phones in rows:
                # A label that training does not know cannot be trained on or guessed: always wrong in test.
                target = np.array([number.get(p, NO_LABEL) for p in phones], np.int64)
                if (target == NO_LABEL).all():
                    notes.ledger.drop(utterance.id, "no labelled frame", f"task {name}")
                else:
                    parts[part].append(Example(utterance, u, target, " ".join(p or "-" for p in phones)))
        return TaskData(name, config, parts, labels, classes)

    def head(self, data: TaskData, mix: LayerMix, generator: torch.Generator) -> Head:
        from ...models.heads import FrameHead

        return FrameHead(mix, data.classes, generator)


TYPE = Frames()
