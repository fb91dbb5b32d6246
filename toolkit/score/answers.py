"""Score answers of audio LLMs: a row for each system, a result for each task, as the report and paired tests read them.

Inputs, recognised by what they hold: a part of items, and folders of answers. Folders of one system are taken together:
single-task adapters, each with its own task, are one row. A transcript is scored by WER and CER, a report by ROUGE and
chrF (the mean over its items), a label by macro and weighted F1 over the labels of the task. Beside each figure stands
what one answer of training would score if it were always given, unheard: the one that fits the training items best.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import write_json
from ..core.results import ITEMS, ROW, TASKS, Confusion, Metric, System, TaskResult
from ..core.schema import dump
from ..core.step import Step, main
from ..data.instruct_items import Item, ItemTable, ItemTask, is_items, read_part
from ..text.normalise import profile
from .answer_labels import OUTSIDE, LabelReader
from .classification import LABEL_STATISTICS, label_sums
from .config import AnswersConfig
from .edits import count_errors
from .given_answers import AnswersHeader, GivenAnswer, is_answers, read_answers, read_answers_header
from .items import Items, figure, write_items
from .rouge import chrf, rouge_l, rouge_n
from .wer import characters, words

WER, CER = Metric("wer", "%", "low", "WER"), Metric("cer", "%", "low", "CER", minor=True)
ROUGE_L = Metric("rouge_l", "%", "high", "ROUGE-L")
ROUGE_1, ROUGE_2 = (Metric(f"rouge_{n}", "%", "high", f"ROUGE-{n}", minor=True) for n in (1, 2))
CHRF = Metric("chrf", "%", "high", "chrF", minor=True)
MACRO_F1 = Metric("macro_f1", "%", "high", "macro F1", "macro_f1")
WEIGHTED_F1 = Metric("weighted_f1", "%", "high", "weighted F1", "weighted_f1", minor=True)
ACCURACY = Metric("accuracy", "%", "high", "acc.", minor=True)
OUTSIDE_SHARE = Metric("outside", "%", "low", "outside the labels", minor=True)
STOPPED = Metric("stopped", "%", "low", "stopped by length", minor=True)
SHOWN = 3
CANDIDATES, JUDGES = 100, 200  # answers of training that may be the floor, and items that they are tried on

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Read:
    """Answers of a task as they are scored.

    Attributes:
        references, answers: of each item, as the table of items shows them.
        counts: metric -> two counts [N, 2], whose sums are divided.
        metrics: the deciding one first.
        labels: of a macro F1.
    """

    references: list[str]
    answers: list[str]
    counts: dict[str, Array]
    metrics: tuple[Metric, ...]
    labels: tuple[str, ...] = ()


def read_transcripts(task: ItemTask, items: Sequence[Item], texts: Sequence[str], config: AnswersConfig) -> Read:
    """WER and CER under the profiles of the config; the first decides."""
    counts: dict[str, Array] = {}
    metrics: list[Metric] = []
    for n, name in enumerate(config.profiles):
        normal = profile(name)
        pairs = [(normal(item.answer), normal(text)) for item, text in zip(items, texts, strict=True)]
        for metric, cut in ((WER, words), (CER, characters)):
            own = (
                metric
                if not n
                else Metric(f"{metric.name}_{name}", metric.unit, metric.better, f"{metric.title} ({name})", minor=True)
            )
            errors = [count_errors(cut(a), cut(b)) for a, b in pairs]
            counts[own.name] = np.array([(e.edits, e.length) for e in errors], float)
            metrics.append(own)
    metrics.sort(key=lambda metric: metric != WER)
    return Read([item.answer for item in items], list(texts), counts, tuple(metrics))


def read_reports(task: ItemTask, items: Sequence[Item], texts: Sequence[str], config: AnswersConfig) -> Read:
    """ROUGE and chrF of normalised texts, each the mean over items."""
    normal = profile(config.profiles[0])
    pairs = [(normal(item.answer), normal(text)) for item, text in zip(items, texts, strict=True)]
    scores: dict[Metric, Callable[[str, str], float]] = {
        ROUGE_L: lambda a, b: rouge_l(a.split(), b.split()),
        ROUGE_1: lambda a, b: rouge_n(a.split(), b.split(), 1),
        ROUGE_2: lambda a, b: rouge_n(a.split(), b.split(), 2),
        CHRF: chrf,
    }
    counts = {metric.name: np.array([(score(a, b), 1.0) for a, b in pairs]) for metric, score in scores.items()}
    return Read([item.answer for item in items], list(texts), counts, tuple(scores))


def read_labels(task: ItemTask, items: Sequence[Item], texts: Sequence[str], config: AnswersConfig) -> Read:
    """Macro and weighted F1 and accuracy over the task's labels, and the share of answers outside them."""
    reader, references = LabelReader(task.labels), [item.label for item in items]
    answers = [reader(text) for text in texts]
    right = [(a == b, 1) for a, b in zip(answers, references, strict=True)]
    counts = {
        ACCURACY.name: np.array(right, float),
        OUTSIDE_SHARE.name: np.array([(answer == OUTSIDE, 1) for answer in answers], float),
    }
    labels = (*sorted({*task.labels, *references}), OUTSIDE)
    return Read(references, answers, counts, (MACRO_F1, WEIGHTED_F1, ACCURACY, OUTSIDE_SHARE), labels)


READERS = {"transcript": read_transcripts, "report": read_reports, "label": read_labels}


def result_of(
    system: str,
    task: ItemTask,
    items: Sequence[Item],
    given: Mapping[str, GivenAnswer],
    constant: str,
    config: AnswersConfig,
) -> tuple[TaskResult, Items]:
    """The result of one system in one task, with its items. `constant`: the answer of the floor."""
    texts = [given[item.id].text for item in items]
    read = READERS[task.answer](task, items, texts, config)
    stopped = np.array([(not given[item.id].ended, 1) for item in items], float)
    counts = {**read.counts, STOPPED.name: stopped}
    speakers = [item.speaker for item in items]
    by_speaker = len(set(speakers)) >= config.min_speakers
    table = Items([item.id for item in items], speakers, read.references, read.answers, counts)
    figures = tuple(figure(m, table, read.labels, by_speaker, config.seed) for m in (*read.metrics, STOPPED))
    confusion = None
    if read.labels:
        counted = table.confusions(read.labels).sum(0)
        confusion = Confusion(read.labels, tuple(map(tuple, counted.tolist())))
    return TaskResult(
        system,
        task.name,
        task.title,
        task.answer,
        figures,
        table.digest,
        conditions={"items": len(items), "profile": config.profiles[0], "labels": list(task.labels)},
        chance=floor_of(task, items, constant, read.metrics[0], config),
        confusion=confusion,
    ), table


def constant_of(task: ItemTask, items: Sequence[Item], config: AnswersConfig) -> str:
    """The answer of some training items that, given to all of them, scores best; of equals the most frequent one."""
    config = replace(config, profiles=config.profiles[:1])
    counted = Counter(item.answer for item in items)
    likely = sorted(counted, key=lambda answer: (-counted[answer], answer))[:CANDIDATES]
    judges = items[:: max(1, len(items) // JUDGES)]
    scores = []
    for answer in likely:
        read = READERS[task.answer](task, judges, [answer] * len(judges), config)
        decides = read.metrics[0] if read.metrics[0].name in read.counts else ACCURACY
        part, whole = read.counts[decides.name].sum(0)
        scores.append(decides.sign * part / whole)
    return likely[int(np.argmax(scores))]


def floor_of(task: ItemTask, items: Sequence[Item], answer: str, metric: Metric, config: AnswersConfig) -> float:
    """The deciding figure, in percent, of always giving this answer."""
    read = READERS[task.answer](task, items, [answer] * len(items), config)
    if metric.statistic in LABEL_STATISTICS:
        table = Items([i.id for i in items], [""] * len(items), read.references, read.answers, read.counts)
        sums = label_sums(table.confusions(read.labels)).sum(0, keepdims=True)
        return 100 * float(LABEL_STATISTICS[metric.statistic](sums)[0])
    part, whole = read.counts[metric.name].sum(0)
    return 100 * float(part / whole)


def read_systems(
    folders: Sequence[Path], items: ItemTable
) -> dict[str, tuple[AnswersHeader, dict[str, dict[str, GivenAnswer]]]]:
    """System -> (its header, task -> id -> answer). Raises UserError for answers to other items, or given twice."""
    systems: dict[str, tuple[AnswersHeader, dict[str, dict[str, GivenAnswer]]]] = {}
    for folder in folders:
        header, tasks = read_answers_header(folder), dict[str, dict[str, GivenAnswer]]()
        for answer in read_answers(folder):
            tasks.setdefault(answer.task, {})[answer.id] = answer
        _refuse_other_items(folder, tasks, items)
        known = systems.setdefault(header.system, (header, {}))[1]
        if twice := sorted(known.keys() & tasks.keys()):
            problem = f"two answers of {header.system} to {twice[0]}"
            raise UserError(problem, str(folder), "give each system's answers once")
        known |= tasks
    return systems


def training_items(folder: Path, items: ItemTable) -> dict[str, list[Item]]:
    """Task -> items of the first part, on which models are trained; the items themselves if it is not there."""
    first = next(iter(items.tasks.tasks[0].counts), items.name)
    by_task: dict[str, list[Item]] = {}
    for item in read_part(folder / first) if is_items(folder / first) else items:
        by_task.setdefault(item.task, []).append(item)
    return by_task


def _refuse_other_items(folder: Path, tasks: Mapping[str, Mapping[str, GivenAnswer]], items: ItemTable) -> None:
    wanted: dict[str, set[str]] = {}
    for item in items:
        wanted.setdefault(item.task, set()).add(item.id)
    for task, given in tasks.items():
        if unlike := sorted(given.keys() ^ wanted.get(task, set())):
            names = ", ".join(unlike[:SHOWN])
            problem = f"answers to other items of {task} than these: {len(unlike)} differ, e.g. {names}"
            raise UserError(problem, f"{folder}, {items.folder}", "answer these items again")


def run(step: Step[AnswersConfig]) -> None:
    parts = [path for path in step.ins if is_items(path)]
    folders = [path for path in step.ins if is_answers(path)]
    if len(parts) != 1 or not folders or len(parts) + len(folders) < len(step.ins):
        problem = f"inputs: {len(parts)} parts of items and {len(folders)} folders of answers"
        raise UserError(problem, "--in", "give one part of items, and outputs of pseudo.answer")
    items = read_part(parts[0])
    by_task: dict[str, list[Item]] = {}
    for item in items:
        by_task.setdefault(item.task, []).append(item)
    names = [task.name for task in items.tasks.tasks if task.name in by_task]
    learnt = training_items(parts[0].parent, items)
    constants = {name: constant_of(items.tasks[name], learnt[name], step.config) for name in names}
    for name, (header, tasks) in read_systems(folders, items).items():
        folder = step.out / name
        folder.mkdir(parents=True, exist_ok=True)
        for task in (task for task in names if task in tasks):
            result, table = result_of(name, items.tasks[task], by_task[task], tasks[task], constants[task], step.config)
            write_json(folder / f"{task}.json", dump(result))
            write_items(folder / (task + ITEMS), table)
        system = System(name, name, "trained", seed=header.seed, share=header.share, parameters=header.parameters)
        write_json(folder / ROW, dump(system))
        step.counts["systems"] = step.counts.get("systems", 0) + 1
    write_json(step.out / TASKS, names)
    _show(step.out, names)


def _show(out: Path, tasks: Sequence[str]) -> None:
    """Print the deciding figure of each system and task."""
    from ..core.schema import read

    for folder in sorted(path.parent for path in out.glob(f"*/{ROW}")):
        cells = []
        for task in tasks:
            if (folder / f"{task}.json").is_file():
                result = read(TaskResult, folder / f"{task}.json", lambda path, why: UserError(why, str(path)))
                cells.append(f"{result.title} {result.decides.metric.heading} {result.decides.value:.1f}")
        print(f"{folder.name}: {', '.join(cells)}")


if __name__ == "__main__":
    main(run)
