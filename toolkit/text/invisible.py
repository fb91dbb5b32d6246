"""Characters that nobody sees: a word with one of them is another word to a computer, and the same to its reader."""

from __future__ import annotations

import re

# Zero-width space, marks and embeddings of direction, word joiner and invisible operators, byte order mark, soft
# hyphen. Not the zero-width joiner and non-joiner: they change what is seen, and in Persian the spelling.
INVISIBLE = re.compile(r"[\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad\u061c]")


def strip_invisible(text: str) -> str:
    """Text without invisible characters, such as the marks of direction that word processors and web pages leave."""
    return INVISIBLE.sub("", text)
