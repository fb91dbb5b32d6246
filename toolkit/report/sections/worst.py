"""The utterances that the best trained system of each task got most wrong: texts, audio, spectrogram."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

from ...core.results import ITEMS, System, TaskResult
from ..board import Column
from ..section import Block, Folded, Section, Text, Texts, Written
from ..sources.collect import Run
from ..sources.items import Item, read_items
from ..sources.recordings import RATE, Recordings, flac, read_wave
from .listen import AUDIO_BYTES, carried

LONGEST_SECONDS = 30.0  # of audio that is read; a longer utterance is cut
FULL = "no room: the page has all the audio that it takes"


@dataclass(frozen=True)
class Worst:
    """Items of a task, those with the most errors first.

    Attributes:
        set: the name of the set that was scored.
        wrong, total: items with an error, and all.
        measure: what the errors are counted by.
    """

    column: Column
    system: System
    set: str
    measure: str
    items: list[Item]
    wrong: int
    total: int


def worst(run: Run) -> Section | None:
    """A folded list for each task whose figure is counted item by item."""
    of_tasks = [of_task for column in run.board.tasks if (of_task := worst_of(run, column))]
    written = _written(run, of_tasks)
    blocks: list[Block] = []
    for of_task, utterances in zip(of_tasks, written, strict=True):
        title = f"{of_task.column.title}, {of_task.system.title}"
        shown, total = len(of_task.items), f"{of_task.total:,}"
        lead = (
            f"{title}: the {shown} items with the most errors ({of_task.measure}) of {total}, of which "
            f"{of_task.wrong:,} have any. Of equals, one of each speaker first."
        )
        blocks.append(Folded(title, [Text(lead), Texts(utterances)]))
    return Section("worst", "Worst utterances", blocks) if blocks else None


def worst_of(run: Run, column: Column) -> Worst | None:
    """None if nothing was wrong, if no figure is counted by item, or if no system has the task."""
    leader = run.board.leader(column)
    result = run.board.result(leader.name, column.task) if leader else None
    if leader is None or result is None or leader.name not in run.folders:
        return None
    metric, items = read_items(run.folders[leader.name] / f"{column.task}{ITEMS}", result)
    wrong = ordered([item for item in items if item.errors > 0])
    if metric is None or not wrong[: run.worst]:
        return None
    return Worst(column, leader, _set(result), metric.heading, wrong[: run.worst], len(wrong), len(items))


def _set(result: TaskResult) -> str:
    """Name of the set that was scored; empty if the conditions do not say."""
    sets = result.conditions.get("sets")
    return str(sets[-1]) if isinstance(sets, list) and sets else ""


def ordered(items: Sequence[Item]) -> list[Item]:
    """By errors, then by their share of the reference; of equals, one of each speaker before the second of any."""
    equals: Counter[tuple[float, float, str]] = Counter()
    keys = {}
    for item in sorted(items, key=lambda item: item.id):
        share = item.errors / item.length if item.length else item.errors
        number = equals[item.errors, share, item.speaker]
        equals[item.errors, share, item.speaker] += 1
        keys[item.id] = (-item.errors, -share, number, item.id)
    return sorted(items, key=lambda item: keys[item.id])


def _written(run: Run, of_tasks: Sequence[Worst]) -> list[list[Written]]:
    """The utterances of each task. The worst of every task gets audio before the second worst of any does."""
    recordings, room = Recordings(run.sets), AUDIO_BYTES - carried(run.qualities)
    made: dict[tuple[str, str], Written] = {}
    for rank in zip_longest(*(of_task.items for of_task in of_tasks)):
        for of_task, item in zip(of_tasks, rank, strict=True):
            if item is not None:
                heard = _heard(_plain(item), recordings, of_task.set, room)
                room -= len(heard.audio) * 3 // 4 + len(heard.picture) * 3 // 4
                made[of_task.column.task, item.id] = heard
    return [[made[of_task.column.task, item.id] for item in of_task.items] for of_task in of_tasks]


def _plain(item: Item) -> Written:
    place = f"errors {item.errors:,g} of {item.length:,g}, {item.speaker}"
    return Written(item.id, place, [("reference", item.reference), ("answer", item.answer)])


def _heard(utterance: Written, recordings: Recordings, set: str, room: int) -> Written:
    """With its audio and spectrogram, if the page has room for them; else with the reason."""
    clip = recordings.clip(utterance.id, set)
    if clip is None:
        return replace(utterance, silent="not an utterance of the data directories given")
    end = clip.start + LONGEST_SECONDS if clip.end is None else min(clip.end, clip.start + LONGEST_SECONDS)
    wave_N, reason = read_wave(replace(clip, end=end))
    if reason:
        return replace(utterance, silent=reason)
    audio = flac(wave_N)
    if len(audio) > room:
        return replace(utterance, silent=FULL)
    from ..render.spectrogram import mel_db, png

    picture = png(mel_db(wave_N, RATE))
    if len(audio) + len(picture) > room:
        return replace(utterance, silent=FULL)
    encoded = (base64.b64encode(content).decode("ascii") for content in (audio, picture))
    return replace(utterance, audio=next(encoded), picture=next(encoded), seconds=len(wave_N) / RATE)
