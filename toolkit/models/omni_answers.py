"""Answers of a Qwen2.5-Omni thinker: greedy, in batches that are padded on the left, with finished rows taken out.

Positions count the tokens that are no padding, so an answer does not depend on its batch (but for rounding: with
float32 a batch of two writes what two batches of one write). Rows that have ended leave the batch and its cache.

Shapes: B items, T tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from .omni import Omni, padded


@dataclass(frozen=True)
class Written:
    """An answer.

    Attributes:
        ids: without the end.
        ended: false if it was stopped by its length.
    """

    text: str
    ids: tuple[int, ...]
    ended: bool


@torch.inference_mode()
def write(omni: Omni, questions: Sequence[Sequence[int]], states_SD: Tensor, most: int) -> list[Written]:
    """Answer prompts of similar length.

    Args:
        questions: token ids of each prompt; states_SD: of all their clips, one after the other.
        most: largest number of tokens of an answer.
    """
    place = omni.device
    ids, mask = (torch.from_numpy(x).to(place) for x in padded(questions, omni.prompts.fill, left=True))
    embedded = omni.embed(ids, states_SD.to(place))
    rows = list(range(len(questions)))
    written: list[list[int]] = [[] for _ in rows]
    ended = [False] * len(rows)
    output = omni.hidden(embedded, mask, cache=True)
    for _ in range(most):
        chosen_B = omni.head(output.last_hidden_state[:, -1]).argmax(-1)
        kept = []
        for b, (row, token) in enumerate(zip(rows, chosen_B.tolist(), strict=True)):
            if token == omni.prompts.end:
                ended[row] = True
            else:
                written[row].append(token)
                kept.append(b)
        if not kept or len(written[rows[kept[0]]]) == most:
            break
        cache = output.past_key_values
        if len(kept) < len(rows):
            chosen_B, mask = chosen_B[kept], mask[kept]
            _keep(cache, torch.tensor(kept, device=place))
            rows = [rows[b] for b in kept]
        mask = torch.cat([mask, torch.ones_like(mask[:, :1])], 1)
        output = omni.hidden(omni.text.embed_tokens(chosen_B[:, None]), mask, cache)
    return [Written(omni.prompts.text_of(ids), tuple(ids), end) for ids, end in zip(written, ended, strict=True)]


def _keep(cache: Any, rows: Tensor) -> None:
    """Keep these rows of the keys and values."""
    cache.batch_select_indices(rows)
