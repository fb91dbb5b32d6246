"""Published figures, held apart from ours: a table of its own, and ours in the same layout under it."""

from __future__ import annotations

from .model_table import compression, count, reference
from .results import Results
from .tables import ABSENT, PAPER, THIS_RUN, Cell, Column, Table

TITLES = ["Model", "Layers", "Parameters", "Compression %", "ASR WER % ↓", "Emotion acc. % ↑", "Dialect acc. % ↑"]


def _columns() -> list[Column]:
    return [Column(TITLES[0], "left"), *map(Column, TITLES[1:])]


def paper_table() -> Table:
    """Table 3: HArnESS (arXiv 2509.14689)."""
    return Table(
        title="Table 3. HArnESS, arXiv 2509.14689",
        columns=_columns(),
        rows=[
            ["HArnESS-L", "24", "316M", None, "15.50", "94.66", None],
            ["HArnESS-S", "4", None, "79.4", None, None, "−14.4 %"],
            ["HArnESS-ST", "4", "28M", None, None, None, None],
            ["smallest that holds", None, None, "93.7", None, None, None],
            ["beyond it", None, None, "≈ 96.5", None, "≈ 53", None],
        ],
        notes=[
            "WER on the test set of MGB-2. Pre-trained on 23k hours of Arabic and English, "
            "the students on about 1,100 hours of Arabic.",
            "S: dialect accuracy against L, as the paper puts it. At about 96.5 % emotion collapses, from about 90.",
            f"{ABSENT}: not published, or not among the figures we hold. The paper gives no intervals.",
        ],
        mark=PAPER,
    )


def our_table(results: Results, synthetic: bool) -> Table:
    """Table 4: the models of this run in the layout of Table 3."""
    against = reference(results)
    rows: list[list[Cell]] = []
    for row in results.models:
        asr, emotion, dialect = (row.tasks.get(name) for name in ("asr", "emotion", "dialect"))
        wer = asr.others.get("wer") if asr else None
        layers = None if row.layers is None else str(row.layers)
        figures: list[Cell] = [wer, emotion.estimate if emotion else None, dialect.estimate if dialect else None]
        rows.append([row.title, layers, count(row.parameters), compression(row, against), *figures])
    where = "our own synthetic test set" if synthetic else "our own test set"
    notes = [
        f"Probes on {where}{_conditions(results)}. The layout is the paper's, the conditions are not, "
        "so no figure here is to be held against one of Table 3. n and intervals as under Table 1."
    ]
    if not rows:
        notes.append(f"{ABSENT}: no model of this run was probed.")
    elif any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not measured in this run; the notes of Table 1 say why.")
    return Table("Table 4. Our models in the same layout", _columns(), rows or [[ABSENT, *[None] * 6]], notes, THIS_RUN)


def _conditions(results: Results) -> str:
    """Parameters and hours of audio of each model, as far as they are known: these are not the paper's."""
    hours = {training.name: training.hours for training in results.trainings}
    said = []
    for row in results.models:
        facts = [f"{count(row.parameters)} parameters"] if row.parameters else []
        heard = hours.get(row.name)
        facts += [f"trained on {heard:,.2f} h"] if heard is not None else []
        said += [f"; {row.title}: {', '.join(facts)}"] if facts else []
    return "".join(said)
