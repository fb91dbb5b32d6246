"""From predictions to the result files of a task: <task>.json, <task>.hyp, <task>.counts.tsv, and those of its type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core.files import atomic, read_json, write_json, write_text
from ..score.bootstrap import CONFIDENCE
from .base import Fitted, TaskData, lines_of
from .config import TasksConfig
from .upstream import Row


def write_results(folder: Path, row: Row, config: TasksConfig, data: TaskData, fitted: Fitted) -> None:
    """Score the test predictions and write the files of the task into `folder`."""
    examples, task = data.parts["test"], data.config
    speakers = [e.utterance.speaker for e in examples]
    by_speaker = len(set(speakers)) >= config.min_speakers and task.implementation.may_draw_speakers(examples)
    scores = task.implementation.score(data, fitted, speakers if by_speaker else None, config.seed)
    for name, content in scores.files.items():
        with atomic(folder / name) as temporary:
            temporary.write_bytes(content)
    write_json(
        folder / f"{data.name}.json",
        {
            **scores.figures,
            "row": row.row,
            "of": row.of,
            "frozen": row.frozen,
            "task": data.name,
            "type": task.type,
            "blocks": "speaker" if by_speaker else "utterance",
            "block_count": len(set(speakers)) if by_speaker else len(examples),
            "confidence": round(CONFIDENCE),
            "layer_weights": fitted.layer_weights if len(fitted.layer_weights) > 1 else None,
            "best_lr": fitted.lr,
            "dev_percent_by_lr": {f"{lr:g}": percent for lr, percent in fitted.dev.items()},
            **({"diverged_lr": list(fitted.diverged)} if fitted.diverged else {}),
            "steps": task.steps,
            "sets": {"train": task.sets.train, "dev": task.sets.dev, "test": task.sets.test},
        },
    )
    write_text(folder / f"{data.name}.hyp", lines_of(examples, scores.lines))
    table = zip(examples, speakers, scores.counts, strict=True)
    rows = (f"{e.id}\t{speaker}\t{a:.0f}\t{b:.0f}\n" for e, speaker, (a, b) in table)
    write_text(folder / f"{data.name}.counts.tsv", "utterance\tspeaker\tcounted\tof\n" + "".join(rows))


def by_layer(task: str, folders: Mapping[int, Path]) -> dict[str, Any]:
    """What layers.json says of a task. `folders`: layer -> folder with the result files of its head."""
    results = {layer: read_json(folder / f"{task}.json") for layer, folder in folders.items()}
    shared = ("metric", "n", "unit_of_n", "blocks", "block_count", "confidence", "chance_percent")
    own = ("percent", "low", "high", "agreeing", "best_lr")
    layers = [
        {"layer": layer, "dev_percent": result["dev_percent_by_lr"][f"{result['best_lr']:g}"]}
        | {name: result[name] for name in own if name in result}
        for layer, result in results.items()
    ]
    return {name: next(iter(results.values()))[name] for name in shared} | {"layers": layers}
