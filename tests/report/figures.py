"""Metrics, figures, systems and results of tasks, as tasks.fit writes them. All values are made up."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from toolkit.core.files import write_json
from toolkit.core.results import ITEMS, Chosen, Confusion, Cost, Figure, Metric, Pair, System, TaskResult
from toolkit.core.schema import dump
from toolkit.score.items import Items, write_items

ACCURACY = Metric("accuracy", "%", "high", "acc.")
CER, WER = Metric("cer", "%", "low", "CER"), Metric("wer", "%", "low", "WER")
CER_BEAM = Metric("cer_beam", "%", "low", "CER by beam search", minor=True)
WER_BEAM = Metric("wer_beam", "%", "low", "WER by beam search", minor=True)
DIALECTS = ["ALG", "JOR", "PAL", "UAE", "YEM"]
EMOTIONS = ["angry", "happy", "neutral", "sad"]
PHONES = list("abdfhijklmnqrstuwzðħšɣʔʕ")


@dataclass(frozen=True)
class Made:
    """A task: how it is called, its type, what decides, what is counted and drawn, its labels."""

    title: str
    type: str
    metric: Metric
    n: int = 205
    unit: str = "utterances"
    blocks: str = "speaker"
    labels: tuple[str, ...] = ()


TASKS = {
    "phone": Made("phone", "frames", ACCURACY, 20111, "frames", labels=tuple(PHONES)),
    "asr": Made("ASR", "ctc", CER, blocks="utterance"),
    "dialect": Made("dialect", "classify", ACCURACY, labels=tuple(DIALECTS)),
    "emotion": Made("emotion", "classify", ACCURACY, labels=tuple(EMOTIONS)),
}
HALF = 2.3
"""points from a figure to the ends of its interval"""


def figure(metric: Metric, value: float, half: float = HALF, **about: Any) -> Figure:
    about = {"n": 205, "unit_of_n": "utterances", "blocks": "speaker", "block_count": 9, **about}
    return Figure(metric, value, value - half, value + half, **about)


def result(system: str, task: str, percent: float, layers: int = 0, **more: Any) -> TaskResult:
    """<task>.json of a system."""
    made = TASKS[task]
    about = {"n": made.n, "unit_of_n": made.unit, "blocks": made.blocks, "block_count": 9 if made.labels else made.n}
    figures = [figure(made.metric, percent, **about)]
    if task == "asr":
        figures.append(Figure(WER, percent + 20, percent + 17, percent + 22.5, **about))  # type: ignore[arg-type]
    weights = [abs(math.sin(1 + i + len(system) + len(task))) for i in range(layers + 1)] if layers else []
    about = {
        "figures": tuple(figures),
        "references": items().digest,
        "chosen": Chosen(0.01, layer_weights=tuple(w / sum(weights) for w in weights) or None),
        "chance": 100 / len(made.labels) if made.labels else None,
        "confusion": confusion(made.labels, percent) if made.labels else None,
        "steps": 300,
        **more,
    }
    return TaskResult(system, task, made.title, made.type, **about)


def confusion(labels: tuple[str, ...], percent: float) -> Confusion:
    rest, names = (100 - percent) / (len(labels) - 1), range(len(labels))
    rows = ((percent if i == j else rest * (1 + 0.5 * math.sin(i + j)) for j in names) for i in names)
    return Confusion(labels, tuple(tuple(map(round, row)) for row in rows))


def items() -> Items:
    """Three utterances: the report looks at figures, not at what they are counted over."""
    ids = ["PAL-s01-test-001", "PAL-s01-test-002", "YEM-s02-test-003"]
    counts = {"cer": np.array([[1.0, 9.0], [0.0, 8.0], [2.0, 7.0]])}
    return Items(ids, [id[:7] for id in ids], ["نعم", "لا", "ربما"], ["نعم", "لا", "رب"], counts)


def write_system(folder: Path, system: System, results: list[TaskResult], cost: Cost | None = None) -> None:
    """The folder of a system in a run of tasks."""
    write_json(folder / "row.json", dump(system))
    if cost:
        write_json(folder / "cost.json", dump(cost))
    for of_task in results:
        write_json(folder / f"{of_task.task}.json", dump(of_task))
        write_items(folder / (of_task.task + ITEMS), items())


def pair(system: str, against: str, task: str, gap: float, half: float, metric: Metric | None = None) -> Pair:
    """A paired test whose interval is that far from the difference on either side."""
    made = TASKS.get(task)
    return Pair(task, system, against, figure(metric or (made.metric if made else ACCURACY), gap, half))
