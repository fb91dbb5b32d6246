"""Tables of the MGB corpora, ADI-17 and QASR: texts, segments, lists of ids, STM; and marks in texts.

Transcripts are in Arabic script or in Buckwalter transliteration; public copies have either under the same name, so
each file is looked at (scripts.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import UserError
from ...text.buckwalter import LATIN_MARK
from ...text.captions import NO_SPEECH, speech_of
from ...text.invisible import excerpt
from ..ids import id_form
from ..malformed import Malformed
from .id_times import SORTED, Span, contradiction, same_name
from .repeats import CONTRADICTING
from .scripts import in_arabic
from .segments import CorpusSegment, Drop
from .sources import MalformedRow, Report, SourceError, Tally, id_rows, text_lines, word_rows

NOT_SCORED = "ignore_time_segment_in_scoring"  # sclite's, in an STM
LATEST = 1e9  # s; no recording is this long, and shorter times fit an integer of centiseconds
STM_FIELDS = 5  # recording, channel, speaker, start, end; then perhaps <labels>, then words
_LABEL = re.compile(r"\A<(?!unk>)[^<>]*>\s*", re.IGNORECASE)  # of conditions; a word that nobody understood is none


@dataclass(frozen=True, slots=True)
class Annotation:
    """Times and words of one annotator, by utterance."""

    spans: dict[str, Span]
    texts: dict[str, str]


def own_id(id: str) -> str:
    """The official id without `:`, which breaks names of files and offsets of arks."""
    return id.replace(":", "-")


def spoken(text: str) -> str:
    """The words of a transcript: Latin ones without their mark (@@LAT@@ in MGB-2, @@LAT in MGB-3).

    Words that begin with # (## is overlap) and @@@ (no speech) are left out. A word that ends with # was broken off:
    its letters stay, as in the references normalised by MGB-2's makers.
    """
    if "#" not in text and "@@" not in text:
        return " ".join(text.split())
    words = (word for word in text.split() if not word.startswith(("#", "@@@")))
    return " ".join(word for word in map(_unmarked, words) if word)


def _unmarked(word: str) -> str:
    return (word.removeprefix(LATIN_MARK).removeprefix("@@") if word.startswith(LATIN_MARK) else word).rstrip("#")


def read_pairs(path: Path, bad: Report | None = None) -> dict[str, str]:
    """Id -> rest of the line; ids are of ASCII characters.

    Args:
        bad: told of each line that cannot be used; None: its error is raised.

    Of an id with two different lines there is none. Raises SourceError for a file that cannot be read, or is of another
    kind.
    """
    return {id: rest for id, (_, rest) in _numbered(path, str.isascii, bad).items()}


def _numbered(path: Path, is_id: Callable[[str], bool], bad: Report | None) -> dict[str, tuple[int, str]]:
    """Id -> (line, rest of it). Raises SourceError as read_pairs does."""
    pairs: dict[str, tuple[int, str]] = {}
    torn: dict[str, None] = {}
    tally = Tally(path, bad)
    for number, id, rest in id_rows(path, is_id, bad):
        if pairs.setdefault(id, (number, rest))[1] != rest:
            tally.lose(_twice(id, path, number))
            torn[id] = None
    return {id: pair for id, pair in pairs.items() if id not in torn}


def _twice(id: str, path: Path, number: int) -> SourceError:
    message = f"id {id} stands there twice, with different things, and is used nowhere"
    return SourceError(CONTRADICTING, message, f"{path}, line {number}", "keep one of the two lines")


def read_texts(path: Path, unknown: str = "", bad: Report | None = None, ids: Iterable[str] = ()) -> dict[str, str]:
    """Id -> words in Arabic script, of a file of transcripts in either script (scripts.py). Raises SourceError.

    What is no speech in captions (text/captions.py) is taken out, as it is of STM files and XML.

    Args:
        unknown: the file's word for an unintelligible word; it is left out, and told.
        bad: as read_pairs has it.
        ids: those that another table has. They tell an id from the word that begins the rest of a broken line.
    """
    tally = Tally(path, bad)
    pairs = _numbered(path, id_form(ids), bad)
    raw = {id: text for id, (_, text) in pairs.items()}
    if unknown and (lacking := [id for id, text in raw.items() if unknown in text.split()]):
        where = f"{path.parent.name}/{path.name}"
        print(f"WARNING: {where}: {len(lacking):,} transcripts lack words ({unknown}), first: {lacking[0]}")
        raw = {id: " ".join(word for word in text.split() if word != unknown) for id, text in raw.items()}
    texts, malformed = in_arabic(raw, f"{path.parent.name}/{path.name}")
    for id, why in malformed.items():
        number, text = pairs[id]
        tally.lose(MalformedRow(path, Malformed(number, why, f"{id} {text}", (id,)), ["id"]))
    tally.rows = len(texts)
    tally.check()
    return {id: spoken(speech_of(text)) for id, text in texts.items()}


def read_segments(path: Path, bad: Report | None = None) -> dict[str, Span]:
    """Id -> place, of lines `id recording start end`, in seconds. Raises SourceError as read_pairs does.

    A line whose id says another place than its columns is malformed.
    """
    spans: dict[str, Span] = {}
    torn: dict[str, None] = {}
    rows = list(word_rows(path, "id recording start end", _is_segment, bad))
    recordings = {same_name(words[1]) for _, words in rows}
    tally = Tally(path, bad)
    for number, words in rows:
        id, span = words[0], Span(words[1], float(words[2]), float(words[3]))
        if why := contradiction(id, span, recordings):
            tally.lose(MalformedRow(path, Malformed(number, why, " ".join(words), (id,), remedy=SORTED), ["id"]))
            continue
        if spans.setdefault(id, span) != span:
            tally.lose(_twice(id, path, number))
            torn[id] = None
    spans = {id: span for id, span in spans.items() if id not in torn}
    tally.rows = len(spans)
    tally.check()
    return spans


def _is_segment(words: Sequence[str]) -> bool:
    return len(words) == 4 and None not in map(_number, words[2:])


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def first_of(folder: Path, *names: str) -> Path | None:
    """The first of these files that the folder has."""
    return next((folder / name for name in names if (folder / name).is_file()), None)


@dataclass(frozen=True, slots=True)
class Stm:
    """References by time: (recording, start, end in centiseconds) -> words as in the file.

    Recording names have `-` in place of `_`, like the wav files; ids and tables have either.

    Attributes:
        lines: (recording, start, end) -> its line; overlap: those of them whose speaker is `overlap`.
        unusable: line -> reason why it is no reference.
    """

    words: dict[tuple[str, int, int], str]
    lines: dict[tuple[str, int, int], int]
    overlap: set[tuple[str, int, int]]
    unusable: dict[int, str]

    def find(self, span: Span) -> tuple[str, int, int] | None:
        """The key of the reference at these times, at most a centisecond off; None if there is none."""
        start, end = round(span.start * 100), round(span.end * 100)
        recording = span.recording.replace("_", "-")
        near = [(recording, start + a, end + b) for a in (0, -1, 1) for b in (0, -1, 1)]
        return next((key for key in near if key in self.words), None)


def read_stm(path: Path) -> Stm:
    """Read an STM file without its comments (;;) and without what is no speech (text/captions.py).

    A line that is no reference may be the rest of the one above it, which then is none either. A line without words (a
    gap) is an empty reference; sclite's `<unk>`, `(كلمة)` and `{ كلمة / كلمه }` stay. Raises UserError for a file that
    cannot be read.
    """
    keys: dict[str, tuple[str, int, int]] = {}
    raw: dict[str, str] = {}
    unusable: dict[int, str] = {}
    overlap: set[tuple[str, int, int]] = set()
    first: dict[tuple[str, int, int], int] = {}  # line of each key
    other_words: set[tuple[str, int, int]] = set()  # with two references that differ
    try:
        for number, line in text_lines(path):
            if not line.strip() or line.startswith(";;"):
                continue
            fields = line.split(maxsplit=STM_FIELDS)
            times = [_number(word) for word in fields[3:5]]
            rest = _LABEL.sub("", fields[5]) if len(fields) > STM_FIELDS else ""
            if len(times) < 2 or any(t is None or not abs(t) <= LATEST for t in times):
                unusable[number] = "no `recording channel speaker start end words`"
                if above := keys.pop(str(number - 1), None):
                    unusable[number - 1] = "the line below is none, and may be its rest"
                    del raw[str(number - 1)]
                    overlap.discard(above)
            elif rest.strip().lower() == NOT_SCORED:
                unusable[number] = "its makers say that it is not scored"
            else:
                start, end = (round((t or 0.0) * 100) for t in times)
                key = (fields[0].replace("_", "-"), start, end)
                if key in first:
                    same = raw.get(str(first[key]), rest).split() == rest.split()
                    other_words |= set() if same else {key}
                    unusable[number] = "a second reference of these times" + (": other words" * (not same))
                    continue
                first[key] = number
                keys[str(number)], raw[str(number)] = key, rest
                if fields[2].lower() == "overlap":
                    overlap.add(key)
    except SourceError as e:
        raise UserError(e.what, e.where, e.remedy) from None
    texts, malformed = in_arabic(raw, path.name)
    words = {line: speech_of(text) for line, text in texts.items()}
    silent = {line: f"{NO_SPEECH}: {excerpt(text)}" for line, text in texts.items() if text.split() and not words[line]}
    faults = malformed | silent
    faults |= {str(first[key]): "a line below has other words" for key in other_words}
    for line in faults.keys() & keys.keys():
        unusable[int(line)] = faults[line]
        overlap.discard(keys.pop(line))
    spoken_words = {keys[line]: text for line, text in words.items() if line in keys}
    return Stm(spoken_words, {key: int(number) for number, key in keys.items()}, overlap, unusable)


def by_recording(segments: Iterable[CorpusSegment | Drop]) -> list[list[CorpusSegment | Drop]]:
    """Utterances in groups of one recording, for `gather`; drops are a group of their own."""
    groups: dict[str, list[CorpusSegment | Drop]] = {}
    for one in segments:
        groups.setdefault(one.audio if isinstance(one, CorpusSegment) else "", []).append(one)
    return list(groups.values())


def stems(paths: Iterable[Path]) -> dict[str, Path]:
    """Name without its ending -> file; of two of a name, the first in order."""
    files: dict[str, Path] = {}
    for path in paths:
        files.setdefault(path.stem, path)
    return files
