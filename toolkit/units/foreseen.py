"""Mistakes in the call of a recipe that configs tell before stage 1. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import UserError
from ..core.plan import Planned


def quality_mistakes(planned: Planned) -> Iterator[UserError]:
    """A twin codebook that would be the codebook itself, because both have one seed."""
    labels = [made[1] for name in planned.ins if (made := planned.made_by(name)) and made[0] == "units.label"]
    inputs = [(of, name) for of in labels for name in of.ins]
    books = [made[1] for of, name in inputs if (made := of.made_by(name)) and made[0] == "units.kmeans"]
    if len(books) == 2 and books[0].config == books[1].config and books[0].ins == books[1].ins:
        problem = f"the twin codebook has the seed of the config, {books[1].config.seed}: it would be the same codebook"
        yield UserError(problem, books[1].out, "give --twin-seed another value than the seed of the config")
