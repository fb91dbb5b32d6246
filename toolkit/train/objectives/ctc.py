"""Connectionist temporal classification: tokens from frames, without times of the tokens.

Source: Graves et al., ICML 2006. Class 0 is the blank; `spelt` is greedy, and models/beam.py searches.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.heads import CTCHead, shortened
from ...text.tokens import BLANK
from ..engine.objective import At, Batch, Term
from .classify import ProbeObjective

Array = np.ndarray[Any, np.dtype[Any]]


def frames_needed(numbers: Sequence[int]) -> int:
    """Smallest number of frames that can spell `numbers`: equal neighbours need a blank between them."""
    return len(numbers) + sum(a == b for a, b in pairwise(numbers))


def collapse(best: Sequence[int]) -> list[int]:
    """Tokens spelt by the best class of each frame: repeats merged, then blanks removed."""
    return [number for number, _ in groupby(best) if number != BLANK]


class CTC(ProbeObjective):
    """CTC loss over `targets` [sum of `target_lengths_B`], in nats per token."""

    head: CTCHead

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities [T, B, C], and the number of frames of each utterance [B]."""
        scores_TBC, lengths_B = super().scores(batch)
        return scores_TBC, shortened(lengths_B, self.head.stride)

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        scores_TBC, lengths_B = self.scores(batch)
        lengths = lengths_B.cpu(), batch["target_lengths_B"].cpu()
        # Always on the CPU: a GPU's CTC loss is not reproducible bit for bit.
        loss = F.ctc_loss(scores_TBC.float().cpu(), batch["targets"].cpu(), *lengths, BLANK, reduction="sum")
        return {"loss": Term(loss.to(scores_TBC.device), batch["target_lengths_B"].sum())}

    @torch.no_grad()
    def spelt(self, batch: Batch) -> list[list[int]]:
        """Token numbers of every utterance."""
        scores_TBC, lengths_B = self.scores(batch)
        best_BT = scores_TBC.argmax(-1).T.tolist()
        return [collapse(row[:n]) for row, n in zip(best_BT, lengths_B.tolist(), strict=True)]

    @torch.no_grad()
    def log_probs(self, batch: Batch) -> list[Array]:
        """Log-probabilities [T, C] of every utterance, with its own T."""
        scores_TBC, lengths_B = self.scores(batch)
        scores_BTC = scores_TBC.float().transpose(0, 1).cpu().numpy()
        return [scores_TC[:n] for scores_TC, n in zip(scores_BTC, lengths_B.tolist(), strict=True)]
