r"""Marks in transcripts of words that were said and are not written: nobody understood them, or a beep is over them.

A sound leaves nothing out of a transcript, such a mark does: its transcript is not all that is said. They are:
- `[غير مسموع]`, `(غير واضح)`, `[inaudible 00:12:30]`, `[كلام متداخل]`, `[foreign]`, `[speaking French]`, `[bleep]`,
  `[ __ ]`, `[حذف]`, `[cut off]`: brackets with words of UNHEARD, and of WITH alone, and times;
- `[؟]`, `(؟؟)`, `[...]`, `[xx]`: brackets with question marks, dots or x alone;
- brackets or asterisks in place of a word's end, middle or beginning: `ال[صفير]`, `ال***`, `ك*ب`; a single asterisk
  between Latin letters is a letter of Buckwalter's;
- `***`, `xxx`, `UNK`, `<unk>` as words, and blanks: `___`, `ـــ`.
"""

from __future__ import annotations

import re

from .diacritics import strip_diacritics
from .invisible import strip_invisible

NOT_UNDERSTOOD = "words not understood"  # the reason why a transcript with such a mark is left out

UNHEARD = """
غير_مسموع غير_مسموعة غير_مفهوم غير_مفهومة غير_واضح غير_واضحة متداخل متداخلة متقاطع أجنبية محذوف حذف مشفر بيب
inaudible unintelligible indistinct indiscernible incomprehensible crosstalk foreign bleep bleeped beep beeps censored
expletive redacted cut_off __ ___ ____
"""
IN_LANGUAGES = "بالإنجليزية بالفرنسية بالألمانية بالعبرية بالتركية بالفارسية بالإسبانية بالكردية بالأمازيغية"
LANGUAGES = "english french german hebrew turkish persian spanish kurdish italian russian chinese berber"
WITH = """
كلام كلمة كلمات جملة حديث صوت لغة بلغة يتحدث تتحدث يتحدثون يتكلم تتكلم يتكلمون في من
speech word words speaking speaks speak talking in language languages voice chatter conversation
"""

_LATIN = "A-Za-z\u00c0-\u024f"
_IN_WORD = re.compile(
    r"(?<!\S)[وفبك]?ال(?:\[[^][\n\d]{1,40}\]|\*+(?!\S))|[^\W\d_]\[[^][\n\d]{1,40}\](?=[^\W\d_])|"
    rf"(?<=[^\W\d_{_LATIN}])\*+(?=[^\W\d_{_LATIN}])|(?<=[^\W\d_])\*{{2,}}(?=[^\W\d_])|"
    r"(?<=[^\W\d_])\*{3,}|\*{3,}(?=[^\W\d_])|[^\W\d_]\[(?:صفير|صافرة)\]|\[(?:صفير|صافرة)\](?=[^\W\d_])"
)
_BRACKETS = re.compile(r"\[([^][\n]{1,80})\]|\(([^()\n]{1,80})\)|［([^［］\n]{1,80})］|【([^【】\n]{1,80})】")
_WORD = re.compile(r"(?<!\S)(?:\*{3,}|[xX]{3,}|_{2,}|ـ{2,}|UNK|<unk>|<UNK>)(?=[\s.,،؛:!؟?…]|$)")
_PERHAPS = re.compile(r"[\[(［【*<]|[xX]{3}|UNK|__|ـ{2}")  # most transcripts have none of these
_NOTHING = re.compile(r"[\s\xa0]*(?:[؟?]+|\.{2,}|…+|[xX]{2,})[\s\xa0]*")
_TIME = re.compile(r"[\d:.,٠-٩]+")
_FOLDED = str.maketrans("أإآىة", "ااايه")
_AROUND = ".,،؛:!؟?…\"'«»-"


def unheard(text: str) -> str:
    """The first mark of words that are said and not written; "" if there is none. `text` without tags."""
    if not _PERHAPS.search(text):
        return ""
    marks = [match for match in _BRACKETS.finditer(text) if is_unheard(next(filter(None, match.groups()), ""))]
    marks += filter(None, (_WORD.search(text), _IN_WORD.search(text)))
    return min(marks, key=lambda match: match.start())[0] if marks else ""


def is_unheard(content: str) -> bool:
    """True if brackets with this between them are such a mark."""
    if len(content) > 80:
        return False
    if _NOTHING.fullmatch(content):
        return True
    words = [word for each in folded(content).replace("\xa0", " ").split() if (word := each.strip(_AROUND))]
    joined = " ".join(word for word in words if not _TIME.fullmatch(word))
    joined = joined.replace("غير ", "غير_").replace("cut off", "cut_off")
    keys = [key.removeprefix("ال") for key in joined.split()]
    return bool(keys) and _ALL.issuperset(keys) and not _UNHEARD.isdisjoint(keys)


def is_beep(content: str) -> bool:
    """True if brackets with this between them name a sound that is laid over words."""
    return folded(content).strip(_AROUND + " ") in _BEEPS


def is_language(content: str) -> bool:
    """True if brackets with this between them name a language, in which what follows is said."""
    return folded(content).strip(_AROUND + " ") in _LANGUAGES


def folded(text: str) -> str:
    """Words as the lists have them: without vowel signs, case and what nobody sees, letters of one look unified."""
    return strip_diacritics(strip_invisible(text)).casefold().translate(_FOLDED)


def _keys(words: str) -> frozenset[str]:
    return frozenset(words.casefold().translate(_FOLDED).split())


_BEEPS = _keys("صفير صافرة بيب beep bleep")
_LANGUAGES = _keys(IN_LANGUAGES) | _keys(LANGUAGES) | {f"in {name}" for name in LANGUAGES.split()}
_UNHEARD = _keys(UNHEARD) | _keys(IN_LANGUAGES) | _keys(LANGUAGES)
_ALL = _UNHEARD | _keys(WITH)
