r"""What stands in captions and is not speech: sounds, songs, codes of layout, marks of speakers. All patterns are here.

`speech_of` takes out of a caption, whose lines are apart by \n:
- codes of layout (`{\an8}`, `{y:i}`, `\N`);
- songs: `♪ … ♪` with the words between; a line that begins with a note, to the end of the caption; single notes;
- the name of a sound in brackets or asterisks, alone there or with words of its kind: `[موسيقى]`, `[Music]`,
  `(تصفيق حار)`, `*ضحك*`. Within a sentence, round brackets are taken out with words of LOUD alone;
- a whole line in brackets: square ones with two letters or more; round ones, and broken ones, of names of sounds; round
  ones of up to three words of which the first or the last is one: `(صوت الرياح)`;
- `>>`, also within a line, and after it a name of up to three words with its colon; before a line `- `, `[name]:` and
  `(name):`.
What stays: words in brackets within a sentence, `(س)`, numbers in brackets, a line in round brackets without a sound
(a verse, an aside), `>` and a `>>` after a number, a minus, colons, `{ كلمة / كلمه }` and `<unk>` of references.
A caption in which no letter and no digit is left has no speech.
"""

from __future__ import annotations

import html
import re

from .diacritics import strip_diacritics
from .invisible import INVISIBLE, strip_invisible

NO_SPEECH = "no speech"  # the reason why a caption is left out
MOST_IN_ROUND = 3  # words of a line in round brackets that describes a sound

# Names of sounds; those of LOUD are hardly ever said in round brackets within a sentence.
LOUD = """
موسيقى موسيقا تصفيق ضحك ضحكات يضحك تضحك يضحكون يصفقون هتاف هتافات زغاريد
music applause laughter laugh laughs laughing clapping cheers cheering
"""
SOUNDS = """
ضحكة قهقهة يصفق بكاء يبكي تبكي نحيب صراخ صرخة صرخات يصرخ تصرخ سعال يسعل تسعل تنهد تنهيدة يتنهد تتنهد شهيق لهاث أنين
يهتفون تهليل صفير يصفر صمت ضوضاء ضجيج ضجة صخب همهمة همس غناء أغنية يغني تغني نشيد أنشودة رنين جرس عطس يعطس
صوت أصوات فاصل مقاطعا مقاطعة غير_مسموع غير_مفهوم غير_واضح أجنبية
sigh sighs sighing cough coughs coughing gasp gasps gasping cry cries crying sob sobs sobbing scream screams screaming
sing sings singing song noise noises sound sounds silence inaudible unintelligible indistinct foreign beep bleep ring
rings ringing bell static chuckle chuckles chuckling claps whistle whistling chanting instrumental crosstalk
"""
WITH_SOUNDS = """
هادئة حزينة صاخبة حماسية خفيفة خافتة خلفية الخلفية الجمهور حضور الحضور حار حاد عال عالية متواصل مستمر مؤثرات صوتية
كلام لغة إعلاني قصير في من
playing plays continues background upbeat soft gentle loud dramatic audience crowd speech language speaking talking
chatter conversation in the and of from
"""
SAYING = "قال قالت قالوا قلت قلنا يقول تقول يقولون نقول أقول قل سأل سألت سألته أجاب أجابت رد ردت said says"

_AROUND = ".,،؛:!؟?…\"'«»[](){}（）［］【】*-"
_FOLDED = str.maketrans("أإآىة", "ااايه")
_NOTE = "\u2669-\u266c\U0001f3b5\U0001f3b6\U0001f3bc"  # signs of music
_LEAD = rf"^(?:{INVISIBLE.pattern}|[^\S\n])*"
_WORD = r"[^\s:.,،؛؟?!>]+"
_IN = r"[^][()\n]{1,60}"
_NAME = rf"{_WORD}(?:[^\S\n]+{_WORD}){{0,2}}"

_TAG = re.compile(r"</?[A-Za-z][^<>]*>|<\d[\d:.]*>|</>")
_NUMBER = re.compile(r"\s*\d+\]\s*")  # `12] text`, as MASC has it
_ANY_MARK = re.compile(rf"[][(){{}}（）［］【】*>\\{_NOTE}\u2010-\u2015-]")
_FRAME = re.compile(r"[][(){}（）［］【】*]")
_CODE = re.compile(r"\{\\[^{}]*\}|\{an\d\}|\{[A-Za-z]:[^{}\s]*\}")
_BREAK = re.compile(r"\\[Nn]")
_SUNG = re.compile(rf"(?<![{_NOTE}])[{_NOTE}]+\s*[^\s{_NOTE}][^{_NOTE}]*[{_NOTE}]+")
_SUNG_TO_END = re.compile(rf"^[^\w\n]*[{_NOTE}].*", re.MULTILINE | re.DOTALL)
_NOTES = re.compile(f"[{_NOTE}]+")
_BRACKETS = re.compile(r"\[([^][]*)\]|［([^［］]*)］|【([^【】]*)】|\*([^*]*)\*|\(([^()]*)\)|（([^（）]*)）")
_DASH = re.compile(rf"{_LEAD}[\u2010-\u2015-]+[^\S\n]*(?=[^\s\d])", re.MULTILINE)
_TURN = re.compile(rf"(?:{_LEAD}|(?<=[^\S\n])(?<!\d[^\S\n]))>{{2,}}[^\S\n]*({_NAME}[^\S\n]*[:：](?!\d))?", re.MULTILINE)
_NAMED = re.compile(rf"{_LEAD}(?:\[({_IN})\]|\(({_IN})\))[^\S\n]*[:：](?!\d)", re.MULTILINE)
_WHOLE_SQUARE = re.compile(r"[^\w()（）[\]［］【】]*[][［］【】]([^][［］【】]*)[][［］【】][^\w()（）[\]［］【】]*")
_WHOLE_ROUND = re.compile(r"[^\w()（）]*[()（）]([^()（）]*)[()（）][^\w()（）]*")
_LETTERS = re.compile(r"[^\W\d_].*?[^\W\d_]", re.DOTALL)
_LETTER = re.compile(r"[^\W_]")


def untagged(line: str) -> str:
    """A line of a caption without its tags (`<c>`, `<00:01.000>`, `<v name>`) and number; `&amp;` and such resolved."""
    plain = _TAG.sub("", line)
    number = _NUMBER.match(plain)
    return html.unescape(plain[number.end() :] if number else plain).strip()


def speech_of(text: str) -> str:
    """The words of a caption that are said, by the rules above, its lines still apart by \\n; "" if there are none.

    White space becomes single spaces, and empty lines go. Characters that nobody sees stay, except before a mark.
    """
    if _ANY_MARK.search(text):
        text = _BREAK.sub("\n", _CODE.sub("", text)).replace("\\h", " ")
        text = _NOTES.sub(" ", _SUNG_TO_END.sub("", _SUNG.sub(" ", text)))
        text = _BRACKETS.sub(_without_sound, text)
        text = _NAMED.sub(_without_name, _TURN.sub(_without_speaker, _DASH.sub("", text)))
        text = "\n".join(line for line in text.split("\n") if not _describes(line))
    lines = [" ".join(line.split()) for line in text.split("\n")] if _LETTER.search(text) else []
    return "\n".join(filter(None, lines))


def _without_sound(match: re.Match[str]) -> str:
    """White space in place of brackets with the name of a sound; others as they stand."""
    sounds = _LOUD if match[0][0] in "(（" else _SOUNDS
    content = next(group for group in match.groups() if group is not None)
    names = _names(content, article=sounds is _SOUNDS)
    return " " if _are_sounds(names, sounds) else match[0]


def _without_speaker(match: re.Match[str]) -> str:
    """Nothing in place of `>>` and a name; a name that begins with a verb such as قال is none, and stays."""
    name = match[1] or ""
    first = _key(name.split()[0].rstrip(":：")) if name else ""
    return name if first.lstrip("وف") in _SAYING or first in _SAYING else ""


def _without_name(match: re.Match[str]) -> str:
    """Nothing in place of a name in brackets with its colon; a letter or number (of a list) stays."""
    return "" if _LETTERS.search(match[1] or match[2]) else match[0]


def _describes(line: str) -> bool:
    """True if a line is no speech: in brackets, or what is left of marks."""
    if not _LETTER.search(line):
        return bool(_ANY_MARK.search(line))
    if _FRAME.search(line) and _are_sounds(_names(line), _SOUNDS):
        return True  # also in broken brackets, or in several
    if square := _WHOLE_SQUARE.fullmatch(line):
        return bool(_LETTERS.search(square[1]))
    if not (whole := _WHOLE_ROUND.fullmatch(line)):
        return False
    names = _names(whole[1])
    return 0 < len(names) <= MOST_IN_ROUND and not _SOUNDS.isdisjoint([names[0], names[-1]])


def _are_sounds(names: list[str], sounds: frozenset[str]) -> bool:
    return _KNOWN.issuperset(names) and not sounds.isdisjoint(names)


def _names(content: str, article: bool = True) -> list[str]:
    """The words between brackets as those lists have them, without و and, if allowed, an article before one."""
    keys = " ".join(["", *filter(None, map(_key, content.split()))]).replace(" غير ", " غير_").split()
    forms = ((key, bare := key.removeprefix("و"), bare.removeprefix("ال") if article else bare) for key in keys)
    return [next((form for form in each if form in _KNOWN), each[0]) for each in forms]


def _key(word: str) -> str:
    """A word as those lists are compared: without vowel signs, case and punctuation, letters of one look unified."""
    return (
        strip_diacritics(strip_invisible(word))
        .casefold()
        .strip(".,،؛:!؟?…\"'«»[](){}（）［］【】*-")
        .translate(_FOLDED)
    )


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(_key, words.split()))


_LOUD = _keys(LOUD)
_SOUNDS = _LOUD | _keys(SOUNDS)
_KNOWN = _SOUNDS | _keys(WITH_SOUNDS)
_SAYING = _keys(SAYING)
