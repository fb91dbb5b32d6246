"""What a schedule drew, and how its gradients varied: `schedule.json`, written by train.instruct."""

from __future__ import annotations

from dataclasses import dataclass, field

SCHEDULE = "schedule.json"
WHOLE = "step"  # name, among gradients of tasks, of that of whole steps


@dataclass(frozen=True)
class Drawn:
    """The items of a task in one training.

    Attributes:
        draws: items drawn; distinct: of them, different ones; items: that the task has.
        labels: label -> its share of the draws.
    """

    draws: int
    items: int
    distinct: int
    labels: dict[str, float] = field(default_factory=dict)

    @property
    def coverage(self) -> float:
        """Share of the task's items that were drawn at least once."""
        return self.distinct / self.items if self.items else 0.0

    @property
    def uses(self) -> float:
        """How often an item that was drawn was drawn."""
        return self.draws / self.distinct if self.distinct else 0.0


@dataclass(frozen=True)
class Gradient:
    """Norm of the gradient, before it is cut: mean and variance over steps, or over micro-batches of a task.

    Those of the first tenth of the steps, in which the learning rate rises, do not count.
    """

    mean: float
    variance: float


@dataclass(frozen=True)
class ScheduleResult:
    """A training by a schedule.

    Attributes:
        name: of the trained adapter or model.
        schedule: its stages in words.
        steps, batch: length of the training and items in a step.
        drawn: task -> what was drawn of it.
        gradients: task, or WHOLE -> norm of its gradient; empty if it was not measured.
    """

    name: str
    schedule: str
    steps: int
    batch: int
    drawn: dict[str, Drawn]
    gradients: dict[str, Gradient] = field(default_factory=dict)
