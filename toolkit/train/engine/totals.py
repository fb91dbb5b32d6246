"""Sums over micro-batches and ranks, from which means are made."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from .ranks import World

Pair = tuple[Tensor | float, Tensor | float]


class Totals:
    """Named (numerator, denominator) pairs, in float64 on the device; nothing waits for it until `over`."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.pairs: dict[str, Tensor] = {}

    def add(self, pairs: Mapping[str, Pair]) -> None:
        """Add the pairs of a micro-batch."""
        for name, pair in pairs.items():
            both = torch.stack([torch.as_tensor(v, dtype=torch.float64, device=self.device).detach() for v in pair])
            self.pairs[name] = self.pairs[name] + both if name in self.pairs else both

    def over(
        self, world: World, *more: Tensor, agree: bool = False
    ) -> tuple[dict[str, tuple[float, float]], list[float]]:
        """Pairs summed over all ranks, and the scalars `more` of this one; one wait for the device.

        Args:
            agree: names may differ between ranks; a rank without a name adds nothing to it.
        """
        names = list(self.pairs)
        if agree:
            names = list(dict.fromkeys(name for rank in world.gather(names) for name in rank))
        none = torch.zeros(2, dtype=torch.float64, device=self.device)
        summed = world.sum(torch.stack([self.pairs.get(name, none) for name in names] or [none]))
        flat = torch.cat([summed.flatten(), *(m.detach().double().reshape(1) for m in more)]).tolist()
        totals = {name: (flat[2 * i], flat[2 * i + 1]) for i, name in enumerate(names)}
        return totals, flat[len(flat) - len(more) :]
