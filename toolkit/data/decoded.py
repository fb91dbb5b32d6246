"""Recordings decoded to their ends: what a header promises is no proof."""

from __future__ import annotations

import contextlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import numpy as np

from ..core.each import each
from .audio import NON_FINITE, OVERSHOOT, SAMPLE_RATE, AudioError, Recording, one_channel, open_recording
from .channel_checks import channel_problems, shared_files
from .channels import MONO, Comparison, Mix
from .decoder import FETCH
from .judge import PACE, Fault, Limits, Sound, heard_by, judge
from .kaldi import CHANNEL_OF, SEGMENTS, WAV, Tables, parse_segment
from .provenance import Rules
from .tables import CHANNELS, Problem


@dataclass(frozen=True)
class Decoded:
    """What decodes of a recording.

    Attributes:
        seconds: from its beginning; None if that is unknown, because it does not decode to an end.
        reason, message, remedy: why it is no whole recording, as in AudioError; empty if it is one.
        notes: oddities that do no harm.
        channels, mix: how many it has, and what should be read of them; 0 if it is no whole recording.
        faults: utterances that a rule of judge.py speaks against.
        damaged: utterances with samples that are not finite, and which; "": those lie in none of them.
        lost: (utterance, reason, message) of segments that cannot be read.
        opened: False if nothing of it can be read.
    """

    seconds: float | None
    reason: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    channels: int = 0
    mix: Mix = MONO
    faults: tuple[tuple[str, Fault], ...] = ()
    damaged: tuple[tuple[str, str], ...] = ()
    lost: tuple[tuple[str, str, str], ...] = ()
    opened: bool = True


class Part(NamedTuple):
    """An utterance of a recording: `start` to `end` seconds (None: to its end), and its transcript, if it has one."""

    id: str
    start: float
    end: float | None
    text: str


class Asked(NamedTuple):
    """A recording that is decoded to its end.

    Attributes:
        channel: what is read of several channels by a table: left, right, 3, ...; "": what channels.py decides.
        parts: utterances that are judged.
    """

    source: str
    channel: str
    parts: Sequence[Part]


def decode(asked: Asked, allow_pipes: bool = False, limits: Limits | None = None) -> Decoded:
    """Decode all of a recording, a block in memory at a time. Never raises for a bad recording.

    Args:
        limits: to judge its utterances by; None: none is judged.
    """
    try:
        with open_recording(asked.source, allow_pipes) as r:
            r.channel = asked.channel
            try:
                return _decoded(r, asked, limits)
            except AudioError as e:  # damage inside, behind which there may be more
                faults, lost = _piecewise(r, asked.parts, limits)
                return Decoded(None, e.reason, e.what, e.remedy, r.notes, faults=faults, lost=lost)
    except AudioError as e:
        return Decoded(None, e.reason, e.what, e.remedy, opened=False)


def _decoded(r: Recording, asked: Asked, limits: Limits | None) -> Decoded:
    sound = heard_by(limits or Limits())
    comparison = Comparison(r.channels, r.rate)  # as steps compare, which know no limits there
    at, odd = 0, list[int]()  # samples so far, and those that are not finite
    for block_NC in r.blocks_of_channels():
        finite_NC = np.isfinite(block_NC)
        if finite_NC.all():
            comparison.hear(block_NC)
            sound.add(one_channel(block_NC, r.channel), r.rate)
        else:
            odd += (at + np.flatnonzero(~finite_NC.all(axis=1))).tolist()
        at += len(block_NC)
    seconds, mix = r.frames / r.rate, comparison.mix()
    damaged = tuple(_damaged(odd, r.rate, asked.parts)) if odd else ()
    if odd and not any(_is_segment(part) for part in asked.parts):
        return Decoded(seconds, NON_FINITE[0], _of_samples(odd, r.rate), NON_FINITE[2], r.notes)
    if limits and not asked.channel and any(mix.channels) and not odd:  # one of its channels is read
        r.channel, sound = mix.channels[0], heard_by(limits)
        for block_NC in r.blocks_of_channels():
            sound.add(one_channel(block_NC, r.channel), r.rate)
    faults = tuple(_judged(r, sound, asked.parts, limits)) if limits else ()
    if r.lacks:
        lost = tuple(_behind_damage(r, asked.parts))
        return Decoded(seconds, "truncated", r.lacks, FETCH, r.notes, faults=faults, damaged=damaged, lost=lost)
    return Decoded(seconds, notes=r.notes, channels=r.channels, mix=mix, faults=faults, damaged=damaged)


def _is_segment(part: Part) -> bool:
    return part.end is not None or part.start > 0


def _behind_damage(r: Recording, parts: Sequence[Part]) -> Iterator[tuple[str, str, str]]:
    """Segments of what decodes, but not at its place; those past the end are told by their times."""
    for part in parts:
        if part.end is not None and r.reach < part.end <= r.frames / r.rate + OVERSHOOT:
            yield part.id, "truncated", r.lacks


def _piecewise(
    r: Recording, parts: Sequence[Part], limits: Limits | None
) -> tuple[tuple[tuple[str, Fault], ...], tuple[tuple[str, str, str], ...]]:
    """(segments that a rule speaks against, segments that do not decode) of a recording that is damaged inside."""
    faults, lost = list[tuple[str, Fault]](), list[tuple[str, str, str]]()
    for part in filter(_is_segment, parts):
        try:
            wave_N = r.part(part.start, part.end)
        except AudioError as e:
            lost.append((part.id, e.reason, e.what))
            continue
        if limits and (fault := judge(wave_N, SAMPLE_RATE, limits, part.text)):
            faults.append((part.id, fault))
    return tuple(faults), tuple(lost)


def _damaged(odd: Sequence[int], rate: int, parts: Sequence[Part]) -> Iterator[tuple[str, str]]:
    """(utterance, samples in it that are not finite); of ("", all of them) if no utterance has one."""
    bad = False
    for part in parts:
        end = len(odd) if part.end is None else bisect_left(odd, round(part.end * rate))
        if own := odd[bisect_left(odd, round(part.start * rate)) : end]:
            bad = True
            yield part.id, _of_samples(own, rate)
    if not bad:
        yield "", _of_samples(odd, rate)


def _of_samples(odd: Sequence[int], rate: int) -> str:
    """How many samples are not finite, and where the first is."""
    count = "1 sample is" if len(odd) == 1 else f"{len(odd):,} samples are"
    return f"{count} not finite (NaN or infinite), the first at {odd[0] / rate:.3f} s"


def _judged(r: Recording, sound: Sound, parts: Sequence[Part], limits: Limits) -> Iterator[tuple[str, Fault]]:
    """Utterances that a rule speaks against. `sound`: of the whole recording."""
    for part in parts:
        if part.start == 0 and part.end is None:
            fault = sound.whole(r.frames / r.rate, limits, part.text)
        else:
            try:
                fault = judge(r.part(part.start, part.end), SAMPLE_RATE, limits, part.text)
            except AudioError:
                continue  # past the end, say: reported with the segments
        if fault:
            yield part.id, fault


def decode_each(
    asked: Sequence[Asked], nj: int, allow_pipes: bool = False, limits: Limits | None = None
) -> list[Decoded]:
    """`decode` of every recording, in order, in `nj` processes, with a progress bar.

    Raises UserError if a process was killed.
    """
    return each(partial(decode, allow_pipes=allow_pipes, limits=limits), asked, nj, "decode", "recordings")


def decoded_lengths(
    tables: Tables, allow_pipes: bool, nj: int, rules: Rules | None = None
) -> tuple[dict[str, float], list[Problem]]:
    """Seconds of each recording that decode, whatever tables and headers say, and problems of recordings.

    Every recording is decoded to its end, in `nj` processes; pipes only if they are allowed. What is cut but has all
    its segments is a warning, and so is an utterance that one of the rules speaks against; None: none is judged.
    """
    sources = {rec: source for rec, source in tables[WAV].items() if allow_pipes or not source.endswith("|")}
    to_the_end, parts = _needed_to_the_end(tables), _parts(tables)
    sides = {rec: CHANNEL_OF.get(value.split()[-1], "") for rec, value in tables.get(CHANNELS, {}).items()}
    shared = shared_files(tables)
    lengths: dict[str, float] = {}
    problems: list[Problem] = []
    asked = [Asked(source, sides.get(rec, ""), parts.get(rec, ())) for rec, source in sources.items()]
    results = decode_each(asked, nj, allow_pipes, rules.limits if rules else None)
    for (rec, source), result in zip(sources.items(), results, strict=True):
        if result.seconds is not None and result.reason in ("", "truncated"):
            lengths[rec] = result.seconds
        if result.reason:
            partly = result.reason == "truncated" and result.opened and rec not in to_the_end
            level = "warning" if partly else "error"
            problems.append(of_recording(rec, source, result.reason, result.message, result.remedy, level))
        if result.channels:
            problems += channel_problems(rec, result.channels, result.mix, tables, shared)
        for note in result.notes:
            problems.append(of_recording(rec, source, "header", note, f"{FETCH}, if more should be there", "warning"))
        for id, reason, told in result.lost:
            problems.append(Problem(SEGMENTS, 0, reason, f"{id}: {told}: {rec}", FETCH, id=id))
        for id, told in result.damaged:
            if id:
                problems.append(Problem(SEGMENTS, 0, NON_FINITE[0], f"{id}: {told} of {rec}", NON_FINITE[2], id=id))
            else:
                told = f"{told}, in none of its segments"
                problems.append(of_recording(rec, source, NON_FINITE[0], told, NON_FINITE[2], "warning"))
        for id, fault in result.faults if rules else ():
            problems.append(_of_fault(id, fault, bool(rules and rules.trains), tables))
    return lengths, problems


def _of_fault(id: str, fault: Fault, trains: bool, tables: Tables) -> Problem:
    """What steps that decode the utterance will do with it, as a warning."""
    told = "left out of training" if trains or fault.damage else "kept, with a warning"
    step = "learns or scores transcripts" if fault.reason == PACE else "decodes it"
    remedy = f"mend it, or take its line out; a step that {step}: {told}"
    place = "text" if fault.reason == PACE else SEGMENTS if SEGMENTS in tables else WAV
    return Problem(place, 0, fault.reason, f"{id}: {fault.detail}", remedy, "warning", id=id)


def _parts(tables: Tables) -> dict[str, list[Part]]:
    """The utterances of each recording."""
    texts = tables.get("text", {})
    if SEGMENTS not in tables:
        return {rec: [Part(rec, 0.0, None, texts.get(rec, ""))] for rec in tables[WAV]}
    parts: dict[str, list[Part]] = {}
    for id, text in tables[SEGMENTS].items():
        with contextlib.suppress(ValueError):  # reported with the utterances
            rec, start, end = parse_segment(text)
            parts.setdefault(rec, []).append(Part(id, start, end, texts.get(id, "")))
    return parts


def of_recording(rec: str, source: str, reason: str, message: str, remedy: str, level: str = "error") -> Problem:
    """A problem of the recording at `source`."""
    shown = f"{rec}: {message}" + (f": {source}" if source not in message else "")
    return Problem(WAV, 0, reason, shown, remedy, level, id=rec)


def _needed_to_the_end(tables: Tables) -> set[str]:
    """Recordings with an utterance that has no end of its own."""
    if SEGMENTS not in tables:
        return set(tables[WAV])
    needed = set()
    for text in tables[SEGMENTS].values():
        with contextlib.suppress(ValueError):  # reported with the utterances
            rec, _, end = parse_segment(text)
            needed |= {rec} if end is None else set()
    return needed
