"""The table of systems, its marks, the tiles at the head of the page, and every figure behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from ...core.results import System
from ..board import Board, Column
from ..relations import twins
from ..render import plots
from ..section import Block, Cell, Folded, Picture, Pictures, Section, Table, Tile, merged
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, MARKS, Value, difference, fixed, shown
from . import notes, superb
from .rates import fold_tables

NOTHING = "No system was scored."
MACS = (
    "GMACs: thousand millions of multiply-accumulates over the 32 clips of the SUPERB leaderboard, computed from the "
    "network's shape: products of matrices alone / as the leaderboard counts, with 4 more for each element of "
    f"attention's two products. {ABSENT}: filter banks, or a type of network that is not counted."
)


def main_table(run: Run, names: Mapping[str, str] | None = None) -> Table:
    """A row for each system, a column for each figure: the best in bold, marks against the baseline.

    names: part of a system's name -> what it means.
    """
    board, columns = run.board, run.board.columns
    scores, failed = superb.scores(run), notes.failures(run)
    rows: list[list[Cell]] = []
    for s in board.systems:
        cells: list[Cell] = [_cell(board, s, column) for column in columns]
        for i, column in enumerate(columns):
            if cells[i] is None and (s.name, column.task) in failed:
                cells[i] = "failed"
        of_benchmark = [fixed(values[s.name]) if s.name in values else None for values in scores.values()]
        rows.append([_title(board, s), count(s.parameters), *cells, *of_benchmark])
    muted = {i for i, s in enumerate(board.systems) if s.arm == "random"}
    if any(board.chance(column) for column in columns):
        muted.add(len(rows))
        rows.append(["chance", None, *(_chance(board, column) for column in columns), *[None] * len(scores)])
    headings = [Heading("System", "left"), Heading("Parameters"), *(Heading(column.heading) for column in columns)]
    headings += [Heading(title) for title in scores]
    return Table(
        "Systems",
        headings,
        rows or [[ABSENT, *[None] * (len(headings) - 1)]],
        [_decided(board), *superb.notes(run), *notes.named(board, names or {}), *notes.gone(run)]
        if columns
        else [NOTHING],
        "this run",
        strong=frozenset(i for i, s in enumerate(board.systems) if s.arm == "trained"),
        muted=frozenset(muted),
        first=frozenset(_first(board, len(rows))),
    )


def _title(board: Board, system: System) -> str:
    return f"{system.title} (baseline)" if system.name == board.baseline else system.title


def _cell(board: Board, system: System, column: Column) -> Value | None:
    value = shown(board.figure(system.name, column))
    if value is None:
        return None
    ranked = [figure for name in board.ranked(column) if (figure := board.figure(name, column))]
    leads = ranked[-1].value != value.value == ranked[0].value
    return replace(value, outcome=board.outcome(system.name, column), best=leads)


def _chance(board: Board, column: Column) -> str | None:
    return " / ".join(fixed(value) for value in sorted(board.chance(column))) or None


def best(run: Run) -> Section | None:
    """Which system is best by each figure, and whether a paired test against the next best decides that."""
    board = run.board
    rows: list[list[Cell]] = []
    for column in board.columns:
        ranked = board.ranked(column)
        if len(ranked) < 2:
            continue
        first, second = ranked[:2]
        pair = board.pair(first, second, column)
        decided = "not tested" if pair is None else "no" if pair.outcome == "not told apart" else "yes"
        figures = (shown(board.figure(name, column)) for name in (first, second))
        names = [f"{board.title(name)}: {value.figure if value else ABSENT}" for name, value in zip(ranked, figures)]
        rows.append([column.heading, *names, difference(pair), decided])
    words = [Heading(title, "left") for title in ("Figure", "Best", "Next best")]
    headings = [*words, Heading("Best − next best"), Heading("Decided", "left")]
    note = "Decided: the interval of the paired difference does not contain 0. Not tested: two baselines; pooled sets."
    table = Table("Best and next best", headings, rows, [note], "this run")
    return Section("best", "Which is best", [table]) if rows else None


def _decided(board: Board) -> str:
    """How to read the table."""
    words = "Bold: best of the column. [ ]: 95 % interval."
    if board.baseline:
        baseline = board.title(board.baseline)
        words += (
            f" {MARKS['ahead']} better, {MARKS['behind']} worse, {MARKS['undecided']} undecided against the baseline, "
        )
        words += f"{baseline}, by a paired test; no mark: not tested."
    alike = any(f.agreeing for r in board.results.values() for f in (r.decides,))
    return words + (" No interval: all utterances score the same." if alike else "")


def _first(board: Board, rows: int) -> list[int]:
    """Numbers of the rows at which another model begins, and of what stands below all systems."""
    groups = ["" if system.arm == "features" else system.group for system in board.systems]
    apart = len(set(groups)) < len(groups)  # else every group is one row
    starts = [i for i in range(1, len(groups)) if apart and groups[i] != groups[i - 1]]
    return [*starts, len(groups)] if rows > len(groups) else starts


def conditions(run: Run) -> list[str]:
    """At most three lines: how the intervals were drawn, of how much, by what was trained."""
    board = run.board
    drawn = {
        column.title: f"{figure.block_count:,} {plural(figure.blocks)}"
        for column in board.tasks
        for name in board.ranked(column)[:1]
        if (figure := board.figure(name, column))
    }
    counted = [
        f"{column.title} {figure.n:,} {figure.unit_of_n}"
        for column in board.tasks
        for name in board.ranked(column)[:1]
        if (figure := board.figure(name, column))
    ]
    profile = f"Texts under the profile {board.profile}. " if board.profile else ""
    protocol = "" if run.scores else f" Protocol: {notes.protocols(board)}."
    protocol += f" {crops}." if (crops := notes.crops(board)) else ""
    return [f"{profile}Intervals: bootstrap over {merged(drawn)}. n: {', '.join(counted)}.{protocol}"] if drawn else []


def plural(blocks: str) -> str:
    """`speakers or utterances`."""
    return " or ".join(f"{noun}s" for noun in blocks.split(" or "))


def tiles(run: Run) -> list[Tile]:
    """A tile for each task: its best trained system, against the baseline."""
    board = run.board
    made = []
    for column in board.tasks:
        leader = board.leader(column)
        best = shown(board.figure(leader.name, column)) if leader else None
        if leader is None or best is None:
            continue
        label = f"{column.heading}: {leader.name}"
        made.append(Tile(label, best.figure, column.metric.unit, best.interval, _against(board, leader.name, column)))
    return made or [Tile("Systems", ABSENT, "", "", NOTHING)]


def _against(board: Board, name: str, column: Column) -> str:
    """`baseline FBANK 52.1: better, decided`, under a tile."""
    baseline = board.figure(board.baseline, column) if board.baseline and board.baseline != name else None
    if baseline is None:
        return ""
    words = {"ahead": "better, decided", "behind": "worse, decided", "not told apart": "undecided"}
    pair = board.pair(name, board.baseline, column)
    outcome = words[pair.outcome] if pair else "not tested"
    return f"baseline {board.title(board.baseline)} {fixed(baseline.value)}: {outcome}"


def pictures(run: Run) -> Section | None:
    """A picture for each figure of the table."""
    board = run.board
    drawn = []
    for i, column in enumerate(board.columns):
        rows = [
            (board.title(s.name), value, s.arm == "trained")
            for s in board.systems
            if (value := shown(board.figure(s.name, column)))
        ]
        chance = board.chance(column)
        line = min(chance) if len(chance) == 1 else None
        under = f"dashed: chance, {fixed(line)} %" if line is not None else ""
        drawn.append(Picture(column.caption, plots.interval_plot(f"interval{i}", rows, line, column.measure), under))
    return Section("pictures", "Pictures", [Pictures(drawn)]) if drawn else None


def costs(run: Run) -> Section | None:
    """What the systems cost, and what was saved against the largest that was trained here."""
    board, against = run.board, run.reference()
    rows: list[list[Cell]] = []
    counted = any(gmacs(system) for system in board.systems)
    for system in board.systems:
        cost = board.costs.get(system.name)
        measured: list[str | None] = [None, None, None]
        if cost:
            measured = [_written(cost.rtf, ".3g"), _written(cost.latency_ms, ",.1f"), _written(cost.peak_mb, ",.0f")]
        rows.append(
            [system.title, count(system.parameters), saved(system, against), *[gmacs(system)] * counted, *measured]
        )
    if not any(cell for row in rows for cell in row[2:]):
        return None
    machines = {
        name: ", ".join(
            filter(
                None,
                (
                    cost.device,
                    f"{cost.threads} thread{'s' * (cost.threads != 1)}" if cost.threads else "",
                    f"{cost.seconds_of_audio:,.0f} s of audio" if cost.seconds_of_audio else "",
                    f"latency of a clip of {cost.clip_seconds:g} s" if cost.clip_seconds else "",
                ),
            )
        )
        for name, cost in board.costs.items()
    }
    notes = [f"Saved: parameters fewer than {against.title} has."] if against else []
    notes += [f"RTF: seconds of computing per second of audio. Measured on {merged(machines)}."] if machines else []
    notes += [MACS] * counted
    titles = ("Parameters", "Saved %", *["GMACs"] * counted, "RTF ↓", "Latency ms ↓", "Peak MB ↓")
    headings = [Heading("System", "left"), *map(Heading, titles)]
    return Section("costs", "Cost", [Table("Size and cost", headings, rows, notes, "this run")])


def _written(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


def count(n: int | None) -> str | None:
    """Parameters as papers print them: 316M, 0.72M."""
    if n is None or n == 0:
        return None if n is None else "0"
    millions = n / 1e6
    return f"{millions:,.0f}M" if millions >= 100 else f"{millions:.1f}M" if millions >= 10 else f"{millions:.2f}M"


def gmacs(system: System) -> str | None:
    """Multiply-accumulates in thousand millions by both conventions; None for a system that is not counted."""
    if system.macs_products is None or system.macs_benchmark is None:
        return None
    counts = [n / 1e9 for n in (system.macs_products, system.macs_benchmark)]
    return " / ".join(f"{n:,.1f}" if n >= 100 else f"{n:.3g}" for n in counts)


def saved(system: System, against: System | None) -> str | None:
    """Parameters fewer than another system's, percent; None for a system without parameters."""
    if against is None or not system.parameters or not against.parameters:
        return None
    return fixed(100 * (1 - system.parameters / against.parameters))


def figures(run: Run) -> Section | None:
    """Every figure of every system, those outside the table of systems too."""
    board = run.board
    rows: list[list[Cell]] = []
    for system in board.systems:
        for result in (r for (name, _), r in board.results.items() if name == system.name):
            chosen = result.chosen
            tail = [_written(chosen.lr, "g"), str(chosen.tried) if chosen.lr else None, _written(result.steps, ",")]
            for figure in result.figures:
                metric = figure.metric
                about = " ".join(filter(None, (metric.heading, metric.unit, figure.profile, figure.group)))
                drawn = f"{figure.block_count:,} {plural(figure.blocks)}"
                counted = f"{figure.n:,} {figure.unit_of_n}"
                rows.append([system.title, result.title, about, shown(figure), counted, drawn, *tail])
    if not rows:
        return None
    words = [Heading("System", "left"), Heading("Task", "left"), Heading("Metric", "left")]
    titles = ["Figure", "n", "Blocks", "Learning rate", "Rates tried", "Steps"]
    blocks: list[Block] = [Table("Every figure", [*words, *map(Heading, titles)], rows, _settings(board), "this run")]
    blocks += fold_tables(board)
    return Section("figures", "Every figure", [Folded("Every figure of every system", blocks)])


def _settings(board: Board) -> list[str]:
    """What was chosen on dev beside the learning rate, grouped by what it was."""
    words = {}
    for (system, _), result in board.results.items():
        plain = {k: v for k, v in result.chosen.settings.items() if isinstance(v, int | float | str)}
        if plain:
            words[f"{system} ({result.title})"] = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in plain.items())
    return [f"Chosen on dev: {merged(words)}."] if words else []


def kept(run: Run, students: Sequence[tuple[System, System]]) -> Table | None:
    """What each student has left of its teacher's figures, where the teacher learnt anything; None without students."""
    board, columns = run.board, run.board.columns
    rows: list[list[Cell]] = []
    for student, teacher in students:
        cells: list[Cell] = []
        for column in columns:
            mine, theirs = (board.figure(s.name, column) for s in (student, teacher))
            if mine is None or theirs is None or not theirs.value or not _learnt(run, teacher, column):
                cells.append(None)
                continue
            ratio = mine.value / theirs.value
            cells.append(f"{100 * ratio:.0f} %" if column.metric.better == "high" else f"× {ratio:.2f}")
        rows.append([f"{student.name} of {teacher.name}", saved(student, teacher), *cells])
    if not rows:
        return None
    notes = [
        f"Share of the teacher's figure; ×: times its errors. {ABSENT}: not measured, or not learnt by the teacher."
    ]
    headings = [Heading("Student", "left"), Heading("Parameters saved %"), *(Heading(c.short) for c in columns)]
    return Table("What students keep", headings, rows, notes, "this run")


def _learnt(run: Run, teacher: System, column: Column) -> bool:
    """True if the teacher is ahead of its untrained twin, or none was tested."""
    pairs = [run.board.pair(teacher.name, twin.name, column) for twin in twins(run, teacher)]
    return all(pair is None or pair.outcome == "ahead" for pair in pairs)
