"""Utterances put into windows in the order of speech: times in ticks of 0.02 s, labels in tokens."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from ..data.kaldi import SEGMENTS, DataDir, Utterance, parse_segment
from ..models.vocabulary import TICK
from .windows import Piece, Window, WindowSegment

FRAME = 4  # tokens around the segments of a window: start of transcript, language, task, and the end
MARKS = 2  # timestamps around a segment
FUZZ = 1e-6  # s: 93.1 - 63.1 is a little more than 30 s in floats


@dataclass(frozen=True)
class Take:
    """An utterance ready to be put into a window; its times are in ticks of 0.02 s from its own beginning."""

    id: str
    seconds: float
    ticks: int
    segments: tuple[tuple[int, int, tuple[int, ...]], ...]

    @property
    def tokens(self) -> int:
        """Number of tokens that it adds to a label, timestamps included."""
        return sum(len(tokens) + MARKS for _, _, tokens in self.segments)


def ticks_of(seconds: float) -> int:
    """The smallest number of ticks that holds `seconds`."""
    return max(1, math.ceil((seconds - FUZZ) / TICK))


def on_grid(segments: Iterable[tuple[float, float, str]], ticks: int) -> list[tuple[int, int, str]]:
    """Segments at the nearest ticks within an utterance of `ticks`; each has at least one; they do not overlap.

    If there are more segments than ticks, the last ones become one, so no text is lost.
    """
    written = [(start, end, text) for start, end, text in segments if text.strip()]
    if len(written) > ticks:
        rest = written[ticks - 1 :]
        written = [*written[: ticks - 1], (rest[0][0], rest[-1][1], " ".join(text for _, _, text in rest))]
    placed: list[tuple[int, int, str]] = []
    at = 0
    for left, (start, end, text) in zip(range(len(written) - 1, -1, -1), written):  # each segment after it needs a tick
        begin = min(max(round(start / TICK), at), ticks - left - 1)
        at = min(max(round(end / TICK), begin + 1), ticks - left)
        placed.append((begin, at, text))
    return placed


def next_fit(takes: Iterable[Take], room: int, gap: int, max_tokens: int) -> Iterator[list[tuple[int, Take]]]:
    """(start, utterance) of each window, times in ticks; a window is closed when the next one does not fit.

    Args:
        takes: each fits into a window of its own.
        room: ticks of a window with several utterances; a longer utterance gets a window alone.
        gap: ticks between two utterances.
    """
    window: list[tuple[int, Take]] = []
    tokens = FRAME
    for take in takes:
        start = window[-1][0] + window[-1][1].ticks + gap if window else 0
        if window and (start + take.ticks > room or tokens + take.tokens > max_tokens):
            yield window
            window, tokens, start = [], FRAME, 0
        window.append((start, take))
        tokens += take.tokens
    if window:
        yield window


def windows_of(
    speaker: str, language: str, takes: Iterable[Take], room: int, gap: int, max_tokens: int
) -> Iterator[Window]:
    """Windows of one speaker in one language, each naming the one before it; see next_fit."""
    previous = None
    for placed in next_fit(takes, room, gap, max_tokens):
        start, last = placed[-1]
        seconds = round(start * TICK + last.seconds, 4)
        pieces = tuple(_piece(start, take) for start, take in placed)
        yield Window(pieces[0].id, speaker, seconds, previous, language, pieces)
        previous = pieces[0].id


def _piece(at: int, take: Take) -> Piece:
    segments = tuple(WindowSegment(_time(at + start), _time(at + end), tokens) for start, end, tokens in take.segments)
    return Piece(take.id, _time(at), round(take.seconds, 4), segments)


def _time(tick: int) -> float:
    return round(tick * TICK, 2)


def in_order(data: DataDir) -> list[Utterance]:
    """Utterances by speaker; within one by recording and time if the data has segments, else by id."""
    segments = data.tables.get(SEGMENTS)

    def key(u: Utterance) -> tuple[str, str, float, str]:
        return (u.speaker, parse_segment(segments[u.id])[0] if segments else "", u.start if segments else 0.0, u.id)

    return sorted(data.utterances, key=key)
