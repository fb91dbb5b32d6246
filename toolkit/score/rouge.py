"""ROUGE and chrF of texts in any script. Sources: Lin, "ROUGE", 2004; Popović, "chrF", WMT 2015.

Common packages of ROUGE keep the letters a to z and delete all Arabic: unrelated sentences then score 0, or 1 if they
share a number. Here words are what white space separates in text that is already normalised.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from rapidfuzz.distance import LCSseq

ORDER, BETA = 6, 2.0  # of chrF: longest n-grams of characters; weight of recall
_NOTHING = 1e-16


def rouge_n(reference: Sequence[str], answer: Sequence[str], n: int) -> float:
    """F1 of n-grams of words, 0 to 1; 0 if either side has none."""
    theirs, ours = _ngrams(reference, n), _ngrams(answer, n)
    return _f1((theirs & ours).total(), theirs.total(), ours.total())


def rouge_l(reference: Sequence[str], answer: Sequence[str]) -> float:
    """F1 of the longest common subsequence of words, 0 to 1."""
    common = LCSseq.similarity(reference, answer) if reference and answer else 0
    return _f1(common, len(reference), len(answer))


def chrf(reference: str, answer: str) -> float:
    """chrF of one answer, 0 to 1: F2 of n-grams of 1 to 6 characters, white space left out (sacrebleu's defaults)."""
    theirs, ours = ("".join(text.split()) for text in (reference, answer))
    precision = recall = 0.0
    orders = 0
    for n in range(1, ORDER + 1):
        wanted, given = _ngrams(theirs, n), _ngrams(ours, n)
        if not wanted.total() or not given.total():
            continue
        common = (wanted & given).total()
        precision += common / given.total()
        recall += common / wanted.total()
        orders += 1
    if not orders or precision + recall == 0:
        return 0.0
    precision, recall = precision / orders, recall / orders
    return (1 + BETA**2) * precision * recall / max(BETA**2 * precision + recall, _NOTHING)


def _ngrams(tokens: Sequence[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def _f1(common: int, wanted: int, given: int) -> float:
    return 2 * common / (wanted + given) if common else 0.0
