"""Greedy decoding of Whisper in batches: the encoder once, then a token of every window at a time.

A window that has ended leaves the batch, so that one that rambles on costs its own time and nobody else's.

Shapes: B windows, S encoder states, L tokens, V tokens known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from ..models.vocabulary import Vocabulary
from ..models.whisper import Whisper
from .decoded import Decoded, Language
from .rules import Rules

FEWER = 0.75  # the cache is copied without the windows that have ended once no more than this share is left


@dataclass
class _Row:
    """One window's tokens and sums."""

    tokens: list[int] = field(default_factory=list)
    logprob: float = 0.0
    entropy: float = 0.0
    no_speech: float = 0.0
    ended: bool = False

    def decoded(self) -> Decoded:
        count = max(len(self.tokens) + self.ended, 1)
        tokens = tuple(self.tokens)
        return Decoded(tokens, self.logprob / count, self.entropy / count, self.no_speech, self.ended)


@torch.inference_mode()
def greedy(
    model: Whisper, states_BSD: Tensor, prompt: Sequence[int], vocabulary: Vocabulary, timestamps: bool, limit: int
) -> list[Decoded]:
    """The likeliest token after the likeliest token.

    Args:
        states_BSD: of the encoder.
        prompt: tokens that every transcript begins with.
        limit: tokens written at most; no more than the decoder has positions for.
    """
    limit = min(limit, model.config.max_target_positions - len(prompt))
    rules = Rules(vocabulary, timestamps, states_BSD.device)
    rows = [_Row() for _ in range(len(states_BSD))]
    left = list(range(len(rows)))  # window of each row of the batch
    done = torch.zeros(len(rows), dtype=torch.bool, device=states_BSD.device)
    tokens_BL = torch.tensor([list(prompt)] * len(rows), device=states_BSD.device)
    written_BL = tokens_BL[:, :0]
    cache = model.new_cache(states_BSD, len(prompt) + limit)
    hidden_BLD = model.decoder.step(tokens_BL, cache)
    _note_silence(model, hidden_BLD[:, list(prompt).index(vocabulary.start)], vocabulary, rows)
    for length in range(limit):
        logits_BV = model.logits(hidden_BLD[:, -1]).float()
        rules(logits_BV, written_BL)
        total_B = logits_BV.logsumexp(1)
        best_B, token_B = logits_BV.max(1)
        entropy_B = total_B - (logits_BV.softmax(1) * logits_BV).sum(1)
        for row, token, logprob, entropy, over in zip(
            left, token_B.tolist(), (best_B - total_B).tolist(), entropy_B.tolist(), done.tolist(), strict=True
        ):
            if not over:
                _take(rows[row], token, logprob, entropy, vocabulary.end)
        done = done | (token_B == vocabulary.end)
        alive = (~done).nonzero().flatten()
        if not len(alive) or length + 1 == limit:
            break
        written_BL = torch.cat([written_BL, token_B[:, None]], 1)
        if len(alive) <= FEWER * len(left):
            cache.keep(alive)
            left, done = [left[i] for i in alive.tolist()], done[alive]
            written_BL, token_B = written_BL[alive], token_B[alive]
        hidden_BLD = model.decoder.step(token_B[:, None], cache)
    return [row.decoded() for row in rows]


def _take(row: _Row, token: int, logprob: float, entropy: float, end: int) -> None:
    row.logprob += logprob
    row.entropy += entropy
    if token == end:
        row.ended = True
    else:
        row.tokens.append(token)


def _note_silence(model: Whisper, hidden_BD: Tensor, vocabulary: Vocabulary, rows: Sequence[_Row]) -> None:
    probabilities = model.logits(hidden_BD).float().softmax(1)[:, vocabulary.no_speech]
    for row, probability in zip(rows, probabilities.tolist(), strict=True):
        row.no_speech = probability


@torch.inference_mode()
def language_of(model: Whisper, states_BSD: Tensor, vocabulary: Vocabulary) -> list[Language]:
    """The likeliest language of each window: the token after <|startoftranscript|>, of those that are languages.

    Source: Radford et al. 2022, section 2.3; the released code's `detect_language`.
    """
    codes = sorted(vocabulary.languages)
    tokens_B1 = torch.full((len(states_BSD), 1), vocabulary.start, device=states_BSD.device)
    hidden_B1D = model.decoder.step(tokens_B1, model.new_cache(states_BSD, 1))
    ids = torch.tensor([vocabulary.languages[code] for code in codes], device=states_BSD.device)
    best_B, place_B = model.logits(hidden_B1D[:, -1]).float()[:, ids].softmax(1).max(1)
    return [Language(codes[i], p) for i, p in zip(place_B.tolist(), best_B.tolist(), strict=True)]
