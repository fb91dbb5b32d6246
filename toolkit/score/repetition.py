"""How much a text repeats itself: what a decoder that is caught in a loop writes.

Whisper decodes anew where bytes / compressed bytes passes 2.4. That limit was found on English. An Arabic letter is
two bytes of UTF-8, of which the first says next to nothing, so Arabic passes it without any repetition: 7.1 % of
the human references of SADA, 5.0 % of MASC-clean, 1.2 % of MGB-2. With one byte for each letter the same limit
takes 0.13, 0.07 and 0.00 % of them. (These figures were measured on the three corpora, once, and not here.)
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Sequence
from typing import NamedTuple

RATIO = 2.4
LONGEST_LOOP = 20  # words; a longer phrase said twice shows in the ratios

_ARABIC = (
    "،؛؟«»"
    + "".join(map(chr, range(0x621, 0x66E)))  # letters, tatweel, tashkeel, Arabic-Indic digits
    + "\u0670ٱپچژڤکگڭڨڥھہەی"
    + "۰۱۲۳۴۵۶۷۸۹"
)
_FRENCH = "àâçèéêëîïôùûüœ"  # beside Arabic in the Maghreb and Lebanon
_LETTERS = "".join(map(chr, range(128))) + _ARABIC + _FRENCH
_TABLE = codecs.charmap_build(_LETTERS.ljust(256, "\ufffe"))  # U+FFFE: no letter has this byte
_CONTROLS = 31


class Repetition(NamedTuple):
    """How much a text repeats itself. A text of no words has ratios of 0."""

    byte_ratio: float
    """Bytes of UTF-8 over bytes of their zlib compression: Whisper's compression ratio."""
    letter_ratio: float
    """The same with one byte for each letter: of Latin text the same figure, of Arabic the comparable one."""
    loop_length: int
    """Words of the phrase that is repeated without anything between, over the most words in all; 0 where none is."""
    loop_count: int
    """How many times in a row that phrase stands there, 2 or more; 0 where none is repeated."""

    @property
    def loop_words(self) -> int:
        """Words that the loop covers."""
        return self.loop_length * self.loop_count


def repetition(text: str) -> Repetition:
    """The repetition of a text as it stands (normalise it before, if two spellings are to be one word).

    Both ratios fall below 1 for a few words, where the compressed form is mostly its own frame: they tell nothing
    of texts of less than about 10 words, the loop does. About 20,000 texts of 15 words a second on one core.
    """
    if not text.strip():
        return Repetition(0.0, 0.0, 0, 0)
    length, count = loop(text.split())
    return Repetition(_ratio(text.encode("utf-8", "replace")), letter_ratio(text), length, count)


def letter_ratio(text: str) -> float:
    """That of `repetition` alone, for many texts; 0 of a text of no words."""
    return _ratio(letter_bytes(text)) if text.strip() else 0.0


def letter_bytes(text: str) -> bytes:
    """One byte for each character: ASCII as it is, Arabic and French letters above it; the rest share 31 bytes."""
    try:
        return codecs.charmap_encode(text, "strict", _TABLE)[0]
    except UnicodeEncodeError:
        known = {character: byte for byte, character in enumerate(_LETTERS)}
        return bytes(known.get(c, 1 + ord(c) % _CONTROLS) for c in text)


def loop(words: Sequence[str]) -> tuple[int, int]:
    """(words of the phrase, times in a row) of the repetition that covers the most words; (0, 0) where there is none.

    Of two that cover as many, the shorter phrase. A phrase is at most LONGEST_LOOP words.
    """
    if len(set(words)) == len(words):
        return 0, 0
    best = (0, 0)
    for length in range(1, min(LONGEST_LOOP, len(words) // 2) + 1):
        run = longest = 0
        for same in map(str.__eq__, words, words[length:]):
            run = run + 1 if same else 0
            longest = max(longest, run)
        count = 1 + longest // length
        if count > 1 and length * count > best[0] * best[1]:
            best = (length, count)
    return best


def _ratio(data: bytes) -> float:
    return len(data) / len(zlib.compress(data))
