"""jiwer in the races of scores."""

from __future__ import annotations

from typing import Any

import jiwer
import numpy as np

from ..pairs import read_pairs


class ErrorRate:
    """jiwer's process_words, or process_characters. Output: substitutions, deletions, insertions, length [4]."""

    def __init__(self, pairs: str, tokens: str) -> None:
        self.references, self.hypotheses = read_pairs(pairs)
        self.process: Any = {"words": jiwer.process_words, "characters": jiwer.process_characters}[tokens]

    def run(self) -> None:
        self.result = self.process(self.references, self.hypotheses)

    def output(self) -> np.ndarray:
        f = self.result
        return np.array([f.substitutions, f.deletions, f.insertions, f.hits + f.substitutions + f.deletions])


class Resampling:
    """Resampled as it is written down: utterances drawn with replacement, their errors and lengths summed."""

    def __init__(self, pairs: str, tokens: str, replicates: int) -> None:
        rate = ErrorRate(pairs, tokens)
        outputs: list[Any] = [rate.process(a, b) for a, b in zip(rate.references, rate.hypotheses)]
        self.edits_N = np.array([f.substitutions + f.deletions + f.insertions for f in outputs])
        self.lengths_N = np.array([f.hits + f.substitutions + f.deletions for f in outputs])
        self.replicates = replicates

    def run(self) -> None:
        rng = np.random.default_rng(0)
        rates = []
        for _ in range(self.replicates):
            drawn_N = rng.integers(0, len(self.edits_N), len(self.edits_N))
            rates.append(self.edits_N[drawn_N].sum() / self.lengths_N[drawn_N].sum())
        self.result = np.percentile(rates, [2.5, 97.5])

    def output(self) -> np.ndarray:
        return np.asarray(self.result)
