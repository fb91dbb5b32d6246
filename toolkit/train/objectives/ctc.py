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

from ...models.heads import CTCHead, Head, shortened
from ...text.tokens import BLANK
from ..engine.objective import At, Batch, Term
from .classify import Features, ProbeObjective

Array = np.ndarray[Any, np.dtype[Any]]


def frames_needed(numbers: Sequence[int]) -> int:
    """Smallest number of frames that can spell `numbers`: equal neighbours need a blank between them."""
    return len(numbers) + sum(a == b for a, b in pairwise(numbers))


def collapse(best: Sequence[int]) -> list[int]:
    """Tokens spelt by the best class of each frame: repeats merged, then blanks removed."""
    return [number for number, _ in groupby(best) if number != BLANK]


class CTC(ProbeObjective):
    """CTC loss over `targets` [sum of `target_lengths_B`], in nats per token.

    An utterance that is too short for its targets, as one of dev may be, counts as 0.

    Args:
        per_utterance: the mean over utterances of nats per token of each, as torch's and SUPERB's; False: all tokens
            count alike.
    """

    head: CTCHead

    def __init__(self, features: Features, head: Head, feature_lr: float = 1.0, per_utterance: bool = False) -> None:
        super().__init__(features, head, feature_lr)
        self.per_utterance = per_utterance

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities [T, B, C], and the number of frames of each utterance [B]."""
        scores_TBC, lengths_B = super().scores(batch)
        return scores_TBC, shortened(lengths_B, self.head.stride)

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        scores_TBC, lengths_B = self.scores(batch)
        tokens_B = batch["target_lengths_B"].cpu()
        # Always on the CPU: a GPU's CTC loss is not reproducible bit for bit.
        scores_TBC, lengths = scores_TBC.float().cpu(), (lengths_B.cpu(), tokens_B)
        how = "none" if self.per_utterance else "sum"
        loss = F.ctc_loss(scores_TBC, batch["targets"].cpu(), *lengths, BLANK, reduction=how, zero_infinity=True)
        if self.per_utterance:
            return {"loss": Term((loss / tokens_B.clamp_min(1)).sum().to(lengths_B.device), len(tokens_B))}
        return {"loss": Term(loss.to(lengths_B.device), tokens_B.sum().to(lengths_B.device))}

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
