"""References and hypotheses to count errors in: made, of Arabic letters, with errors as a recogniser makes them."""

from __future__ import annotations

import random
from pathlib import Path

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوةيىأإآءئؤ"
VOCABULARY = 5000
WORDS = 12  # of a reference


def made_pairs(count: int, rate: float = 0.2, seed: int = 0) -> tuple[list[str], list[str]]:
    """References of WORDS words of Zipf's frequencies, and hypotheses with about `rate` word errors a word.

    Of the errors 60 % are substitutions (most of them of the last letter), 25 % deletions and 15 % insertions.
    """
    rng = random.Random(seed)
    known = ["".join(rng.choices(LETTERS, k=rng.randint(2, 8))) for _ in range(VOCABULARY)]
    often = [1 / rank for rank in range(1, VOCABULARY + 1)]
    drawn = rng.choices(known, often, k=count * WORDS)
    references = [drawn[i : i + WORDS] for i in range(0, count * WORDS, WORDS)]
    hypotheses = [[w for word in reference for w in _misheard(rng, word, known, rate)] for reference in references]
    return [" ".join(texts) for texts in references], [" ".join(texts) for texts in hypotheses]


def _misheard(rng: random.Random, word: str, known: list[str], rate: float) -> list[str]:
    draw = rng.random() / rate
    if draw >= 1:
        return [word]
    if draw < 0.6:
        return [word[:-1] + rng.choice(LETTERS) if draw < 0.36 else rng.choice(known)]
    return [] if draw < 0.85 else [word, rng.choice(known)]


def write_pairs(path: Path, count: int) -> None:
    """A line `reference <tab> hypothesis` for each pair."""
    path.write_text("".join(f"{a}\t{b}\n" for a, b in zip(*made_pairs(count))), encoding="utf-8")


def read_pairs(path: str) -> tuple[list[str], list[str]]:
    """What write_pairs wrote."""
    pairs = [line.split("\t") for line in Path(path).read_text(encoding="utf-8").split("\n")[:-1]]
    return [a for a, _ in pairs], [b for _, b in pairs]
