"""Paired differences: one table, a group of rows for each question."""

from __future__ import annotations

from ...core.systems_results import MAPSSWE
from ..relations import Question, questions, students
from ..section import Block, Cell, Folded, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, MARKS, difference
from .systems import kept


def pairs(run: Run) -> Section | None:
    """Every paired difference that answers a question, and what students keep of their teachers."""
    board = run.board
    asked = questions(run)
    baseline = board.baseline
    if baseline and not run.scores:
        against = [(s.name, baseline) for s in board.systems if s.arm == "trained" and s.frozen and s.name != baseline]
        asked = [Question(f"The baseline, {board.title(baseline)}", against), *asked]
    rows: list[list[Cell]] = []
    first = []
    for question in asked:
        answered = [(pair, _cells(run, *pair)) for pair in question.pairs]
        answered = [(pair, cells) for pair, cells in answered if any(cells)]
        if answered:
            first.append(len(rows))
            titles = [question.title, *[""] * (len(answered) - 1)]
            for title, ((system, rival), cells) in zip(titles, answered, strict=True):
                rows.append([title, f"{system} − {rival}", *cells])
    blocks: list[Block] = []
    if rows:
        headings = [Heading("Against", "left"), Heading("Difference", "left")]
        headings += [Heading(column.heading) for column in board.columns]
        note = (
            f"Points, with 95 % intervals of the paired bootstrap. {MARKS['ahead']} better, {MARKS['behind']} worse: "
            f"decided, the interval does not contain 0. {ABSENT}: not tested, or under other conditions. One run of "
            "each system: another seed may differ. Of many tests, about one in twenty comes out by chance."
        )
        table = Table("Paired differences", headings, rows, [note], "this run", first=frozenset(first[1:]))
        blocks.append(table)
    keeps = kept(run, students(run))
    blocks += [keeps] if keeps else []
    blocks += _tests(run)
    return Section("pairs", "Paired differences", blocks) if blocks else None


def _cells(run: Run, system: str, against: str) -> list[Cell]:
    return [difference(run.board.pair(system, against, column)) for column in run.board.columns]


def _tests(run: Run) -> list[Block]:
    """Every test that has a p value, with MAPSSWE beside the bootstrap."""
    rows: list[list[Cell]] = []
    titles = {result.task: result.title for result in run.board.results.values()}
    for pair in run.board.pairs:
        if pair.p is None:
            continue
        mapsswe = pair.further.get(MAPSSWE, {})
        segments = mapsswe.get("segments")
        words = [pair.system, pair.against, titles.get(pair.task, pair.task), pair.difference.profile or None]
        figures: list[Cell] = [difference(pair), p_value(pair.p), p_value(pair.p_holm)]
        figures += [None if segments is None else f"{segments:,.0f}"]
        figures += [p_value(mapsswe.get("p")), p_value(mapsswe.get("p_holm"))]
        rows.append([*words, *figures])
    if not rows:
        return []
    names = [Heading(title, "left") for title in ("System", "Against", "Task", "Profile")]
    headings = [*names, *map(Heading, ("Points", "p", "p, Holm", "Segments", "MAPSSWE p", "MAPSSWE p, Holm"))]
    note = (
        "p: paired bootstrap, never below 2 / 2^B for B speakers (0.0625 for 5); Holm: corrected over the sets. "
        "MAPSSWE takes segments of one speaker for independent, so its p is too small; under 50 segments it is rough."
    )
    return [Folded("Every paired test", [Table("Every paired test", headings, rows, [note], "this run")])]


def p_value(value: float | None) -> str | None:
    return None if value is None else "below 0.0001" if value < 0.0001 else f"{value:.4f}"
