"""Sets that the call of a recipe names and that its data directories do not have, told before stage 1."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ..core.errors import UserError
from ..core.plan import Planned
from .contamination import find_names
from .find import matching
from .sample import find_sets


def sample_mistakes(planned: Planned) -> Iterator[UserError]:
    """A set to draw from that no input has, where all inputs are made."""
    if not planned.are_known(planned.ins):
        return
    try:
        find_sets([*map(Path, planned.ins)], planned.config.sets)
    except UserError as e:
        yield UserError(f"sets: {e.what}", e.where, e.remedy)


def contamination_mistakes(planned: Planned) -> Iterator[UserError]:
    """A set to train on that no input has, where all inputs are made."""
    if not planned.are_known(planned.ins):
        return
    try:
        matching(find_names([*map(Path, planned.ins)]), planned.config.train, "--train")
    except UserError as e:
        yield UserError(f"train: {e.what}", e.where, e.remedy)
