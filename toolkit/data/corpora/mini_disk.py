"""Disk of the synthetic corpora, for --plan: how many clips their configs ask for."""

from __future__ import annotations

from ...core.plan import Disk, Planned
from .mini_summaries import MiniSummariesConfig
from .mini_superb import MiniSuperbConfig

SECOND_MB = 0.032  # of 16,000 samples of 16 bits
WORD, COMMAND, SENTENCE = 1.0, 2.0, 3.0  # seconds, about
LABELS = 12  # keywords, and all else


def superb_disk(planned: Planned) -> Disk:
    """Disk of mini_superb: words, commands, sentences and recordings of noise."""
    c: MiniSuperbConfig = planned.config
    spoken = WORD * LABELS * sum(c.ks) + COMMAND * c.intents * sum(c.ic) + SENTENCE * c.sid_speakers * sum(c.sid)
    return Disk(0.3 + SECOND_MB * (spoken + c.noises * sum(c.noise_seconds) / 2), by_audio=False)


def summaries_disk(planned: Planned) -> Disk:
    """Disk of mini_summaries: recordings of two sentences each."""
    c: MiniSummariesConfig = planned.config
    return Disk(0.3 + SECOND_MB * 2 * SENTENCE * (c.train + c.dev + c.test), by_audio=False)
