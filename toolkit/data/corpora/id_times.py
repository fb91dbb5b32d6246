"""Ids that say where an utterance is: recording, start and end; and whether the columns beside an id say the same.

  MGB-2, QASR    {GUID}_spk-0001_seg-0000000:0000123      hundredths of a second
  MGB-3, MGB-5   comedy_75_first_12min_0.000_8.190        seconds
  ADI-17         2XwBQJ7eHKs_055962-056391                hundredths of a second

A table of which one column was sorted or shifted without the others gives every utterance the audio of another one.
"""

from __future__ import annotations

import re
from collections.abc import Container
from dataclasses import dataclass
from pathlib import PurePath

NEAR = 0.05  # s; ids are cut or rounded to hundredths, and ADI-17's segments end up to 0.02 s later than their ids say
SORTED = "was one column sorted or shifted without the others? get the file anew"
_OFFICIAL = re.compile(r"(.+?)_(spk-\w+)_seg-(\d{1,12})[:-](\d{1,12})")
_SECONDS = re.compile(r"(.+)_(\d{1,7}\.\d{1,6})_(\d{1,7}\.\d{1,6})")
_HUNDREDTHS = re.compile(r"(.+)_(\d{6,12})-(\d{6,12})")  # a YouTube id of 11 characters cannot end so
_GUID = re.compile(r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Span:
    """Place of an utterance: `start` to `end` seconds of a recording, named as in the table."""

    recording: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Official:
    """Parts of an id `{GUID}_spk-0001_seg-0000000:0000123`; times in seconds."""

    recording: str
    speaker: str
    start: float
    end: float


def official(id: str) -> Official | None:
    """The parts of an official id of MGB-2 or QASR, whose speaker is its first two fields; None for another id."""
    match = _OFFICIAL.fullmatch(id)
    if not match:
        return None
    recording, speaker, start, end = match.groups()
    return Official(recording, f"{recording}_{speaker}", int(start) / 100, int(end) / 100)


def in_hundredths(id: str) -> Span | None:
    """YouTube id, begin and end of `2XwBQJ7eHKs_055962-056391`; None if it is not such an id."""
    match = _HUNDREDTHS.fullmatch(id)
    return Span(match[1], int(match[2]) / 100, int(match[3]) / 100) if match else None


def span_of(id: str) -> Span | None:
    """The place that an id says, in one of the three forms; None if it says none."""
    if parts := official(id):
        return Span(parts.recording, parts.start, parts.end)
    if match := _SECONDS.fullmatch(id):
        return Span(match[1], float(match[2]), float(match[3]))
    return in_hundredths(id)


def same_name(name: str) -> str:
    """A recording's name as two spellings of it are compared: MGB-2 writes `_` and `-` for one another."""
    return name.replace("_", "-").casefold()


def contradiction(id: str, span: Span, recordings: Container[str]) -> str:
    """What the id says of the utterance's place, if the columns beside it say something else; "" if they do not.

    Args:
        recordings: `same_name` of those of the table. A name in an id that is none of them is another way to write it.
    """
    of_id = span_of(id)
    if of_id is None:
        return ""
    name = same_name(of_id.recording)
    if name != same_name(span.recording) and name in recordings:
        return f"its id is of {of_id.recording}, its recording is {span.recording}"
    if max(abs(of_id.start - span.start), abs(of_id.end - span.end)) > NEAR:
        return f"its id says {of_id.start:g} to {of_id.end:g} s, its times are {span.start:g} to {span.end:g} s"
    return ""


def other_recording(name: str, of: str) -> str:
    """The recording that `name` (a file, or an id that begins with a recording) means, if it is another one than `of`.

    Only GUIDs are compared, and only with a GUID; "" if there is nothing to compare or it is the same.
    """
    stem = PurePath(name.replace("\\", "/")).stem if "." in name else name
    match, wanted = _GUID.match(stem.replace("_", "-")), _GUID.fullmatch(of.replace("_", "-"))
    if not match or not wanted or same_name(match[0]) == same_name(of):
        return ""
    return match[0]
