"""Cross-entropy of several labels of an utterance at once, such as the action, object and location of a command.

Shapes: B utterances, S slots.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.heads import Head
from ..engine.objective import At, Batch, Term
from .classify import NO_LABEL, Features, ProbeObjective


class Slots(ProbeObjective):
    """Sum over slots of the cross-entropy of each, in nats per utterance; `targets` [B · S], utterance by utterance.

    Args:
        sizes: values of each slot, which take the head's outputs in order.
    """

    def __init__(self, features: Features, head: Head, sizes: Sequence[int], feature_lr: float = 1.0) -> None:
        super().__init__(features, head, feature_lr)
        self.sizes = list(sizes)

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        scores, targets_BS = self.scores(batch)[0].float(), self._targets(batch)
        losses = [
            F.cross_entropy(of_slot, targets_B, ignore_index=NO_LABEL, reduction="sum")
            for of_slot, targets_B in zip(scores.split(self.sizes, -1), targets_BS.unbind(1), strict=True)
        ]
        right = (self._best(scores) == targets_BS).all(1).sum()
        return {"loss": Term(torch.stack(losses).sum(), len(targets_BS)), "accuracy": Term(right, len(targets_BS), 0)}

    def _targets(self, batch: Batch) -> Tensor:
        targets: Tensor = batch["targets"]
        return targets.view(-1, len(self.sizes))

    def _best(self, scores: Tensor) -> Tensor:
        return torch.stack([of_slot.argmax(-1) for of_slot in scores.split(self.sizes, -1)], 1)

    @torch.no_grad()
    def values(self, batch: Batch) -> Tensor:
        """Best value of every slot [B, S]."""
        return self._best(self.scores(batch)[0])
