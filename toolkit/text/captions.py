r"""What stands in captions and is not speech: sounds, songs, marks of speakers. Codes of layout: caption_codes.

`speech_of` takes out of a caption, whose lines are apart by \n:
- codes of layout, drawings among them;
- songs: `♪ … ♪` with the words between; a line that begins with a note, to the end of the caption; a line that ends
  with one; lines `# … #` and `¶ … ¶`; single notes. `sung` tells captions between two of which one song goes on;
- the name of a sound in brackets or asterisks, alone there or with words of its kind: `[موسيقى]`, `[Music]`,
  `(تصفيق حار)`, `*ضحك*`. Within a sentence, round brackets are taken out with words of LOUD alone;
- a whole line in brackets: square ones with two letters or more; round ones, and broken ones, of names of sounds;
  `(صوت الرياح)`;
- `>>`, also within a line, and after it a name of up to three words with its colon; before a line `- ` and after it a
  word of ROLES, or a name with a title, and its colon; `[name]:`, `(name):`, `SPEAKER_00:`, and up to three words in
  square brackets;
- the place of a verse behind it: `﴿ … ﴾ [الكوثر: 1]`.
What stays: words in brackets within a sentence, `(س)`, numbers in brackets, a line in round brackets that is not of
sounds (a verse, an aside; `in_round` tells it), `>` and a `>>` after a number, a minus, colons, `{ كلمة / كلمه }` and
`<unk>` of references, and marks of words that nobody understood (unheard): a sound leaves no word out, those do.
A caption in which no letter and no digit is left, or nothing but such marks, has no speech.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .caption_codes import without_codes
from .invisible import INVISIBLE
from .unheard import folded, is_unheard

NO_SPEECH = "no speech"  # the reason why a caption is left out
MOST_SUNG = 30  # captions of one song, from the note that opens it to the one that closes it
LONGEST_LABEL = 3  # words in square brackets before speech, which name who speaks or how

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
"""
WITH_SOUNDS = """
هادئة حزينة صاخبة حماسية خفيفة خافتة خلفية الخلفية الجمهور حضور الحضور حار حاد عال عالية متواصل مستمر مؤثرات صوتية
جميع إعلاني قصير في من
clears clearing playing plays continues background upbeat soft gentle loud dramatic audience crowd in the and of from
"""
SAYING = "قال قالت قالوا قلت قلنا يقول تقول يقولون نقول أقول قل سأل سألت سألته أجاب أجابت رد ردت said says"
ROLES = """
مذيع مذيعة ضيف ضيفة مقدم مقدمة متحدث متحدثة سائل سائلة متصل متصلة مراسل مراسلة معلق معلقة راوي راو مترجم محاور محاورة
شيخ دكتور دكتورة أستاذ أستاذة رجل امرأة طفل طفلة host presenter guest speaker interviewer narrator reporter caller
"""

_AROUND = ".,،؛:!؟?…\"'«»[](){}（）［］【】*-"
_NOTE = "\u2669-\u266c\U0001f3b5\U0001f3b6\U0001f3bc"  # signs of music
_LEAD = rf"^(?:{INVISIBLE.pattern}|[^\S\n])*"
_TITLE = re.compile(r"(?:د|أ|م|ا|Dr|Mr|Mrs|Ms|Prof)\.[^\S\n]*")
_WORD = rf"(?:{_TITLE.pattern})?[^][\s:.,،؛؟?!>()]+"
_IN = r"[^][()\n]{1,60}"
_NAME = rf"{_WORD}(?:[^\S\n]+{_WORD}){{0,2}}"

_ANY_MARK = re.compile(rf"[][(){{}}（）［］【】*>\\|#¶{_NOTE}\u2010-\u2015-]|SPEAKER", re.IGNORECASE)
_FRAME = re.compile(r"[][(){}（）［］【】*]")
_SUNG = re.compile(rf"(?<![{_NOTE}])[{_NOTE}]+\s*[^\s{_NOTE}][^{_NOTE}]*[{_NOTE}]+")
_SUNG_TO_END = re.compile(rf"^[^\w\n]*[{_NOTE}].*", re.MULTILINE | re.DOTALL)
_SUNG_LINE = re.compile(r"[^\w#¶]*([#¶])\s[^#¶]*\s\1\W*")
_NOTES = re.compile(f"[{_NOTE}]+")
_BRACKETS = re.compile(r"\[([^][]*)\]|［([^［］]*)］|【([^【】]*)】|\*([^*]*)\*|\(([^()]*)\)|（([^（）]*)）")
_DASH = re.compile(
    rf"{_LEAD}[\u2010-\u2015-]+[^\S\n]*(?=[^\s\d])({_WORD}(?:[^\S\n]+{_WORD})?[^\S\n]*[:：](?!\d))?", re.MULTILINE
)
_TURN = re.compile(rf"(?:{_LEAD}|(?<=[^\S\n])(?<!\d[^\S\n]))>{{2,}}[^\S\n]*({_NAME}[^\S\n]*[:：](?!\d))?", re.MULTILINE)
_NAMED = re.compile(rf"{_LEAD}(?:\[({_IN})\]|\(({_IN})\))[^\S\n]*[:：](?!\d)", re.MULTILINE)
_NUMBERED = re.compile(rf"{_LEAD}\[?SPEAKER[ _]?\d{{1,3}}\]?[^\S\n]*[:：](?!\d)", re.MULTILINE | re.IGNORECASE)
_LABEL = re.compile(rf"{_LEAD}\[({_IN})\][^\S\n]*(?=[^\n]*\w)", re.MULTILINE)
_PLACE = re.compile(r"(?<=[﴾}»)\"])[^\S\n]*[\[(][^\W\d][^][():\n]{0,40}:[^\S\n]*\d[\d\s,،–-]{0,20}[])]")
_WHOLE_SQUARE = re.compile(r"[^\w()（）[\]［］【】]*[][［］【】]([^][［］【】]*)[][［］【】][^\w()（）[\]［］【】]*")
_WHOLE_ROUND = re.compile(r"[^\w()（）]*[()（）]([^()（）]*)[()（）][^\w()（）]*")
_ARTICLE = re.compile(r"(?<!\S)[وفبك]?ال$")
_LETTERS = re.compile(r"[^\W\d_].*?[^\W\d_]", re.DOTALL)
_LETTER = re.compile(r"[^\W_]")


def speech_of(text: str) -> str:
    """The words of a caption that are said, by the rules above, its lines still apart by \\n; "" if there are none.

    White space becomes single spaces, and empty lines go. Characters that nobody sees stay, except before a mark.
    """
    if _ANY_MARK.search(text):
        text = _unsung(_PLACE.sub(" ", without_codes(text)))
        text = _BRACKETS.sub(_without_sound, text)
        text = _TURN.sub(_without_speaker, _DASH.sub(_without_role, text))
        text = _LABEL.sub(_without_label, _NUMBERED.sub("", _NAMED.sub(_without_name, text)))
        text = "\n".join(line for line in text.split("\n") if not _describes(line))
    lines = [" ".join(line.split()) for line in text.split("\n")] if _LETTER.search(text) else []
    return "\n".join(filter(None, lines))


def sung(texts: Sequence[str]) -> set[int]:
    """Numbers of the captions, in order, that one song takes up: a note opens it in one, and closes it in a later one.

    A caption that begins with a note of its own, or MOST_SUNG without a note, end no song: each is judged by itself.
    """
    songs: set[int] = set()
    opened: int | None = None
    for i, text in enumerate(texts):
        if opened is not None and i - opened >= MOST_SUNG:
            opened = None
        notes = len(_NOTES.findall(text))
        if not notes:
            continue
        if _SUNG_TO_END.match(text):
            opened = i if notes == 1 else None
        else:
            if opened is not None and notes == 1 and _ends_sung(text):
                songs.update(range(opened, i + 1))
            opened = None
    return songs


def in_round(text: str) -> bool:
    """True if a caption is in round brackets as a whole: a verse or an aside is said, a description is not."""
    return bool(_WHOLE_ROUND.fullmatch(text) and _LETTER.search(text))


def _unsung(text: str) -> str:
    """A caption without what is sung."""
    text = _SUNG_TO_END.sub("", _SUNG.sub(" ", text))
    lines = (line for line in text.split("\n") if not (_ends_sung(line) or _SUNG_LINE.fullmatch(line)))
    return _NOTES.sub(" ", "\n".join(lines))


def _ends_sung(text: str) -> bool:
    """True if a note is the last sign of a text, but for marks and white space."""
    last = next((c for c in reversed(text) if c.isalnum() or _NOTES.match(c)), "")
    return bool(_NOTES.match(last))


def _without_sound(match: re.Match[str]) -> str:
    """White space in place of brackets with the name of a sound; others, and those over a word, as they stand."""
    sounds = _LOUD if match[0][0] in "(（" else _SOUNDS
    content = next(group for group in match.groups() if group is not None)
    names = _names(content, article=sounds is _SOUNDS)
    over_a_word = _ARTICLE.search(match.string[max(0, match.start() - 5) : match.start()])
    return " " if _are_sounds(names, sounds) and not over_a_word else match[0]


def _without_speaker(match: re.Match[str]) -> str:
    """Nothing in place of `>>` and a name; a name that begins with a verb such as قال is none, and stays."""
    name = match[1] or ""
    first = _key(name.split()[0].rstrip(":：")) if name else ""
    return name if first.lstrip("وف") in _SAYING or first in _SAYING else ""


def _without_role(match: re.Match[str]) -> str:
    """Nothing in place of a dash, and who speaks by role or title; other words before a colon stay."""
    name = match[1] or ""
    first = _key(name.split()[0].rstrip(":：")) if name else ""
    return "" if first.removeprefix("ال") in _ROLES or _TITLE.match(name) else name


def _without_name(match: re.Match[str]) -> str:
    """Nothing in place of a name in brackets with its colon; a letter or number (of a list) stays."""
    return "" if _LETTERS.search(match[1] or match[2]) else match[0]


def _without_label(match: re.Match[str]) -> str:
    """Nothing in place of a few words in square brackets before speech, which say who speaks, or how."""
    label = len(match[1].split()) <= LONGEST_LABEL and _LETTERS.search(match[1]) and not is_unheard(match[1])
    return "" if label else match[0]


def _describes(line: str) -> bool:
    """True if a line is no speech: in brackets, or what is left of marks."""
    if not _LETTER.search(line):
        return bool(_ANY_MARK.search(line))
    if _FRAME.search(line) and (_are_sounds(_names(line), _SOUNDS) or is_unheard(_FRAME.sub(" ", line))):
        return True  # also in broken brackets, or in several
    if square := _WHOLE_SQUARE.fullmatch(line):
        return bool(_LETTERS.search(square[1]))
    if not (whole := _WHOLE_ROUND.fullmatch(line)):
        return False
    words = whole[1].split()
    return 1 < len(words) <= LONGEST_LABEL and _key(words[0]) == "صوت"


def _are_sounds(names: list[str], sounds: frozenset[str]) -> bool:
    return _KNOWN.issuperset(names) and not sounds.isdisjoint(names)


def _names(content: str, article: bool = True) -> list[str]:
    """The words between brackets as those lists have them, without و and, if allowed, an article before one."""
    keys = " ".join(["", *filter(None, map(_key, content.split()))]).replace(" غير ", " غير_").split()
    forms = ((key, bare := key.removeprefix("و"), bare.removeprefix("ال") if article else bare) for key in keys)
    return [next((form for form in each if form in _KNOWN), each[0]) for each in forms]


def _key(word: str) -> str:
    """A word as those lists are compared: without vowel signs, case and punctuation, letters of one look unified."""
    return folded(word).strip(_AROUND)


def _keys(words: str) -> frozenset[str]:
    return frozenset(map(_key, words.split()))


_LOUD = _keys(LOUD)
_SOUNDS = _LOUD | _keys(SOUNDS)
_KNOWN = _SOUNDS | _keys(WITH_SOUNDS)
_SAYING = _keys(SAYING)
_ROLES = _keys(ROLES)
