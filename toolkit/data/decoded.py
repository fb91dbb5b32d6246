"""Recordings decoded to their ends: what a header promises is no proof."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.each import each
from .audio import NON_FINITE, AudioError, open_recording
from .channel_checks import channel_problems
from .channels import MONO, Comparison, Mix
from .decoder import FETCH
from .kaldi import SEGMENTS, WAV, Tables, parse_segment
from .tables import CHANNELS, Problem


@dataclass(frozen=True)
class Decoded:
    """What decodes of a recording.

    Attributes:
        seconds: from its beginning; 0 if nothing does.
        reason, message, remedy: why it is no whole recording, as in AudioError; empty if it is one.
        notes: oddities that do no harm.
        channels, mix: how many it has, and what should be read of them; 0 if it is no whole recording.
    """

    seconds: float
    reason: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()
    channels: int = 0
    mix: Mix = MONO


def decode(source: str, allow_pipes: bool = False) -> Decoded:
    """Decode all of a recording, a block in memory at a time. Never raises for a bad recording."""
    seconds = 0.0
    notes: tuple[str, ...] = ()
    try:
        with open_recording(source, allow_pipes) as r:
            notes = r.notes
            comparison = Comparison(r.channels, r.rate)
            for block_NC in r.blocks_of_channels():
                if not np.isfinite(block_NC).all():
                    return Decoded(seconds, *NON_FINITE, notes)
                comparison.hear(block_NC)
                seconds += len(block_NC) / r.rate
            seconds = r.frames / r.rate
            if r.lacks:
                return Decoded(seconds, "truncated", r.lacks, FETCH, notes)
            return Decoded(seconds, notes=notes, channels=r.channels, mix=comparison.mix())
    except AudioError as e:
        return Decoded(seconds, e.reason, e.what, e.remedy, notes)


def decode_each(sources: Sequence[str], nj: int, allow_pipes: bool = False) -> list[Decoded]:
    """`decode` of every recording, in order, in `nj` processes, with a progress bar.

    Raises UserError if a process was killed.
    """
    return each(partial(decode, allow_pipes=allow_pipes), sources, nj, "decode", "recordings")


def decoded_lengths(tables: Tables, allow_pipes: bool, nj: int) -> tuple[dict[str, float], list[Problem]]:
    """Seconds of each recording that decode, whatever tables and headers say, and problems of recordings.

    Every recording is decoded to its end, in `nj` processes; pipes only if they are allowed. What is cut but has all
    its segments is a warning.
    """
    sources = {rec: source for rec, source in tables[WAV].items() if allow_pipes or not source.endswith("|")}
    to_the_end = _needed_to_the_end(tables)
    lengths: dict[str, float] = {}
    problems: list[Problem] = []
    for (rec, source), result in zip(sources.items(), decode_each(list(sources.values()), nj, allow_pipes)):
        if not result.reason or result.reason == "truncated":
            lengths[rec] = result.seconds
        if result.reason:
            level = "warning" if result.reason == "truncated" and rec not in to_the_end else "error"
            problems.append(of_recording(rec, source, result.reason, result.message, result.remedy, level))
        if result.channels:
            problems += channel_problems(rec, result.channels, result.mix, tables.get(CHANNELS, {}))
        for note in result.notes:
            problems.append(of_recording(rec, source, "header", note, "write it again with a right header", "warning"))
    return lengths, problems


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
