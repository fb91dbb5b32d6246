"""CTC prefix beam search with an n-gram language model.

A hypothesis is a prefix of tokens; its score is log p_ctc + lm_weight · log p_lm + insertion · (its tokens), where
p_ctc sums over the paths that spell it and were not cut away, split by whether they end in a blank. The language
model's end of the sentence counts once all frames are read.

Sources: Graves, "Supervised Sequence Labelling with Recurrent Neural Networks", 2012, chapter 7; Hannun et al.,
"First-Pass Large Vocabulary Continuous Speech Recognition using Bi-Directional Recurrent DNNs", 2014.

Shapes: T frames, C classes with the blank first, W prefixes in the beam.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..text.ngram import END, NGram
from ..text.tokens import BLANK

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Decoding:
    """How to search.

    Attributes:
        width: prefixes that are kept after each frame.
        lm_weight: weight of the language model's log-probability.
        insertion: bonus for each token.
    """

    width: int
    lm_weight: float = 0.0
    insertion: float = 0.0


class Beam:
    """One search. `log_probs_TC` are natural logarithms."""

    def __init__(self, decoding: Decoding, lm: NGram | None, classes: int) -> None:
        self.decoding, self.classes = decoding, classes
        self.lm = lm if decoding.lm_weight else None
        # Every prefix that was ever in the beam has a number; a prefix that comes back keeps it.
        self.parents, self.tokens, self.contexts = [-1], [BLANK], [self.lm.start if self.lm else ()]
        self.children: dict[tuple[int, int], int] = {}
        self.number_W, self.parent_W, self.last_W = np.array([0]), np.array([-1]), np.array([BLANK])
        self.blank_W, self.token_W = np.zeros(1), np.full(1, -np.inf)  # log p_ctc, by how the paths end
        self.prior_W = np.zeros(1)  # part of the score from language model and insertions
        self.bonus_WC = self._bonus(0)[None]  # score that one more token would add

    def read(self, y_C: Array) -> None:
        """Extend the beam by one frame of log-probabilities."""
        W, ctc_W = len(self.number_W), np.logaddexp(self.blank_W, self.token_W)
        longer_WC = ctc_W[:, None] + y_C
        longer_WC[np.arange(W), self.last_W] = self.blank_W + y_C[self.last_W]
        blank_W, token_W = ctc_W + y_C[BLANK], self.token_W + y_C[self.last_W]
        # If a prefix is another prefix of the beam plus one token, both paths to it are one hypothesis.
        child, parent = np.nonzero(self.parent_W[:, None] == self.number_W)
        if len(child):
            token = self.last_W[child]
            token_W[child] = np.logaddexp(token_W[child], longer_WC[parent, token])
            longer_WC[parent, token] = -np.inf
        longer_WC[:, BLANK] = -np.inf
        self.blank_W, self.token_W = blank_W, token_W
        stay_W = np.logaddexp(blank_W, token_W) + self.prior_W
        score = (longer_WC + self.prior_W[:, None] + self.bonus_WC).ravel()
        # Only scores above the worst of a full beam can enter it; mostly there are none, so nothing is sorted.
        candidates = np.flatnonzero(score > (stay_W.min() if self.decoding.width <= W else -np.inf))
        if len(candidates):
            best = np.argsort(-np.concatenate([stay_W, score[candidates]]), kind="stable")[: self.decoding.width]
            self._keep(best[best < W], candidates[best[best >= W] - W], longer_WC)

    def _keep(self, old: Array, new: Array, longer_WC: Array) -> None:
        """Keep the prefixes `old` and the extensions `new`, places in longer_WC."""
        parent, token = np.divmod(new, self.classes)
        number = [self._child(int(self.number_W[w]), int(c)) for w, c in zip(parent, token, strict=True)]
        added = self.bonus_WC[parent, token]
        self.prior_W = np.concatenate([self.prior_W[old], self.prior_W[parent] + added])
        self.blank_W = np.concatenate([self.blank_W[old], np.full(len(new), -np.inf)])
        self.token_W = np.concatenate([self.token_W[old], longer_WC.ravel()[new]])
        self.parent_W = np.concatenate([self.parent_W[old], self.number_W[parent]])
        self.last_W = np.concatenate([self.last_W[old], token])
        self.number_W = np.concatenate([self.number_W[old], np.array(number, int)])
        self.bonus_WC = np.stack([*self.bonus_WC[old], *map(self._bonus, number)])

    def _child(self, number: int, token: int) -> int:
        """Number of the prefix that is one token longer."""
        child = self.children.setdefault((number, token), len(self.parents))
        if child == len(self.parents):
            self.parents.append(number)
            self.tokens.append(token)
            self.contexts.append(self.lm.after(self.contexts[number], token) if self.lm else ())
        return child

    def _bonus(self, number: int) -> Array:
        if not self.lm:
            return np.full(self.classes, self.decoding.insertion)
        bonus: Array = self.decoding.lm_weight * self.lm.log_probs(self.contexts[number]) + self.decoding.insertion
        return bonus

    def best(self) -> tuple[list[int], float]:
        """Tokens of the best hypothesis for the frames read so far, and its score."""
        score_W = np.logaddexp(self.blank_W, self.token_W) + self.prior_W
        if self.lm:
            ends = [self.lm.log_probs(self.contexts[number])[END] for number in self.number_W]
            score_W = score_W + self.decoding.lm_weight * np.array(ends)
        w = int(score_W.argmax())
        spelt, number = [], int(self.number_W[w])
        while number:
            spelt.append(self.tokens[number])
            number = self.parents[number]
        return spelt[::-1], float(score_W[w])


def beam_search(log_probs_TC: Array, decoding: Decoding, lm: NGram | None = None) -> tuple[list[int], float]:
    """Tokens of the best hypothesis, and its score."""
    beam = Beam(decoding, lm, log_probs_TC.shape[1])
    for y_C in log_probs_TC.astype(np.float64):
        beam.read(y_C)
    return beam.best()
