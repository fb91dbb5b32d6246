"""The XML of MGB-2 and QASR: a file for each programme, whose segments are words with times, speaker and match error.

  <transcript><head><recording/><annotations><annotation id/></annotations>
    <speakers><speaker id name [gender | speakerGender]/></speakers></head>
  <body><segments annotation_id><segment id starttime endtime AWD PMER WMER who><element id type>word</element>...

Attributes are read by name, and each may be missing; elements may be empty. Times are seconds, WMER is percent.
What is no speech in captions (text/captions.py) is taken out. A file is in Arabic script or in Buckwalter's, whatever
folder it is in (scripts.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.step import Step
from ...text.captions import NO_SPEECH, in_doubt, speech_of, why_silent
from ...text.invisible import excerpt
from ..malformed import MALFORMED
from .gather import gather
from .id_times import other_recording
from .mgb_tables import spoken
from .scripts import as_arabic
from .segments import CorpusSegment, Drop, drop, of_set
from .sources import SourceError, check_inside, folders_below, size_of
from .xml_elements import parse_xml

# All digits (x_speaker12 is not speaker 1), and as many as ids have: of more, no order of ids is one of speakers.
_SPEAKER = re.compile(r"[\w-]+speaker([0-9]{1,4})(?![0-9])[\w-]+")
MOST_TURNS = 100_000  # of a programme of hours, which has hundreds
OTHER_ANNOTATION = "other annotation"
MIXED = "mixed scripts"
ALIGNED = "transcript_align"  # the annotation of training sets
NOBODY = "unknown"  # in place of a speaker's number
_GENDER = ("gender", "speakerGender", "sex")


@dataclass(slots=True)
class Turn:
    """A segment of the file: attributes by name, its words, and the `annotation` id of its block."""

    attributes: Mapping[str, str]
    text: str = ""
    annotation: str = ""


@dataclass
class Programme:
    """A file's segments in order, speaker id -> gender, and the recording that its head names."""

    turns: list[Turn] = field(default_factory=list)
    genders: dict[str, str] = field(default_factory=dict)
    recording: str = ""


def read_programme(path: Path) -> Programme:
    """All segments of a file. Raises SourceError: missing, xml, entities."""
    programme = Programme()
    turns, pieces, annotation = programme.turns, [""], ""

    def begin(name: str, attributes: Mapping[str, str]) -> None:
        nonlocal annotation
        if name == "element":
            pieces.append(" ")  # words may be on one line without a space
        elif name == "segment":
            pieces.clear()
            if len(turns) == MOST_TURNS:
                message = f"more than {MOST_TURNS:,} segments: no programme has so many"
                raise SourceError("xml", message, str(path), "get the file anew")
            turns.append(Turn(attributes, "", annotation))
        elif name == "segments":
            annotation = attributes.get("annotation_id", "")
        elif name == "recording":
            programme.recording = attributes.get("filename", "")
        elif name == "speaker" and "id" in attributes:
            gender = next((attributes[key] for key in _GENDER if key in attributes), "")
            programme.genders[attributes["id"]] = gender

    def end(name: str) -> None:
        if name == "segment" and turns:
            turns[-1].text = "".join(pieces)

    parse_xml(path, begin, end, pieces.append)
    return programme


@dataclass(frozen=True)
class Wanted:
    """Which segments of a programme are taken.

    Attributes:
        set: the data directory; dialect: its code.
        annotation: id of the block of segments, if a file has several; empty: all blocks.
        most_wmer: percent; segments with a higher WMER are left out; those without WMER are taken.
    """

    set: str
    dialect: str
    annotation: str = ""
    most_wmer: float = math.inf


def utterances(path: Path, audio: str, wanted: Wanted) -> Iterator[CorpusSegment | Drop]:
    """Utterances of the programme at `path`, whose recording is `audio`, relative to the corpus.

    Raises SourceError: missing, xml, entities, and another recording, if its head names one.
    """
    programme = read_programme(path)
    name = path.stem
    if another := other_recording(programme.recording, name):
        message = f"it says that it is of {another}: by its name it would get the audio of {name}"
        raise SourceError("another recording", message, str(path), "get the file anew")
    blocks = {turn.annotation for turn in programme.turns}
    only = wanted.annotation if wanted.annotation in blocks else ""
    others = [turn for turn in programme.turns if only and turn.annotation != only]
    if others:
        yield Drop(name, OTHER_ANNOTATION, f"{len(others)} segments of {others[0].annotation or 'no annotation'}")
    if not programme.turns:
        yield Drop(name, "no segment", f"{path.name} has none")
    turns = [turn for turn in programme.turns if not only or turn.annotation == only]
    texts = {number: " ".join(turn.text.split()) for number, turn in enumerate(turns, 1)}
    scripts = as_arabic(texts)
    if scripts.mixed:
        yield Drop(name, MIXED, scripts.mixed)
    for number, turn in enumerate(turns, 1):
        fault = f"{why}: {excerpt(texts[number])}" if (why := scripts.malformed.get(number)) else ""
        yield _utterance(turn, scripts.texts.get(number, ""), fault, name, audio, programme.genders, wanted)


def _utterance(
    turn: Turn,
    words: str,
    fault: str,
    programme: str,
    audio: str,
    genders: Mapping[str, str],
    wanted: Wanted,
) -> CorpusSegment | Drop:
    attribute = turn.attributes.get
    start, end = _seconds(attribute("starttime", "")), _seconds(attribute("endtime", ""))
    if not (math.isfinite(start * 100) and math.isfinite(end * 100)):  # ids count centiseconds
        where = attribute("id") or programme
        return Drop(where, "bad times", f"{attribute('starttime', 'nothing')} to {attribute('endtime', 'nothing')} s")
    if another := other_recording(attribute("id", ""), programme):
        return Drop(attribute("id", ""), "another recording", f"a segment of {another} in the file of {programme}")
    number, who = speaker_number(attribute("who", "")), attribute("who", "")
    speaker = f"{programme}_spk-{NOBODY if number is None else f'{number:04d}'}"
    times = f"{int(start * 100):07d}", f"{int(end * 100):07d}"  # cut, not rounded: so the official ids are made
    original = f"{speaker}_seg-{times[0]}:{times[1]}"
    wmer = _seconds(attribute("WMER", ""))
    if wmer > wanted.most_wmer:
        return Drop(original, "WMER", f"{wmer:g} % of its words do not match, more than {wanted.most_wmer:g}")
    if fault:
        return Drop(original, MALFORMED, fault)
    reason, mark = in_doubt(speech := speech_of(words))
    text = spoken(speech)
    if not text:
        silent = why_silent(words)
        return Drop(original, "no words" if silent == NO_SPEECH else silent, excerpt(words) or "nothing at all")
    if mark:
        return Drop(original, reason, excerpt(text))
    return CorpusSegment(
        wanted.set,
        original,
        audio,
        speaker,
        start,
        end,
        text,
        programme,
        wanted.dialect,
        gender=genders.get(who) or (genders.get(str(number), "") if number is not None else ""),
        id=f"{speaker}_seg-{times[0]}-{times[1]}",
    )


def speaker_number(who: str) -> int | None:
    """The number in `..._speaker12_...`; None if there is none, as public recipes' pattern has it."""
    match = _SPEAKER.fullmatch(who)
    return int(match[1]) if match else None


def _seconds(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def gather_programmes(
    step: Step[Any],
    corpus: Path,
    files: Sequence[Path],
    folder: str,
    wanted: Wanted,
    others: Iterable[list[CorpusSegment | Drop]],
) -> list[CorpusSegment]:
    """The utterances of the XML files, whose recordings are in `folder` of the corpus, and then of `others`.

    Args:
        others: utterances of each recording that tables name.
    """
    _note_untranscribed(step, corpus, folder, files)
    items: list[Path | list[CorpusSegment | Drop]] = [*files, *others]
    costs = [size_of(item) / 1e6 if isinstance(item, Path) else 1e-4 * len(item) for item in items]

    def of_programme(path: Path) -> Iterator[CorpusSegment | Drop]:
        check_inside(corpus, path.relative_to(corpus).as_posix(), step.config.take.follow_links)
        yield from utterances(path, f"{folder}/{path.stem}.wav", wanted)

    def read(item: Path | list[CorpusSegment | Drop]) -> Iterable[CorpusSegment | Drop]:
        if not isinstance(item, Path):
            return item
        return of_set(wanted.set, of_programme(item), {OTHER_ANNOTATION, MIXED})

    return gather(step, corpus, items, costs, read, "MB")


def _note_untranscribed(step: Step[Any], corpus: Path, folder: str, files: Sequence[Path]) -> None:
    """Ledger rows for recordings without an XML file."""
    named = {path.stem for path in files}
    for path in folders_below(corpus, f"{folder}/*.wav") if files else ():
        if path.stem not in named:
            drop(step, f"{folder}/{path.name}", "no transcript", "a recording without its XML file")


def count_nameless(step: Step[Any], segments: Iterable[CorpusSegment]) -> None:
    """Print the number of utterances of speakers without a number; call it after write_sets."""
    nameless = sum(s.speaker.endswith(f"_spk-{NOBODY}") for s in segments)
    step.counts["speakers_unknown"] += nameless
    if nameless:
        print(f"{nameless:,} utterances are of the unknown speakers of their programmes")
