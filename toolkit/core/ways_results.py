"""What is told of ways of distilling: `ways.json`, a WaysResult, which score.ways writes and the report reads."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .results import Figure, Metric

WAYS = "ways.json"
MEAN = Metric("mean", "%", "high", "Mean")  # of a way over all tasks; of an error rate 100 minus it
Outcome = Literal["shown", "not shown", "opposite", "not tested"]


@dataclass(frozen=True)
class Way:
    """Students that were distilled in one way, from several seeds; or a system that stands for itself.

    Attributes:
        students: their rows.
        seeds: how many of them the figures are a mean over.
        share: of their training's steps, 1 for the end.
        figures: task -> mean over the students, whose interval is of speakers (or utterances) and, if any way has
            several, of seeds.
        spread: task -> standard deviation over the seeds, in the unit of the figure; none with one seed.
        mean: mean over the tasks, of error rates 100 minus the rate; None for a way that lacks a task.
        ranking: mean rank over the tasks among the ways that have all of them at the end of their training.
    """

    name: str
    students: tuple[str, ...]
    seeds: int = 1
    share: float = 1.0
    figures: dict[str, Figure] = field(default_factory=dict)
    spread: dict[str, float] = field(default_factory=dict)
    mean: Figure | None = None
    ranking: float | None = None


@dataclass(frozen=True)
class Direction:
    """A direction that was published, and how it came out here.

    Attributes:
        text: what was published; `printed`: by which figures.
        better, worse: ways of this run; empty: nothing here can tell.
        task: that it is about; empty: the mean over all.
        difference: better - worse, so that above 0 is as published where larger values are better; None: not tested.
        seeds: of the better way and of the worse one.
        alone: true if no way has several seeds, so that the interval knows of speakers alone.
        note: what else must be known of it, or why it was not tested.
        measure: what is compared, if not the figures themselves: "until", "change" or "rank"; of the first two `at`,
            percent of the steps.
    """

    text: str
    printed: str
    better: str
    worse: str
    task: str
    outcome: Outcome
    difference: Figure | None = None
    seeds: tuple[int, ...] = ()
    alone: bool = False
    note: str = ""
    measure: str = "figure"
    at: float = 50.0


@dataclass(frozen=True)
class WaysResult:
    """Ways in the order of their first student, and directions in the order of the config.

    Attributes:
        titles: task -> how a table calls it, in the order of the run.
    """

    titles: dict[str, str]
    ways: tuple[Way, ...]
    directions: tuple[Direction, ...] = ()
