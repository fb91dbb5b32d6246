"""What is trained, and by which loss: the interface between the training loop and an objective."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import Tensor, nn

from ...core.results import Metric

Batch = Mapping[str, Any]
Batches = Callable[[int, int], Batch]
Output = Any  # prediction for one example: classes, a text, an embedding
Outputs = Mapping[str, Output]  # by example id


class At(NamedTuple):
    """Place of a micro-batch in the run: loss weights may depend on the step, random choices only on the seed.

    Attributes:
        seed: seed of this micro-batch, made of (run's seed, step, number of the micro-batch).
        step: optimiser steps done so far, 0-based; a dev batch has the step of its validation.
        of: number of optimiser steps of the whole run.
    """

    seed: int
    step: int
    of: int


class Term(NamedTuple):
    """One part of the loss of one micro-batch, as a sum and not a mean.

    The loss of a step is the sum over all terms of scale * (total sum / total weight); totals are taken over all
    micro-batches of all ranks. A weighted mean is Term(sum of w * value, sum of w).

    Attributes:
        sum: scalar; the sum over `weight` units. It carries the gradient.
        weight: units (frames, tokens, items); 0 for a micro-batch without any.
        scale: share in the loss; 0: the term is only logged.
    """

    sum: Tensor | float
    weight: Tensor | float
    scale: float = 1.0


class Objective(nn.Module):
    """The trained module and its loss.

    Attributes:
        frozen: networks that only help to compute the loss (teachers), by name. The engine moves them to the device
            and sets them to eval mode without gradients. They are no submodules: not saved, not in DDP.
        leaves_out: True if a forward pass may leave parameters without a gradient, as layerdrop does.
        metrics: terms that `loop.best` may name, and whether high or low is better.
    """

    leaves_out = False
    metrics: tuple[Metric, ...] = (Metric("loss", "nats", "low"),)

    def __init__(self) -> None:
        super().__init__()
        self.frozen: dict[str, nn.Module] = {}

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups of the optimiser.

        `lr_scale` multiplies the schedule's learning rate; `maximize: True` moves parameters uphill (gates). Parameters
        without `requires_grad` are left out by the engine.
        """
        return [{"params": [p for p in self.parameters() if p.requires_grad], "lr_scale": 1.0}]

    def weights(self, batch: Batch, at: At) -> dict[str, float]:
        """Weights of the terms of a micro-batch, before its forward pass; `batch` is still on the CPU.

        Only for an objective with more than one scaled term, which must override this. All scaled terms must be named.
        Each value must equal the weight that `forward` gives. Terms that a batch does not have may be missing.
        """
        return {}

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        """Terms of a micro-batch on this objective's device, by column name in loss.tsv.

        Without `weights` every call must give the same names, as the ranks add up their totals by position.

        The objective draws its own random choices from a generator seeded with `at.seed`; torch's global generator is
        already seeded with it (for dropout).
        """
        raise NotImplementedError

    def predict(self, batch: Batch) -> dict[str, Output]:
        """Predictions for the examples of a dev batch, by example id. Called in eval mode, without gradients."""
        raise NotImplementedError(f"{type(self).__name__} predicts nothing: it cannot be scored on a dev set")

    def examine(self, batch: Batch, at: At, predicts: bool) -> tuple[dict[str, Term], dict[str, Output]]:
        """(terms, predictions) of a dev batch; without `predicts` there are no predictions.

        Override this where both share work, e.g. one pass of an encoder.
        """
        return self(batch, at), self.predict(batch) if predicts else {}

    def saved_state(self) -> dict[str, Tensor]:
        """Tensors that checkpoints hold: by default parameters with `requires_grad`, and persistent buffers.

        The live tensors, not copies: a checkpoint is read back into them.
        """
        parameters = dict(self.named_parameters(remove_duplicate=False))
        return {n: t for n, t in self.state_dict().items() if n not in parameters or parameters[n].requires_grad}

    def unsaved_state(self) -> dict[str, Tensor]:
        """All other tensors that the loss depends on: parameters without a gradient, and the frozen networks."""
        saved = self.saved_state()
        unsaved = {name: t for name, t in self.state_dict().items() if name not in saved}
        for part, module in self.frozen.items():
            unsaved |= {f"frozen.{part}.{name}": t for name, t in module.state_dict().items()}
        return unsaved
