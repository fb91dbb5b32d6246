"""Punctuation and symbols that nobody says, and how to take them out of a transcript."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

APOSTROPHES = "'\u2019\u02bc"  # inside a word they are part of its spelling: don't
_APOSTROPHE = re.compile(f"[{APOSTROPHES}]")
# Symbols by their block: parts of emoji and of musical notes have other categories, and new emoji have none in an older
# Python. Enclosing keycap; musical notation; pictographs; tags, of which some flags are made.
_SYMBOL_BLOCKS = re.compile("[\u20e3\U0001d100-\U0001d1ff\U0001f000-\U0001faff\U000e0020-\U000e007f]")
_NOT_ALL_LETTERS = re.compile(r"[^\w\s]")
LOST_LETTER = "\ufffd"  # what a recogniser writes for bytes that are no character, often half an Arabic letter


class CharacterTable(dict[int, str]):
    """A table for str.translate that asks `new` about each character once."""

    def __init__(self, new: Callable[[str], str]) -> None:
        self.new = new

    def __missing__(self, code: int) -> str:
        made = self[code] = self.new(chr(code))
        return made


def is_symbol(c: str) -> bool:
    """True for a currency sign, a mathematical sign, a note of music, an emoji or a part of one; not for U+FFFD."""
    if c == LOST_LETTER:
        return False
    return unicodedata.category(c).startswith("S") or _SYMBOL_BLOCKS.match(c) is not None


_SPACED = CharacterTable(lambda c: " " if unicodedata.category(c).startswith("P") else c)
_WITHOUT_SYMBOLS = CharacterTable(lambda c: " " if is_symbol(c) else c)


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


def _stands_alone(c: str) -> bool:
    """False for a mark and for a character that nobody sees: they are on, or in, a letter or a symbol."""
    return unicodedata.category(c) not in ("Mn", "Mc", "Me", "Cf")


def strip_symbols(text: str) -> str:
    """Text with every symbol (see is_symbol) made a space, without words of nothing but marks, which had one.

    U+FFFD stays: it stands for a letter that was lost, so a word with it is a wrong word. White space single.
    Idempotent.
    """
    words = text.split()
    if _NOT_ALL_LETTERS.search(text):
        words = [word for word in text.translate(_WITHOUT_SYMBOLS).split() if any(map(_stands_alone, word))]
    return " ".join(words)
