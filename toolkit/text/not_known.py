"""Words that tables write where a name (of a speaker, a programme, a dialect ...) or a transcript is not known."""

from __future__ import annotations

from functools import lru_cache

from .invisible import name_of

UNKNOWN = "unknown"  # how this toolkit writes it

# As R, pandas, SQL, spreadsheets and people write it. A class called `no` or `none of these` is none of them.
_ENGLISH = "nan|none|null|nil|na|n/a|n.a.|#n/a|<na>|unknown|unk|<unk>|unidentified|undefined|anonymous"
_ARABIC = "غير معروف|غير معروفة|غير معلوم|غير معلومة|غير محدد|غير محددة|مجهول|مجهولة"
_WORDS = frozenset(f"{_ENGLISH}|{_ARABIC}|n a|not known|not available|-|--|---|?|??|???".split("|"))

# As pandas, SQL and spreadsheets write a cell without a value. Spelt otherwise they may be what somebody says.
NO_TRANSCRIPT = frozenset(["nan", "NaN", "NAN", "None", "NULL", "null", "N/A", "n/a", "#N/A", "<NA>"])


@lru_cache(maxsize=1 << 16)
def is_not_known(name: str) -> bool:
    """True if a name is empty, or a word that stands for one that is not known; `_` may stand for a space."""
    words = name_of(name).casefold().replace("_", " ")
    return not words or words in _WORDS


def known_name(text: str) -> str:
    """A name as it is compared (`name_of`); empty if it is not known."""
    return "" if is_not_known(text) else name_of(text)


def label_of(text: str) -> str:
    """A label as it is compared; `unknown`, which is no class, if it is empty or says that it is not known."""
    return known_name(text) or UNKNOWN


def transcript_of(text: str) -> str:
    """A whole transcript; empty if it is a word that stands for a missing one."""
    return "" if text in NO_TRANSCRIPT or text.strip() in NO_TRANSCRIPT else text
