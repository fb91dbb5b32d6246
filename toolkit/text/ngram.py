"""N-gram language model over numbered tokens: interpolated modified Kneser-Ney.

p(w | h) = max(c(hw) - D(c(hw)), 0) / c(h) + γ(h) p(w | h'), h' being h without its oldest token and p(w) at the end
of the chain mixed with the uniform distribution. The highest order has counts of occurrences, lower ones the number
of tokens that stand before hw (of occurrences, where hw begins a sentence: nothing but the start stands there).
D takes three values, for counts of 1, 2 and more, from the counts of counts of its order. Where those give none
(few n-grams; characters, of which every single one is frequent), the order is Witten-Bell's instead:
p(w | h) = (c(hw) + N(h) p(w | h')) / (c(h) + N(h)), N(h) being the number of different tokens after h.

Sources: Chen and Goodman, "An empirical study of smoothing techniques for language modeling", TR-10-98, 1998;
Heafield et al., ACL 2013 (counts at the start of a sentence).

Shapes: C tokens, of which number 0 is the end of the sentence (in a CTC head the blank, which no text holds).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from ..core.errors import UserError

END = 0
CHUNK = 1 << 22  # tokens that are counted at once
CACHED_NUMBERS = 1 << 23  # of distributions that are kept for the next who asks: 64 MiB
KEY_BITS = 62
Array = np.ndarray[Any, np.dtype[Any]]
Context = tuple[int, ...]
Counts = tuple[Array, Array]  # n-grams as numbers, ascending, and the count of each


class NGram:
    """Learn from sentences of numbers from 1 to classes - 1.

    Args:
        classes: C.
        order: tokens that an n-gram holds; a token depends on order - 1 tokens before it.

    Raises UserError where there is no sentence, or n-grams of this order do not fit 62 bits.
    """

    def __init__(self, sentences: Iterable[Sequence[int]], classes: int, order: int) -> None:
        self.classes, self.order, self.begin = classes, order, classes
        self.bits = bits_of(classes, order)
        self.tables = self._tables(sentences)
        self.discounts = [discounts(counts) for _, counts in self.tables]
        self._probs = lru_cache(max(CACHED_NUMBERS // classes, 1))(self._mixed)

    @property
    def start(self) -> Context:
        """Context of the first token of a sentence."""
        return (self.begin,)[: self.order - 1]

    def after(self, context: Context, token: int) -> Context:
        """Context of the token that follows `token`."""
        return (*context, token)[max(len(context) + 2 - self.order, 0) :]

    def log_probs(self, context: Context) -> Array:
        """Natural logarithms [C] of what follows a context of `start` and `after`: END first."""
        found_C: Array = np.log(self._probs(context))
        return found_C

    def log_prob(self, sentence: Sequence[int]) -> float:
        """Natural logarithm of the probability of a whole sentence, its end included."""
        context, total = self.start, 0.0
        for token in (*sentence, END):
            total += float(self.log_probs(context)[token])
            context = self.after(context, token)
        return total

    def _mixed(self, context: Context) -> Array:
        """Probabilities [C] after a context: its own counts, mixed with what follows the context without its oldest."""
        lower_C = self._probs(context[1:]) if context else np.full(self.classes, 1 / self.classes)
        (grams, counts), discount = self.tables[len(context)], self.discounts[len(context)]
        first = self._key(context) << self.bits
        low, high = np.searchsorted(grams, (first, first + (1 << self.bits)))
        if low == high:
            return lower_C  # never seen
        seen, count = grams[low:high] - first, counts[low:high]
        if discount is None:
            p_C = lower_C * (high - low)
            p_C[seen] += count
            return p_C / (count.sum() + (high - low))
        taken = discount[np.minimum(count, len(discount)) - 1]
        p_C = lower_C * (taken.sum() / count.sum())
        p_C[seen] += (count - taken) / count.sum()
        return p_C

    def _key(self, tokens: Sequence[int]) -> int:
        key = 0
        for token in tokens:
            key = key << self.bits | token
        return key

    def _tables(self, sentences: Iterable[Sequence[int]]) -> list[Counts]:
        """Counts of the n-grams of each order, from 1 on."""
        highest: list[Counts] = []
        begun: list[list[Counts]] = [[] for _ in range(self.order)]  # n-grams that begin sentences, for lower orders
        for stream in self._streams(sentences):
            highest.append(_counted(self._grams(stream, self.order)))
            for n in range(2, self.order):
                begun[n].append(_counted(self._grams(stream, n, only_begun=True)))
        if not highest:
            raise UserError("no sentence to learn a language model from", "", "name a text with sentences as lm_text")
        tables = [_merged(highest)]
        if self.order == 1:
            return tables
        for n in range(self.order - 1, 0, -1):
            inner = _counted(tables[0][0] & ((1 << self.bits * n) - 1))
            tables.insert(0, _merged([inner, *begun[n]]))
        return tables

    def _streams(self, sentences: Iterable[Sequence[int]]) -> Iterator[Array]:
        """Sentences in a row, each with its start and end, CHUNK by CHUNK."""
        stream: list[int] = []
        for sentence in sentences:
            stream.append(self.begin)
            stream.extend(sentence)
            stream.append(END)
            if len(stream) >= CHUNK:
                yield np.array(stream, np.int64)
                stream = []
        if stream:
            yield np.array(stream, np.int64)

    def _grams(self, stream: Array, n: int, only_begun: bool = False) -> Array:
        """N-grams of a stream as numbers, except those across sentences, and the start alone."""
        count = max(len(stream) - n + 1, 0)
        key, whole = np.zeros(count, np.int64), np.ones(count, bool)
        for i in range(n):
            tokens = stream[i : i + count]
            key = key << self.bits | tokens
            if i or n == 1:
                whole &= tokens != self.begin
            elif only_begun:
                whole &= tokens == self.begin
        return key[whole]


def bits_of(classes: int, order: int, where: str = "") -> int:
    """Bits of a token in an n-gram's number. Raises UserError where so long ones do not fit 62 bits."""
    bits = classes.bit_length()  # the start of a sentence is one number more
    if bits * order > KEY_BITS:
        raise UserError(
            f"n-grams of {order} tokens are too long where there are {classes - 1} different ones",
            where,
            f"set lm_order to {KEY_BITS // bits} or less, or have fewer pieces",
        )
    return bits


def discounts(counts: Array) -> Array | None:
    """D of counts 1, 2, and 3 and more; None where the counts of counts give none between 0 and the count."""
    n = np.array([(counts == k).sum() for k in range(1, 5)], float)
    if not n.all():
        return None
    k = np.arange(1, 4)
    d = k - (k + 1) * n[0] / (n[0] + 2 * n[1]) * n[1:] / n[:-1]
    return d if (d > 0).all() else None


def _counted(grams: Array) -> Counts:
    found, counts = np.unique(grams, return_counts=True)
    return found, counts


def _merged(parts: Sequence[Counts]) -> Counts:
    grams, counts = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = np.argsort(grams, kind="stable")
    found, first = np.unique(grams[order], return_index=True)
    return found, np.add.reduceat(counts[order], first) if len(found) else counts
