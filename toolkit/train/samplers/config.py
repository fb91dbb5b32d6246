"""Configs of schedules over the tasks of an audio LLM; imports no torch."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, Literal

SUM = 1e-6  # shares may differ from 1 in sum by this much


@dataclass(frozen=True)
class StageConfig:
    """One stage of a schedule.

    Attributes are those of every type; `type` chooses the class.
    """

    type: str = "uniform"
    "uniform, curriculum (TPC) or diverse (ADS)"
    share: float = 0.0
    "share of the steps; 0, in one stage at most: the rest"

    @classmethod
    def variants(cls) -> tuple[str, ...]:
        return tuple(_TYPES)

    @classmethod
    def variant(cls, name: str) -> Any:
        """The class of a type. Raises ValueError for an unknown one."""
        if name not in _TYPES:
            raise ValueError(f"{name} is not one of {', '.join(_TYPES)}")
        return _TYPES[name]

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"share {self.share:g} is not 0 to 1")


@dataclass(frozen=True)
class UniformConfig(StageConfig):
    """All items in random order, each once before any comes again."""

    equal: bool = False
    "true: each task has the same share of the items (task-uniform); false: as many as it has items (natural mixing)"
    of_tasks: dict[str, float] = field(default_factory=dict)
    "task -> its share of the items; tasks that are not named share the rest by their numbers of items"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.equal and self.of_tasks:
            raise ValueError("equal and of_tasks: name one of the two")


@dataclass(frozen=True)
class CurriculumConfig(StageConfig):
    """Task-progressive curriculum: stages that add tasks one after the other."""

    type: str = "curriculum"
    order: tuple[tuple[str, ...], ...] = ()
    "tasks that each stage adds, e.g. [[asr], [summary], [dialect, emotion]]"
    shares: tuple[float, ...] = ()
    "share of the curriculum's steps that each of them takes; empty: equal"
    replay: float = 0.5
    "share of the items of a stage that are of earlier stages; 0: none, a strict curriculum, which forgets"
    absent: Literal["refuse", "leave out"] = "refuse"
    """a task in `order` that has no items; refuse: stop with an error, as it may be misspelt; leave out: the others
    take its place, and a stage without any task leaves its share to the other stages"""

    def of(self, tasks: Container[str]) -> tuple[list[list[str]], list[float]]:
        """(tasks of each stage, its share of the steps), without what `absent` leaves out."""
        shares = self.shares or (1 / len(self.order),) * len(self.order)
        stages = [
            ([task for task in stage if self.absent == "refuse" or task in tasks], share)
            for stage, share in zip(self.order, shares, strict=True)
        ]
        stages = [(stage, share) for stage, share in stages if stage]
        total = sum(share for _, share in stages)
        return [stage for stage, _ in stages], [share / total for _, share in stages]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.order or not all(self.order):
            raise ValueError("order: name the tasks of each stage")
        named = [task for stage in self.order for task in stage]
        if twice := [task for task in named if named.count(task) > 1]:
            raise ValueError(f"order: {twice[0]} is in two stages")
        if self.shares and (len(self.shares) != len(self.order) or min(self.shares) <= 0):
            raise ValueError(f"shares: {len(self.shares)} for {len(self.order)} stages; give one above 0 for each")
        if self.shares and abs(sum(self.shares) - 1) > SUM:
            raise ValueError(f"shares add up to {sum(self.shares):g}, not to 1")
        if not 0 <= self.replay < 1:
            raise ValueError("replay must be 0 to below 1")


@dataclass(frozen=True)
class DiverseConfig(StageConfig):
    """Aligner-based diverse sampling: equal shares of tasks and labels, items of a step unlike each other."""

    type: str = "diverse"
    pool: int = 64
    "candidates among which each item is chosen; larger makes the items of a step less alike; 1: stratified only"
    clusters: int = 1
    "clusters of embeddings that take the place of labels in tasks that have none; 1: no clusters"
    dim: int = 128
    "dimensions that embeddings are projected to at random if they have more; 0: none"

    def __post_init__(self) -> None:
        super().__post_init__()
        if min(self.pool, self.clusters) < 1 or self.dim < 0:
            raise ValueError("pool and clusters must be at least 1, dim at least 0")


_TYPES: dict[str, type[StageConfig]] = {
    "uniform": UniformConfig,
    "curriculum": CurriculumConfig,
    "diverse": DiverseConfig,
}


def check_schedule(stages: tuple[StageConfig, ...]) -> None:
    """Raise ValueError for a schedule without stages, or whose shares do not add up."""
    if not stages:
        raise ValueError("schedule: name at least one stage")
    diverse = [stage for stage in stages if isinstance(stage, DiverseConfig)]
    if len({(stage.dim, stage.clusters) for stage in diverse}) > 1:
        raise ValueError("schedule: all diverse stages need the same dim and clusters")
    if any(type(stage) is StageConfig for stage in stages):
        raise ValueError(f"schedule: each stage needs a type: {', '.join(_TYPES)}")
    total, open_ = sum(stage.share for stage in stages), [stage for stage in stages if not stage.share]
    if len(open_) > 1:
        raise ValueError("schedule: only one stage may have no share, which then takes the rest")
    if abs(total - 1) > SUM and (not open_ or total > 1):
        raise ValueError(f"schedule: shares add up to {total:g}, not to 1")
    if open_ and total >= 1 - SUM:
        raise ValueError("schedule: nothing is left for the stage without a share")
