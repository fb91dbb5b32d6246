"""Recordings decoded to their ends: what a header promises is no proof."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..core.each import each
from .audio import NON_FINITE, AudioError, open_recording
from .decoder import FETCH
from .kaldi import SEGMENTS, WAV, Tables, parse_segment
from .tables import Problem


@dataclass(frozen=True)
class Decoded:
    """What decodes of a recording.

    Attributes:
        seconds: from its beginning; 0 if nothing does.
        reason, message, remedy: why it is no whole recording, as in AudioError; empty if it is one.
        notes: oddities that do no harm.
    """

    seconds: float
    reason: str = ""
    message: str = ""
    remedy: str = ""
    notes: tuple[str, ...] = ()


def decode(source: str, allow_pipes: bool = False) -> Decoded:
    """Decode all of a recording, a block in memory at a time. Never raises for a bad recording."""
    seconds = 0.0
    notes: tuple[str, ...] = ()
    try:
        with open_recording(source, allow_pipes) as r:
            notes = r.notes
            for wave_N in r.blocks():
                if not np.isfinite(wave_N).all():
                    return Decoded(seconds, *NON_FINITE, notes)
                seconds += len(wave_N) / r.rate
            seconds = r.frames / r.rate
            return Decoded(seconds, "truncated", r.lacks, FETCH, notes) if r.lacks else Decoded(seconds, notes=notes)
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
