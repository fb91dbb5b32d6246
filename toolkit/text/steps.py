"""The single steps that profiles of normalisation are made of: each a name, what it does, and the function.

Steps of our own profiles first, then those of other people's, faults included. All work on one line of text.

Sources: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", appendix C (Whisper); Waheed et
al., "To Distill or Not to Distill?", ACL 2024, and its code; Wang et al., "Open Universal Arabic ASR Leaderboard",
2024, and its code (eval.py) of July 2026; Ali et al., "The MGB-2 Challenge", SLT 2016, and its evaluation kit; Ali et
al., "Multi-reference WER", ASRU 2015.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .buckwalter import LATIN_MARK, to_buckwalter
from .diacritics import COMBINING_HAMZA, NEWER_MARKS, TASHKEEL, TATWEEL, strip_diacritics
from .invisible import strip_invisible
from .presentation import fold_presentation_forms, write_out_presentation_forms
from .punctuation import CharacterTable, strip_punctuation, strip_symbols


@dataclass(frozen=True)
class Step:
    """One step of a profile."""

    name: str
    """short, in lower case; the same step has the same name in every profile"""
    meaning: str
    """what it does, in a sentence"""
    apply: Callable[[str], str]
    """the text after it"""


def letters(name: str, meaning: str, table: Mapping[str, str]) -> Step:
    """A step that writes characters as others, none of which is in the table too (an empty string: deletes them)."""
    any_of = re.compile("[" + re.escape("".join(table)) + "]")

    def apply(text: str) -> str:
        if any_of.search(text):
            for old, new in table.items():  # of an Arabic text a third of the time of str.translate
                text = text.replace(old, new)
        return text

    return Step(name, meaning, apply)


def deletion(name: str, meaning: str, characters: str) -> Step:
    """A step that deletes what a character class holds (without its brackets)."""
    unwanted = re.compile(f"[{characters}]+")
    return Step(name, meaning, lambda text: unwanted.sub("", text))


def _each(*froms: str, to: str) -> dict[str, str]:
    return dict.fromkeys("".join(froms), to)


# Written as escapes where the letter alone does not show which one it is.
ALEFS = "\u0623\u0625\u0622"  # with hamza above, hamza below, madda
WASLA = "\u0671"
_SEATS = "\u0627\u0648\u0649\u064a\u0647\u06cc\u06c1\u06be\u06d5"  # alef, waw, alef maqsura, yeh, heh and Persian ones
_ZERO_WIDTH = "\u200c\u200d\u034f\u206a-\u206f\u180e\ufe00-\ufe0f\U000e0100-\U000e01ef"
_SEATED = re.compile(f"(?<=[{_SEATS}])[{COMBINING_HAMZA}]+")
_LONE = re.compile(f"[{COMBINING_HAMZA}]")
# A pattern that begins with a literal character is searched fast; the look back comes after it.
_THOUSANDS = re.compile("\u066c(?<=[0-9]\u066c)(?=[0-9])")
_LONE_WAW = re.compile(r"و(?<!\Sو)\s+(?=\S)")
ARABIC_DIGITS = {chr(0x660 + d): str(d) for d in range(10)}
PERSIAN_DIGITS = {chr(0x6F0 + d): str(d) for d in range(10)}


def _hamza_marks(text: str) -> str:
    """Hamza and madda that NFC could not join to a seat: with the letter below them if it is one, else a hamza."""
    if not _LONE.search(text):
        return text
    text = _LONE.sub(lambda mark: "" if mark[0] == "\u0653" else "\u0621", _SEATED.sub("", text))
    return unicodedata.normalize("NFC", text)  # a mark that is gone may have kept two others apart


NFC = Step("nfc", "one code point for what can be one (NFC)", lambda text: unicodedata.normalize("NFC", text))
INVISIBLE = Step("invisible", "marks of direction and other characters nobody sees are deleted", strip_invisible)
ZERO_WIDTH = deletion(
    "zero width", "joiners, non-joiners and variation selectors, which change no Arabic word, are deleted", _ZERO_WIDTH
)
PRESENTATION = Step("presentation", "presentation forms and ligatures become plain letters", fold_presentation_forms)
PRESENTATION_WORDS = Step(
    "presentation",
    "presentation forms and ligatures become plain letters; اﷲ is الله without a second alef; ﷺ and ﷽ are written out",
    write_out_presentation_forms,
)
TATWEEL_GONE = deletion("tatweel", "the stroke that only lengthens a word is deleted", TATWEEL)
_NEWER = deletion("newer marks", "", NEWER_MARKS)
DIACRITICS = Step(
    "diacritics",
    "tashkeel, superscript alef and Quranic marks are deleted; NFC",
    lambda text: strip_diacritics(_NEWER.apply(text)),
)
HAMZA_SEATS = letters("hamza seats", "ؤ to و, ئ to ي", {"\u0624": "و", "\u0626": "ي"})
HAMZA_MARKS = Step("hamza marks", "a combining hamza goes with its seat, a lone one becomes ء", _hamza_marks)
ALEF = letters("alef", "أ إ آ ٱ to ا", _each(ALEFS, WASLA, "\u0672\u0673", to="ا"))
ALEF_MAQSURA = letters("alef maqsura", "ى to ي", {"\u0649": "\u064a"})
TEH_MARBUTA = letters("teh marbuta", "ة to ه", {"\u0629": "\u0647"})
PERSIAN = letters(
    "persian letters",
    "ی to ي, ک to ك, ہ ھ ۀ to ه: letters of Persian and Urdu keyboards",
    {
        **_each("\u06cc\u06d2\u06d3", to="\u064a"),
        **_each("\u06a9\u06aa", to="\u0643"),
        **_each("\u06c1\u06be\u06c0\u06c2\u06d5", to="\u0647"),
        "\u06c3": "\u0629",
    },
)
LOAN_LETTERS = letters(
    "loan letters",
    "پ to ب, چ to ج, ڤ ڥ to ف, گ ڭ ݣ to ك, ڨ to ق",  # the last four are the Maghreb's v and g
    {
        **{"\u067e": "ب", "\u0686": "ج", "\u06a8": "ق"},
        **_each("\u06a4\u06a5", to="ف"),
        **_each("\u06af\u06ad\u0763", to="\u0643"),
    },
)
MAGHRIBI_LETTERS = letters(
    "maghribi letters", "ڢ to ف, ڧ to ق: the same letters with the dots of the Maghreb", {"\u06a2": "ف", "\u06a7": "ق"}
)
DIGITS = letters("digits", "٠–٩ and ۰–۹ to 0–9", {**ARABIC_DIGITS, **PERSIAN_DIGITS})
ONLY_ARABIC_DIGITS = letters("digits", "٠–٩ to 0–9; ۰–۹ stay", ARABIC_DIGITS)
THOUSANDS = Step(
    "thousands",
    "the separator ٬ between two digits is deleted; the decimal one ٫ becomes a space, as the point of 3.5 does",
    lambda text: _THOUSANDS.sub("", text),
)
PUNCTUATION = Step(
    "punctuation", "becomes a space, apostrophes within words excepted; white space single", strip_punctuation
)
SYMBOLS_GONE = Step(
    "symbols",
    "notes of music, emoji, currency and other symbols become a space; marks without a letter are no word; � stays",
    strip_symbols,
)
LONE_WAW = Step("lone waw", "a و that stands alone is joined to the next word", lambda text: _LONE_WAW.sub("و", text))
WHITE_SPACE = Step("white space", "one space between two words, none outside", lambda text: " ".join(text.split()))

# --- Whisper's BasicTextNormalizer

_BRACKETS = re.compile(r"[<\[][^>\]]*[>\]]")
_PARENTHESES = re.compile(r"\([^)]+\)")
_SPACES = re.compile(r"\s+")
_LIGATURES = {  # what NFKD takes for letters of their own
    **{"œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O", "æ": "ae", "Æ": "AE", "ß": "ss", "ẞ": "SS"},
    **{"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "th", "ł": "l", "Ł": "L"},
}


def _symbol_or_space(c: str) -> str:
    return " " if unicodedata.category(c)[0] in "MSP" else c


def _symbol_mark_or_space(c: str) -> str:
    if c in _LIGATURES:
        return _LIGATURES[c]
    return "" if unicodedata.category(c) == "Mn" else _symbol_or_space(c)


_SYMBOLS, _SYMBOLS_AND_MARKS = CharacterTable(_symbol_or_space), CharacterTable(_symbol_mark_or_space)
LOWER = Step("lower case", "Latin letters become small", str.lower)
BRACKETED = Step(
    "bracketed",
    "what stands in <>, [] or () is deleted",
    lambda text: _PARENTHESES.sub("", _BRACKETS.sub("", text)),
)
NFKC = Step("nfkc", "compatible characters become plain ones (NFKC)", lambda text: unicodedata.normalize("NFKC", text))
NFKD = Step(
    "nfkd", "characters are taken apart (NFKD): hamza leaves its seat", lambda t: unicodedata.normalize("NFKD", t)
)
SYMBOLS = Step(
    "symbols",
    "marks, symbols and punctuation become a SPACE, tashkeel too, so words break; not tatweel, a letter to Unicode",
    lambda text: text.translate(_SYMBOLS),
)
SYMBOLS_AND_MARKS = Step(
    "symbols and marks",
    "nonspacing marks are deleted, with them every hamza on a seat; symbols and punctuation become a space",
    lambda text: text.translate(_SYMBOLS_AND_MARKS),
)
OUTER_SPACE_KEPT = Step(
    "white space", "one space for any white space, outer ones kept", lambda text: _SPACES.sub(" ", text)
)


def settled(*steps: Step) -> Step:
    """`steps` once more until nothing changes: a profile that is not idempotent by itself becomes so."""
    stable: set[str] = set()  # characters that the steps leave as they are: a text of such characters is done

    def once(text: str) -> str:
        for step in steps:
            text = step.apply(text)
        return text

    def apply(text: str) -> str:
        while not stable.issuperset(text):
            before, text = text, once(text)
            stable.update(c for c in set(text) - stable if once(c) == c)
            if text == before:
                break
        return text

    return Step("again", "the steps before, until nothing changes: only rare symbols need it", apply)


# --- the code of "To Distill or Not to Distill?"

DISTILL_KEEP = deletion(
    "filter",
    "only ء–ي, 0–9, ٠–٩, % and @ stay: ٱ, ی ک پ گ, ۰–۹, presentation forms, Latin and punctuation are deleted",
    r"^0-9\u0621-\u064a\u0660-\u0669%@\s",
)
# The filter before it keeps nothing between yeh and the digits, so the tashkeel of U+064B on goes there, too.
DISTILL_ALEF = letters("alef", "أ إ آ to ا; ٱ is gone by then", _each(ALEFS, WASLA, to="ا"))

# --- the leaderboard

LEADERBOARD_PUNCTUATION = deletion(
    "punctuation",
    "ASCII punctuation and ، ؛ ؟ are deleted: words on both sides join",
    re.escape("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~،؛؟"),
)
TASHKEEL_ONLY = deletion("diacritics", "tashkeel U+064B–0652 is deleted; ٰ and Quranic marks stay", TASHKEEL)
LEADERBOARD_LETTERS = letters("loan letters", "پ to ب, ڤ to ف", {"\u067e": "ب", "\u06a4": "ف"})
ALEF_NOT_WASLA = letters("alef", "أ إ آ to ا, not ٱ", _each(ALEFS, to="ا"))
HAMZA_GONE = letters("hamza", "ؤ to و, ئ to ي, ء deleted", {"\u0624": "و", "\u0626": "ي", "\u0621": ""})
_LEADERBOARD_WAW = re.compile(r"(^|\s)و\s+")
LEADERBOARD_WAW = Step(
    "lone waw",
    "a و that stands alone is joined to the next word; of two in a row the first joins the second alone",
    lambda text: _LEADERBOARD_WAW.sub(r"\1و", text),
)

# --- MGB-2 and MGB-3

_MGB2_KEPT = ",@"  # as the official references keep them
_PUNCTUATION_GONE = CharacterTable(
    lambda c: "" if unicodedata.category(c).startswith("P") and c not in _MGB2_KEPT else c
)
MGB2_PUNCTUATION = Step(
    "punctuation",
    "is deleted, comma (,) and @ excepted: words on both sides join",
    lambda text: text.translate(_PUNCTUATION_GONE),
)
MGB2_DIACRITICS = deletion("diacritics", "tashkeel and superscript alef are deleted", TASHKEEL + "\u0670")
HAMZA_TO_ONE = letters("hamza", "ؤ ئ to ء", {"\u0624": "\u0621", "\u0626": "\u0621"})
_GLM = {  # spoken numbers of the official list of variants, after ة has become ه
    "اتنين": "اثنين",
    "تنتين": "اثنتين",
    "تلات": "ثلاث",
    "تلاته": "ثلاثه",
    "تمان": "ثمان",
    "تمانيه": "ثمانيه",
}
_GLM_WORD = re.compile(rf"(?<!\S)(?:{'|'.join(sorted(_GLM, key=len, reverse=True))})(?!\S)")
GLM = Step(
    "variants",
    "six spoken numbers as in MSA (the GLM of the kit)",
    lambda text: _GLM_WORD.sub(lambda w: _GLM[w[0]], text),
)
BUCKWALTER = Step("buckwalter", "Arabic script becomes Buckwalter; what is already stays", to_buckwalter)
_BUCKWALTER_MARKS = str.maketrans("", "", "FNKauio~`")
_MARKED_OR_PLAIN = re.compile(r"\S+")


def _without_buckwalter_marks(text: str) -> str:
    if LATIN_MARK not in text:
        return text.translate(_BUCKWALTER_MARKS)
    keep = LATIN_MARK
    return _MARKED_OR_PLAIN.sub(lambda w: w[0] if w[0].startswith(keep) else w[0].translate(_BUCKWALTER_MARKS), text)


BUCKWALTER_DIACRITICS = Step(
    "diacritics", "F N K a u i o ~ ` are deleted, in Latin words without @@LAT too", _without_buckwalter_marks
)
BUCKWALTER_ALEF = letters("alef", "> < | to A", _each("><|", to="A"))
BUCKWALTER_YEH = letters("alef maqsura", "Y to y", {"Y": "y"})
BUCKWALTER_TEH = letters("teh marbuta", "p to h", {"p": "h"})
