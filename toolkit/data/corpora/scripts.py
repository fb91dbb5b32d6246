"""Transcripts in Arabic script, whichever script a file of them is in: Arabic, or Buckwalter's transliteration.

A file is in Buckwalter if more of its transcripts have Latin letters alone than have an Arabic letter. There, one in
Arabic letters alone stays as it is; one with letters of both cannot be told, and is malformed. In a file in Arabic
script everything stays: Latin letters are words of another language. Words with a mark (@@LAT, #) are in neither.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping
from typing import Literal, TypeVar

from ...text.buckwalter import LATIN_MARK, to_arabic

ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3]")
LATIN = re.compile("[A-Za-z]")
BOTH = "letters of both scripts, Arabic and Buckwalter's"
SHOWN = 3  # transcripts that a warning names
Key = TypeVar("Key", bound=Hashable)
Script = Literal["arabic", "latin", "both", ""]


def script_of(text: str) -> Script:
    """The script of a transcript's words without a mark; "" if they have no letter."""
    if "@@" in text or "#" in text:
        text = " ".join(word for word in text.split() if not word.startswith((LATIN_MARK, "#", "@@@")))
    arabic, latin = ARABIC.search(text), LATIN.search(text)
    return "both" if arabic and latin else "arabic" if arabic else "latin" if latin else ""


def converted(text: str) -> str | None:
    """A transcript of a file in Buckwalter, in Arabic script; None if it has letters of both scripts."""
    script = script_of(text)
    return None if script == "both" else text if script == "arabic" else to_arabic(text)


def in_arabic(texts: Mapping[Key, str], where: str) -> tuple[dict[Key, str], list[Key]]:
    """(transcripts of a file in Arabic script, keys of malformed ones). Prints how many are in the other script.

    Args:
        where: name of the file, for what is printed.
    """
    scripts = {key: script_of(text) for key, text in texts.items()}
    latin = [key for key, script in scripts.items() if script == "latin"]
    arabic = [key for key, script in scripts.items() if script in ("arabic", "both")]
    if len(latin) <= len(arabic):
        if latin:
            named = ", ".join(map(str, latin[:SHOWN]))
            print(f"WARNING: {where}: {len(latin):,} of {len(texts):,} transcripts stay in Latin letters: {named}")
        return dict(texts), []
    malformed = [key for key in arabic if scripts[key] == "both"]
    if len(arabic) > len(malformed):
        count = len(arabic) - len(malformed)
        print(f"{where}: {count:,} of {len(texts):,} transcripts are in Arabic script, the rest in Buckwalter's")
    made = {key: converted(text) for key, text in texts.items()}
    return {key: text for key, text in made.items() if text is not None}, malformed
