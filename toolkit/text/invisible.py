"""Characters that nobody sees: a word with one of them is another word to a computer, and the same to its reader."""

from __future__ import annotations

import os
import re
import unicodedata
from functools import lru_cache

from .presentation import fold_presentation_forms

# Zero-width space, marks and embeddings of direction, word joiner and invisible operators, byte order mark, soft
# hyphen. Not the zero-width joiner and non-joiner: they change what is seen, and in Persian the spelling.
INVISIBLE = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u061c]")
# In names those go as well, and selectors of a glyph: whoever writes a name with one means the same person.
_IN_NAMES = re.compile(r"[\u200c\u200d\u034f\u180b-\u180f\ufe00-\ufe0f\ufff9-\ufffb\U000e0000-\U000e01ef]")
HEAD, TAIL = 120, 60  # characters of a long line that an error shows


def strip_invisible(text: str) -> str:
    """Text without invisible characters, such as the marks of direction that word processors and web pages leave."""
    return INVISIBLE.sub("", text)


@lru_cache(maxsize=1 << 16)
def name_of(text: str) -> str:
    """A name or label (of a speaker, programme, dialect ...) as it is compared: two that look alike are one.

    In NFC, Arabic presentation forms as letters, without invisible characters, also zero-width joiners, white space as
    single spaces. Transcripts are no names.
    """
    if text.isascii():
        return " ".join(text.split())
    text = _IN_NAMES.sub("", strip_invisible(text))
    return " ".join(unicodedata.normalize("NFC", fold_presentation_forms(text)).split())


def shown(text: str) -> str:
    """Text (of a path, of a line) in a form that a ledger can hold: what nobody sees is escaped."""
    readable = os.fsencode(text).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in readable)


def excerpt(text: str) -> str:
    """A line as an error shows it: its beginning and end, what nobody sees escaped."""
    return shown(text if len(text) <= HEAD + TAIL else f"{text[:HEAD]} … {text[-TAIL:]}")
