r"""What stands in captions and is not speech: sounds, songs, marks of speakers. Codes of layout: caption_codes.

`speech_of` takes out of a caption, whose lines are apart by \n:
- codes of layout, drawings among them;
- songs: `♪ … ♪` with the words between; a line that begins with a note, to the end of the caption; a line that ends
  with one; lines `# … #` and `¶ … ¶`; single notes. `sung` tells captions between two of which one song goes on;
- the name of a sound (caption_words) in brackets or asterisks, alone there or with words of its kind: `[موسيقى]`,
  `[Music]`, `(تصفيق حار)`, `*ضحك*`, `<breath>`. Within a sentence, round brackets go with words of LOUD alone;
- a whole line in brackets: square ones with two letters or more (`described` tells those that are not known); round
  ones, broken ones, quotes and dashes of names of sounds; `(صوت الرياح)`;
- `>>`, also within a line, and after it a name of up to three words with its colon; before a line `- ` and after it a
  role, or a name with a title, and its colon; `[name]:`, `(name):`, `SPEAKER_00:`;
- before speech, a role, a word for people, a name with a title and a way of speaking in square brackets; in round ones
  a way of speaking, a sound, and a role with its article; `(بالإنجليزية)` before Latin letters;
- the place of a verse behind it: `﴿ … ﴾ [الكوثر: 1]`; times: `[00:12:30]`;
- square brackets around letters that an editor added to a word: `[ال]كتاب`, `كتب[ت]`. The letters stay.
What stays: words in brackets within a sentence, `(س)`, numbers in brackets, a line in round brackets that is not of
sounds (a verse, an aside; `in_round` tells it), `>` and a `>>` after a number, a minus, colons, `{ كلمة / كلمه }` and
`<unk>` of references, and marks of words that nobody understood (unheard): a sound leaves no word out, those do. Other
square brackets before speech stay, too: they hold a name, a description, or words that are said (`[لقد] ذهبت`), which
`in_doubt` tells. A caption in which no letter and no digit is left, or nothing but such marks, has no speech.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .caption_codes import without_codes
from .caption_words import TITLE, are_sounds, is_role, is_saying, is_speaker, is_way, key_of
from .invisible import INVISIBLE
from .unheard import NOT_UNDERSTOOD, is_beep, is_language, is_unheard, unheard

NO_SPEECH = "no speech"  # the reason why a caption is left out
MOST_SUNG = 30  # captions of one song, from the note that opens it to the one that closes it
BRACKETS = "brackets before speech"  # the reason why one is left out of which nobody can tell what is said
LONGEST_LABEL = 3  # words of a label in Latin letters, and of `(صوت ...)`

_NOTE = "\u2669-\u266c\U0001f3b5\U0001f3b6\U0001f3bc"  # signs of music
_LEAD = rf"^(?:{INVISIBLE.pattern}|[^\S\n])*"
_WORD = rf"(?:{TITLE.pattern})?[^][\s:.,،؛؟?!>()]+"
_IN = r"[^][()\n]{1,60}"
_NAME = rf"{_WORD}(?:[^\S\n]+{_WORD}){{0,2}}"

_ANY_MARK = re.compile(rf"[][(){{}}（）［］【】〔〕*>\\|#¶«»“”\"‹~={_NOTE}\u2010-\u2015-]|SPEAKER", re.IGNORECASE)
_FRAME = re.compile(r"[][(){}*]")
_SUNG = re.compile(rf"(?<![{_NOTE}])[{_NOTE}]+\s*[^\s{_NOTE}][^{_NOTE}]*[{_NOTE}]+")
_SUNG_TO_END = re.compile(rf"^[^\w\n]*[{_NOTE}].*", re.MULTILINE | re.DOTALL)
_SUNG_LINE = re.compile(r"[^\w#¶]*([#¶])\s[^#¶]*\s\1\W*")
_NOTES = re.compile(f"[{_NOTE}]+")
_BRACKETS = re.compile(r"\[([^][]*)\]|\*([^*]*)\*|<([^<>]*)>|\(([^()]*)\)")
_DASH = re.compile(
    rf"{_LEAD}[\u2010-\u2015-]+[^\S\n]*(?=[^\s\d])({_WORD}(?:[^\S\n]+{_WORD})?[^\S\n]*[:：](?!\d))?", re.MULTILINE
)
_TURN = re.compile(rf"(?:{_LEAD}|(?<=[^\S\n])(?<!\d[^\S\n]))>{{2,}}[^\S\n]*({_NAME}[^\S\n]*[:：](?!\d))?", re.MULTILINE)
_NAMED = re.compile(rf"{_LEAD}(?:\[({_IN})\]|\(({_IN})\))[^\S\n]*[:：](?!\d)", re.MULTILINE)
_NUMBERED = re.compile(rf"{_LEAD}\[?SPEAKER[ _]?\d{{1,3}}\]?[^\S\n]*[:：](?!\d)", re.MULTILINE | re.IGNORECASE)
_LABEL = re.compile(rf"{_LEAD}(?:\[({_IN})\]|\(({_IN})\))[^\S\n]*(?=([^\n]*\w))", re.MULTILINE)
_TIME = r"\d{1,3}(?::\d\d){1,2}(?:[.,]\d{1,3})?"
_TIMES = re.compile(rf"\[\s*{_TIME}(?:\s*(?:-->|[-–])\s*{_TIME})?\s*\]|\(\s*\d{{1,3}}:\d\d:\d\d(?:[.,]\d+)?\s*\)")
_LETTERS_OF_WORD = r"(?:[^\W\d_][\u064b-\u0655\u0670]*)"
_ADDED = re.compile(
    rf"\[({_LETTERS_OF_WORD}{{1,3}})\](?=[^\W\d_])|(?<=[^\W\d_])\[((?:ت|ة|ه|ها|هم|هن|نا|ني|ي|وا|ون|ين|ان|ات))\](?!\w)"
)
_FRAMED = re.compile(r"\s*([«“”\"‹<~=_\u2010-\u2015-])[^\S\n]*([^«»“”\"‹›<>~=_\n]{2,60}?)[»“”\"›>~=_\u2010-\u2015-]\W*")
_PLACE = re.compile(r"(?<=[﴾}»)\"])[^\S\n]*[\[(][^\W\d][^][():\n]{0,40}:[^\S\n]*\d[\d\s,،–-]{0,20}[])]")
_WHOLE_SQUARE = re.compile(r"[^\w()[\]]*[][]([^][]*)[][][^\w()[\]]*")
_ASCII = str.maketrans("（）［］【】〔〕", "()[][][]")
_WHOLE_ROUND = re.compile(r"[^\w()（）]*[()（）]([^()（）]*)[()（）][^\w()（）]*")
_ARTICLE = re.compile(r"(?<!\S)[وفبك]?ال$")
_LETTERS = re.compile(r"[^\W\d_].*?[^\W\d_]", re.DOTALL)
_LETTER = re.compile(r"[^\W_]")
_ARABIC = re.compile("[\u0621-\u064a]")


def speech_of(text: str) -> str:
    """The words of a caption that are said, by the rules above, its lines still apart by \\n; "" if there are none.

    White space becomes single spaces, and empty lines go. Characters that nobody sees stay, except before a mark.
    """
    if _ANY_MARK.search(text):
        kept = [line for line in _unlabelled(text).split("\n") if not _describes(line)]
        text = "" if all(map(_is_gap, kept)) else "\n".join(kept)
    lines = [" ".join(line.split()) for line in text.split("\n")] if _LETTER.search(text) else []
    return "\n".join(filter(None, lines))


def described(text: str) -> str:
    """The first line that `speech_of` takes out of a caption, if it is of no known sound, speaker or way; else ""."""
    lines = _unlabelled(text).split("\n") if "\n" in text and _FRAME.search(text) else []
    for line in filter(_describes, lines):
        square = _WHOLE_SQUARE.fullmatch(line)
        if square and not (are_sounds(line) or is_speaker(square[1]) or is_way(square[1])):
            return line.strip()
    return ""


def in_doubt(speech: str) -> tuple[str, str]:
    """(why nobody can tell what is said, the mark) of a caption's words, as `speech_of` has them; else two empty ones.

    It has a mark of words that nobody understood, or words in square brackets before others.
    """
    if gap := unheard(speech):
        return NOT_UNDERSTOOD, gap
    for match in _LABEL.finditer(speech) if "[" in speech else ():
        if match[1] and _LETTERS.search(match[1]) and _without_label(match):
            return BRACKETS, match[0].strip()
    return "", ""


def fault_of(text: str) -> tuple[str, str]:
    """(reason, mark) for which a transcript as it was written is not all that is said, or none of it; else two empty.

    Of a corpus of transcripts, in which sounds and speakers are not looked for: see `marked`.
    """
    if _ANY_MARK.search(text) and not speech_of(text):
        return why_silent(text), " ".join(text.split())
    return in_doubt(text)


def marked(text: str) -> bool:
    """True if a transcript of one line has marks that `speech_of` takes out."""
    return bool(_ANY_MARK.search(text)) and speech_of(text) != " ".join(text.split())


def why_silent(text: str) -> str:
    """The reason why a caption of which `speech_of` leaves nothing is left out."""
    return NOT_UNDERSTOOD if unheard(text) else NO_SPEECH


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


def _unlabelled(text: str) -> str:
    """A caption without codes, songs, sounds and names of speakers; whole lines in brackets still stand."""
    text = _TIMES.sub(" ", _unsung(_PLACE.sub(" ", without_codes(text.translate(_ASCII)))))
    text = _BRACKETS.sub(_without_sound, text)
    text = "\n".join(line for line in text.split("\n") if not _is_framed_sound(line))
    text = _TURN.sub(_without_speaker, _DASH.sub(_without_role, text))
    text = _LABEL.sub(_without_label, _NUMBERED.sub("", _NAMED.sub(_without_name, text)))
    return _ADDED.sub(_joined, text)


def _without_sound(match: re.Match[str]) -> str:
    """White space in place of brackets with the name of a sound; others, and those over a word, as they stand."""
    round_ones = match[0][0] == "("
    content = next(group for group in match.groups() if group is not None)
    if not _LETTER.search(content):
        return match[0]
    before, after = match.string[max(0, match.start() - 5) : match.start()], match.string[match.end() : match.end() + 1]
    beeped = is_beep(content) and (before[-1:].isalpha() or after.isalpha())
    over_a_word = beeped or _ARTICLE.search(before)
    return " " if are_sounds(content, loud=round_ones, article=not round_ones) and not over_a_word else match[0]


def _is_framed_sound(line: str) -> bool:
    """True for `«موسيقى»`, `-موسيقى-`: the name of a loud sound between quotes or dashes, and nothing else."""
    framed = _FRAMED.fullmatch(line)
    return bool(framed and are_sounds(framed[2], loud=True))


def _without_speaker(match: re.Match[str]) -> str:
    """Nothing in place of `>>` and a name; a name that begins with a verb such as قال is none, and stays."""
    name = match[1] or ""
    return name if name and is_saying(name.split()[0].rstrip(":：")) else ""


def _without_role(match: re.Match[str]) -> str:
    """Nothing in place of a dash, and who speaks by role or title; other words before a colon stay."""
    name = match[1] or ""
    return "" if is_role(name.rstrip(" :：")) else name


def _without_name(match: re.Match[str]) -> str:
    """Nothing in place of a name in brackets with its colon; a letter or number (of a list) stays."""
    return "" if _LETTERS.search(match[1] or match[2]) else match[0]


def _without_label(match: re.Match[str]) -> str:
    """Nothing in place of brackets before speech that are known to say who speaks, or how; others as they stand.

    A colon at their end tells a name. A few Latin words before Latin ones are a label: editors mend Arabic alone.
    """
    content, speech = match[1] or match[2], match[3]
    latin = len(content.split()) <= LONGEST_LABEL and not _ARABIC.search(content + speech)
    if is_language(content):
        known = not _ARABIC.search(speech)  # Arabic words are not what is said in another language
    elif is_unheard(content):
        known = False
    elif content.rstrip().endswith((":", "：")) and len(content.split()) <= LONGEST_LABEL:
        known = bool(_LETTERS.search(content)) and not is_saying(content.split()[0].rstrip(":："))
    elif match[1]:
        known = is_speaker(content) or is_way(content) or are_sounds(content)
        known |= latin and bool(_LETTERS.search(content))
    else:
        role = len(content.split()) == 1 and key_of(content).startswith("ال") and is_speaker(content)
        known = role or is_way(content) or (len(content.split()) > 1 and are_sounds(content, article=False))
    return "" if known else match[0]


def _joined(match: re.Match[str]) -> str:
    """The letters of a word in brackets, which are part of it; marks of what nobody understood as they stand."""
    content = match[1] or match[2]
    return match[0] if is_unheard(content) else content


def _describes(line: str) -> bool:
    """True if a line is no speech: in brackets, or what is left of marks. What nobody understood was said."""
    if not _LETTER.search(line):
        return bool(_ANY_MARK.search(line)) and not unheard(line)
    if _FRAME.search(line) and are_sounds(line):
        return True  # also in broken brackets, or in several
    if _is_gap(line):
        return False
    if square := _WHOLE_SQUARE.fullmatch(line):
        return bool(_LETTERS.search(square[1]))
    if not (whole := _WHOLE_ROUND.fullmatch(line)):
        return False
    words = whole[1].split()
    return 1 < len(words) <= LONGEST_LABEL and key_of(words[0]) == "صوت"


def _is_gap(line: str) -> bool:
    """True if a line is nothing but a mark of words that nobody understood, or empty."""
    return not line.strip() or bool(_FRAME.search(line) and is_unheard(_FRAME.sub(" ", line)))
