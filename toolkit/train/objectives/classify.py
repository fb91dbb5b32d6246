"""Cross-entropy of single labels, per frame or per utterance, on features that are cached or being tuned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...models.heads import Head
from ..engine.objective import At, Batch, Objective, Output, Term

NO_LABEL = -1


class Features(nn.Module):
    """Input of a head: states [N, L, D] of all frames, and the number of frames of each utterance [B].

    This class takes them from the batch, computed before by a frozen upstream: `states_NLD` and `lengths_B`.
    """

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch["states_NLD"], batch["lengths_B"]

    def ready(self, batch: Batch) -> Batch:
        """The batch with its states, if they can be computed once for several uses."""
        return batch


class ProbeObjective(Objective):
    """A head on features. Trainable features have `feature_lr` times the head's learning rate.

    Attributes:
        reader: predictions of a dev batch, by example id; set by whoever validates.
    """

    reader: Callable[[Batch], dict[str, Output]] | None = None

    def __init__(self, features: Features, head: Head, feature_lr: float = 1.0) -> None:
        super().__init__()
        self.features, self.head, self.feature_lr = features, head, feature_lr

    def examine(self, batch: Batch, at: At, predicts: bool) -> tuple[dict[str, Term], dict[str, Output]]:
        return super().examine(self.features.ready(batch), at, predicts)

    def predict(self, batch: Batch) -> dict[str, Output]:
        return super().predict(batch) if self.reader is None else self.reader(batch)

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The head's output for a batch, and the number of frames of each utterance [B]."""
        states_NLD, lengths_B = self.features(batch)
        return self.head(states_NLD, lengths_B), lengths_B

    def groups(self) -> list[dict[str, Any]]:
        head = [{"params": list(self.head.parameters()), "lr_scale": 1.0}]
        tuned = [p for p in self.features.parameters() if p.requires_grad]
        return [*head, {"params": tuned, "lr_scale": self.feature_lr}] if tuned else head


class Classify(ProbeObjective):
    """Cross-entropy over `targets`: one per frame [N] for a frame head, one per utterance [B] for a pooled one.

    Targets of NO_LABEL do not count.
    """

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        scores, targets = self.scores(batch)[0], batch["targets"]
        targets = torch.where(targets < scores.shape[-1], targets, NO_LABEL)  # a class of dev that training lacks
        count = (targets != NO_LABEL).sum()
        loss = F.cross_entropy(scores.float(), targets, ignore_index=NO_LABEL, reduction="sum")
        right = (scores.argmax(-1) == targets).sum()
        return {"loss": Term(loss, count), "accuracy": Term(right, count, 0)}

    @torch.no_grad()
    def classes(self, batch: Batch) -> Tensor:
        """Best class of every frame [N] or utterance [B]."""
        return self.scores(batch)[0].argmax(-1)
