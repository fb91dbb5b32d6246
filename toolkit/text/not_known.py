"""Words that tables write where a name (of a speaker, a programme, a dialect ...) or a transcript is not known."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from itertools import product

from .diacritics import strip_diacritics
from .invisible import name_of

UNKNOWN = "unknown"  # how this toolkit writes it

# As R, pandas, SQL, spreadsheets and people write it. A class called `no` is none of them.
_ENGLISH = (
    "nan|none|null|nil|na|n/a|n.a.|n\\a|#n/a|<na>|unknown|unk|unidentified|undefined|undetermined|und|unspecified|"
    "unlabeled|unlabelled|unannotated|unclassified|missing|anonymous|unsure|tbd|to be determined|to be decided|to do|"
    "don't know|do not know|not known|not available|not specified|not given|not applicable|not sure|not determined|"
    "not identified|not defined|not labeled|not labelled|not annotated"
)
_ARABIC = (  # of things, and of a woman, with ة or ه
    "غير معروف|غير معلوم|غير محدد|غير متوفر|غير متاح|غير مصنف|غير متأكد|مجهول|لا يوجد|لم يحدد|لم تحدد|لم يتم التحديد|"
    "لا يعرف|لا تعرف|لا أعرف|لا ينطبق"
)
_FEMININE = ("ة", "ه")
_CHOSEN = "none of these|none of the above|none of them|لا شيء مما سبق|لا شيء مما ذكر"

# What is not known may stand beside it: Unknown_dialect, speaker unknown, لهجة غير معروفة.
_NOBODY_KNOWS = "unknown|unk|unidentified|undetermined|unspecified|not known|not specified|not identified"
_OF = "dialect|accent|variety|language|region|country|label|class|category|emotion|gender|speaker|programme|program"
_NOBODY_KNOWS_ARABIC = "غير معروف|غير معلوم|غير محدد|مجهول"
_OF_ARABIC = "لهجة|اللهجة|لغة|اللغة|منطقة|دولة|فئة|جنس|الجنس|متحدث|المتحدث|برنامج"

_BETWEEN = re.compile(r"(?<=[^\W_])[\s_\-\u2010-\u2015\u2212]+(?=[^\W_])")
_ENCLOSED = re.compile(r"""\((.*)\)|\[(.*)\]|<(.*)>|\{(.*)\}|"(.*)"|'(.*)'|“(.*)”|‘(.*)’|«(.*)»""", re.DOTALL)
_NOTHING = re.compile(r"[\s_\-\u2010-\u2015\u2212.?؟…/]*")


def _plain(name: str) -> str:
    """A word without case, width, marks of vowels, brackets and quotes around it, and what stands between its parts."""
    word = strip_diacritics(unicodedata.normalize("NFKC", name_of(name))).casefold()
    while inner := _ENCLOSED.fullmatch(word):
        word = next(part for part in inner.groups() if part is not None).strip()
    return _BETWEEN.sub("", word)


def _words() -> Iterator[str]:
    """All words that say that something is not known."""
    yield from (_ENGLISH + "|" + _CHOSEN).split("|")
    yield from (word + end for word in _ARABIC.split("|") for end in ("", *_FEMININE))
    for word, of in product(_NOBODY_KNOWS.split("|"), _OF.split("|")):
        yield from (f"{word} {of}", f"{of} {word}")
    for of, word, end in product(_OF_ARABIC.split("|"), _NOBODY_KNOWS_ARABIC.split("|"), ("", *_FEMININE)):
        yield f"{of} {word}{end}"


_WORDS = frozenset(map(_plain, _words()))
_CHOICES = frozenset(map(_plain, _CHOSEN.split("|")))
# Codes of ISO 639 that name no language: several, one without a code, none. A speaker may be called so.
_NO_LANGUAGE = frozenset(["mul", "mis", "zxx"])
_MAY_BE_MEANT = frozenset(["none", "لا يوجد", "لا_يوجد"])

# As pandas, SQL and spreadsheets write a cell without a value. Spelt otherwise they may be what somebody says.
NO_TRANSCRIPT = frozenset(["nan", "NaN", "NAN", "None", "NULL", "null", "N/A", "n/a", "#N/A", "<NA>"])


@lru_cache(maxsize=1 << 16)
def is_not_known(name: str) -> bool:
    """True if a name is empty, is of dashes and question marks, or is a word that stands for one that is not known.

    Neither case nor width nor marks of vowels tell two words apart, nor hyphens, brackets or a full stop: `[Unknown]`
    and `غَيْر-معروف` are such words. `_unknown_` is none: Speech Commands calls a class so.
    """
    word = _plain(name)
    return bool(_NOTHING.fullmatch(word)) or word in _WORDS or word.rstrip(".") in _WORDS


def may_be_meant(name: str) -> bool:
    """True for a word that people may mean as a class of a table of their own: there may be no disorder, or no accent.

    None, as Python writes a cell without a value, is no such word; `none of these` is one, however it is spelt.
    """
    return name in _MAY_BE_MEANT or _plain(name) in _CHOICES


def known_name(text: str) -> str:
    """A name as it is compared (`name_of`); empty if it is not known."""
    return "" if is_not_known(text) else name_of(text)


def label_of(text: str) -> str:
    """A label as it is compared; `unknown`, which is no class, if it is empty or says that it is not known.

    So do codes of ISO 639 that name no language (mul, mis, zxx).
    """
    name = known_name(text)
    return UNKNOWN if not name or _plain(name) in _NO_LANGUAGE else name


def transcript_of(text: str) -> str:
    """A whole transcript; empty if it is a word that stands for a missing one."""
    return "" if text in NO_TRANSCRIPT or text.strip() in NO_TRANSCRIPT else text
