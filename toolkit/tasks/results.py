"""From predictions to the result files of a task: <task>.json, <task>.hyp, <task>.items.tsv, and those of its type."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ..core.errors import UserError
from ..core.files import atomic, write_json, write_text
from ..core.results import ITEMS, ON_TEST, Chosen, Fold, LayerFigures, System, TaskResult
from ..core.schema import dump, read
from ..score.items import write_items
from .base import Fitted, TaskData, lines_of
from .config import TasksConfig
from .folds import mean_of
from .task_config import TaskConfig
from .upstream import Row, Upstream


def system_of(row: Row, seed: int, upstream: Upstream | None = None) -> System:
    """A row as results know it. `seed`: of random weights; `upstream`: what row.json tells the size of."""
    macs = upstream.macs if upstream else None
    return System(
        row.row,
        row.title,
        row.arm,
        row.of,
        seed if row.arm == "random" else None,
        frozen=row.frozen,
        parameters=upstream.parameters if upstream else None,
        layers=upstream.layers if upstream else None,
        dim=upstream.dim if upstream else None,
        macs_products=macs.products if macs else None,
        macs_benchmark=macs.benchmark if macs else None,
    )


def write_results(
    folder: Path, row: Row, config: TasksConfig, data: TaskData, fitted: Fitted, folds: tuple[Fold, ...] = ()
) -> None:
    """Score the test predictions and write the files of the task into `folder`. `folds`: which made them together."""
    examples, task = data.parts["test"], data.config
    speakers = {e.utterance.speaker for e in examples}
    by_speaker = len(speakers) >= config.min_speakers and task.implementation.may_draw_speakers(examples)
    scores = task.implementation.score(data, fitted, by_speaker, config.seed)
    for name, content in scores.files.items():
        with atomic(folder / name) as temporary:
            temporary.write_bytes(content)
    weights = tuple(fitted.layer_weights) if len(fitted.layer_weights) > 1 else None
    settings = {**scores.settings, **({} if fitted.step is None else {"step": fitted.step})}
    dev = {f"{lr:g}": percent for lr, percent in fitted.dev.items()}
    result = TaskResult(
        system=row.row,
        task=data.name,
        title=task.title or data.name,
        type=task.type,
        figures=(*scores.figures, *([mean_of(folds, scores.figures[0].metric)] if folds else [])),
        references=scores.items.digest,
        protocol=_protocol(config, data, fitted),
        conditions={**scores.conditions, **_pieces(task), "sets": [task.sets.train, task.sets.dev, task.sets.test]},
        chosen=Chosen(fitted.lr, dev, fitted.diverged, weights, settings),
        chance=scores.chance,
        confusion=scores.confusion,
        steps=task.steps,
        folds=folds,
        states=task.states,
    )
    write_json(folder / f"{data.name}.json", dump(result))
    write_text(folder / f"{data.name}.hyp", lines_of(examples, scores.items.answers))
    write_items(folder / (data.name + ITEMS), scores.items)


def _protocol(config: TasksConfig, data: TaskData, fitted: Fitted) -> str:
    """The run's protocol, unless a rate or a step was chosen on utterances that are scored."""
    shared = {e.id for e in data.parts["dev"]} & {e.id for e in data.parts["test"]}
    chosen = len(fitted.dev) > 1 or fitted.step is not None
    return ON_TEST if shared and chosen and not data.config.folds else config.protocol


def _pieces(task: TaskConfig) -> dict[str, float]:
    return {"crop_seconds": task.crop_seconds} if task.crop_seconds else {}


def by_layer(task: str, folders: Mapping[int, Path]) -> LayerFigures:
    """The figures of a task on each state. `folders`: state -> folder with the result files of its head."""
    results = {layer: read(TaskResult, folder / f"{task}.json", _unread) for layer, folder in folders.items()}
    first = next(iter(results.values()))
    return LayerFigures(
        task,
        first.title,
        {layer: result.decides for layer, result in results.items()},
        {layer: result.chosen.dev[f"{result.chosen.lr:g}"] for layer, result in results.items()},
        first.chance,
    )


def _unread(path: Path, why: str) -> UserError:
    return UserError(f"a damaged result of a unit: {why}", str(path), "run the stage again with --fresh")
