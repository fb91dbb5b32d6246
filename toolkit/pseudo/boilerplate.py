"""Phrases that Whisper writes over silence, noise and music: the endings of the subtitles that it learnt from.

Our own list, after reports of Whisper users; other phrases are not detected. The list leaves out what people often say
themselves (a greeting, شكرا alone, the anchor's شكرا على المتابعة). A caption of sounds counts only if the label is
nothing else. Phrases are compared in the spelling of the profile sawt, which joins a lone و to the next word, and may
begin with و or ف.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..text.normalise import PROFILES

SPELLING = PROFILES["sawt"]

# A line is a list of parts; `/` separates the spellings of a part, a dot is an empty part.
PHRASES = """
اشترك/اشتركوا/اشتركو/اشتركي في_القناة/بالقناة/فالقناة/في_قناتنا/في_قناتي/بقناتنا/بقناتي
اشتركوا/اشترك الآن/. وفعلوا/وفعل زر/. الجرس
لا_تنس/لا_تنسى/لا_تنسي/لا_تنسوا/لا_تنسو/ما_تنسوا/متنسوش الاشتراك/تشتركوا/الإعجاب/اللايك/لايك في_القناة/بالقناة/للقناة/.
فعل/فعلوا/تفعيل زر/. الجرس
شكرا/شكرا_لكم/شكرا_جزيلا على/لحسن المشاهدة/مشاهدتكم
شكرا/شكرا_لكم/شكرا_جزيلا للمشاهدة/لمشاهدتكم
أراكم/نراكم/إلى_اللقاء/ألقاكم/نلتقي في الفيديو/المقطع القادم
ترجمة/. نانسي قنقر
ترجمة/الترجمة وتدقيق/والتدقيق
تمت_الترجمة/تم_التفريغ/تمت_ترجمة بواسطة
مشاهدة ممتعة
thanks/thank_you/thank_you_so_much/thank_you_very_much for watching
please/like_and/don't_forget_to/and subscribe
please/like_and/don't_forget_to/and/. subscribe to my/our/the/this channel
hit the bell
see you in the next video/one
subtitles/captions/transcribed/translated/translation by the_amara_org_community/amara_org_community/amara_org/.
amara org community/.
"""
CAPTIONS = "موسيقى تصفيق ضحك music applause laughter"
_CONJUNCTIONS = ("", "و", "ف")


def boilerplate_share(words: Sequence[str]) -> float:
    """Share of a label's words (in the spelling of SPELLING) that belong to such phrases, 0 to 1; 0 for no word."""
    if _FIRST.keys().isdisjoint(words):
        return 1.0 if words and _CAPTIONS.issuperset(words) else 0.0
    covered = i = 0
    while i < len(words):
        length = next((len(p) for p in _FIRST.get(words[i], ()) if list(words[i + 1 : i + len(p)]) == p[1:]), 0)
        covered, i = covered + length, i + max(length, 1)
    return covered / len(words)


def _spelt(line: str) -> list[list[str]]:
    """Words of every spelling of a line of PHRASES."""
    ways = [""]
    for part in line.split():
        ways = [
            f"{way} {'' if variant == '.' else variant.replace('_', ' ')}"
            for way in ways
            for variant in part.split("/")
        ]
    return [SPELLING(way).split() for way in ways]


def _by_first_word() -> dict[str, list[list[str]]]:
    """First word, with and without a conjunction -> phrases, longest first."""
    by_first_word: dict[str, list[list[str]]] = {}
    for phrase in sorted((way for line in PHRASES.strip().splitlines() for way in _spelt(line)), key=len, reverse=True):
        for conjunction in _CONJUNCTIONS:
            by_first_word.setdefault(conjunction + phrase[0], []).append(phrase)
    return by_first_word


_FIRST = _by_first_word()
_CAPTIONS = frozenset(SPELLING(CAPTIONS).split())
