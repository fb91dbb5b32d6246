r"""Marks in transcripts of words that were said and are not written: nobody understood them, or a beep is over them.

A sound leaves nothing out of a transcript, such a mark does: its transcript is not all that is said. They are:
- `[غير مسموع]`, `(غير واضح)`, `[inaudible 00:12:30]`, `[كلام متداخل]`, `[foreign]`, `[speaking French]`, `[bleep]`,
  `[ __ ]`, `[حذف]`, `[cut off]`: brackets with words of UNHEARD, and of WITH alone, and times;
- brackets or asterisks in place of a word's end or middle: `ال[صفير]`, `ك**ب`;
- `***`, `xxx`, `UNK`, `<unk>` as words.
"""

from __future__ import annotations

import re

from .diacritics import strip_diacritics
from .invisible import strip_invisible

NOT_UNDERSTOOD = "words not understood"  # the reason why a transcript with such a mark is left out

UNHEARD = """
غير_مسموع غير_مسموعة غير_مفهوم غير_مفهومة غير_واضح غير_واضحة متداخل متداخلة متقاطع أجنبية محذوف حذف مشفر
بالإنجليزية بالفرنسية بالألمانية بالعبرية بالتركية بالفارسية بالإسبانية بالكردية بالأمازيغية
inaudible unintelligible indistinct indiscernible incomprehensible crosstalk foreign bleep bleeped beep beeps censored
expletive redacted cut_off __ ___ ____
"""
LANGUAGES = "english french german hebrew turkish persian spanish kurdish italian russian chinese berber"
WITH = """
كلام كلمة كلمات جملة حديث صوت لغة بلغة يتحدث تتحدث يتحدثون يتكلم تتكلم يتكلمون في من
speech word words speaking speaks speak talking in language languages voice chatter conversation
"""

_IN_WORD = re.compile(
    r"(?<!\S)[وفبك]?ال\[[^][\n\d]{1,40}\]|[^\W\d_]\[[^][\n\d]{1,40}\](?=[^\W\d_])|(?<=[^\W\d_])\*+(?=[^\W\d_])"
)
_BRACKETS = re.compile(r"\[([^][\n]{1,80})\]|\(([^()\n]{1,80})\)|［([^［］\n]{1,80})］|【([^【】\n]{1,80})】")
_WORD = re.compile(r"(?<!\S)(?:\*{3,}|[xX]{3,}|UNK|<unk>|<UNK>)(?=[\s.,،؛:!؟?…]|$)")
_TIME = re.compile(r"[\d:.,٠-٩]+")
_FOLDED = str.maketrans("أإآىة", "ااايه")
_AROUND = ".,،؛:!؟?…\"'«»-"


def unheard(text: str) -> str:
    """The first mark of words that are said and not written; "" if there is none. `text` without tags."""
    marks = [match for match in _BRACKETS.finditer(text) if is_unheard(next(filter(None, match.groups()), ""))]
    marks += filter(None, (_WORD.search(text), _IN_WORD.search(text)))
    return min(marks, key=lambda match: match.start())[0] if marks else ""


def is_unheard(content: str) -> bool:
    """True if brackets with this between them are such a mark."""
    if len(content) > 80:
        return False
    words = [word for each in folded(content).replace("\xa0", " ").split() if (word := each.strip(_AROUND))]
    joined = " ".join(word for word in words if not _TIME.fullmatch(word))
    joined = joined.replace("غير ", "غير_").replace("cut off", "cut_off")
    keys = [key.removeprefix("ال") for key in joined.split()]
    return bool(keys) and _ALL.issuperset(keys) and not _UNHEARD.isdisjoint(keys)


def folded(text: str) -> str:
    """Words as the lists have them: without vowel signs, case and what nobody sees, letters of one look unified."""
    return strip_diacritics(strip_invisible(text)).casefold().translate(_FOLDED)


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.casefold().translate(_FOLDED).split())


_UNHEARD = _keys(UNHEARD) | _keys(LANGUAGES)
_ALL = _UNHEARD | _keys(WITH)
