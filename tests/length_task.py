"""A task type of one's own, outside of the toolkit: into which part of the lengths of training an utterance falls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from toolkit.core.results import Metric
from toolkit.data.kaldi import DataDir
from toolkit.models.heads import PooledHead
from toolkit.tasks.base import Collected, Example, Notes, TaskData
from toolkit.tasks.labels import LabelType
from toolkit.tasks.task_config import TaskConfig


@dataclass(frozen=True)
class LengthTask(TaskConfig):
    """Lengths need no table but utt2dur."""

    TABLE: ClassVar[str] = "utt2dur"

    parts: int = 2
    "parts of equal size"


class Length(LabelType):
    """The part of the lengths of training that an utterance's length falls into."""

    config = LengthTask
    needs = "means"
    metric = Metric("accuracy", "%", "high")

    def labels(self, config: LengthTask, data: DataDir) -> Mapping[str, Any]:
        return {utterance.id: utterance.seconds for utterance in data}

    def read(self, name: str, config: LengthTask, collected: Collected, rate: float, notes: Notes) -> TaskData:
        edges = np.quantile([row[3] for row in collected["train"]], np.arange(1, config.parts) / config.parts)
        labels = [f"part {n + 1}" for n in range(config.parts)]
        parts = {
            part: [
                Example(utterance, u, np.array([k := int(np.searchsorted(edges, seconds))]), labels[k])
                for utterance, u, _, seconds in rows
            ]
            for part, rows in collected.items()
        }
        return TaskData(name, config, parts, labels, config.parts)

    def head(self, data: TaskData, mix: Any, generator: Any) -> PooledHead:
        return PooledHead(mix, 8, data.classes, generator)


TYPE = Length()
