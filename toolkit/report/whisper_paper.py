"""Published figures, held apart from ours: a table of its own, and ours in the same layout under it."""

from __future__ import annotations

from .tables import ABSENT, PAPER, THIS_RUN, Cell, Column, Table
from .whisper_systems import MACRO, Scores

SETS = ("CV15", "MGB2", "MGB3", "MGB5", "FLEURS", "ALG", "JOR", "PAL", "UAE", "YEM")
PARAMETERS = {
    "W-L-v2": "1,543M",
    "DW-16-16": "809M",
    "DW-16-16++": "809M",
    "DW-32-16": "1,124M",
    "DW-32-16++": "1,124M",
}
PUBLISHED = """
W-S 40.3 46.8 81.4 226.5 28.2 130.7 68.6 73.8 97.8 107.1 90.1
W-M 29.8 33.1 64.3 127.7 16.4 103.7 50.5 58.7 82.5 86.8 65.4
W-L-v2 19.6 26.5 53.0 99.2 11.4 106.4 42.3 51.1 63.8 77.3 55.1
W-L-v3 15.8 15.9 35.7 79.8 9.7 101.9 43.6 53.4 63.4 76.1 49.5
SM4T-L-v2 11.3 17.3 36.2 89.1 7.6 92.1 41.5 49.5 55.9 69.7 47.0
DW-16-16 22.1 26.0 50.5 82.4 18.8 83.0 50.4 61.0 64.6 72.7 53.2
DW-32-16 18.8 21.1 43.8 78.9 14.2 79.5 44.4 55.0 58.1 68.5 48.2
DW-16-16++ 19.2 23.0 47.2 79.0 15.0 79.0 46.7 56.4 60.4 69.1 49.5
DW-32-16++ 17.1 19.7 40.7 76.6 11.1 74.6 41.6 51.4 53.5 63.5 45.0
16-16,_no_filter 22.8 26.1 54.1 95.1 17.6 93.4 51.8 64.7 68.0 78.3 57.2
32-16,_no_filter 21.2 22.8 51.3 90.5 14.9 87.3 47.6 57.1 63.9 73.0 53.0
"""
TEACHER = "W-L-v2"


def paper_table() -> Table:
    """The paper's word error rates: normalised, without diacritics."""
    rows: list[list[Cell]] = []
    for line in PUBLISHED.strip().splitlines():
        name, *figures = line.split()
        rows.append([name.replace("_", " "), PARAMETERS.get(name), *figures])
    return Table(
        title="To Distill or Not to Distill?, arXiv 2406.04512: WER % ↓",
        columns=[Column("Model", "left"), *map(Column, ["Parameters", *SETS, "Mean"])],
        rows=rows,
        notes=[
            "Normalised, without diacritics. W: Whisper; SM4T: SeamlessM4T; DW-e-d: distilled from W-L-v2, e encoder "
            "and d decoder layers, on 100,000 segments that a filter of WER at most 80 % left, ++ on 500,000. Mean: of "
            "the ten sets, unweighted.",
            f"{ABSENT}: not among the figures we hold. The paper gives no intervals.",
        ],
        mark=PAPER,
        strong=frozenset(i for i, row in enumerate(rows) if row[0] == TEACHER),
    )


def our_table(scores: Scores | None) -> Table:
    """The systems of this run in the same layout: the paper's sets where we have them, in our own columns."""
    if scores is None:
        columns = [Column("Model", "left"), Column("Mean")]
        return Table("Our systems in the same layout", columns, [[ABSENT, None]], [f"{ABSENT}: nothing was scored."])
    names = [s.name for s in scores.sets]
    rows: list[list[Cell]] = []
    for system in scores.systems:
        figures = [scores.rate(system.name, name) for name in names]
        mean = scores.rate(system.name, MACRO) if len(names) > 1 else figures[0]
        rows.append([system.name, f"{system.parameters / 1e6:,.1f}M", *figures, mean])
    notes = [
        f"Under {scores.profile}, on the sets of this run, with the networks and the audio of this run. The layout is "
        "the paper's, the conditions are not, so no figure here is to be held against one of the paper's."
    ]
    columns = [Column("Model", "left"), *map(Column, ["Parameters", *names, "Mean"])]
    strong = frozenset(i for i, s in enumerate(scores.systems) if s.name == scores.reference)
    return Table("Our systems in the same layout: WER % ↓", columns, rows, notes, THIS_RUN, strong)
