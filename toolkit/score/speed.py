"""How fast the counts and the bootstrap are, beside jiwer on the same input: python3 -m toolkit.score.speed.

Plain functions, so that a benchmark can call them; seconds are those of one process on one core.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Any

from .bootstrap import ratio_interval
from .edits import character_edits, word_edits

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهويةىأإآءئؤ"
VOCABULARY = 5000
PAIRS, WORDS = 100_000, 12


def made_pairs(count: int = PAIRS, words: int = WORDS, rate: float = 0.2, seed: int = 0) -> tuple[list[str], list[str]]:
    """References of so many words of Zipf's frequencies, and hypotheses with about so many word errors per word.

    Of the errors 60 % are substitutions (most of them of the last letter), 25 % deletions and 15 % insertions.
    """
    rng = random.Random(seed)
    known = ["".join(rng.choices(LETTERS, k=rng.randint(2, 8))) for _ in range(VOCABULARY)]
    often = [1 / rank for rank in range(1, VOCABULARY + 1)]
    drawn = rng.choices(known, often, k=count * words)
    references = [drawn[i : i + words] for i in range(0, count * words, words)]
    hypotheses = [[w for word in reference for w in _misheard(rng, word, known, rate)] for reference in references]
    return [" ".join(texts) for texts in references], [" ".join(texts) for texts in hypotheses]


def _misheard(rng: random.Random, word: str, known: list[str], rate: float) -> list[str]:
    draw = rng.random() / rate
    if draw >= 1:
        return [word]
    if draw < 0.6:
        return [word[:-1] + rng.choice(LETTERS) if draw < 0.36 else rng.choice(known)]
    return [] if draw < 0.85 else [word, rng.choice(known)]


def seconds(call: Callable[[], Any], rounds: int = 3) -> float:
    """Processor seconds of the fastest of several calls."""
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        call()
        best = min(best, time.process_time() - start)
    return best


def races(count: int = PAIRS) -> dict[str, tuple[float, float | None]]:
    """What -> (our seconds, jiwer's; None where it has no such thing), on the same pairs."""
    import jiwer  # no dependency of the toolkit, but of its tests

    references, hypotheses = made_pairs(count)
    edits, spelt = word_edits(references, hypotheses), character_edits(references, hypotheses)
    return {
        "WER with S, D, I": (
            seconds(lambda: word_edits(references, hypotheses)),
            seconds(lambda: jiwer.process_words(references, hypotheses), 1),
        ),
        "CER with S, D, I": (
            seconds(lambda: character_edits(references, hypotheses)),
            seconds(lambda: jiwer.process_characters(references, hypotheses), 1),
        ),
        "10,000 bootstrap replicates of WER": (seconds(lambda: ratio_interval(edits.edits, edits.lengths)), None),
        "10,000 bootstrap replicates of CER": (seconds(lambda: ratio_interval(spelt.edits, spelt.lengths)), None),
    }


def main() -> None:
    """Print the races."""
    print(f"{PAIRS:,} pairs of {WORDS} Arabic words, processor seconds, the fastest of three (jiwer: one)")
    for what, (ours, jiwers) in races().items():
        print(f"{what:36} {ours:7.3f}" + (f"  jiwer {jiwers:7.3f}  {jiwers / ours:5.1f} x" if jiwers else ""))


if __name__ == "__main__":
    main()
