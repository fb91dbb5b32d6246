"""Systems by figures: what the table of systems, its marks, the tiles and the paired differences all read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ..core.results import Cost, Figure, Metric, Pair, System, TaskResult

ARROWS = {"high": "↑", "low": "↓"}
Key = tuple[str, str]


@dataclass(frozen=True)
class Column:
    """A figure of every system: a task's metric, under a profile, of a group."""

    task: str
    title: str
    metric: Metric
    profile: str = ""
    group: str = ""
    decides: bool = True

    @property
    def heading(self) -> str:
        """`ASR CER % ↓`: the arrow says which way is better."""
        words = (self.title[:1].upper() + self.title[1:], self.metric.heading, self.metric.unit)
        return " ".join(filter(None, (*words, ARROWS[self.metric.better])))

    @property
    def measure(self) -> str:
        """`ASR CER %`, as an axis is labelled."""
        return self.heading.rsplit(" ", 1)[0]

    @property
    def caption(self) -> str:
        """`ASR CER %, lower is better`."""
        return f"{self.measure}, {'higher' if self.metric.better == 'high' else 'lower'} is better"

    @property
    def short(self) -> str:
        """`ASR CER`."""
        return f"{self.title} {self.metric.heading}".strip()


@dataclass
class Board:
    """Every result of a run.

    Attributes:
        systems: in the order of the tables.
        results: by (system, task).
        pairs: paired tests, each once; `pair` finds them from both sides.
        costs: by system.
        baseline: name of the system that the marks of the table are against; empty: none.
        profile: normalisation of the texts that the table of systems is under; empty: the tasks' own.
        order: of the tasks; those that it does not name stand last.
    """

    systems: list[System] = field(default_factory=list)
    results: dict[Key, TaskResult] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    costs: dict[str, Cost] = field(default_factory=dict)
    baseline: str = ""
    profile: str = ""
    order: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._tests = {
            key: pair
            for p in self.pairs
            for pair in (p.turned, p)
            for key in [(pair.system, pair.against, pair.task, pair.difference.metric.name, pair.difference.profile)]
        }

    def system(self, name: str | None) -> System | None:
        return next((system for system in self.systems if system.name == name), None)

    def title(self, name: str) -> str:
        system = self.system(name)
        return system.title if system else name

    @cached_property
    def columns(self) -> list[Column]:
        """The figures of the table of systems, task by task in the order of the run, the deciding one first."""
        return [c for c in self.all_columns if not c.metric.minor and c.profile == self.profile and not c.group]

    @property
    def tasks(self) -> list[Column]:
        """The deciding figure of each task."""
        return [column for column in self.columns if column.decides]

    @cached_property
    def all_columns(self) -> list[Column]:
        """Every figure that any system has."""
        made: dict[tuple[str, str, str, str], Column] = {}
        for result in self.results.values():
            for figure in result.figures:
                key = (result.task, figure.metric.name, figure.profile, figure.group)
                decides = figure.metric == result.decides.metric
                column = Column(result.task, result.title, figure.metric, figure.profile, figure.group, decides)
                made.setdefault(key, column)
        place = {task: n for n, task in enumerate(self.order)}
        return sorted(made.values(), key=lambda column: (place.get(column.task, len(place)), column.task))

    def result(self, system: str, task: str) -> TaskResult | None:
        return self.results.get((system, task))

    def figure(self, system: str, column: Column) -> Figure | None:
        result = self.result(system, column.task)
        return result.figure(column.metric.name, column.profile, column.group) if result else None

    def pair(self, system: str, against: str, column: Column) -> Pair | None:
        """The paired test of `system` against another; None if the two were not tested."""
        return self._tests.get((system, against, column.task, column.metric.name, column.profile))

    def ranked(self, column: Column) -> list[str]:
        """Systems that have the figure, the best first, the first of equals."""
        having = [(s.name, f) for s in self.systems if (f := self.figure(s.name, column))]
        return [name for name, f in sorted(having, key=lambda pair: -column.metric.sign * pair[1].value)]

    def leader(self, column: Column) -> System | None:
        """The best trained system, else the best of all; None if no system has the figure."""
        ranked = [system for name in self.ranked(column) if (system := self.system(name))]
        trained = [system for system in ranked if system.arm == "trained"]
        return next(iter(trained or ranked), None)

    def chance(self, column: Column) -> set[float]:
        """Chance of the deciding figure; several where systems had other labels, none where there is none."""
        if not column.decides:
            return set()
        return {r.chance for r in self.results.values() if r.task == column.task and r.chance is not None}

    def outcome(self, system: str, column: Column) -> Literal["", "ahead", "behind", "undecided"]:
        """How a system stands to the baseline by the paired test; empty if none was made."""
        pair = self.pair(system, self.baseline, column) if self.baseline else None
        if pair is None:
            return ""
        return "undecided" if pair.outcome == "not told apart" else pair.outcome


def arranged(systems: Sequence[System], order: Sequence[str]) -> list[System]:
    """Systems without a model first, then each model in `order`: its random twin, itself, its fine-tuned self."""
    place = {name: n for n, name in enumerate(order)}
    within = {"random": 0, "trained": 1, "features": 0}

    def key(system: System) -> tuple[int, int, str, int, bool, float]:
        model = system.model or system.name
        group = (0, 0, "") if system.arm == "features" else (1, place.get(model, len(place)), model)
        return *group, within[system.arm], not system.frozen, system.share

    return sorted(systems, key=key)
