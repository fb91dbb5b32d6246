"""Mistakes in the call of a recipe that configs tell before stage 1. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import UserError
from ..core.plan import Planned


def pack_mistakes(planned: Planned) -> Iterator[UserError]:
    """A selection to pack that the config of pseudo.select does not have."""
    keep = planned.config.keep
    made = [maker for name in planned.ins if (maker := planned.made_by(name)) and maker[0] == "pseudo.select"]
    for _, select in made:
        if keep and keep not in select.config.keep:
            names = ", ".join(select.config.keep) or "none"
            remedy = f"name one of {names}, or add it to `keep` of the config of pseudo.select"
            yield UserError(f"keep: no selection is called {keep}", f"--keep {keep}", remedy)
