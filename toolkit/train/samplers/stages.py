"""A schedule of samplers, one after another: a curriculum over tasks (TPC), or TPC first and ADS then."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from functools import reduce
from itertools import accumulate
from operator import add

from ...core.errors import UserError
from .base import Coverage, Draw, Sampler


class Stages:
    """Sampler of samplers. Step s belongs to the stage that it falls in, and is counted from that stage's beginning.

    Items have the same numbers in all stages. A sampler that is in two stages begins anew in the second; a Quota
    goes on where another stopped if it is given the other's `drawn` as its `first`.

    Attributes:
        steps: steps of all stages; None where the last one has no end.
    """

    def __init__(self, stages: Sequence[tuple[int | None, Sampler]], field: str = "schedule") -> None:
        """Args:
            stages: (steps, sampler) of each; None for a last stage without end.
            field: of the config that they stand in.

        Raises UserError for no stage at all, a stage of no steps, and one without end before the last.
        """
        if not stages:
            raise UserError("no stages", field, "give at least one")
        *early, (last, _) = stages
        for number, (steps, _) in enumerate(stages, 1):
            if steps is not None and steps < 1:
                raise UserError(f"stage {number} has {steps} steps", field, "give it at least one, or take it out")
        counts = [steps for steps, _ in early if steps is not None]
        if len(counts) < len(early):
            raise UserError("a stage without end before the last one", field, "say how many steps it has")
        self._samplers = [sampler for _, sampler in stages]
        self._starts = [0, *accumulate(counts)]
        self.steps = None if last is None else self._starts[-1] + last
        self._field = field

    def micro(self, step: int, number: int) -> Draw:
        """Micro-batch `number` of step `step`. Raises UserError for a step behind the last stage."""
        self._refuse_behind(step + 1)
        stage = bisect_right(self._starts, step) - 1
        return self._samplers[stage].micro(step - self._starts[stage], number)

    def coverage(self, step: int) -> Coverage:
        """What steps 0 to `step` - 1 draw, over the stages. Raises UserError for a step behind the last stage."""
        self._refuse_behind(step)
        ends = [*self._starts[1:], step]
        parts = [
            sampler.coverage(min(step, end) - start)
            for sampler, start, end in zip(self._samplers, self._starts, ends, strict=True)
            if step > start or start == 0
        ]
        return reduce(add, parts)

    def _refuse_behind(self, steps: int) -> None:
        if self.steps is not None and steps > self.steps:
            problem = f"step {steps} of a schedule of {self.steps} steps"
            raise UserError(
                problem, f"{self._field}, loop.total_steps", "lengthen the last stage, or train fewer steps"
            )
