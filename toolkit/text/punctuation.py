"""Punctuation that nobody says, and how to take it out of a transcript."""

from __future__ import annotations

import unicodedata

APOSTROPHES = "'\u2019\u02bc"  # inside a word they are part of its spelling: don't


def strip_punctuation(text: str) -> str:
    """Text with every punctuation mark (Unicode category P: ، ؛ ؟ « » . , ! … -) made a space, white space single.

    Apostrophes between two letters stay. Idempotent.
    """
    kept = []
    for i, c in enumerate(text):
        inside = c in APOSTROPHES and text[i - 1 : i].isalpha() and text[i + 1 : i + 2].isalpha()
        kept.append(c if inside or not unicodedata.category(c).startswith("P") else " ")
    return " ".join("".join(kept).split())
