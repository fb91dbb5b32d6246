"""Transcripts in Arabic script, whichever script a file of them is in: Arabic, or Buckwalter's transliteration.

A file is in Buckwalter if more of its transcripts have Latin letters alone than have an Arabic letter, and at least
half of their words can be Buckwalter (text/buckwalter.py). There, words that cannot be stay as they are, and are told;
so are words that may be Latin ones read as Arabic (Salut, foundation): with vowel signs in a file that has few, or with
two in a row. A transcript in Arabic letters alone stays; one with letters of both cannot be told, and is malformed,
unless its Latin words are no Buckwalter. In any other file everything stays: Latin letters are words of another
language. Words with a mark (@@LAT, #) are in neither. Arabic that a wrong encoding garbled (text/mojibake.py) is
malformed. Words in Buckwalter that are cut into clitics (w+ Al+ ktAb) are joined, and told. A file that seems to be in
Persian, Urdu or Kurdish (text/perso_arabic.py) is told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from ...text.buckwalter import LATIN_MARK, is_foreign, to_arabic, unsegmented, words_to_arabic
from ...text.invisible import excerpt
from ...text.mojibake import garbled
from ...text.perso_arabic import in_perso_arabic
from ..tables import few

ARABIC = re.compile("[\u0621-\u064a\u066e-\u06d3\u0750-\u077f\ufb50-\ufdff\ufe70-\ufefc]")
LATIN = re.compile("[A-Za-z]")
BOTH = "letters of both scripts, Arabic and Buckwalter's"
SHOWN = 3  # transcripts that a warning names
FEW = 0.05  # share of words with vowel signs below which a file is one without
_LETTER = re.compile(f"{ARABIC.pattern}|{LATIN.pattern}")
_VOWEL, _VOWELS = re.compile("[aiuo]"), re.compile("[aiuoFNK]{2}")
Key = TypeVar("Key", bound=Hashable)
Script = Literal["arabic", "latin", "both", ""]


def script_of(text: str) -> Script:
    """The script of a transcript's words without a mark; "" if they have no letter."""
    text = _unmarked(text)
    arabic, latin = ARABIC.search(text), LATIN.search(text)
    return "both" if arabic and latin else "arabic" if arabic else "latin" if latin else ""


def _unmarked(text: str) -> str:
    if "@@" in text or "#" in text:
        return " ".join(word for word in text.split() if not word.startswith((LATIN_MARK, "#", "@@@")))
    return text


def _latin_words(text: str) -> list[str]:
    """The words with a Latin letter and without a mark."""
    return [word for word in _unmarked(text).split() if LATIN.search(word)]


@dataclass(frozen=True)
class Scripts(Generic[Key]):
    """The transcripts of a file in Arabic script, why others are malformed, and what is to be told of a mixed file."""

    texts: dict[Key, str]
    malformed: dict[Key, str]
    mixed: str


def as_arabic(texts: Mapping[Key, str], convert: Callable[[str], str] = to_arabic) -> Scripts[Key]:
    """The transcripts of one file, which is in Arabic script or in Buckwalter's, in Arabic script.

    Args:
        convert: Buckwalter to Arabic script, if the corpus has letters of its own.
    """
    malformed = garbled_ones(texts)
    texts = {key: text for key, text in texts.items() if key not in malformed}
    scripts = {key: script_of(text) for key, text in texts.items()}
    latin = [key for key, script in scripts.items() if script == "latin"]
    arabic = [key for key, script in scripts.items() if script in ("arabic", "both")]
    if len(latin) <= len(arabic):
        first = few([*map(str, latin)], SHOWN)
        mixed = [f"{len(latin):,} of {len(texts):,} transcripts stay in Latin letters: {first}"] if latin else []
        mixed += filter(None, [another_language(texts)])
        return Scripts(texts, malformed, "; ".join(mixed))
    words = [word for key in latin for word in _latin_words(texts[key])]
    if 2 * sum(map(is_foreign, words)) > len(words):
        stay = f"{len(latin):,} of {len(texts):,} transcripts are in Latin letters, no Buckwalter, and stay"
        return Scripts(texts, malformed, f"{stay}: {few([*map(str, latin)], SHOWN)}")
    return _of_buckwalter(texts, scripts, malformed, convert)


def _of_buckwalter(
    texts: Mapping[Key, str], scripts: Mapping[Key, Script], malformed: Mapping[Key, str], convert: Callable[[str], str]
) -> Scripts[Key]:
    """The transcripts of a file in Buckwalter."""
    made: dict[Key, str] = {}
    foreign: dict[str, Key] = {}  # word that is no Buckwalter -> the first transcript that has it
    arabic = words = 0
    malformed = dict(malformed)
    whole = {key: unsegmented(text) for key, text in texts.items() if scripts[key] == "latin"}
    cut = [key for key, text in whole.items() if text != texts[key]]
    texts = {**texts, **whole}
    for key, text in texts.items():
        arabic += scripts[key] == "arabic"
        if scripts[key] == "both" and not all(map(is_foreign, _latin_words(text))):
            malformed[key] = BOTH
            continue
        kept: list[str] = []
        made[key] = text
        if scripts[key] in ("latin", ""):
            made[key], kept = words_to_arabic(text, convert)
        words += len(kept)
        for word in kept:
            foreign.setdefault(word, key)
    mixed = [f"{arabic:,} of {len(texts):,} transcripts are in Arabic script, the rest in Buckwalter's"] * bool(arabic)
    if cut:
        mixed += [f"{len(cut):,} transcripts have words cut at +, which are joined: {few([*map(str, cut)], SHOWN)}"]
    if foreign:
        mixed += [f"{words:,} words are no Buckwalter, and stay in Latin letters: {_named(foreign)}"]
    mixed += _perhaps_latin({key: text for key, text in texts.items() if scripts[key] == "latin"})
    return Scripts(made, malformed, "; ".join(mixed))


def _perhaps_latin(texts: Mapping[Key, str]) -> list[str]:
    """What is to be told of Buckwalter words with vowel signs where few have them, or with two in a row."""
    words = [(word, key) for key, text in texts.items() for word in _latin_words(text)]
    odd = [(word, key) for word, key in words if _VOWEL.search(word) and not is_foreign(word)]
    if len(odd) > FEW * len(words):
        odd = [(word, key) for word, key in odd if _VOWELS.search(word)]
    if not odd:
        return []
    return [f"{len(odd):,} words may be Latin ones, read as Arabic: {_named(dict(odd[: SHOWN + 1]))}"]


def _named(words: Mapping[str, Hashable]) -> str:
    return few([f"{excerpt(word)} ({key})" for word, key in words.items()], SHOWN)


def garbled_ones(texts: Mapping[Key, str]) -> dict[Key, str]:
    """Why transcripts are garbled Arabic, of those that are."""
    return {key: reason for key, text in texts.items() if (reason := garbled(text))}


def mostly_latin(texts: Iterable[str]) -> str:
    """What is to be told of a file in which more transcripts are of mostly Latin words than of Arabic ones; else ""."""
    words = [_words_of_scripts(text) for text in texts]
    latin, arabic = sum(a < b for a, b in words), sum(a >= b > 0 or a > b for a, b in words)
    if latin <= arabic:
        return ""
    return f"{latin:,} of {len(words):,} ({100 * latin / len(words):.0f} %) have more Latin words than Arabic ones"


def _words_of_scripts(text: str) -> tuple[int, int]:
    """(words with an Arabic letter, words with Latin ones alone) of a transcript, without those with a mark."""
    scripts = ["arabic" if ARABIC.search(word) else "latin" for word in _unmarked(text).split() if _LETTER.search(word)]
    return scripts.count("arabic"), scripts.count("latin")


def another_language(texts: Mapping[Key, str]) -> str:
    """What is to be told of a file that seems to be in another language of Arabic letters; else ""."""
    seem = in_perso_arabic(texts)
    if not seem:
        return ""
    share = f"{len(seem):,} of {len(texts):,} ({100 * len(seem) / len(texts):.0f} %)"
    return f"{share} seem to be in Persian, Urdu or Kurdish, first: {seem[0]}"


def in_arabic(
    texts: Mapping[Key, str], where: str, convert: Callable[[str], str] = to_arabic
) -> tuple[dict[Key, str], dict[Key, str]]:
    """(transcripts of a file in Arabic script, why others are malformed); prints what stays in another script.

    Args:
        where: name of the file, for what is printed; `convert` as as_arabic has it.
    """
    scripts = as_arabic(texts, convert)
    if scripts.mixed:
        print(f"WARNING: {where}: {scripts.mixed}")
    return scripts.texts, scripts.malformed
