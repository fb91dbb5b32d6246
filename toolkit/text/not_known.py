"""Words that tables write where a name (of a speaker, a programme, a dialect ...) or a transcript is not known."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from .diacritics import strip_diacritics
from .invisible import name_of

UNKNOWN = "unknown"  # how this toolkit writes it

# As R, pandas, SQL, spreadsheets and people write it. A class called `no` or `none of these` is none of them.
_ENGLISH = (
    "nan|none|null|nil|na|n/a|n.a.|n\\a|#n/a|<na>|unknown|unk|unidentified|undefined|undetermined|und|unspecified|"
    "unlabeled|unlabelled|missing|anonymous|not known|not available|not specified|not given"
)
_ARABIC = "غير معروف|غير معلوم|غير محدد|غير متوفر|غير متاح|مجهول|لا يوجد"  # of things, and of a woman, with ة or ه
_FEMININE = ("ة", "ه")

_BETWEEN = re.compile(r"(?<=[^\W_])[\s_\-\u2010-\u2015\u2212]+(?=[^\W_])")
_ENCLOSED = re.compile(r"""\((.*)\)|\[(.*)\]|<(.*)>|\{(.*)\}|"(.*)"|'(.*)'|“(.*)”|‘(.*)’|«(.*)»""", re.DOTALL)
_NOTHING = re.compile(r"[\s_\-\u2010-\u2015\u2212.?؟…/]*")


def _plain(name: str) -> str:
    """A word without case, width, marks of vowels, brackets and quotes around it, and what stands between its parts."""
    word = strip_diacritics(unicodedata.normalize("NFKC", name_of(name))).casefold()
    while inner := _ENCLOSED.fullmatch(word):
        word = next(part for part in inner.groups() if part is not None).strip()
    return _BETWEEN.sub("", word)


_WORDS = frozenset(
    _plain(word)
    for words in (_ENGLISH.split("|"), [w + end for w in _ARABIC.split("|") for end in ("", *_FEMININE)])
    for word in words
)

# What people may mean by it, as a class of a table of their own: of a disorder, or an accent, there is none.
MAY_BE_MEANT = frozenset(["none", "لا يوجد", "لا_يوجد"])

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


def known_name(text: str) -> str:
    """A name as it is compared (`name_of`); empty if it is not known."""
    return "" if is_not_known(text) else name_of(text)


def label_of(text: str) -> str:
    """A label as it is compared; `unknown`, which is no class, if it is empty or says that it is not known."""
    return known_name(text) or UNKNOWN


def transcript_of(text: str) -> str:
    """A whole transcript; empty if it is a word that stands for a missing one."""
    return "" if text in NO_TRANSCRIPT or text.strip() in NO_TRANSCRIPT else text
