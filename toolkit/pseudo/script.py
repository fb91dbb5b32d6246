"""Share of a text outside the script of its language: a recogniser that goes wrong often leaves that script.

A script is a few Unicode blocks. Marks, digits and punctuation belong to none. Tatweel (a letter in Unicode) and
presentation forms belong to the Arabic script.
"""

from __future__ import annotations

import re
from functools import cache

SCRIPTS = {  # blocks, as parts of a regular expression's character class
    "Arabic": "\u0600-\u06ff\u0750-\u077f\u0870-\u08ff\ufb50-\ufdff\ufe70-\ufeff\U0001ee00-\U0001eeff",
    "Latin": "A-Za-z\u00aa\u00ba\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u02b8\u1e00-\u1eff\u2c60-\u2c7f\ua722-\ua7ff"
    "\ufb00-\ufb06\uff21-\uff3a\uff41-\uff5a",
    "Cyrillic": "\u0400-\u052f\u1c80-\u1c8f\u2de0-\u2dff\ua640-\ua69f",
    "Greek": "\u0370-\u0373\u0376-\u03e1\u03f0-\u03ff\u1f00-\u1fff",
    "Hebrew": "\u0590-\u05ff\ufb1d-\ufb4f",
    "Devanagari": "\u0900-\u097f\ua8e0-\ua8ff",
    "Chinese": "\u3005-\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af",
    "Japanese": "\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3041-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\uff66-\uff9f\U00020000-\U000323af",
    "Korean": "\u1100-\u11ff\u3131-\u318e\ua960-\ua97f\uac00-\ud7fb",
}
_CODES = {  # Whisper's languages that are written in one of these scripts and in no other
    "Arabic": "ar fa ur ps sd",
    "Latin": "en fr de es it pt nl ca gl eu oc br la ro pl cs sk sl hr bs hu fi et lv lt sv no nn da is fo sq mt cy lb "
    "tr vi id ms jw su tl sw so sn yo ha ln mg mi haw ht af",
    "Cyrillic": "ru uk bg mk be tg ba",
    "Greek": "el",
    "Hebrew": "he iw yi",
    "Devanagari": "hi mr ne sa",
    "Chinese": "zh yue",
    "Japanese": "ja",
    "Korean": "ko",
}
LANGUAGES = {code: script for script, codes in _CODES.items() for code in codes.split()}


def foreign_share(text: str, language: str) -> float | None:
    """Share of a text's letters outside the script of its language, 0 to 1; 0 for a text without letters.

    None for a language that is not in LANGUAGES.
    """
    if language not in LANGUAGES:
        return None
    letters = _foreign(LANGUAGES[language]).findall(text)
    foreign = sum(map(str.isalpha, letters))  # the pattern also finds digits such as ² that \d does not know
    return foreign / sum(map(str.isalpha, text)) if foreign else 0.0


@cache
def _foreign(script: str) -> re.Pattern[str]:
    return re.compile(rf"[^\W\d_{SCRIPTS[script]}]")
