"""Overall, Generalizability and Ranking of the SUPERB benchmark, and what does not fit together in a printed row.

Overall is the mean of the benchmark's eleven measures, error rates as 100 - x and QbE times 100. Generalizability
(`superb_s`) sets filter banks to 0 and the best of the leaderboard to 1000 in each measure, and is the mean over its
ten tasks. Ranking is the mean rank over the tasks among the rows compared. Sources: SUPERB, arXiv 2105.01051; superb_s
and its reference points, the SUPERB challenge, arXiv 2210.08634; Ranking, STaR.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .config import PublishedRow

OVERALL_WITHIN, GENERALIZABILITY_WITHIN = 0.1, 2.0  # printed scores were computed from values before rounding
BELOW_TEACHER = 0.05  # a share of the teacher's error by which a student may be better without a doubt


@dataclass(frozen=True)
class Measure:
    """A measure of the benchmark.

    Attributes:
        task: PR, ASR, ...; SF and SE have several measures.
        kind: "error" in percent, "share" in percent, "fraction" (QbE), or another "value".
        base, top: goodness of filter banks and of the best of the leaderboard, the 0 and 1000 of Generalizability.
        better: whether larger values are better.
    """

    task: str
    kind: Literal["error", "share", "fraction", "value"]
    base: float
    top: float

    @property
    def better(self) -> Literal["high", "low"]:
        return "low" if self.kind == "error" else "high"

    def goodness(self, value: float) -> float:
        """The value on a scale where larger is better, percent where it is a rate."""
        return 100 - value if self.kind == "error" else 100 * value if self.kind == "fraction" else value


MEASURES = {
    "PR": Measure("PR", "error", 17.99, 96.47),
    "ASR": Measure("ASR", "error", 76.82, 96.38),
    "KS": Measure("KS", "share", 41.3826674, 96.66),
    "QbE": Measure("QbE", "fraction", 0.58, 7.36),
    "SID": Measure("SID", "share", 20.058174, 90.3),
    "ASV": Measure("ASV", "error", 90.44, 94.89),
    "SD": Measure("SD", "error", 89.95, 94.38),
    "IC": Measure("IC", "share", 9.649354219, 98.76),
    "SF F1": Measure("SF", "share", 69.64, 89.81),
    "SF CER": Measure("SF", "error", 47.06, 78.24),
    "ER": Measure("ER", "share", 48.23672168, 67.62),
    "SE PESQ": Measure("SE", "value", 2.55, 2.64),
    "SE STOI": Measure("SE", "share", 93.6, 94.2),
}
OF_SCORES = [name for name, measure in MEASURES.items() if measure.task != "SE"]  # SE has no part in the scores


def overall(values: Mapping[str, float]) -> float | None:
    """Mean goodness of the eleven measures, percent; None if one is missing."""
    if not values.keys() >= {*OF_SCORES}:
        return None
    return sum(MEASURES[name].goodness(values[name]) for name in OF_SCORES) / len(OF_SCORES)


def generalizability(values: Mapping[str, float]) -> float | None:
    """Mean over the ten tasks, 0 filter banks, 1000 the best of the leaderboard; None if a measure is missing."""
    if not values.keys() >= {*OF_SCORES}:
        return None
    tasks = [
        _mean([_scaled(MEASURES[name], values[name]) for name in names])
        for _, names in groupby(OF_SCORES, lambda name: MEASURES[name].task)
    ]
    return _mean(tasks)


def _scaled(measure: Measure, value: float) -> float:
    return 1000 * (measure.goodness(value) - measure.base) / (measure.top - measure.base)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def rankings(rows: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """Mean rank of each row over the tasks, 1 the best; equals share the mean of their ranks.

    A task of several measures counts once, by the mean of its ranks. The tasks are those that any row has, SE aside; a
    row that lacks one of them is left out, and the others are ranked without it.
    """
    names = [name for name in OF_SCORES if any(name in values for values in rows.values())]
    whole = {row: values for row, values in rows.items() if values.keys() >= {*names}}
    ranks: dict[str, list[float]] = {row: [] for row in whole}
    for _, of_task in groupby(names, lambda name: MEASURES[name].task):
        measures = list(of_task)
        for row in whole:
            ranks[row].append(_mean([_rank(row, {r: whole[r][m] for r in whole}, MEASURES[m]) for m in measures]))
    return {row: _mean(of_row) for row, of_row in ranks.items() if of_row}


def _rank(row: str, values: Mapping[str, float], measure: Measure) -> float:
    goodness = {name: measure.goodness(value) for name, value in values.items()}
    ahead = sum(rival > goodness[row] for rival in goodness.values())
    equal = sum(rival == goodness[row] for rival in goodness.values())
    return ahead + (equal + 1) / 2


def doubts(row: PublishedRow, teacher: PublishedRow | None, banks: PublishedRow | None) -> list[str]:
    """What a printed row says that does not agree with itself, or that no such encoder can reach.

    Args:
        teacher: the row of its teacher; an error rate clearly below the teacher's is doubtful.
        banks: the row of filter banks; whatever is worse than these is doubtful.
    """
    doubtful = []
    for title, printed, computed, within in (
        ("Overall", row.overall, overall(row.values), OVERALL_WITHIN),
        ("Generalizability", row.generalizability, generalizability(row.values), GENERALIZABILITY_WITHIN),
    ):
        if printed is not None and computed is not None and abs(printed - computed) > within:
            doubtful.append(f"{title} is printed as {printed:g}; its figures give {computed:.1f}")
    for name, value in row.values.items():
        measure = MEASURES[name]
        if teacher and measure.kind == "error" and name in teacher.values:
            theirs = teacher.values[name]
            if value < theirs * (1 - BELOW_TEACHER):
                doubtful.append(f"{name} {value:g} is below its teacher's {theirs:g}")
        if banks and name in banks.values and measure.goodness(value) < measure.goodness(banks.values[name]):
            doubtful.append(f"{name} {value:g} is worse than that of filter banks, {banks.values[name]:g}")
    return doubtful
