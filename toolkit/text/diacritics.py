"""Arabic vowel signs and other marks that most transcripts leave out, and how to leave them out of all."""

from __future__ import annotations

import re
import unicodedata

# Written as escapes: a combining mark in a source file hides behind the character before it.
TASHKEEL = "\u064b-\u0652"  # fathatan … sukun
SUPERSCRIPT_ALEF = "\u0670"
QURANIC = (
    "\u0610-\u061a"  # honorifics and small high letters
    "\u0656-\u065f"  # subscript alef, inverted damma, other vowel signs of Quranic print
    "\u06d6-\u06ed"  # pause marks, end of verse, sajdah, small letters
    "\u08d3-\u08ff"  # extended marks (Arabic Extended-A)
)
NEWER_MARKS = "\u0898-\u089f\u08ca-\u08d2"  # Quranic marks that Unicode 14 added
COMBINING_HAMZA = "\u0653-\u0655"  # madda, hamza above, hamza below
TATWEEL = "\u0640"
_MARKS = re.compile(f"[{TASHKEEL}{SUPERSCRIPT_ALEF}{QURANIC}{TATWEEL}]")


def strip_diacritics(text: str) -> str:
    """Text in NFC without tashkeel, superscript alef, Quranic marks and tatweel; nothing else changes.

    Marks are deleted, never replaced by a space, so words stay whole. A hamza or madda written as a
    combining mark is a letter, not a vowel sign: NFC joins it to its seat (alef + U+0654 -> U+0623).
    Idempotent.
    """
    # Twice NFC: a deleted mark may have stood between a seat and its hamza.
    return unicodedata.normalize("NFC", _MARKS.sub("", unicodedata.normalize("NFC", text)))
