"""Punctuation that nobody says, and how to take it out of a transcript."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

APOSTROPHES = "'\u2019\u02bc"  # inside a word they are part of its spelling: don't
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")


class CharacterTable(dict[int, str]):
    """A table for str.translate that asks `new` about each character once."""

    def __init__(self, new: Callable[[str], str]) -> None:
        self.new = new

    def __missing__(self, code: int) -> str:
        made = self[code] = self.new(chr(code))
        return made


_SPACED = CharacterTable(lambda c: " " if unicodedata.category(c).startswith("P") else c)


def strip_punctuation(text: str) -> str:
    """Text with every punctuation mark (Unicode category P: ، ؛ ؟ « » . , ! … -) made a space, white space single.

    Apostrophes between two letters stay. Idempotent.
    """
    if not _APOSTROPHE.search(text):
        return " ".join(text.translate(_SPACED).split())
    kept = []
    for i, c in enumerate(text):
        inside = c in APOSTROPHES and text[i - 1 : i].isalpha() and text[i + 1 : i + 2].isalpha()
        kept.append(c if inside else _SPACED[ord(c)])
    return " ".join("".join(kept).split())
