"""The items of a task's result, from which any of its figures is computed, drawn anew and tested in pairs.

`<task>.items.tsv` has a line for each item (utterance): its speaker, its reference, what the system answered, and for
every metric that is a ratio two counts, of which the sums over a set are divided: edits and length, right and labelled.

Shapes: N items, C labels, K summed quantities.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ..core.files import write_text
from ..core.items_table import Broken, read_items_table
from ..core.record import digest
from ..core.results import ABOUT, OF, Figure, Metric, percent
from .bootstrap import Interval, interval, paired_difference, ratio_interval
from .classification import LABEL_STATISTICS, confusion_matrix, label_sums

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Items:
    """What was scored, item by item.

    Attributes:
        unit: "utterances", or "frames" where references and answers are labels of frames, parted by spaces.
        counts: name of a ratio metric -> its two counts [N, 2].
    """

    ids: Sequence[str]
    speakers: Sequence[str]
    references: Sequence[str]
    answers: Sequence[str]
    counts: dict[str, Array]
    unit: str = "utterances"
    _sums: dict[tuple[str, ...], Array] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def digest(self) -> str:
        """Of ids and references."""
        return digest("".join(f"{a}\t{b}\n" for a, b in zip(self.ids, self.references, strict=True)).encode())

    def chosen(self, places: Sequence[int]) -> Items:
        """The items at `places`, in that order; these very items if that is all of them."""
        if list(places) == list(range(len(self.ids))):
            return self
        columns = self.ids, self.speakers, self.references, self.answers
        ids, speakers, references, answers = ([column[i] for i in places] for column in columns)
        counts = {name: of_items[list(places)] for name, of_items in self.counts.items()}
        return Items(ids, speakers, references, answers, counts, self.unit)

    def confusions(self, labels: Sequence[str]) -> Array:
        """Counts [N, C, C] of answers by reference; a frame whose reference is none of `labels` does not count."""
        known, matrices = set(labels), []
        for reference, answer in zip(self.references, self.answers, strict=True):
            cut = [reference.split(), answer.split()] if self.unit == "frames" else [[reference], [answer]]
            pairs = [(r, a) for r, a in zip(*cut, strict=True) if r in known]
            matrices.append(confusion_matrix([r for r, _ in pairs], [a for _, a in pairs], labels))
        return np.stack(matrices)

    def label_sums(self, labels: Sequence[str]) -> Array:
        """`classification.label_sums` of the confusions [N, 3C], computed once: an item is in many paired tests."""
        key = tuple(labels)
        if key not in self._sums:
            self._sums[key] = label_sums(self.confusions(labels))
        return self._sums[key]

    def number(self) -> int:
        """How many of `unit` were counted."""
        return int(next(iter(self.counts.values()))[:, 1].sum()) if self.unit == "frames" else len(self.ids)


def figure(metric: Metric, items: Items, labels: Sequence[str] = (), by_speaker: bool = True, seed: int = 0) -> Figure:
    """A metric of the items, in percent, with its bootstrap interval.

    Args:
        labels: of an F1.
        by_speaker: draw the items of a speaker together, else each item alone.
    """
    blocks = items.speakers if by_speaker else None
    values_NK, limits = values(metric, items, labels), bounds(metric)
    if metric.statistic == "ratio":
        drawn = ratio_interval(values_NK[:, 0], values_NK[:, 1], blocks, seed, limits)
    else:
        drawn = interval(values_NK, LABEL_STATISTICS[metric.statistic], blocks, seed, limits=limits)
    return _figure(metric, drawn, items.number(), items.unit, by_speaker)


def difference(
    metric: Metric,
    first: Items,
    second: Items,
    labels: Sequence[str] = (),
    by_speaker: bool = True,
    seed: int = 0,
) -> Figure:
    """What `first` has more than `second`, in points, both on the same draws of the same items in the same order."""
    blocks: Sequence[Hashable] | None = first.speakers if by_speaker else None
    one, two = (values(metric, items, labels) for items in (first, second))
    ends = max(abs(end) for end in bounds(metric))
    if metric.statistic == "ratio":
        drawn = paired_difference(one, two, blocks, seed, (-ends, ends))
    else:
        K = one.shape[1]
        both, of_sums = np.concatenate([one, two], 1), LABEL_STATISTICS[metric.statistic]
        drawn = interval(both, lambda s: of_sums(s[:, :K]) - of_sums(s[:, K:]), blocks, seed, limits=(-ends, ends))
    return _figure(metric, drawn, len(first.ids), "utterances", by_speaker)


def values(metric: Metric, items: Items, labels: Sequence[str]) -> Array:
    """The quantities [N, K] whose sums the metric is computed from."""
    if metric.statistic == "ratio":
        return items.counts[metric.name]
    return items.label_sums(labels)


def bounds(metric: Metric) -> tuple[float, float]:
    """Values that a metric cannot leave: an error rate has no upper one."""
    return (0.0, 1.0) if metric.better == "high" else (0.0, np.inf)


def _figure(metric: Metric, drawn: Interval, n: int, unit: str, by_speaker: bool) -> Figure:
    blocks = "speaker" if by_speaker else "utterance"
    return percent(metric, drawn.percent, n=n, unit_of_n=unit, blocks=blocks, block_count=drawn.blocks)


def write_items(path: Path, items: Items) -> None:
    """The table of the items; texts lose line ends and tabs."""
    heads = [head for name in items.counts for head in (name, name + OF)]
    lines = ["\t".join([*ABOUT, *heads])]
    for i, about in enumerate(zip(items.ids, items.speakers, items.references, items.answers, strict=True)):
        numbers = [f"{number:.15g}" for counts in items.counts.values() for number in counts[i]]
        lines.append("\t".join([*(" ".join(text.split()) for text in about), *numbers]))
    write_text(path, "\n".join(lines) + "\n")


def read_items(path: Path, unit: str, broken: Broken) -> Items:
    """The items of a table. Raises what `broken` makes of the file and a sentence, for one that is damaged."""
    table = read_items_table(path, broken)
    values_NK = np.array(table.numbers, float).reshape(len(table.rows), 2 * len(table.metrics))
    counts = {name: values_NK[:, 2 * k : 2 * k + 2] for k, name in enumerate(table.metrics)}
    ids, speakers, references, answers = ([row[k] for row in table.rows] for k in range(len(ABOUT)))
    return Items(ids, speakers, references, answers, counts, unit)
