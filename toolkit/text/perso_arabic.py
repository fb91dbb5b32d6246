"""Persian, Urdu and Kurdish, which are written with the letters of Arabic and some more.

Letters alone tell little: dialects write loan words with پ چ گ, and some keyboards ی and ک for ي and ك. What tells are
letters that no Arabic spelling has, and function words of Persian that are no Arabic ones.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TypeVar

LEAST = 2  # texts
MANY = 0.2  # share of the texts with Arabic letters

# tteh, ddal, rreh, noon ghunna, yeh barree (Urdu); lam and reh with v, oe, yeh with v, ae (Kurdish)
_LETTER = re.compile("[\u0679\u0688\u0691\u06ba\u06d2\u06d3\u06b5\u0695\u06c6\u06ce\u06d5]")
_PERSIAN = re.compile(r"(?<!\w)(?:ن?می\u200c|(?:است|هستند|هستیم|نیست|برای|که|شما|چرا|کنید)(?!\w))")
_ARABIC = re.compile("[\u0621-\u06d3]")
Key = TypeVar("Key")


def in_perso_arabic(texts: Mapping[Key, str]) -> list[Key]:
    """The texts that seem to be in Persian, Urdu or Kurdish; none unless they are LEAST, and more than MANY of all."""
    seem = [key for key, text in texts.items() if _LETTER.search(text) or _PERSIAN.search(text)]
    if len(seem) < LEAST:
        return []
    return seem if len(seem) > MANY * sum(bool(_ARABIC.search(text)) for text in texts.values()) else []
