"""Several terms as one loss, exact for any split of a step into micro-batches and ranks.

The loss of a step is sum over terms of scale_k * S_k / W_k, where S_k and W_k are totals of the step. The backward pass
of a micro-batch is of sum over terms of scale_k * (W / W_k) * s_k, and the gradients are divided by W afterwards. W is
the total weight of the first term that is not empty in this step. With one term nothing has to be known before the
forward pass; with several terms the totals come from `Objective.weights`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ...data.batches import is_empty
from .objective import At, Batch, Objective, Term
from .ranks import World

EXACT = 1e-6  # largest relative difference between a declared weight and the weight of the term itself


class Denominators(NamedTuple):
    """Total weights of a step by term over all ranks, in the same order on all ranks.

    Attributes:
        totals: total weight of every declared term.
        first: the term whose total divides the gradients afterwards; "" if all terms are empty.
    """

    totals: dict[str, float]
    first: str

    def ratio(self, name: str) -> float:
        """Factor of a term's sum in the backward pass; 0 for a term that is empty in this step."""
        total = self.totals[name]
        return 0.0 if not total else 1.0 if name == self.first else self.totals[self.first] / total


def declares(objective: Objective) -> bool:
    """True if the objective declares its weights before the forward pass, which several scaled terms need."""
    return type(objective).weights is not Objective.weights


def denominators(objective: Objective, batches: Iterable[tuple[Batch, At]], world: World) -> Denominators | None:
    """Totals of a step from the micro-batches of this rank; None if the objective does not declare weights."""
    if not declares(objective):
        return None
    mine: dict[str, float] = {}
    for batch, at in batches:
        for name, weight in ({} if is_empty(batch) else objective.weights(batch, at)).items():
            mine[name] = mine.get(name, 0.0) + float(weight)
    ranks = world.gather(mine)
    names = sorted({name for rank in ranks for name in rank})  # the same choice of `first` for any number of ranks
    if "loss" in names:
        raise ValueError("a term called loss, which is the name of their sum: give it another name")
    totals = {name: math.fsum(rank.get(name, 0.0) for rank in ranks) for name in names}
    return Denominators(totals, next((name for name, total in totals.items() if total), ""))


def combined(terms: Mapping[str, Term], known: Denominators | None) -> tuple[Tensor, Tensor | float]:
    """(scalar for the backward pass, this micro-batch's share of the weight that divides the gradients).

    Raises ValueError for an objective that does not declare the weights of its scaled terms.
    """
    scaled = {name: term for name, term in terms.items() if term.scale}
    if known is None:
        if len(scaled) > 1:
            raise ValueError(f"terms {', '.join(scaled)}: with several scaled terms Objective.weights must name them")
        term = next(iter(scaled.values()), Term(0.0, 0.0))
        return _times(term.sum, term.scale), term.weight
    if unknown := [name for name in scaled if name not in known.totals]:
        raise ValueError(f"Objective.weights names no weight for {', '.join(unknown)}")
    parts = [_times(t.sum, t.scale * known.ratio(n)) for n, t in scaled.items() if known.totals[n]]
    total = parts[0] if parts else torch.zeros((), device=_device_of(terms))
    for part in parts[1:]:
        total = total + part
    return total, terms[known.first].weight if known.first in terms else 0.0


def _device_of(terms: Mapping[str, Term]) -> torch.device | None:
    return next((t.sum.device for t in terms.values() if isinstance(t.sum, Tensor)), None)


def _times(value: Tensor | float, factor: float) -> Tensor:
    value = torch.as_tensor(value)
    return value if factor == 1 else value * factor


def refuse_other_weights(known: Denominators, pairs: Mapping[str, tuple[float, float]]) -> None:
    """Raise ValueError if the declared weights differ from those of the terms."""
    for name, declared in known.totals.items():
        given = pairs[name][1] if name in pairs else 0.0
        if not math.isclose(declared, given, rel_tol=EXACT):
            raise ValueError(f"term {name}: Objective.weights said {declared:g}, the forward passes {given:g}")


class Weighed(nn.Module):
    """An objective with its terms summed to a scalar: the module that DDP wraps."""

    def __init__(self, objective: Objective, ranks: int) -> None:
        super().__init__()
        self.objective = objective
        self.ranks = ranks
        self.may_leave_out = objective.leaves_out or declares(objective)
        # A rank without any gradient must take part in the exchange: through this parameter, with a gradient of 0.
        self.anchor = nn.Parameter(torch.zeros(())) if ranks > 1 and self.may_leave_out else None

    def forward(
        self, batch: Batch, at: At, known: Denominators | None
    ) -> tuple[Tensor, Tensor | float, dict[str, Term]]:
        """(scalar for the backward pass, weight, terms without their gradients); 0 and no terms of an empty batch."""
        terms: Mapping[str, Term] = {} if is_empty(batch) else self.objective(batch, at)
        loss, weight = combined(terms, known)
        if self.ranks > 1 and not loss.requires_grad:
            loss = loss + self._nothing()
        return loss, weight, {name: Term(_bare(t.sum), _bare(t.weight), t.scale) for name, t in terms.items()}

    def _nothing(self) -> Tensor:
        """0, with a gradient of 0."""
        if self.anchor is not None:
            return 0.0 * self.anchor
        return torch.stack([(0.0 * p).sum() for p in self.objective.parameters() if p.requires_grad]).sum()


def _bare(value: Tensor | float) -> Tensor | float:
    return value.detach() if isinstance(value, Tensor) else value


def loss_of(pairs: Mapping[str, tuple[float, float]], scales: Mapping[str, float]) -> float:
    """The loss from totals (sum, weight) by term; NaN if every scaled term is empty."""
    parts: Sequence[float] = [
        scale * (pairs[name][0] / pairs[name][1]) for name, scale in scales.items() if scale and pairs[name][1]
    ]
    return sum(parts[1:], parts[0]) if parts else math.nan
