"""Items of an audio LLM as token ids and states: what a training learns, and which micro-batch has which of them.

An item that does not fit the model's context, or whose audio was not heard, is left out with a row in the ledger before
the first step. A prompt has as many audio tokens as its clip has states, by construction: text cannot add any.

Shapes: B items, T tokens, A answer tokens of all items, S states of all clips, D width of the tower.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np

from ..core.errors import UserError
from ..data.bad_clips import NoBadClips
from ..data.batches import Left
from ..data.instruct_items import Item, ItemTable
from ..models.heard import Heard
from ..models.omni import Omni, frames_of, padded, states_of
from ..models.tuned import samples_of, wave_of
from .samplers.base import Integers
from .samplers.instructions import Schedule

Drop = Callable[[str, str, str], None]


class Row(NamedTuple):
    """An item that can be learnt; its ids are made when a micro-batch needs them.

    Attributes:
        states: of its audio; 0 for text.
        asked, answered: number of ids of question and answer.
    """

    item: Item
    states: int
    asked: int
    answered: int

    @property
    def length(self) -> int:
        return self.asked + self.answered


class Hears(Protocol):
    """Gives the states of a clip, or its mel frames."""

    def count(self, item: Item) -> int | None:
        """Number of states of an item's audio; None if it cannot be heard."""
        ...

    def given(self, items: Sequence[Item]) -> dict[str, Any]:
        """Entries of a batch: states_SD, mels if the tower is to hear them now, and `lost`: places of bad clips."""
        ...


class FromCache:
    """States that models.hear has kept."""

    def __init__(self, heard: Heard) -> None:
        self.heard = heard

    def count(self, item: Item) -> int | None:
        return self.heard.count(item.audio) if item.audio in self.heard else None

    def given(self, items: Sequence[Item]) -> dict[str, Any]:
        return {"states_SD": self.heard.states([item.audio for item in items if item.audio]), "mels": [], "lost": []}


class Live:
    """Mel frames, which the tower hears in every step."""

    def __init__(self, omni: Omni, bad_clips: NoBadClips | None = None) -> None:
        """`bad_clips`: remembers the bad ones; None: the first one raises AudioError."""
        self.omni, self.bad_clips = omni, bad_clips

    def count(self, item: Item) -> int | None:
        return states_of(frames_of(samples_of(item)))

    def given(self, items: Sequence[Item]) -> dict[str, Any]:
        waves = [wave_of(item, self.bad_clips) if item.audio else None for item in items]
        lost = [i for i, (item, wave) in enumerate(zip(items, waves, strict=True)) if item.audio and wave is None]
        mels = [self.omni.mel(wave) for wave in waves if wave is not None]
        return {"states_SD": np.empty((0, self.omni.tower_width), np.float32), "mels": mels, "lost": lost}


def rows_of(table: ItemTable, omni: Omni, hears: Hears, most: int, drop: Drop, tasks: Sequence[str] = ()) -> list[Row]:
    """The items that can be learnt.

    Args:
        most: largest number of tokens; 0: the model's context.
        tasks: that are used; empty: all.
    """
    if unknown := [name for name in tasks if name not in [task.name for task in table.tasks.tasks]]:
        names = ", ".join(task.name for task in table.tasks.tasks)
        raise UserError(
            f"no task {unknown[0]}", str(table.folder), f"there are {names}; a recipe takes these in --tasks"
        )
    limit, rows = min(most or omni.context, omni.context), list[Row]()
    for item in table:
        if tasks and item.task not in tasks:
            continue
        states = hears.count(item) if item.audio else 0
        if states is None or (item.audio and not states):
            drop(item.key, "audio that was not heard", item.audio)
            continue
        asked = omni.prompts.length(item.instruction, states, item.text)
        row = Row(item, states, asked, len(omni.prompts.answer(item.answer)))
        if row.length > limit:
            drop(item.key, "longer than the context", f"{row.length} tokens, {limit} fit")
        else:
            rows.append(row)
    return rows


class Batches:
    """Micro-batches as the objective takes them: `batch(step, number)`, and dev batches."""

    def __init__(self, rows: Sequence[Row], omni: Omni, hears: Hears, normalise: str) -> None:
        self.rows, self.omni, self.hears, self.normalise = rows, omni, hears, normalise

    def of(self, numbers: Sequence[int] | Integers, group: str, of_task: int = 0) -> dict[str, Any]:
        """A micro-batch of the rows `numbers`, all of the task `group`; those of bad clips are not in it.

        Args:
            of_task: how many items of the task the whole step has, for `normalise` task.
        """
        rows, prompts = [self.rows[n] for n in numbers], self.omni.prompts
        questions = [prompts.question(row.item.instruction, row.states, row.item.text) for row in rows]
        answers = [prompts.answer(row.item.answer) for row in rows]
        ids_BT, _ = padded([asked + own for asked, own in zip(questions, answers, strict=True)], prompts.fill)
        weights = {"token": lambda count: 1.0, "task": lambda count: 1 / count / max(of_task, 1)}
        weigh = weights.get(self.normalise, lambda count: 1 / count)
        lengths = [len(own) for own in answers]
        given = self.hears.given([row.item for row in rows])
        lost = given.pop("lost")
        batch = {
            **given,
            "ids_BT": ids_BT,
            "row_A": np.repeat(np.arange(len(rows)), lengths),
            # The logits of a token stand where the token before it is read.
            "position_A": _joined([np.arange(len(q), len(q) + n) - 1 for q, n in zip(questions, lengths, strict=True)]),
            "target_A": _joined([np.array(own) for own in answers]),
            "weight_A": np.repeat(np.array([weigh(n) for n in lengths], np.float32), lengths),
            "group": group,
        }
        return _without(batch, lost) if lost else batch


class Scheduled:
    """The micro-batches of a schedule."""

    def __init__(self, batches: Batches, schedule: Schedule) -> None:
        self.batches, self.schedule = batches, schedule

    def __call__(self, step: int, number: int) -> dict[str, Any]:
        parts = self.schedule.parts(step)
        part = parts[number]
        of_task = sum(len(p.items) for p in parts if p.group == part.group)
        return self.batches.of(part.items, part.group, of_task)


class Dev:
    """Batches of a dev set: every item once, each batch of one task, items of a batch of similar length."""

    def __init__(self, batches: Batches, size: int, most: int = 0) -> None:
        """`most`: items of each task, the first ones; 0: all."""
        by_task: dict[str, list[int]] = {}
        for n, row in enumerate(batches.rows):
            of_task = by_task.setdefault(row.item.task, [])
            if not most or len(of_task) < most:
                of_task.append(n)
        self.batches = batches
        self.parts = [
            (ordered[i : i + size], task)
            for task, numbers in sorted(by_task.items())
            for ordered in [sorted(numbers, key=lambda n: batches.rows[n].length)]
            for i in range(0, len(ordered), size)
        ]

    def __len__(self) -> int:
        return len(self.parts)

    def __call__(self, number: int) -> dict[str, Any]:
        numbers, task = self.parts[number]
        return self.batches.of(numbers, task)


def _without(batch: dict[str, Any], lost: Sequence[int]) -> dict[str, Any]:
    """A micro-batch without the items at these places, whose mels are not in it."""
    kept = np.array([b for b in range(len(batch["ids_BT"])) if b not in lost], np.int64)
    own_A = np.isin(batch["row_A"], kept)
    of_answers = {name: values[own_A] for name, values in batch.items() if name.endswith("_A")}
    rows_A = np.searchsorted(kept, of_answers["row_A"])
    left = Left(kept.tolist(), [])
    return {**batch, **of_answers, "row_A": rows_A, "ids_BT": batch["ids_BT"][kept], "left": left}


def _joined(parts: Sequence[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return np.concatenate([np.empty(0, np.int64), *parts])
