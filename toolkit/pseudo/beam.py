"""Beam search over what a Whisper may write.

As transformers' with early_stopping=False, length_penalty=1 and renormalize_logits=True (the last as the released code
does): a hypothesis that ended, or reached the limit, counts by its mean log-probability; the search ends once none that
is still open could be better than the worst of `beam` ended ones.

Shapes: K hypotheses, V tokens known, L tokens.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..models.vocabulary import Vocabulary
from ..models.whisper import Whisper
from .decoded import Decoded
from .rules import Rules


@torch.inference_mode()
def beam_search(
    model: Whisper,
    states_1SD: Tensor,
    prompt: Sequence[int],
    vocabulary: Vocabulary,
    timestamps: bool,
    limit: int,
    beam: int,
) -> Decoded:
    """The best hypothesis for one window; arguments as of `greedy`, `beam` ≥ 2 hypotheses at a time."""
    limit = min(limit, model.config.max_target_positions - len(prompt))
    rules = Rules(vocabulary, timestamps, states_1SD.device)
    tokens_KL = torch.tensor([list(prompt)] * beam, device=states_1SD.device)
    cache = model.new_cache(states_1SD, len(prompt) + limit, copies=beam)
    hidden_KLD = model.decoder.step(tokens_KL, cache)
    start = list(prompt).index(vocabulary.start)
    no_speech = float(model.logits(hidden_KLD[0, start]).float().softmax(0)[vocabulary.no_speech])
    sums_K = torch.full((beam,), -1e9, device=states_1SD.device)
    sums_K[0] = 0.0
    entropies_K = torch.zeros(beam, device=states_1SD.device)
    written_KL = tokens_KL[:, :0]
    ended: list[tuple[float, Decoded]] = []
    for length in range(limit):
        logits_KV = model.logits(hidden_KLD[:, -1]).float()
        rules(logits_KV, written_KL)
        logs_KV = logits_KV.log_softmax(1)
        entropy_K = -(logs_KV.exp() * logs_KV).sum(1)
        scores, places = (sums_K[:, None] + logs_KV).flatten().topk(2 * beam)
        rows, tokens = places // logits_KV.shape[1], places % logits_KV.shape[1]
        over = (tokens == vocabulary.end).tolist()
        count = length + 1
        for rank in range(beam):  # one that is not among the best is no candidate
            if not over[rank] and count < limit:  # at the limit all are
                continue
            row = int(rows[rank])
            mean, entropy = float(scores[rank]) / count, float(entropies_K[row] + entropy_K[row]) / count
            text = (*written_KL[row].tolist(), *([] if over[rank] else [int(tokens[rank])]))
            ended.append((mean, Decoded(text, mean, entropy, no_speech, over[rank])))
        ended = sorted(ended, key=lambda pair: -pair[0])[:beam]
        if count == limit:
            break
        open_ = [i for i in range(2 * beam) if not over[i]][:beam]
        best_open = float(scores[open_[0]]) / count
        if len(ended) == beam and ended[-1][0] >= best_open:
            break
        chosen = torch.tensor(open_, device=places.device)
        rows, tokens, sums_K = rows[chosen], tokens[chosen], scores[chosen]
        entropies_K = entropies_K[rows] + entropy_K[rows]
        written_KL = torch.cat([written_KL[rows], tokens[:, None]], 1)
        cache.reorder(rows)
        hidden_KLD = model.decoder.step(tokens[:, None], cache)
    return ended[0][1]
