"""Phrases that Whisper writes over silence, noise and music: what the subtitles it learnt from end with.

A list of our own making, from what users of Whisper report; what is not in it is not seen. Left out is what people
often say themselves (a greeting, شكرا alone, the anchor's شكرا على المتابعة). A caption of sounds counts only where a
label is nothing else. Phrases are compared in the spelling of the profile sawt, which joins a و to the next word, and
may follow a و or a ف.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..text.normalise import PROFILES

SPELLING = PROFILES["sawt"]

# A line is a list of parts; each part is written one of several ways (/), a dot standing for nothing.
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
    """Share of the words of a label, spelt as SPELLING does, that belong to such a phrase: 0 to 1; 0 of no word."""
    if _FIRST.keys().isdisjoint(words):
        return 1.0 if words and _CAPTIONS.issuperset(words) else 0.0
    covered = i = 0
    while i < len(words):
        length = next((len(p) for p in _FIRST.get(words[i], ()) if list(words[i + 1 : i + len(p)]) == p[1:]), 0)
        covered, i = covered + length, i + max(length, 1)
    return covered / len(words)


def _spelt(line: str) -> list[list[str]]:
    """Words of every way to write a line of PHRASES."""
    ways = [""]
    for part in line.split():
        ways = [f"{way} {'' if words == '.' else words.replace('_', ' ')}" for way in ways for words in part.split("/")]
    return [SPELLING(way).split() for way in ways]


def _by_first_word() -> dict[str, list[list[str]]]:
    """First word, with and without a conjunction -> phrases, longest first."""
    phrases: dict[str, list[list[str]]] = {}
    for phrase in sorted((way for line in PHRASES.strip().splitlines() for way in _spelt(line)), key=len, reverse=True):
        for conjunction in _CONJUNCTIONS:
            phrases.setdefault(conjunction + phrase[0], []).append(phrase)
    return phrases


_FIRST = _by_first_word()
_CAPTIONS = frozenset(SPELLING(CAPTIONS).split())
