"""What every back-end of pseudo.transcribe gives for a window of audio."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Decoded:
    """One window as a network wrote it down. What a back-end cannot tell is None.

    Attributes:
        tokens: what was written: text and timestamps, neither prompt nor end.
        avg_logprob: mean log-probability of the tokens and the end, where it was reached; nats, of the distributions
            in which suppressed tokens have no share.
        entropy: mean entropy of these distributions, nats.
        no_speech: probability of <|nospeech|> after <|startoftranscript|>, nothing suppressed.
        ended: whether the end came before the limit of new tokens, of which it is one.
    """

    tokens: tuple[int, ...]
    avg_logprob: float
    entropy: float | None
    no_speech: float | None
    ended: bool


@dataclass(frozen=True)
class Language:
    """Whisper's code of the language that is spoken, and its probability among all languages."""

    code: str
    probability: float
