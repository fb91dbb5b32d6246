"""Mistakes in the call of a recipe that configs tell before stage 1. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import UserError
from ..core.plan import Planned
from ..models.planned import encoder_shape


def start_mistakes(planned: Planned) -> Iterator[UserError]:
    """Blocks that the network to begin with does not have, as far as its shape is known."""
    shapes = [(name, shape) for name in planned.ins[3:] if (shape := encoder_shape(planned, name))]
    for name, (blocks, _) in shapes:
        if strange := [n for n in planned.config.start_layers if not 1 <= n <= blocks]:
            words = ", ".join(map(str, strange))
            problem = f"start_layers: no block {words} in {name}, which has {blocks}"
            yield UserError(problem, "start_layers", f"name blocks from 1 to {blocks}")
