"""The temporal structure inside students beside that of their teacher."""

from __future__ import annotations

from ..render.matrices import matrix_plot
from ..section import Block, Cell, Picture, Pictures, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, fixed


def structure(run: Run) -> Section | None:
    """How far each student is from its teacher, layer by layer, and Gram matrices of an utterance side by side."""
    result = run.structure
    if result is None:
        return None
    deepest = max(len(student.apart) for student in result.students)
    rows: list[list[Cell]] = []
    for student in result.students:
        cells: list[Cell] = [fixed(x, 3) for x in student.apart]
        rows.append([student.name, *cells, *[None] * (deepest - len(cells))])
    headings = [Heading("Student", "left"), *(Heading(f"Layer {layer}") for layer in range(deepest))]
    notes = [
        f"Root of the mean squared difference between the student's and {result.teacher.name}'s cosines of all pairs "
        f"of frames; 0: the same structure in time. {result.utterances} utterances, {result.seconds:.0f} s. Layers are "
        "the student's, 0 the input of its blocks; each is held against the teacher's layer that it was paired with. A "
        "student that learnt Gram matrices is near by construction: whether that helps, the tasks say.",
    ]
    notes += [f"{ABSENT}: a student with fewer layers."] if any(None in row for row in rows) else []
    table = Table("Temporal structure: distance to the teacher", headings, rows, notes, "this run")
    insides = [result.teacher, *result.students]
    lowest = min(min(map(min, inside.gram)) for inside in insides)
    drawn = [
        Picture(
            inside.name,
            matrix_plot(f"gram{i}", inside.gram, result.example_seconds, lowest, 1.0, f"Cosines: {inside.name}"),
            f"{result.example}: cosines between its moments, last layer",
        )
        for i, inside in enumerate(insides)
    ]
    blocks: list[Block] = [table, Pictures(drawn)]
    return Section("structure", "Temporal structure", blocks)
