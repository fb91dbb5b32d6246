"""Arabic words and commands of the mini corpus's SUPERB tasks: keywords, and intents of three slots.

The keywords are the ten of Speech Commands, the slots and their values are like those of Fluent Speech Commands; the
words are MSA with vowel signs, as the synthesiser needs them (mini_arabic.py).
"""

from __future__ import annotations

from .mini_text import BETWEEN, expand

KEYWORDS = {
    "yes": "نَعَمْ", "no": "لَا", "up": "فَوْقْ", "down": "تَحْتْ", "left": "يَسَارْ",
    "right": "يَمِينْ", "on": "شَغِّلْ", "off": "أَطْفِئْ", "stop": "قِفْ", "go": "اِذْهَبْ",
}  # fmt: skip
UNKNOWN, SILENT = "_unknown_", "_silence_"  # classes of further words, and of noise
# Several sound like a keyword: سُوقْ like فَوْقْ, قِطّْ like قِفْ, يَوْمْ like يَمِينْ.
_EVERYWHERE = "سُوقْ / كِتَابْ / بَابْ / وَلَدْ / شَمْسْ / قِطّْ"
UNKNOWN_WORDS = {
    "train": f"{_EVERYWHERE} / نَهْرْ / قَلَمْ / حَلِيبْ / تَمْرْ / يَوْمْ / مَدْرَسَة".split(BETWEEN),
    "test": f"شِمَالْ / جَبَلْ / مِفْتَاحْ / تَاجْ / بِنْتْ / شَجَرَة / {_EVERYWHERE}".split(BETWEEN),
}
UNKNOWN_WORDS["dev"] = UNKNOWN_WORDS["train"]

# {object} is in the accusative, {object_of} in the genitive.
_TEMPLATES = {
    "activate": (
        "شَغِّلِ {object} {where}",  # turn on the lights in the kitchen
        "قُمْ بِتَشْغِيلِ {object_of} {where}",  # do turn on
        "أُرِيدُ تَشْغِيلَ {object_of} {where} مِنْ فَضْلِكَ",  # I want the lights turned on, please
    ),
    "deactivate": (
        "أَطْفِئِ {object} {where}",  # turn off
        "أَوْقِفْ تَشْغِيلَ {object_of} {where}",  # let it run no longer
        "لَا أُرِيدُ {object} {where} الآنَ",  # I do not want the lights now
    ),
    "increase": (
        "اِرْفَعِ {object} {where}",  # raise
        "زِدْ مِنَ {object_of} {where}",  # more of
        "أُرِيدُ رَفْعَ {object_of} {where} قَلِيلًا",  # I want it raised a little
    ),
    "decrease": (
        "اِخْفِضِ {object} {where}",  # lower
        "قَلِّلْ مِنَ {object_of} {where}",  # less of
        "أُرِيدُ خَفْضَ {object_of} {where} قَلِيلًا",  # I want it lowered a little
    ),
    "bring": (
        "أَحْضِرْ لِي {object} {where}",  # bring me
        "هَاتِ {object} مِنْ فَضْلِكَ",  # hand me, please
        "أُرِيدُ أَنْ تُحْضِرَ {object} الآنَ",  # I want you to bring it now
    ),
}
_OBJECTS = {
    "lights": "الأَضْوَاءَ / الأَنْوَارَ",
    "lamp": "المِصْبَاحَ",
    "music": "المُوسِيقَى / الأَغَانِيَ",
    "heat": "الحَرَارَةَ / التَّدْفِئَةَ",
    "volume": "الصَّوْتَ",
    "newspaper": "الجَرِيدَةَ / الصَّحِيفَةَ",
    "juice": "العَصِيرَ",
    "shoes": "الحِذَاءَ",
    "socks": "الجَوَارِبَ",
}
_OBJECTS_OF = {
    "lights": "الأَضْوَاءِ / الأَنْوَارِ",
    "lamp": "المِصْبَاحِ",
    "music": "المُوسِيقَى / الأَغَانِي",
    "heat": "الحَرَارَةِ / التَّدْفِئَةِ",
    "volume": "الصَّوْتِ",
}
_WHERE = {
    "none": "",
    "kitchen": "فِي المَطْبَخِ",
    "bedroom": "فِي غُرْفَةِ النَّوْمِ",
    "washroom": "فِي الحَمَّامِ / فِي دَوْرَةِ المِيَاهِ",
}
# Action, object, location. The first five have every action, so that a small corpus has them.
INTENTS = (
    "activate lights kitchen", "deactivate lights kitchen", "increase heat bedroom", "decrease heat bedroom",
    "bring newspaper none", "activate music none", "deactivate music none", "increase volume none",
    "decrease volume none", "bring juice none", "activate lamp none", "deactivate lamp none", "bring shoes none",
    "bring socks none", "activate lights bedroom", "deactivate lights bedroom", "increase heat kitchen",
    "decrease heat kitchen", "activate lights washroom", "deactivate lights washroom", "increase heat washroom",
    "decrease heat washroom", "activate lights none", "deactivate lights none", "increase heat none",
    "decrease heat none",
)  # fmt: skip


def commands(intent: str) -> list[str]:
    """Every sentence for an intent (`action object location`), three or more."""
    action, thing, place = intent.split()
    slots = {"object": _OBJECTS[thing], "object_of": _OBJECTS_OF.get(thing, ""), "where": _WHERE[place]}
    return [" ".join(sentence.split()) for template in _TEMPLATES[action] for sentence in expand(template, slots)]
