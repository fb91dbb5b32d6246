"""What a decoder may write next: never the suppressed tokens, and timestamps in pairs that do not go back.

Source: Radford et al. 2022, section 2.3, and the rules of the released code, which transformers has as
SuppressTokens, SuppressTokensAtBegin and WhisperTimeStampLogitsProcessor.

Shapes: B rows, V tokens, L tokens written so far.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.vocabulary import TICK, Vocabulary

NEVER = -1e30  # finite: a probability of 0 times it is 0
LATEST_START = round(1.0 / TICK)  # the first timestamp is at most 1 s


class Rules:
    """Masks logits in place."""

    def __init__(self, vocabulary: Vocabulary, timestamps: bool, device: torch.device) -> None:
        self.end, self.first = vocabulary.end, vocabulary.first_timestamp
        self.timestamps = timestamps
        never = [*vocabulary.suppressed, *([vocabulary.no_timestamps] if timestamps else [])]
        self.always = torch.tensor(sorted(set(never)), dtype=torch.long, device=device)
        self.at_first = torch.tensor(sorted(set(vocabulary.suppressed_first)), dtype=torch.long, device=device)

    def __call__(self, logits_BV: Tensor, written_BL: Tensor) -> None:
        """`written_BL`: what each row has written after the prompt."""
        logits_BV[:, self.always] = NEVER
        if not written_BL.shape[1]:
            logits_BV[:, self.at_first] = NEVER
        if self.timestamps:
            self._time(logits_BV, written_BL)

    def _time(self, logits_BV: Tensor, written_BL: Tensor) -> None:
        first, length = self.first, written_BL.shape[1]
        if not length:
            logits_BV[:, :first] = NEVER
            logits_BV[:, first + LATEST_START + 1 :] = NEVER
        else:
            is_time_BL = written_BL >= first
            last_B = is_time_BL[:, -1]
            before_B = is_time_BL[:, -2] if length > 1 else torch.ones_like(last_B)
            places_V = torch.arange(logits_BV.shape[1], device=logits_BV.device)
            # After a pair comes text; after text and a closing timestamp the opening one of what follows, or the end.
            logits_BV[:, first:].masked_fill_((last_B & before_B)[:, None], NEVER)
            logits_BV[:, : self.end].masked_fill_((last_B & ~before_B)[:, None], NEVER)
            newest_B = torch.where(is_time_BL, written_BL, 0).amax(1)
            lowest_B = newest_B + (~(last_B & ~before_B)).long()
            too_early_BV = (places_V >= first) & (places_V < lowest_B[:, None]) & (newest_B > 0)[:, None]
            logits_BV.masked_fill_(too_early_BV, NEVER)
        times_B = logits_BV[:, first:].logsumexp(1)
        text_B = logits_BV[:, :first].amax(1)
        logits_BV[:, :first].masked_fill_((times_B > text_B)[:, None], NEVER)
