"""What a back-end makes of one window of audio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decoded:
    """Tokens of a window. What a back-end cannot tell is None.

    Attributes:
        tokens: text and timestamps, neither prompt nor end.
        avg_logprob: mean log-probability of the tokens and the end, nats.
        entropy: mean entropy of the distributions that these were chosen from, nats.
        no_speech: probability of <|nospeech|> where the transcript starts.
        ended: whether the end was written before the limit.
    """

    tokens: tuple[int, ...]
    avg_logprob: float
    entropy: float | None
    no_speech: float | None
    ended: bool
