"""Precision, recall and F1 of each class, by scikit-learn, for tasks whose answers are labels."""

from __future__ import annotations

from typing import Any

from ...core.results import Confusion
from ..section import Block, Cell, Folded, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import fixed

SHOWN = 60  # classes of a table
MEANS = {"macro avg": "mean of the classes", "weighted avg": "mean, weighted by support"}


def classes(run: Run) -> Section | None:
    """A table for each task of labels, of its best trained system."""
    blocks: list[Block] = []
    for column in run.board.tasks:
        leader = run.board.leader(column)
        result = run.board.result(leader.name, column.task) if leader else None
        if leader and result and result.confusion and sum(map(sum, result.confusion.counts)):
            table = class_table(f"{column.title}, {leader.title}", result.confusion)
            blocks.append(Folded(table.title, [table]))
    return Section("classes", "Class by class", blocks) if blocks else None


def class_table(title: str, confusion: Confusion) -> Table:
    """A row for each class, in the order of the labels; of very many, those with the lowest F1."""
    scores, labels = report_of(confusion), confusion.labels
    numbers = list(range(len(labels)))
    if len(labels) > SHOWN:
        numbers = sorted(numbers, key=lambda i: (scores[str(i)]["f1-score"], i))[:SHOWN]
    rows = [_row(labels[i], scores[str(i)]) for i in numbers]
    rows += [_row(words, scores[name]) for name, words in MEANS.items()]
    notes = ["Percent; 0 for the precision of a class that was never answered and the recall of one that never occurs."]
    if len(labels) > SHOWN:
        notes.append(f"The {SHOWN} classes with the lowest F1 of {len(labels):,}.")
    if not all(map(sum, confusion.counts)):
        notes.append("The mean of the classes is of those that occur, as macro F1 is elsewhere.")
    headings = [Heading("Class", "left"), *map(Heading, ("Precision", "Recall", "F1", "Support"))]
    return Table(title, headings, rows, notes, "this run", first=frozenset({len(numbers)}))


def report_of(confusion: Confusion) -> dict[str, Any]:
    """scikit-learn's classification report of a confusion, each class under its number; means over those that occur.

    An answer outside the labels, or a class that only training has, is none that was got wrong.
    """
    from sklearn.metrics import classification_report  # half a second: only for a report that has such a table

    numbers = list(range(len(confusion.labels)))
    cells = [(i, j, n) for i, row in enumerate(confusion.counts) for j, n in enumerate(row) if n]
    references, answers, counts = zip(*cells, strict=True)
    occurring = [i for i, row in enumerate(confusion.counts) if sum(row)]
    scores, means = (
        classification_report(references, answers, sample_weight=counts, labels=of, output_dict=True, zero_division=0.0)
        for of in (numbers, occurring)
    )
    return {**scores, **{name: means[name] for name in MEANS}}


def _row(name: str, scores: dict[str, float]) -> list[Cell]:
    figures = [fixed(100 * scores[key]) for key in ("precision", "recall", "f1-score")]
    return [name, *figures, f"{scores['support']:,.0f}"]
