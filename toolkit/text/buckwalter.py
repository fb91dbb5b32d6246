"""Arabic in ASCII after Buckwalter, both ways: what the MGB corpora and the Arabic Speech Corpus are written in.

A character of the alphabet is one ASCII character and back, so a text of them comes back as it went. Characters outside
it are kept, or refused by `strict`. A word with a mark of Latin (@@LAT) is kept as it is, both ways. A Latin word
without a mark is no Buckwalter if it has a letter outside the alphabet (CNN, facebook) or begins with a vowel sign
(ok): `words_to_arabic` keeps it. What the alphabet cannot tell: any other Latin word (TV, Salut) looks like Buckwalter,
and is read as Arabic on the way back. Marks keep their order: NFC writes fatha before shadda, most Buckwalter has it
the other way.

Source: Buckwalter, "Arabic Morphological Analyzer 2.0", LDC2004L02 (47 characters); the MGB-2 challenge's converter
(G gaf, J tcheh, P peh, V veh).
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping
from typing import Literal

from ..core.errors import UserError, told
from .lines import code_points, lines_of, quiet_pipe

LATIN_MARK = "@@LAT"  # before a word, in MGB-2's `bw` fields and MGB-3's texts; some write @@LAT@@
_ARABIC = (
    *range(0x621, 0x63B),  # hamza ... ghain
    *range(0x640, 0x653),  # tatweel, feh ... yeh, fathatan ... sukun
    0x670,  # superscript alef
    0x671,  # alef wasla
    *(0x67E, 0x686, 0x6A4, 0x6AF),  # peh, tcheh, veh, gaf
)
_ASCII = "'|>&<}AbptvjHxd*rzs$SDTZEg" + "_fqklmnhwYyFNKaui~o" + "`{" + "PJVG"
ALPHABET: Mapping[str, str] = {chr(a): b for a, b in zip(_ARABIC, _ASCII, strict=True)}

Variant = Literal["plain", "xml"]
VARIANTS: dict[str, Mapping[str, str]] = {
    "plain": ALPHABET,
    "xml": {**ALPHABET, "\u0625": "I", "\u0623": "O", "\u0624": "W"},  # for < > &, which XML keeps for itself
}
_FORWARD = {name: str.maketrans(dict(table)) for name, table in VARIANTS.items()}
_BACK = {name: str.maketrans({b: a for a, b in table.items()}) for name, table in VARIANTS.items()}
_WORD = re.compile(r"\S+")

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# A letter that the variant lacks, or a vowel sign before the first letter (^ is one of the Arabic Speech Corpus).
_NO_LETTER = {name: "".join(sorted(set(_LETTERS) - set(table.values()))) for name, table in VARIANTS.items()}
_VOWEL_FIRST = r"(?<!\S)[^\s\w'|<>&{}*$^]*[aiuoFNK]"
_FOREIGN = {name: re.compile(f"[{letters}]|{_VOWEL_FIRST}") for name, letters in _NO_LETTER.items()}
# Clitics and endings with the + at which tools of morphology cut words.
_PREFIX = re.compile(r"(?<![^\s+])((?:[wf]?(?:[blk]?Al|ll|[blks])|[wf]))\+\s*(?=[^\s+])")
_PRONOUN = "h|hA|hm|hmA|hn|k|km|kmA|kn|y|ny|nA"
_SUFFIX = re.compile(rf"(?<=[^\s+])\s*\+({_PRONOUN}|p|At|wn|yn|An|wA|t)(?![^\s+])")
_TAA = re.compile(rf"(?<=[^\s+])p\s*\+(?=(?:{_PRONOUN})(?!\S))")
_LAM = re.compile(r"(?<![^\s+])l\+\s*Al\+\s*")
# Marks of transcribers whose letters are all of the alphabet.
_SOUND = "laughs?|laughter|breath|noise|music|hes|sil|spn|nsn"
_MARK = re.compile(rf"(?<!\S)(?:<(?:unk|{_SOUND})>|\[(?:{_SOUND})\]|\(?%[hm]+\)?)(?!\S)", re.I)
_ALTERNATIVES = re.compile(r"(?<!\S)\{\s(?:.*\s)?/\s(?:.*\s)?\}(?!\S)")  # of sclite: { klmp / klmh }


def to_buckwalter(text: str, variant: Variant = "plain", strict: bool = False) -> str:
    """Arabic script as ASCII; composed letters only, so give NFC. `variant`: see VARIANTS.

    Raises UserError, if `strict`, naming the characters outside the alphabet; white space is none of them.
    """
    return _convert(text, _FORWARD[variant], strict)


def to_arabic(text: str, variant: Variant = "plain", strict: bool = False) -> str:
    """The way back of `to_buckwalter`. Raises UserError as that does."""
    return _convert(text, _BACK[variant], strict)


def is_foreign(word: str, variant: Variant = "plain") -> bool:
    """True if a word without white space cannot be Buckwalter.

    It has a Latin letter outside the alphabet, or begins with a vowel sign, or is a mark of transcribers (<unk>, %hm).
    """
    return bool(_FOREIGN[variant].search(word) or _MARK.fullmatch(word))


def words_to_arabic(
    text: str, convert: Callable[[str], str] = to_arabic, variant: Variant = "plain"
) -> tuple[str, list[str]]:
    """(text in Arabic script but for words that cannot be Buckwalter, those words).

    Braces around sclite's alternatives stay, too. Words marked as Latin stay and are not named.

    Args:
        convert: Buckwalter of that variant to Arabic script, if a text has letters of its own.
    """
    braces = bool(_ALTERNATIVES.search(text))
    if not (braces or _FOREIGN[variant].search(text) or _MARK.search(text)):
        return convert(text), []
    foreign: list[str] = []

    def of(match: re.Match[str]) -> str:
        word = match[0]
        if word.startswith(LATIN_MARK) or (braces and word in ("{", "}")):
            return word
        if is_foreign(word, variant):
            foreign.append(word)
            return word
        return convert(word)

    return _WORD.sub(of, text), foreign


def unsegmented(text: str) -> str:
    """Buckwalter whose words were cut into clitics (`w+ Al+ ktAb +hA`, `Al+ktAb`), each word whole again.

    A + beside anything but a clitic stays. l before Al takes its A; the final p of a word is t before a pronoun.
    """
    if "+" not in text:
        return text
    text = _TAA.sub("t+", _LAM.sub("ll", text))
    return _SUFFIX.sub(r"\1", _PREFIX.sub(r"\1", text))


def _convert(text: str, table: Mapping[int, str | int], strict: bool) -> str:
    if strict:
        _refuse_outside(text, table)
    if LATIN_MARK not in text:
        return text.translate(table)
    return _WORD.sub(lambda w: w[0] if w[0].startswith(LATIN_MARK) else w[0].translate(table), text)


def _refuse_outside(text: str, table: Mapping[int, str | int]) -> None:
    words = [w for w in text.split() if not w.startswith(LATIN_MARK)]
    outside = "".join(c for w in words for c in w if ord(c) not in table)
    if outside:
        raise UserError(
            f"characters outside Buckwalter's alphabet: {code_points(outside)}",
            "",
            "normalise the text first, mark Latin words with @@LAT, or convert without strict: they are then kept",
        )


def main(words: list[str] | None = None) -> int:
    """The command line. Returns the exit status."""
    parser = argparse.ArgumentParser("python3 -m toolkit.text.buckwalter", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("file", metavar="FILE", help="UTF-8 text; - reads standard input")
    parser.add_argument("--reverse", action="store_true", help="from Buckwalter to Arabic script")
    parser.add_argument("--kaldi", action="store_true", help="the first column is an id, and kept")
    parser.add_argument("--strict", action="store_true", help="refuse characters outside the alphabet")
    parser.add_argument("--variant", choices=[*VARIANTS], default="plain", help="xml: I O W for < > &")
    call = parser.parse_args(words)
    mixed = kept = 0
    latin = set("".join(VARIANTS[call.variant].values()))
    for line in lines_of(call.file, call.kaldi):
        try:
            if call.reverse and not call.strict:
                made, foreign = words_to_arabic(line.text, lambda text: to_arabic(text, call.variant), call.variant)
                kept += bool(foreign)
            else:
                made = (to_arabic if call.reverse else to_buckwalter)(line.text, call.variant, call.strict)
        except UserError as e:
            raise UserError(e.what, line.where, e.remedy) from None
        if not call.reverse:
            mixed += any(not w.startswith(LATIN_MARK) and not latin.isdisjoint(w) for w in line.text.split())
        print(line.lead + made)
    if mixed:
        print(
            f"{mixed:,} lines hold characters that are Buckwalter already, and would come back as Arabic; "
            "--strict names them",
            file=sys.stderr,
        )
    if kept:
        print(
            f"{kept:,} lines hold words that are no Buckwalter and stay; --strict names letters outside the alphabet",
            file=sys.stderr,
        )
    return 0


if __name__ == "__main__":
    with told(1, "the text"), quiet_pipe():
        raise SystemExit(main())
