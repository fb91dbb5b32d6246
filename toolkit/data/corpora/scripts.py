"""Transcripts in Arabic script, whichever script a file of them is in: Arabic, or Buckwalter's transliteration.

A file is in Buckwalter if more of its transcripts have Latin letters alone than have an Arabic letter. There, one in
Arabic letters alone stays as it is; one with letters of both cannot be told, and is malformed. In a file in Arabic
script everything stays: Latin letters are words of another language. Words with a mark (@@LAT, #) are in neither.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ...text.buckwalter import LATIN_MARK, to_arabic

ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
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


@dataclass(frozen=True)
class Scripts(Generic[Key]):
    """The transcripts of a file in Arabic script, keys of malformed ones, and what is to be told of a mixed file."""

    texts: dict[Key, str]
    malformed: list[Key]
    mixed: str


def as_arabic(texts: Mapping[Key, str], convert: Callable[[str], str] = to_arabic) -> Scripts[Key]:
    """The transcripts of one file, which is in Arabic script or in Buckwalter's, in Arabic script.

    Args:
        convert: Buckwalter to Arabic script, if the corpus has letters of its own.
    """
    scripts = {key: script_of(text) for key, text in texts.items()}
    latin = [key for key, script in scripts.items() if script == "latin"]
    arabic = [key for key, script in scripts.items() if script in ("arabic", "both")]
    if len(latin) <= len(arabic):
        named = ", ".join(map(str, latin[:SHOWN]))
        mixed = f"{len(latin):,} of {len(texts):,} transcripts stay in Latin letters: {named}" if latin else ""
        return Scripts(dict(texts), [], mixed)
    malformed = [key for key in arabic if scripts[key] == "both"]
    count = len(arabic) - len(malformed)
    mixed = f"{count:,} of {len(texts):,} transcripts are in Arabic script, the rest in Buckwalter's" if count else ""
    made = {key: text if scripts[key] == "arabic" else convert(text) for key, text in texts.items()}
    return Scripts({key: text for key, text in made.items() if scripts[key] != "both"}, malformed, mixed)


def in_arabic(
    texts: Mapping[Key, str], where: str, convert: Callable[[str], str] = to_arabic
) -> tuple[dict[Key, str], list[Key]]:
    """(transcripts of a file in Arabic script, keys of malformed ones); prints how many are in the other script.

    Args:
        where: name of the file, for what is printed; `convert` as as_arabic has it.
    """
    scripts = as_arabic(texts, convert)
    if scripts.mixed:
        print(f"WARNING: {where}: {scripts.mixed}")
    return scripts.texts, scripts.malformed
