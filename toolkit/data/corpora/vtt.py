"""Subtitles in WebVTT: cues with their times and text, as they are found in the wild.

Source: W3C, "WebVTT: The Web Video Text Tracks Format", 2019; hours are optional, a cue may have a name and settings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...text.captions import untagged
from .sources import SourceError, text_lines

ARROW = "-->"
_NO_CUE = re.compile(r"(NOTE|STYLE|REGION|WEBVTT)(\s|$)")  # blocks that begin so say nothing
_TIME = re.compile(r"(?:(\d{1,6}):)?([0-5]?\d):([0-5]?\d)(?:[.,](\d{1,3}))?", re.ASCII)

Numbered = tuple[int, str]


@dataclass(frozen=True, slots=True)
class Cue:
    """What stands from `start` to `end` seconds, its lines apart by line feeds, as `line` of the file says."""

    line: int
    start: float
    end: float
    text: str


def read_cues(path: Path, bad: Callable[[SourceError], None]) -> Iterator[Cue]:
    """The cues of a file, in its order, their text without tags and without `N]` at the beginning of a line.

    Args:
        bad: is told of what cannot be read: a line (encoding, line too long), a cue without times (cue).

    Raises SourceError: missing, encoding (UTF-16).
    """
    for block in _blocks(path, bad):
        line, first = block[0]
        if _NO_CUE.match(first):
            continue
        at = next((i for i, (_, text) in enumerate(block[:2]) if ARROW in text), None)
        if at is None:
            bad(SourceError("cue", f"no times: {first[:80]!r}", f"{path}, line {line}"))
            continue
        line, times = block[at]
        try:
            start, end = (seconds_of(word) for word in _ends(times))
        except ValueError as e:
            bad(SourceError("cue", str(e), f"{path}, line {line}"))
            continue
        yield Cue(line, start, end, "\n".join(untagged(text) for _, text in block[at + 1 :]).strip())


def _blocks(path: Path, bad: Callable[[SourceError], None]) -> Iterator[list[Numbered]]:
    """Lines between empty lines. A line of times ends the cue before it, with or without an empty line."""
    block: list[Numbered] = []
    for number, line in text_lines(path, bad):
        head = block[0][1] if block else ""
        full = head.startswith("WEBVTT") or (not _NO_CUE.match(head) and any(ARROW in text for _, text in block))
        begins = ARROW in line and full
        if (not line or begins) and block:
            yield block
            block = []
        if line:
            block.append((number, line))
    if block:
        yield block


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
