"""Checks of a data directory: its tables against each other, and against the audio."""

from __future__ import annotations

import contextlib
import math
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from ..core.links import absent
from ..text.invisible import shown
from ..text.not_known import transcript_of
from . import two_texts
from .audio import OVERSHOOT, AudioError, audio_info
from .channel_checks import channel_problems, not_compared, shared_files
from .decided import of_corpus
from .decoded import decoded_lengths, of_recording
from .ids import alike, alike_labels, fault
from .kaldi import (
    DERIVED,
    PHONES,
    SEGMENTS,
    SPEAKERS,
    WAV,
    Tables,
    Utterance,
    invert,
    parse_segment,
    positive,
    read_tables,
    utterances,
    write_data_dir,
)
from .names import compared, holds_classes, holds_names, is_of_speakers
from .phone_checks import phones
from .phone_times import PhoneTimes
from .provenance import rules_of
from .tables import CHANNELS, OF_UTTERANCES, PARTIAL, TEXT, Problem, few, locate, read_table

RESERVED_WORDS = ("<s>", "</s>", "#0")
LOOKS = 200  # headers that a check looks at unless it is asked to look at all: a fifth of a second
OF_RECORDINGS = re.compile(r"rec2\w+|reco2\w+")
_ARK = re.compile(r"(.+):\d+")


@dataclass(frozen=True)
class Report:
    """Result of the checks: problems, number of utterances, and their seconds (as far as known).

    Attributes:
        unknown: number of utterances whose length is not known.
        unseen: number of recordings whose headers were not looked at.
    """

    problems: list[Problem]
    utterances: int
    seconds: float
    unseen: int = 0
    unknown: int = 0

    @property
    def errors(self) -> list[Problem]:
        return [p for p in self.problems if p.level == "error"]


def inspect(path: Path, allow_pipes: bool = False, audio: bool = False, nj: int = 1, looks: int = LOOKS) -> Report:
    """All problems of the data directory at `path`, in order of file and line.

    Args:
        audio: decode every recording too, in `nj` processes, and compare the channels of those that have several.
        looks: number of headers to look at without `audio`; of the other recordings only the file's existence is
            checked.

    Raises UserError if the folder has no wav.scp.
    """
    tables, problems = read_tables(path)
    loaded, more = utterances(tables, allow_pipes, headers=False)
    problems += more
    ids = _utterance_ids(tables)
    if audio:
        lengths, more = decoded_lengths(tables, allow_pipes, nj, rules_of(path))
    else:
        lengths, more = recording_lengths(tables, looks, of_corpus(path))
    problems += more
    seconds = {u.id: _seconds(u, tables, lengths) for u in loaded}
    for check in (
        _coverage(tables, ids),
        _speakers(path, tables),
        _texts(tables),
        two_texts.problems(tables, loaded),
        _numbers(tables),
        _ends(tables, lengths, audio),
        _durations(tables, loaded, lengths),
        phones(path / PHONES, ids, PhoneTimes.of(loaded, seconds=seconds)),
        _names(tables),
    ):
        problems += check
    known = [s for s in seconds.values() if math.isfinite(s)]
    problems = sorted(set(locate(path, problems)), key=lambda p: (p.file, p.line, p.reason, p.message))
    unseen = 0 if audio else len(tables[WAV]) - len(looked_at(tables, looks))
    return Report(problems, len(loaded), math.fsum(known), unseen, len(seconds) - len(known))


def _seconds(u: Utterance, tables: Tables, lengths: Mapping[str, float]) -> float:
    """Length of an utterance: of one that goes to the end of its recording by the true length of that."""
    rec = tables[SEGMENTS][u.id].split()[0] if SEGMENTS in tables else u.id
    return u.seconds if u.end is not None or rec not in lengths else lengths[rec] - u.start


def write_valid(path: Path, tables: Tables) -> None:
    """Write a data directory and check it. Raises AssertionError for an error, which is a bug of the caller."""
    write_data_dir(path, tables)
    if errors := inspect(path, looks=0).errors:
        raise AssertionError(f"{path}: {errors[0]} ({len(errors)} in all)")


def _utterance_ids(tables: Tables) -> Mapping[str, str]:
    return tables[SEGMENTS] if SEGMENTS in tables else tables[WAV]


def recording_lengths(tables: Tables, looks: int, decided: bool = True) -> tuple[dict[str, float], list[Problem]]:
    """Seconds of each recording as far as they are known, and problems of recordings that cannot be used.

    Args:
        looks: number of recordings to open, at even distances; what they say overrides the tables. Of the others only
            the existence of the file is checked. Pipes are not run.
        decided: what is read of several channels is decided, also where no table names one.
    """
    opened = looked_at(tables, looks)
    lengths: dict[str, float] = {}
    problems: list[Problem] = []
    several: list[str] = []
    shared = shared_files(tables)
    stated = [tables.get("reco2dur", {}), {} if SEGMENTS in tables else tables.get("utt2dur", {})]
    for rec, source in tables[WAV].items():
        for number in (table[rec] for table in stated if rec in table):
            with contextlib.suppress(ValueError):  # reported by the check of numbers
                lengths.setdefault(rec, positive(number))
        if source.endswith("|"):
            continue
        try:
            if rec in opened:
                info = audio_info(source, whole=SEGMENTS not in tables)
                lengths[rec] = info.seconds
                problems += channel_problems(rec, info.channels, None, tables, shared)
                several += [rec] if info.channels > 1 and rec not in tables.get(CHANNELS, {}) else []
            elif not _is_there(source):
                raise AudioError("missing", absent(source, "recording"), source, "mend the path, or take its line out")
        except AudioError as e:
            problems.append(of_recording(rec, source, e.reason, e.what, e.remedy))
    return lengths, problems if decided else [*problems, *not_compared(several)]


def looked_at(tables: Tables, looks: int) -> set[str]:
    """`looks` of the recordings, at even distances."""
    recs = list(tables[WAV])
    return {recs[i * len(recs) // looks] for i in range(looks)} if looks < len(recs) else set(recs)


def _is_there(source: str) -> bool:
    ark = _ARK.fullmatch(source)
    return os.path.exists(source) or bool(ark and os.path.exists(ark[1]))


def _coverage(tables: Tables, ids: Mapping[str, str]) -> Iterator[Problem]:
    """Tables that do not cover exactly the utterances, the recordings or the speakers."""
    place = SEGMENTS if SEGMENTS in tables else WAV
    for name, table in tables.items():
        if OF_UTTERANCES.fullmatch(name):
            faults = ("audio without a transcript", "a transcript without audio") if TEXT.fullmatch(name) else None
            lacks, extra = faults or ("an utterance without its line", "a line without its utterance")
            remedy = f"add its line to {name}, or take it out everywhere"
            if ids.keys() == table.keys():
                continue
            for id in () if name in PARTIAL else ids:
                if id not in table:
                    yield Problem(place, 0, "not covered", f"{id} is not in {name}: {lacks}", remedy, id=id)
            for id in table:
                if id not in ids:
                    yield Problem(name, 0, "extra", f"{id} is not in {place}: {extra}", "take the line out", id=id)
        elif OF_RECORDINGS.fullmatch(name):
            for rec in () if name in PARTIAL else tables[WAV]:
                if rec not in table:
                    yield Problem(WAV, 0, "not covered", f"{rec} is not in {name}", f"add its line to {name}", id=rec)
            for rec in table:
                if rec not in tables[WAV]:
                    yield Problem(name, 0, "extra", f"{rec} is not in {WAV}", "take the line out", id=rec)
    if SEGMENTS in tables:
        used = {text.split()[0] for text in tables[SEGMENTS].values()}
        for rec in tables[WAV]:
            if rec not in used:
                remedy = "take it out, unless you mean it"
                yield Problem(WAV, 0, "unused", f"{rec} has no segment", remedy, level="warning", id=rec)


def _speakers(path: Path, tables: Tables) -> Iterator[Problem]:
    if SPEAKERS not in tables:
        yield Problem(SPEAKERS, 0, "missing table", "there is no utt2spk", "write it: each utterance and who speaks")
        return
    utt2spk = tables[SPEAKERS]
    speakers = set(utt2spk.values())
    faults = {speaker: fault(speaker) for speaker in speakers}
    for utt, speaker in utt2spk.items():
        if odd := faults[speaker]:
            yield Problem(SPEAKERS, 0, "speaker", f"speaker {speaker!r} {odd}", "rename it", id=utt)
        elif not utt.startswith(speaker):
            message = f"{utt} does not begin with its speaker {speaker}: sorted by id is not sorted by speaker"
            remedy = "name utterances speaker-recording"
            yield Problem(SPEAKERS, 0, "prefix", message, remedy, level="warning", id=utt)
    yield from _speaker_order(utt2spk)
    for name, table in tables.items():
        if is_of_speakers(name):
            for speaker in table:
                if speaker not in speakers:
                    yield Problem(name, 0, "extra", f"{speaker} speaks nowhere", "take the line out", id=speaker)
            if name not in PARTIAL and (lacking := sorted(speakers - set(table))):
                message = f"{len(lacking)} speakers are not in it: {few(lacking)}"
                yield Problem(name, 0, "not covered", message, "add their lines, or leave it so", level="warning")
    if not (path / DERIVED).is_file():
        yield Problem(DERIVED, 0, "missing table", "there is no spk2utt", "--fix writes it")
    else:
        listed, problems = read_table(path / DERIVED)
        yield from problems
        wanted = invert(utt2spk)
        for speaker in sorted(set(listed) | set(wanted)):
            stated, right = listed.get(speaker, ""), wanted.get(speaker, "")
            if stated != right and sorted(stated.split()) != right.split():
                message = f"the utterances of {speaker} are not those of utt2spk"
                yield Problem(DERIVED, 0, "not inverse", message, "--fix writes it again", id=speaker)


def _speaker_order(utt2spk: Mapping[str, str]) -> Iterator[Problem]:
    """Order of speakers: Kaldi's tools read tables by utterance and by speaker, so both orders must agree."""
    ids = sorted(utt2spk)
    for before, utt in pairwise(ids):
        if utt.startswith(utt2spk[utt]) and utt2spk[utt] < utt2spk[before]:
            message = (
                f"{before} of {utt2spk[before]} stands before {utt} of {utt2spk[utt]}: not in the order of speakers"
            )
            remedy = "name speakers so that none begins like another, or all as long"
            yield Problem(SPEAKERS, 0, "speaker order", message, remedy, level="warning", id=utt)
            return


def _texts(tables: Tables) -> Iterator[Problem]:
    for name, table in tables.items():
        if not TEXT.fullmatch(name):
            continue
        for id, text in table.items():
            if not transcript_of(text):
                remedy = "mark it as you do silence, or take it out"
                message = f"{id}: empty transcript" + f": {text} stands for none" * bool(text)
                yield Problem(name, 0, "empty transcript", message, remedy, level="warning", id=id)
            elif "#0" in text or "s>" in text:
                for word in RESERVED_WORDS:
                    if word in text.split():
                        message = f"{id}: {word} is a word of Kaldi's own"
                        yield Problem(name, 0, "reserved word", message, "take it out", id=id)


def _numbers(tables: Tables) -> Iterator[Problem]:
    for name in ("utt2dur", "reco2dur"):
        for id, text in tables.get(name, {}).items():
            try:
                positive(text)
            except ValueError as e:
                yield Problem(name, 0, "duration", f"{id}: {e}", "mend the line", fatal=True, id=id)
    for id, text in tables.get("utt2num_frames", {}).items():
        if not (text.isascii() and text.isdigit()):
            yield Problem("utt2num_frames", 0, "frames", f"{id}: no number of frames: {text}", "mend the line", id=id)
    for speaker, gender in tables.get("spk2gender", {}).items():
        if gender not in ("m", "f"):
            yield Problem("spk2gender", 0, "gender", f"{speaker}: {gender} is not m or f", "write m or f", id=speaker)


def _ends(tables: Tables, lengths: Mapping[str, float], audio: bool) -> Iterator[Problem]:
    """Segments past the end of their recordings."""
    if SEGMENTS not in tables:
        return
    if "reco2dur" not in tables:  # which Kaldi asks for nowhere
        message = "there is no reco2dur: steps look into every recording for its length"
        remedy = "--fix writes it" if audio else "--fix writes it; --audio decodes the recordings"
        yield Problem("reco2dur", 0, "missing table", message, remedy, level="warning")
    for id, text in tables[SEGMENTS].items():
        try:
            rec, start, end = parse_segment(text)
        except ValueError:  # reported with the utterances
            continue
        seconds = lengths.get(rec, math.inf)
        if start >= seconds or (end is not None and end > seconds + OVERSHOOT):
            message = f"{id}: {start} to {'its end' if end is None else end} s of {rec}, which has {seconds:.2f} s"
            yield Problem(SEGMENTS, 0, "past end", message, "mend the times, or take the line out", id=id)


def _durations(tables: Tables, loaded: Iterable[Utterance], lengths: Mapping[str, float]) -> Iterator[Problem]:
    """Durations that differ from the segments or the headers."""
    utt2dur = tables.get("utt2dur", {})
    if SEGMENTS not in tables and not utt2dur and "reco2dur" not in tables:
        message = "there is no utt2dur or reco2dur: every reader must open every recording for its length"
        yield Problem("reco2dur", 0, "missing table", message, "--fix writes it", level="warning")
    pairs: list[tuple[str, str, str, float]] = [("utt2dur", u.id, utt2dur.get(u.id, ""), u.seconds) for u in loaded]
    for name in ("reco2dur", *(("utt2dur",) if SEGMENTS not in tables else ())):
        pairs += [(name, rec, tables.get(name, {}).get(rec, ""), seconds) for rec, seconds in lengths.items()]
    for name, id, stated, seconds in pairs:
        try:
            wrong = bool(stated) and abs(positive(stated) - seconds) > OVERSHOOT
        except ValueError:  # reported with the numbers
            continue
        if wrong:
            message = f"{id}: {stated} s, where it is {seconds:.2f} s"
            yield Problem(name, 0, "duration", message, "write it again: --fix does", id=id)


def _names(tables: Tables) -> Iterator[Problem]:
    """Names that readers take otherwise than they are written, or that may be one: a warning of each for each table."""
    for name, table in tables.items():
        forms = {value: compared(value, name) for value in set(table.values())} if holds_names(name) else {}
        if odd := [id for id, value in table.items() if forms.get(value, value) != value]:
            value = table[odd[0]]
            message = f"{len(odd)} names are not as they are compared; the first, {shown(value)}, is {forms[value]}"
            yield Problem(name, 0, "name", message, "write it so: --fix does", level="warning", id=odd[0])
        if lines := (alike_labels if holds_classes(name) else alike)(forms.values()):
            message, remedy = "; ".join(lines), "write them alike everywhere if they are one"
            yield Problem(name, 0, "names alike", message, remedy, level="warning")
