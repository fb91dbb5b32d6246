"""Published figures, held apart from ours: a table of its own, and ours in the same layout under it."""

from __future__ import annotations

from collections.abc import Sequence

from .compare import comparable, students
from .model_table import compression, count, reference
from .probes import BEAM, Row, Task
from .results import Results
from .tables import ABSENT, PAPER, THIS_RUN, Cell, Column, Table, fixed, listed

SIZES = ["Layers", "Parameters", "Compression %"]
FIGURES = ["ASR WER % ↓", "Emotion acc. % ↑", "Dialect acc. % ↑", "Dialect relative to L"]


def _columns() -> list[Column]:
    return [Column("Model", "left"), *map(Column, [*SIZES, *FIGURES])]


def paper_table() -> Table:
    """Table 3: HArnESS (arXiv 2509.14689)."""
    return Table(
        title="Table 3. HArnESS, arXiv 2509.14689",
        columns=_columns(),
        rows=[
            ["HArnESS-L", "24", "316M", None, "15.50", "94.66", None, None],
            ["HArnESS-S", "4", None, "79.4", None, None, None, "−14.4 %"],
            ["HArnESS-ST", "4", "28M", None, None, None, None, None],
            ["smallest student that keeps its accuracy", None, None, "93.7", None, None, None, None],
            ["a smaller one, which does not", None, None, "≈ 96.5", None, "≈ 53", None, None],
        ],
        notes=[
            "WER on the test set of MGB-2. Pre-trained on 23k hours of Arabic and English, "
            "the students on about 1,100 hours of Arabic.",
            "S: dialect accuracy against L, as the paper puts it. At about 96.5 % emotion collapses, from about 90.",
            f"{ABSENT}: not published, or not among the figures we hold. The paper gives no intervals.",
        ],
        mark=PAPER,
    )


def our_rows(results: Results) -> list[Row]:
    """The teacher, its students and their fine-tuned selves; every model where no teacher and student are known."""
    known = students(results)
    names = {row.name for found in known for row in found} or {row.name for row in results.models}
    return [row for row in results.rows if row.kind == "model" and (row.name in names or (row.of or "") in names)]


def our_table(results: Results, synthetic: bool) -> Table:
    """Table 4: the teacher and the students of this run in the layout of Table 3."""
    against, shown = reference(results), our_rows(results)
    teachers = {student.name: teacher for student, teacher in students(results)}
    rows: list[list[Cell]] = []
    for row in shown:
        asr, emotion, dialect = (row.tasks.get(name) for name in ("asr", "emotion", "dialect"))
        wer = asr.others.get(_wer(asr)) if asr else None
        layers = None if row.layers is None else str(row.layers)
        figures: list[Cell] = [*(t.estimate if t else None for t in (emotion, dialect))]
        relative = _relative(row, teachers.get(row.name))
        rows.append([row.title, layers, count(row.parameters), compression(row, against), wer, *figures, relative])
    where = "our own synthetic test set" if synthetic else "our own test set"
    notes = [
        f"Probes on {where}{_conditions(results, shown)}. The layout is the paper's, the conditions are not, "
        "so no figure here is to be held against one of Table 3. n and intervals as under Table 1."
    ]
    notes += _decoding(shown)
    tuned = [row.title for row in shown if not row.frozen]
    if tuned:
        notes.append(f"{listed(tuned)}: not frozen, so not to be held against the other rows.")
    if not rows:
        notes.append(f"{ABSENT}: no model of this run was probed.")
    elif any(cell is None for row in rows for cell in row):
        notes.append(
            f"{ABSENT}: not measured in this run, as the notes of Table 1 say, or, relative to L, no frozen student."
        )
    columns, absent = _columns(), [[ABSENT, *[None] * (len(SIZES) + len(FIGURES))]]
    return Table("Table 4. Our models in the same layout", columns, rows or absent, notes, THIS_RUN)


def _relative(student: Row, teacher: Row | None) -> str | None:
    """`−14.4 %`: the dialect accuracy of a student as its change from the teacher's; None for other rows."""
    mine, theirs = (row.tasks.get("dialect") if row else None for row in (student, teacher))
    if mine is None or theirs is None or not theirs.estimate.value or not comparable(mine, theirs):
        return None
    return f"{fixed(100 * (mine.estimate.value / theirs.estimate.value - 1), sign='+')} %".replace("-", "−")


def _wer(asr: Task) -> str:
    """The figure nearest to the paper's: by beam search where there is one, else greedy."""
    return "wer" + BEAM if "wer" + BEAM in asr.others else "wer"


def _decoding(shown: Sequence[Row]) -> list[str]:
    """`ASR WER: by beam search (beam 16, …) for A and B; greedy for C.`"""
    by: dict[str, list[str]] = {}
    for row in (row for row in shown if "asr" in row.tasks and _wer(row.tasks["asr"]) in row.tasks["asr"].others):
        asr = row.tasks["asr"]
        how = f"by beam search ({asr.decoding or 'settings not said'})" if _wer(asr).endswith(BEAM) else "greedy"
        by.setdefault(how, []).append(row.title)
    said = "; ".join(f"{how} for {listed(titles)}" for how, titles in by.items())
    return [f"ASR WER: {said}."] if said else []


def _conditions(results: Results, shown: Sequence[Row]) -> str:
    """Parameters and hours of audio of each model, as far as they are known: these are not the paper's."""
    hours = {training.name: training.hours for training in results.trainings}
    said = []
    for row in (row for row in shown if row.frozen):
        facts = [f"{count(row.parameters)} parameters"] if row.parameters else []
        heard = hours.get(row.name)
        facts += [f"trained on {heard:,.2f} h"] if heard is not None else []
        said += [f"; {row.title}: {', '.join(facts)}"] if facts else []
    return "".join(said)
