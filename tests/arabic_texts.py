"""Texts as corpora really have them: Arabic with all that hides in it, and what stands beside it."""

from __future__ import annotations

import unicodedata

from hypothesis import strategies as st

LETTERS = "ابتثجحخدذرزسشصضطظعغفقكلمنهوي" + "ءآأؤإئةىٱ"
TASHKEEL = [chr(c) for c in (*range(0x64B, 0x653), 0x670)]
QURANIC = ["\u06d6", "\u06dd", "\u06e5", "\u0615", "\u08f0", "\u0898"]
TATWEEL = "\u0640"
COMBINING_HAMZA = ["\u0653", "\u0654", "\u0655"]
PRESENTATION = [
    "\ufefb",
    "\ufdf2",
    "\ufe8d",
    "\ufef3",
    "\ufe93",
    "\ufb90",
    "\ufbfc",
    "\ufc60",
    "\ufe76",
    "\ufe77",
    "\ufdfa",
    "\ufdfb",
    "\ufdfd",
    "\ufdff",
]
ALLAH = ["عبدا\ufdf2", "تا\ufdf2", "با\ufdf2", "و\ufdf2", "ل\ufdf2", "\ufe8e\ufdf2", "ا\u064e\ufdf2"]
PERSIAN = "یکگپڤچہھۀے"
MAGHRIBI = "\u06a2\u06a7\u06a8"
DIGITS = "0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"
NUMBERS = ["١٬٢٥٠", "٣٫٥", "۱۲۳٬۴۵۶٫۷", "3.5", "1,250", "\u066c", "\u066b"]
SYMBOLS = ["♪", "♫", "👍🏽", "1\ufe0f\u20e3", "🇪🇬", "👩\u200d👧", "\U0001d15e", "€", "+", "\ufdfc", "\u06de"]
LONE_WAW = [" و ", " وَ ", " و، ", "و", " وـ "]
INVISIBLE = [
    "\u200e",
    "\u200f",
    "\u202a",
    "\u202b",
    "\u202c",
    "\u2066",
    "\u2069",
    "\u200b",
    "\u200c",
    "\u200d",
    "\ufeff",
]
LATIN = "aZéĀßœİkΣσ"
MARKS = "،؛؟«».,!-…%@'’()[]<>_#$+😀ﷺ²"
SPACES = " \t\u00a0\u3000"

pieces = st.one_of(
    st.text(LETTERS, min_size=1, max_size=6),
    st.builds(
        lambda letter, marks: letter + marks, st.sampled_from(LETTERS), st.text(TASHKEEL, min_size=1, max_size=2)
    ),
    st.sampled_from(QURANIC),
    st.just(TATWEEL),
    st.sampled_from(COMBINING_HAMZA),
    st.sampled_from(PRESENTATION + ALLAH),
    st.sampled_from(PERSIAN + MAGHRIBI),
    st.one_of(st.text(DIGITS, min_size=1, max_size=3), st.sampled_from(NUMBERS)),
    st.sampled_from(SYMBOLS),
    st.sampled_from(LONE_WAW),
    st.sampled_from(INVISIBLE),
    st.text(LATIN + "\u0301\u0307", min_size=1, max_size=4),
    st.sampled_from(MARKS),
    st.sampled_from(SPACES),
    st.characters(codec="utf-8"),
)
texts = st.builds(
    lambda parts, form: unicodedata.normalize(form, "".join(parts)) if form else "".join(parts),
    st.lists(pieces, max_size=12),
    st.sampled_from(["", "NFC", "NFD"]),
)
words = st.text(LETTERS, min_size=1, max_size=8)
sentences = st.lists(words, min_size=1, max_size=6).map(" ".join)
