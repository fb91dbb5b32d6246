"""Students against the teachers that the config names."""

from __future__ import annotations

from ..board import Board, Column
from ..relations import named_students
from ..section import Cell, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, MARKS, Value, difference
from . import superb


def teachers(run: Run) -> Section | None:
    """What each student has more than its teacher, figure by figure; None if the config names no teacher."""
    board, pairs = run.board, named_students(run)
    if not pairs:
        return None
    scores = superb.scores(run)
    rows: list[list[Cell]] = []
    for student, teacher in pairs:
        cells: list[Cell] = [_cell(board, student.name, teacher.name, column) for column in board.columns]
        for values in scores.values():
            both = student.name in values and teacher.name in values
            cells.append(Value(values[student.name] - values[teacher.name], signed=True) if both else None)
        rows.append([f"{student.title} − {teacher.title}", *cells])
    headings = [Heading("Student − teacher", "left"), *(Heading(column.heading) for column in board.columns)]
    headings += [Heading(title) for title in scores]
    notes = [
        f"Points. [ ]: 95 % interval of the paired bootstrap, which decides {MARKS['ahead']} better than the teacher, "
        f"{MARKS['behind']} worse. {ABSENT}: one of the two lacks the figure."
    ]
    if run.superb and run.superb.published:
        notes.append("Published rows are apart: their differences are of two rows of their own table.")
    return Section("teachers", "Δ to the teacher", [Table("Δ to the teacher", headings, rows, notes, "this run")])


def _cell(board: Board, student: str, teacher: str, column: Column) -> Value | None:
    """The paired difference, else that of the two figures."""
    if pair := board.pair(student, teacher, column):
        return difference(pair)
    mine, theirs = (board.figure(name, column) for name in (student, teacher))
    return Value(mine.value - theirs.value, signed=True) if mine and theirs else None
