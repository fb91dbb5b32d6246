"""Connectionist temporal classification: characters from frames, without knowing where each is said.

Source: Graves et al., ICML 2006. Class 0 is the blank; decoding is greedy, without a language model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.heads import CTCHead, shortened
from ..loop import Batch, Losses
from .classify import ProbeObjective

BLANK = 0


class Characters:
    """The characters that training texts hold, in code-point order; their numbers start at 1."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.symbols = sorted({c for text in texts for c in text})
        self.number = {c: i for i, c in enumerate(self.symbols, BLANK + 1)}

    def __len__(self) -> int:
        """Classes of a head, the blank included."""
        return len(self.symbols) + 1

    def encode(self, text: str) -> list[int]:
        """Numbers of the characters. Raises KeyError for one that training did not hold."""
        return [self.number[c] for c in text]

    def decode(self, numbers: Sequence[int]) -> str:
        return "".join(self.symbols[n - 1] for n in numbers)


def frames_needed(numbers: Sequence[int]) -> int:
    """Fewest scores in time that can spell `numbers`: equal neighbours need a blank between them."""
    return len(numbers) + sum(a == b for a, b in pairwise(numbers))


def collapse(best: Sequence[int]) -> list[int]:
    """The best class of each frame -> what it spells: repeats merged, then blanks taken out."""
    return [number for number, _ in groupby(best) if number != BLANK]


class CTC(ProbeObjective):
    """CTC loss over `targets` [sum of `target_lengths_B`], in nats per character."""

    head: CTCHead

    def scores(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Log-probabilities [T, B, C], and how many of the T are each utterance's own [B]."""
        scores_TBC, lengths_B = super().scores(batch)
        return scores_TBC, shortened(lengths_B, self.head.stride)

    def forward(self, batch: Batch, seed: int) -> Losses:
        scores_TBC, lengths_B = self.scores(batch)
        lengths = lengths_B.cpu(), batch["target_lengths_B"].cpu()
        # On the CPU wherever the network is: a GPU's CTC loss is not the same bits every time.
        loss = F.ctc_loss(scores_TBC.float().cpu(), batch["targets"].cpu(), *lengths, BLANK, reduction="sum")
        return Losses(loss.to(scores_TBC.device), batch["target_lengths_B"].sum(), {})

    @torch.no_grad()
    def predict(self, batch: Batch) -> list[list[int]]:
        """Character numbers of every utterance."""
        scores_TBC, lengths_B = self.scores(batch)
        best_BT = scores_TBC.argmax(-1).T.tolist()
        return [collapse(row[:n]) for row, n in zip(best_BT, lengths_B.tolist(), strict=True)]
