"""Words that stand in captions for what is no speech: names of sounds, of who speaks, and of how."""

from __future__ import annotations

import re

from .unheard import folded

# Names of sounds; those of LOUD are hardly ever said in round brackets within a sentence.
LOUD = """
موسيقى موسيقا تصفيق ضحك ضحكات يضحك تضحك يضحكون يصفقون هتاف هتافات زغاريد
music applause laughter laugh laughs laughing clapping cheers cheering
"""
SOUNDS = """
ضحكة قهقهة يصفق بكاء يبكي تبكي نحيب صراخ صرخة صرخات يصرخ تصرخ سعال يسعل تسعل تنهد تنهيدة يتنهد تتنهد شهيق لهاث أنين
يهتفون تهليل صفير يصفر صمت ضوضاء ضجيج ضجة صخب همهمة همس غناء أغنية يغني تغني نشيد أنشودة رنين جرس عطس يعطس
صوت أصوات فاصل مقاطعا مقاطعة
sigh sighs sighing cough coughs coughing gasp gasps gasping cry cries crying sob sobs sobbing scream screams screaming
sing sings singing song noise noises sound sounds silence ring
rings ringing bell static chuckle chuckles chuckling claps whistle whistling chanting instrumental blank_audio throat
breath breaths breathing hes sil spn nsn lipsmack
"""
WITH_SOUNDS = """
هادئة حزينة صاخبة حماسية خفيفة خافتة خلفية الخلفية تصويرية الجمهور حضور الحضور حار حاد عال عالية متواصل مستمر مؤثرات
صوتية جميع إعلاني قصير طفل طفلة أطفال رضيع في من
clears clearing playing plays continues background upbeat soft gentle loud dramatic audience crowd baby child in the
and of from
"""
SAYING = "قال قالت قالوا قلت قلنا يقول تقول يقولون نقول أقول قل سأل سألت سألته أجاب أجابت رد ردت said says"
# Who speaks. Those of PEOPLE are labels alone, or with a number or a word of WITH_PEOPLE: `رجل صالح` begins a sentence.
ROLES = """
مذيع مذيعة ضيف ضيفة مقدم مقدمة متحدث متحدثة سائل سائلة متصل متصلة مراسل مراسلة معلق معلقة راوي راو مترجم محاور محاورة
host presenter guest speaker interviewer narrator reporter caller
"""
PEOPLE = "شيخ دكتور دكتورة أستاذ أستاذة رجل امرأة طفل طفلة صوت man woman boy girl voice"
WITH_PEOPLE = "أول أولى ثاني ثانية ثالث ثالثة رابع آخر أخرى عجوز مسن مسنة خارجي one two three"
# How somebody speaks.
WAYS = """
همسا هامسا هامسة بهمس يهمس تهمس صارخا صارخة صائحا صائحة باكيا باكية ضاحكا ضاحكة مازحا مازحة ساخرا ساخرة بسخرية
غاضبا غاضبة بغضب مبتسما مبتسمة متنهدا متنهدة ينادي تنادي يهتف تهتف مناديا صوت بصوت هاتف
whispering whispers shouting shouts voiceover
"""
WITH_WAYS = "عال عالي مرتفع منخفض خافت خارجي حزين عبر على خارج الكادر الشاشة in a low loud voice"
TITLE = re.compile(r"(?:(?:د|أ|م|ا|Dr|Mr|Mrs|Ms|Prof)\.[^\S\n]*){1,3}")  # `أ.د. ` has two

_AROUND = ".,،؛:!؟?…\"'«»[](){}（）［］【】<>‹›“”~=_*–—-"
_SPEAKER = re.compile(r"speaker[ _]?\d{1,3}", re.IGNORECASE)
_NUMBER = re.compile(r"[\d٠-٩]{1,3}")


def are_sounds(content: str, loud: bool = False, article: bool = True) -> bool:
    """True if a text is the name of a sound, alone or with words of its kind.

    Args:
        loud: of LOUD alone; article: a name may have one.
    """
    names = _names(content, article)
    return _KNOWN.issuperset(names) and not (_LOUD if loud else _SOUNDS).isdisjoint(names)


def is_saying(word: str) -> bool:
    """True if a word is a verb of saying, with or without و or ف before it."""
    key = key_of(word)
    return key in _SAYING or key.lstrip("وف") in _SAYING


def is_role(name: str) -> bool:
    """True if a name before a colon begins with a role, a word for people, or a title."""
    first = key_of(name.split()[0]) if name.split() else ""
    return first.removeprefix("ال") in _ROLES | _PEOPLE or bool(TITLE.match(name))


def is_way(content: str) -> bool:
    """True if a text says how somebody speaks."""
    keys = _bare(content)
    return _WAYS_ALL.issuperset(keys) and not _WAYS.isdisjoint(keys) and keys != ["صوت"]


def is_speaker(content: str) -> bool:
    """True if a text of brackets before speech says who speaks: by role, by a word for people, or by a title."""
    keys = [key for key in _bare(content) if not _NUMBER.fullmatch(key)]
    if _SPEAKER.fullmatch(content.strip()):
        return True
    if not keys or len(keys) > 3:
        return False
    if TITLE.match(content.strip()) and len(content.split()) > 1:
        return True
    return keys[0] in _ROLES or (keys[0] in _PEOPLE and _WITH_PEOPLE.issuperset(keys[1:]))


def key_of(word: str) -> str:
    """A word as these lists are compared: without vowel signs, case and punctuation, letters of one look unified."""
    return folded(word).strip(_AROUND)


def _bare(content: str) -> list[str]:
    return [key.removeprefix("ال") for key in map(key_of, content.split()) if key]


def _names(content: str, article: bool) -> list[str]:
    """The words of a text as the lists have them, without و and, if allowed, an article before one."""
    keys = " ".join(["", *filter(None, map(key_of, content.split()))]).replace(" غير ", " غير_").split()
    forms = ((key, bare := key.removeprefix("و"), bare.removeprefix("ال") if article else bare) for key in keys)
    return [next((form for form in each if form in _KNOWN), each[0]) for each in forms]


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(key_of, words.split()))


_LOUD = _keys(LOUD)
_SOUNDS = _LOUD | _keys(SOUNDS)
_KNOWN = _SOUNDS | _keys(WITH_SOUNDS)
_SAYING = _keys(SAYING)
_ROLES = _keys(ROLES)
_PEOPLE = _keys(PEOPLE)
_WITH_PEOPLE = _keys(WITH_PEOPLE)
_WAYS = _keys(WAYS)
_WAYS_ALL = _WAYS | _keys(WITH_WAYS) | {key.removeprefix("ال") for key in _keys(WITH_WAYS)}
