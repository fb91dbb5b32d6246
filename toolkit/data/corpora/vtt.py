"""Subtitles in WebVTT, and in SRT under its name: cues with their times and text, as they are found in the wild.

Source: W3C, "WebVTT: The Web Video Text Tracks Format", 2019; hours are optional, a cue may have a name and settings.

Half a cue is none: if a line of it cannot be read, or lines without times follow it after an empty line, both are told
and left out. Cues of one text in which a mark of the word that is said moves on (`whisper --highlight_words`) are one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...text.caption_codes import untagged
from ...text.invisible import excerpt
from ..malformed import Malformed
from .sources import SourceError, row_lines

ARROW = "-->"
PART = "part of a cue"  # the reason of half a cue
MOST = 0.5  # share of cues with a number before them, from which on a file numbers its cues
ADJACENT = 1.0  # s between two cues of which the second marks the next word of the same text
_NO_CUE = re.compile(r"(NOTE|STYLE|REGION|WEBVTT)(\s|$)")  # blocks that begin so say nothing
_NAMED_NOTE = re.compile(r"(NOTE|STYLE|REGION)(\s+\d+)?")  # the first line of a cue, if the second has times
_TIME = re.compile(r"(?:(\d{1,6}):)?([0-5]?\d):([0-5]?\d)(?:[.,](\d{1,3}))?", re.ASCII)
_MARKED = re.compile(r"<(u|b|font)\b[^<>]*>[^<>]*</\1>")

Bad = Callable[[SourceError], None]


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands from `start` to `end` seconds, its lines apart by line feeds, as `line` of the file says.

    `odd`: what is to be warned of, if it is not trained on.
    """

    line: int
    start: float
    end: float
    text: str
    odd: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line with its number; what of it can be read, if it is broken."""

    number: int
    text: str
    broken: bool = False


@dataclass(frozen=True, slots=True)
class Timed:
    """A cue, its text with tags, where the mark of a word stands in it (-1: there is none), and why it is not whole."""

    cue: Cue
    raw: str
    marked: int
    fault: str = ""


LOST = object()  # text without times


def read_cues(path: Path, bad: Bad) -> Iterator[Cue]:
    """The cues of a file, in its order, their text without tags and without `N]` at the beginning of a line.

    Args:
        bad: is told of what cannot be read: a line (encoding, line too long), a cue without times (cue), a cue that is
            not whole (PART).

    Raises SourceError: missing, encoding (UTF-16).
    """
    last: Timed | None = None
    for timed in _whole(path, bad):
        if last and _goes_on(last, timed):
            last = replace(timed, cue=replace(last.cue, end=timed.cue.end), marked=max(timed.marked, last.marked))
            continue
        if last:
            yield last.cue
        last = timed
    if last:
        yield last.cue


def _whole(path: Path, bad: Bad) -> Iterator[Timed]:
    """The cues that are whole."""
    last: Timed | None = None  # the next block may show that it is cut
    for lines in _blocks(list(_lines(path, bad))):
        block = _timed(path, lines, bad)
        if block is LOST:
            if last and not last.fault:
                last = replace(last, fault=f"line {lines[0].number} has no times, and may be its rest")
            continue
        if last:
            yield from _if_whole(path, last, bad)
        last = block if isinstance(block, Timed) else None
    if last:
        yield from _if_whole(path, last, bad)


def _if_whole(path: Path, timed: Timed, bad: Bad) -> Iterator[Timed]:
    if timed.fault:
        bad(SourceError(PART, f"{timed.fault}: {excerpt(timed.cue.text)}", f"{path}, line {timed.cue.line}"))
    else:
        yield timed


def _timed(path: Path, lines: Sequence[Line], bad: Bad) -> Timed | object | None:
    """The cue that lines between empty ones are; None for notes, headers, bad times; LOST for lines without times.

    `bad` is told of those that should be a cue and are none.
    """
    first = lines[0]
    times = next((i for i, line in enumerate(lines[:2]) if ARROW in line.text), None)
    if _NO_CUE.match(first.text) and not (times == 1 and _NAMED_NOTE.fullmatch(first.text.strip())):
        return None
    where = f"{path}, line {first.number}"
    if times is None:
        if not first.broken:  # else that is told
            bad(SourceError("cue", f"no times: {first.text[:80]!r}", where))
        return LOST
    line = lines[times]
    if first.text.strip() in ("NOTE", "STYLE", "REGION"):
        bad(SourceError("cue", f"a comment, or a cue of this name: {line.text[:80]!r}", where))
        return None
    try:
        start, end = (seconds_of(word) for word in _ends(line.text))
    except ValueError as e:
        bad(SourceError("cue", str(e), f"{path}, line {line.number}"))
        return None
    raw = "\n".join(line.text for line in lines[times + 1 :])
    broken = next((f"line {line.number} of it cannot be read" for line in lines if line.broken), "")
    return Timed(Cue(line.number, start, end, untagged(raw)), raw, _marked_at(raw), broken)


def _lines(path: Path, bad: Bad) -> Iterator[Line]:
    """The lines of a file, which may end in line feeds, carriage returns or both."""
    number = 0
    for row in row_lines(path):
        if isinstance(row, Malformed):
            number += 1
            bad(SourceError(row.kind, row.why, f"{path}, line {number}", row.remedy))
            yield Line(number, row.text, broken=True)
            continue
        for text in row[1].split("\r"):
            number += 1
            yield Line(number, text)


def _blocks(lines: Sequence[Line]) -> Iterator[list[Line]]:
    """Lines between empty lines. A line of times ends the cue before it, with or without an empty line.

    If the file numbers its cues, a number just before a line of times, also before an empty line, belongs to it.
    """
    numbered = _numbered(lines)
    block: list[Line] = []
    for line in lines:
        head = block[0].text if block else ""
        full = head.startswith("WEBVTT") or (not _NO_CUE.match(head) and any(ARROW in each.text for each in block))
        if ARROW in line.text and full:
            name = [block.pop()] if numbered and _is_number(block[-1].text) else []
            yield block
            block = name
        elif not line.text and block and not (numbered and len(block) == 1 and _is_number(head)):
            yield block
            block = []
        if line.text:
            block.append(line)
    if block:
        yield block


def _numbered(lines: Sequence[Line]) -> bool:
    """True if the first line of times, and most of all, have a number before them."""
    texts = [line.text for line in lines if line.text]
    before = [_is_number(above) for above, text in zip(["", *texts], texts) if ARROW in text]
    return bool(before) and before[0] and sum(before) > MOST * len(before)


def _is_number(text: str) -> bool:
    return len(text) < 10 and text.strip().isdecimal()


def _marked_at(raw: str) -> int:
    """Where the tag of a single word begins in a text; -1 if there is none, or it is around all."""
    match = _MARKED.search(raw)
    if not match or not untagged(raw[: match.start()] + raw[match.end() :]):
        return -1
    return match.start()


def _goes_on(last: Timed, timed: Timed) -> bool:
    """True if a cue is the one before once more, with the next word marked or none."""
    if timed.cue.text != last.cue.text or timed.raw == last.raw:
        return False
    onward = timed.marked > last.marked if timed.marked >= 0 else last.marked >= 0
    return onward and 0 <= timed.cue.start - last.cue.end <= ADJACENT


def _ends(line: str) -> Sequence[str]:
    """Both times of `00:01.000 --> 00:02.500 align:start`. Raises ValueError."""
    start, _, rest = line.partition(ARROW)
    words = [*start.split()[-1:], *rest.split()[:1]]
    if len(words) != 2:
        raise ValueError(f"no times: {line[:80]!r}")
    return words


def seconds_of(time: str) -> float:
    """`1:02:03.500`, `02:03.500` or `02:03,500` -> seconds. Raises ValueError."""
    match = _TIME.fullmatch(time.strip())
    if not match:
        raise ValueError(f"no time: {time[:40]!r}")
    hours, minutes, seconds, part = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + int(seconds) + int((part or "0").ljust(3, "0")) / 1000
