"""Make the items that an audio LLM learns and is scored on: (audio or text, instruction, answer) of several tasks.

Inputs: data directories, or folders of them. A task takes its answers from one table: `text` (transcription),
utt2summary (summarisation), utt2lang (dialect), utt2emotion; the recording is heard, or its transcript is read. Each
item draws one of the task's instructions. A label may be written as any of its names. An item without an answer, with a
label that the task does not have, or whose audio is too long or too short, is left out with a row in the ledger;
nothing is ever cut.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import numpy as np

from ..core.errors import UserError
from ..core.files import write_json
from ..core.record import Ledger
from ..core.results import LEFT_OUT
from ..core.schema import dump
from ..core.seed import seed_of
from ..core.step import Step, main
from ..text.label_names import bare_words, by_name
from ..text.normalise import profile
from .find import data_dirs, matching, read_from_here
from .instruct_config import AskConfig, DrawConfig, InstructConfig, ItemTaskConfig
from .instruct_items import TASKS, Item, ItemTask, ItemTasks, write_items
from .kaldi import UNKNOWN, DataDir, Utterance

FEWEST_SECONDS = 0.03  # an audio token of Qwen2.5-Omni takes three mel frames of 10 ms
UNKNOWN_LABEL = "label that the task does not have"
FEWEST_ITEMS = 2  # in training: one item would be all that a task has to tell its answers by


def run(step: Step[InstructConfig]) -> None:
    config = step.config
    sets = _sets(step.ins or [step.input(0, "data directories, or folders of them")])
    by_part = _parts(config, list(sets))
    _refuse_shared(by_part)
    read = {name: read_from_here(path) for name, path in sets.items() if any(name in of for of in by_part.values())}
    first = [read[name] for name in next(iter(by_part.values()))]
    made = [task for task in config.tasks if _has_data(task, first, config, step)]
    if not made:
        raise UserError("no set has a table of any task", ", ".join(map(str, step.ins)), "give sets with one of them")
    drawn: dict[str, list[Item]] = {}
    for part, names in by_part.items():
        items = [item for task in made for item in _items(task, part, [read[n] for n in names], config, step)]
        drawn[part] = sorted(items, key=lambda item: (item.task, item.id))
    for reason, count in step.ledger.reasons().items():
        print(f"dropped {count:,}: {reason}")
    tasks = _described(config, made, drawn, step.ledger)
    for part, items in drawn.items():
        drawn[part] = [item for item in items if _answerable(item, tasks, step.ledger)]
    tasks = _counted(tasks, drawn)
    for part, items in drawn.items():
        write_items(step.out / part, items)
    write_json(step.out / TASKS, dump(tasks))
    for task in tasks.tasks:
        step.counts |= {f"{task.name}_{part}": count for part, count in task.counts.items()}
        print(f"{task.name}: " + ", ".join(f"{count:,} in {part}" for part, count in task.counts.items()))


def _sets(folders: Sequence[Path]) -> dict[str, Path]:
    """Name -> data directory. Raises UserError for two of one name."""
    sets: dict[str, Path] = {}
    for path in (path for folder in folders for path in data_dirs(folder)):
        if sets.setdefault(path.name, path) != path:
            raise UserError(f"two sets called {path.name}: {sets[path.name]} and {path}", "--in", "rename one of them")
    return sets


def _parts(config: InstructConfig, names: list[str]) -> dict[str, list[str]]:
    """Part -> its sets. Of all but the first there may be none: the part is then empty."""
    by_part: dict[str, list[str]] = {}
    for part, patterns in config.parts.items():
        if by_part and not any(fnmatchcase(name, pattern) for name in names for pattern in patterns):
            by_part[part] = []
            print(f"{part}: no set matches {', '.join(patterns)}: it has no items")
        else:
            by_part[part] = matching(names, patterns, f"parts.{part}")
    return by_part


def _refuse_shared(by_part: dict[str, list[str]]) -> None:
    parts = list(by_part.items())
    for i, (part, names) in enumerate(parts):
        for later, theirs in parts[i + 1 :]:
            if both := sorted(set(names) & set(theirs)):
                problem = f"the set {both[0]} is in {part} and in {later}"
                raise UserError(problem, f"parts.{later}", "give patterns that tell them apart")


def _answerable(item: Item, tasks: ItemTasks, ledger: Ledger) -> bool:
    """False, and a row, for an item whose label is none of the task's: no training item has it."""
    if not item.label or item.label in tasks[item.task].labels:
        return True
    ledger.drop(item.key, "label that no training item has", item.label)
    return False


def _counted(tasks: ItemTasks, drawn: dict[str, list[Item]]) -> ItemTasks:
    """The tasks with their numbers of items."""
    counts = {part: Counter(item.task for item in items) for part, items in drawn.items()}
    return ItemTasks(
        tuple(replace(task, counts={part: of[task.name] for part, of in counts.items()}) for task in tasks.tasks)
    )


def _has_data(name: str, sets: Sequence[DataDir], config: InstructConfig, step: Step[InstructConfig]) -> bool:
    """True if a set to train on is one of the task's and has its table; if not, that is told."""
    table = config.tasks[name].table
    if any(table in data.tables for data in _of_task(config.tasks[name], sets)):
        return True
    step.ledger.drop(f"task/{name}", LEFT_OUT, f"no set to train on has {table}")
    print(f"{name}: left out, as no set to train on has {table}")
    return False


def _of_task(task: ItemTaskConfig, sets: Sequence[DataDir]) -> list[DataDir]:
    """The sets that a task takes items from."""
    return [data for data in sets if any(fnmatchcase(data.path.name, pattern) for pattern in task.sets)]


def _items(
    name: str, part: str, sets: Sequence[DataDir], config: InstructConfig, step: Step[InstructConfig]
) -> list[Item]:
    """The items of one task in one part, drawn as its config says."""
    task = config.tasks[name]
    ask = config.ask[task.ask]
    items: dict[str, Item] = {}
    for data in _of_task(task, sets):
        for item in _of_set(name, data, config, step.ledger):
            if item.id in items:
                step.ledger.drop(item.key, "an item twice", f"{part}: one of this id came before")
            else:
                items[item.id] = item
    draw = task.draw.get(part, DrawConfig())
    kept = _drawn(list(items.values()), draw, seed_of(config.seed, name, part))
    if len(kept) < draw.count:
        print(f"{name}: {len(kept):,} in {part}, where {draw.count:,} are asked for: there are no more")
    return [_asked(item, ask, config.seed) for item in kept]


def _of_set(name: str, data: DataDir, config: InstructConfig, ledger: Ledger) -> Iterator[Item]:
    """Items of every utterance of a set that has an answer, without their instructions."""
    task = config.tasks[name]
    ask = config.ask[task.ask]
    values, transcripts = data.tables.get(task.table, {}), data.tables.get("text", {})
    normal = profile(config.profile) if config.profile else None
    names = by_name(ask.labels)

    def plain(text: str) -> str:
        return normal(text) if normal else text

    for utterance in data if values else ():
        id, value = utterance.id, values.get(utterance.id, "")
        key = f"{name}/{id}"
        label = value if ask.answer == "label" else ""
        if label and label not in ask.labels:
            label = names.get(bare_words(label), label)
        answer = _answer(label, ask) if label else plain(value)
        text = plain(transcripts.get(id, "")) if task.input == "text" else ""
        if label == UNKNOWN or (label and ask.labels and label not in ask.labels):
            ledger.drop(key, UNKNOWN_LABEL, label)
        elif not answer.strip():
            ledger.drop(key, "empty answer", task.table)
        elif task.input == "text" and not text.strip():
            ledger.drop(key, "no transcript to read", "text")
        elif task.input == "audio" and utterance.seconds > config.max_audio_seconds:
            ledger.drop(key, "longer than max_audio_seconds", f"{utterance.seconds:.1f} s")
        elif task.input == "audio" and utterance.seconds < FEWEST_SECONDS:
            ledger.drop(key, "audio without a token", f"{utterance.seconds:.3f} s")
        else:
            yield _item(name, data, utterance, text, answer.strip(), label)


def _item(task: str, data: DataDir, u: Utterance, text: str, answer: str, label: str) -> Item:
    audio = "" if text else f"{data.path.name}/{u.id}"
    if text:
        return Item(u.id, task, audio, "", 0.0, -1.0, 0.0, u.speaker, text, "", answer, label)
    end = -1.0 if u.end is None else u.end
    return Item(u.id, task, audio, u.path, u.start, end, u.seconds, u.speaker, "", "", answer, label, u.channel)


def _answer(label: str, ask: AskConfig) -> str:
    return ask.labels[label][0] if label in ask.labels else "" if ask.labels else label


def _drawn(items: list[Item], draw: DrawConfig, seed: int) -> list[Item]:
    """Items in random order, as many as the config asks for."""
    shuffled = [items[i] for i in np.random.default_rng(seed).permutation(len(items))]
    if not (draw.shares or draw.balanced):
        return shuffled[: draw.count] if draw.count else shuffled
    labels = sorted({item.label for item in items})
    of_label = {label: [item for item in shuffled if item.label == label] for label in labels}
    if draw.balanced:
        each = min(map(len, of_label.values()), default=0)
        each = min(each, draw.count // len(labels)) if draw.count else each
        return [item for label in labels for item in of_label[label][:each]]
    return [
        item for label, share in draw.shares.items() for item in of_label.get(label, [])[: round(draw.count * share)]
    ]


def _asked(item: Item, ask: AskConfig, seed: int) -> Item:
    """The item with the instruction that its name and the seed draw."""
    return item._replace(instruction=ask.instructions[seed_of(seed, "ask", item.key) % len(ask.instructions)])


def _described(config: InstructConfig, names: Sequence[str], drawn: dict[str, list[Item]], ledger: Ledger) -> ItemTasks:
    """The tasks, with labels of the first part. Raises UserError for what nothing can be learnt from."""
    first = next(iter(config.parts))
    described = []
    for name in names:
        task = config.tasks[name]
        ask = config.ask[task.ask]
        items = [item for item in drawn[first] if item.task == name]
        where = f"tasks.{name}"
        if len(items) < FEWEST_ITEMS:
            problem = (
                f"the task {name} has {len(items)} item{'s' * (len(items) != 1)} in {first}, and needs {FEWEST_ITEMS}"
            )
            dropped = why_dropped(name, ask, ledger)
            remedy = f"mend {task.table}, or the config" if dropped else f"give sets with more of {task.table}"
            raise UserError(problem + dropped, where, f"{remedy}, or leave the task out")
        counted = Counter(item.label for item in items)
        absent = [label for label in ask.labels if label not in counted]
        if absent and config.absent_labels == "refuse":
            problem = f"the task {name} has no item in {first} with the label {', '.join(absent)}"
            remedy = "take these labels out, give items that have them, or set absent_labels: leave out"
            raise UserError(problem, f"ask.{task.ask}.labels", remedy)
        labels = {label: of for label, of in ask.labels.items() if label not in absent}
        labels = labels or {label: (label,) for label in sorted(counted) if label}
        title, heard = task.title or name, task.input == "audio"
        described.append(ItemTask(name, title, ask.answer, ask.max_new_tokens, ask.instructions, heard, labels))
    return ItemTasks(tuple(described))


def why_dropped(task: str, ask: AskConfig, ledger: Ledger) -> str:
    """Why a task's items are in the ledger, with labels that were found and those that are known; "" if none is."""
    rows = {row for row in ledger.rows if row[0].startswith(f"{task}/")}
    if not rows:
        return ""
    reasons = ", ".join(f"{count} for {reason}" for reason, count in Counter(row[2] for row in rows).items())
    labels = Counter(row[3] for row in rows if row[2] == UNKNOWN_LABEL)
    if not labels:
        return f"; left out: {reasons}"
    named = ", ".join(f"{label} {count}" for label, count in labels.most_common(5))
    return f"; left out: {reasons} ({named}; known: {', '.join(ask.labels)})"


if __name__ == "__main__":
    main(run)
