"""Ours in the races of scores; see worker.py for what a contestant is."""

from __future__ import annotations

from typing import Any

import numpy as np

from toolkit.score.bootstrap import REPLICATES, ratio_interval
from toolkit.score.edits import Edits, character_edits, word_edits

from .pairs import read_pairs


class ErrorRate:
    """Substitutions, deletions and insertions of every pair. Output: their sums and the references' length [4]."""

    def __init__(self, pairs: str, tokens: str) -> None:
        self.references, self.hypotheses = read_pairs(pairs)
        self.count = {"words": word_edits, "characters": character_edits}[tokens]

    def run(self) -> None:
        self.result: Edits = self.count(self.references, self.hypotheses)

    def output(self) -> np.ndarray:
        return np.array(self.result.total)


class Bootstrap:
    """An interval of the error rate of all pairs from REPLICATES replicates. Output: [low, high]."""

    def __init__(self, pairs: str, tokens: str) -> None:
        rate = ErrorRate(pairs, tokens)
        rate.run()
        self.edits, self.lengths = rate.result.edits, rate.result.lengths

    def run(self) -> dict[str, Any]:
        self.result = ratio_interval(self.edits, self.lengths)
        return {"replicates": REPLICATES}

    def output(self) -> np.ndarray:
        return np.array([self.result.low, self.result.high])
