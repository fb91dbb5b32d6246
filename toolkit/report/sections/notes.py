"""What stands under the table of systems: names explained, what is missing and why, the protocols."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping

from ...core.results import FAILED, LEFT_OUT, ON_TEST, UNHEARD
from ..board import Board, Key
from ..section import listed
from ..sources.collect import Run

SHOWN = 5  # ids in a note
PROTOCOLS = {
    "strict": "strict (everything chosen on dev)",
    "superb-compat": "superb-compat (as the benchmark's code: utterances of a batch are padded to one length)",
    ON_TEST: "on-test (dev and test share utterances: rates or steps were chosen on what is scored)",
    "star": "star (superb-compat, with the rates and schedules of STaR's own runs)",
}


def named(board: Board, names: Mapping[str, str]) -> list[str]:
    """What the parts of the names mean that a system bears."""
    parts = {part for system in board.systems for part in re.split(r"[\s.,()]+", system.title)}
    words = [f"{name} = {meaning}" for name, meaning in names.items() if fnmatch.filter(parts, name)]
    return [f"Names: {'; '.join(words)}."] if words else []


def gone(run: Run) -> list[str]:
    """Systems and tasks that a reader would miss."""
    notes = []
    networks = {name for system in run.board.systems for name in (system.name, system.group)}
    if absent := [training.name for training in run.trainings if training.name not in networks]:
        notes.append(f"Not scored: {listed(absent)}.")
    titles = {result.task: result.title for result in run.board.results.values()}
    for (system, task), why in failures(run).items():
        notes.append(f"Failed: {titles.get(task, task)} of {run.board.title(system)}: {why.rstrip('.')}.")
    left_out = {(id, detail) for stage in run.stages for id, _, reason, detail in stage.drops if reason == LEFT_OUT}
    notes += [f"Task {task} was left out: {why}." for task, why in sorted(left_out)]
    notes += unheard(run)
    if run.strange:
        names = sorted({p.system for p in run.strange} | {p.against for p in run.strange})
        unknown = [name for name in names if run.board.system(name) is None]
        notes.append(f"{len(run.strange)} paired tests are left out: {listed(unknown) or 'their tasks'} not given.")
    return notes


def unheard(run: Run) -> list[str]:
    """Test sets of which utterances have no score, and why: their figures are of fewer than were published."""
    reasons = {id: f" ({reason})" for stage in run.stages for id, _, reason, _ in stage.drops if reason != UNHEARD}
    ids: dict[str, set[str]] = {}
    for id, detail in ((id, detail) for s in run.stages for id, _, reason, detail in s.drops if reason == UNHEARD):
        ids.setdefault(detail.removeprefix("set "), set()).add(id + reasons.get(id, ""))
    lines = []
    for name, lost in sorted(ids.items()):
        count = "1 utterance was" if len(lost) == 1 else f"{len(lost):,} utterances were"
        more = " ..." if len(lost) > SHOWN else ""
        lines.append(f"{name} is not whole: {count} {UNHEARD}: {listed(sorted(lost)[:SHOWN])}{more}.")
    return lines


def failures(run: Run) -> dict[Key, str]:
    """(system, task) -> the error, of tasks that failed and have no result."""
    rows = sorted({(id, detail) for stage in run.stages for id, _, reason, detail in stage.drops if reason == FAILED})
    keys = [(*id.rpartition("/")[::2], detail) for id, detail in rows]
    return {(system, task): why for system, task, why in keys if (system, task) not in run.board.results}


def protocols(board: Board) -> str:
    """What rates, checkpoints and settings were chosen on, with the tasks of each protocol if there are several."""
    words: dict[str, list[str]] = {}
    for result in board.results.values():
        titles = words.setdefault(PROTOCOLS.get(result.protocol, result.protocol), [])
        titles += [result.title] if result.title not in titles else []
    return "; ".join(f"{name} for {listed(titles)}" if len(words) > 1 else name for name, titles in words.items())


def crops(board: Board) -> str:
    """Tasks that trained on random pieces of utterances; empty if none did."""
    lengths: dict[str, list[str]] = {}
    for result in board.results.values():
        if seconds := result.conditions.get("crop_seconds"):
            titles = lengths.setdefault(f"{seconds:g} s", [])
            titles += [result.title] if result.title not in titles else []
    pieces = "; ".join(f"{length} for {listed(titles)}" for length, titles in lengths.items())
    return f"Random pieces in training: {pieces}" if pieces else ""
