"""What the sentences of the mini corpus tell, and how a short report in Standard Arabic says it.

A sentence tells of one event at most: somebody asks for the price of food, lacks a thing, goes to a place. The report
names the event in Standard Arabic, whatever the dialect of the sentence: «شْحَال يَسْوَى الحوت» becomes «يسأل عن سعر السمك».
Greetings and small talk tell of none. So a report can neither be copied from the sentence nor be guessed without it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import cache

from ...text.diacritics import strip_diacritics
from .mini_arabic import LEXICONS
from .mini_text import BETWEEN, SLOT, skeleton

# How a report says each kind of event; the most pressing first: what is lacking before what is described.
REPORTS = {
    "lacks": "يشكو من نقص {}",
    "refuses": "لا يستطيع الذهاب إلى {}",
    "asks why": "يسأل عن سبب الغياب عن {}",
    "looks for": "يبحث عن {}",
    "asks the price": "يسأل عن سعر {}",
    "asks how much": "يسأل عن كمية {}",
    "goes": "يريد الذهاب إلى {}",
    "asks when": "يسأل عن موعد الذهاب إلى {}",
    "went": "يروي زيارة إلى {}",
    "wants": "يريد طعاما هو {}",
    "has": "يخبر بوجود {}",
    "describes": "يصف {}",
}
URGENCY = {kind: n for n, kind in enumerate(REPORTS)}

# Of the twelve templates of each dialect in turn: the kind of event and the slot that it is about; None: no event.
_SHARED = {
    1: ("goes", "place"),
    2: ("asks the price", "food"),
    3: ("asks when", "place"),
    4: ("asks why", "place"),
    5: ("lacks", "thing"),
    6: ("describes", "noun"),
    8: ("wants", "food"),
    10: ("has", "food"),
}
EVENTS: dict[str, dict[int, tuple[str, str]]] = {
    "MSA": {
        0: ("wants", "food"),
        1: ("asks when", "place"),
        2: ("asks why", "place"),
        3: ("lacks", "thing"),
        5: ("went", "place"),
        6: ("describes", "noun"),
        8: ("wants", "food"),
        10: ("looks for", "person_nom"),
        11: ("asks how much", "food_gen"),
    },
    "ALG": {
        1: ("goes", "place"),
        2: ("wants", "food"),
        3: ("asks the price", "food"),
        4: ("asks when", "place"),
        5: ("asks why", "place"),
        6: ("lacks", "thing"),
        7: ("has", "food"),
        8: ("describes", "noun"),
        9: ("looks for", "person"),
        11: ("wants", "food"),
    },
    "JOR": {**_SHARED, 11: ("looks for", "person")},
    "PAL": {**_SHARED, 11: ("wants", "food")},
    "UAE": {**_SHARED, 11: ("refuses", "place")},
    "YEM": {**_SHARED, 11: ("looks for", "person")},
}

# Words of the dialects (and of Standard Arabic) by what a report calls them; other words stay as they are.
_STANDARD = {
    "البيت": "للدار الدار",
    "السوق": "للسوق للمارشي السوگ السوء",
    "المستشفى": "للسبيطار",
    "العمل": "للخدمة الشغل الدوام الخدمة شغل عمل",
    "الدكان": "للحانوت الدكانة",
    "البحر": "للبحر",
    "المقهى": "للقهوة",
    "الطريق": "الطريگ",
    "القدس": "الأدس",
    "القرية": "الگرية",
    "المال": "الدراهم مصاري بيزات زلط مال",
    "الوقت": "وگت وأت وقت",
    "السيارة": "الطونوبيل سيارة موتر الموتر",
    "الهاتف": "التيليفون تلفون",
    "المفتاح": "مفتاح",
    "الأوراق": "الكواغط",
    "السمك": "الحوت",
    "الدجاج": "الجاج",
    "البطيخ": "الدلاع",
    "الجبن": "الفرماج",
    "القهوة": "الگهوة الأهوة",
    "الأرز": "العيش الرز",
    "الشاي": "الشاهي",
    "المقلوبة": "المگلوبة المألوبة",
    "السحاوق": "السحاوگ",
    "القشر": "الگشر",
    "أبي": "بابا أبوي",
    "أخي": "خويا أخوي صنوي",
    "صديقي": "صاحبي",
    "القات": "قات گات الگات",
    "الكلام": "الحكي",
    "الطعام": "الأكل",
    "المجلس": "الميلس",
    "الرجل": "الريال",
}
STANDARD = {word: standard for standard, words in _STANDARD.items() for word in words.split()}


@dataclass(frozen=True)
class Event:
    """What a sentence tells: a kind of REPORTS, and what it is about, in Standard Arabic."""

    kind: str
    about: str

    @property
    def report(self) -> str:
        return REPORTS[self.kind].format(self.about)


def event_of(dialect: str, sentence: str) -> Event | None:
    """The event that a sentence of the lexicons tells; None for small talk. Raises KeyError for a foreign sentence."""
    return _events(dialect)[skeleton(sentence)]


@cache
def _events(dialect: str) -> dict[str, Event | None]:
    """Skeleton of every sentence of a dialect -> its event."""
    lexicon, events = LEXICONS[dialect], dict[str, Event | None]()
    for number, template in enumerate(lexicon.templates):
        used = [match[1] for match in SLOT.finditer(template)]
        pieces = SLOT.sub("\0", template).split("\0")
        kind, slot = EVENTS[dialect].get(number, ("", ""))
        for words in itertools.product(*(lexicon.slots[name].split(BETWEEN) for name in used)):
            text = "".join(itertools.chain(*itertools.zip_longest(pieces, words, fillvalue="")))
            event = Event(kind, _standard(words[used.index(slot)])) if kind else None
            events.setdefault(skeleton(strip_diacritics(text)), event)
    return events


def _standard(word: str) -> str:
    plain = strip_diacritics(word)
    return STANDARD.get(plain, plain)
