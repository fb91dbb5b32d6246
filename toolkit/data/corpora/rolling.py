"""Rolling captions: a cue repeats the end of the one before and adds to it. Each word is kept once.

As YouTube writes automatic captions, two lines roll: `A`, `A / B`, `B / C`, and between two such cues stands one of 10
ms that holds `B` alone. Others add words to one line: `A`, `A B`, `A B C`. A speaker who says a word again looks the
same, so a file is decided as a whole, by its cues that begin within ADJACENT seconds after the end of the one before,
and say something new, or are as short as FLASH. It rolls if more than MOST of them, and at least LEAST, begin with what
the one before ends with: by whole lines, else by words (at least two different ones). In a file that rolls by lines,
whole lines alone are taken off. After a longer pause, they are if another line follows, and words are not.

Who says a line again and goes on from it (who teaches a verse, a chant) has the time to: unless HASTY of the cues that
repeat something, and at least LEAST, have more than ENOUGH letters per second, the file does not roll.

What is left of a cue keeps the cue's times, but for its end: a cue ends where the next one repeats it. A cue of which
nothing is left only holds what was said before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, pairwise
from typing import Literal

from ...text.invisible import strip_invisible
from .vtt import Cue

ADJACENT = 1.0  # s between two cues; after more, the screen may have been cleared
FLASH = 0.1  # s of a cue; nobody says a line so fast
MOST = 0.5  # share of cues
LEAST = 2  # cues
LONGEST = 100  # words, and lines, that a cue can repeat: no screen holds more
HASTY = 0.25  # share of cues
ENOUGH = 10.0  # letters per second; speech has 10 to 15, and a cue that repeats a line has those of two

Lines = list[list[str]]  # the words of each line of a cue, without characters that nobody sees
Overlap = Callable[[Lines, Lines], int]
Rolling = Literal["auto", "yes", "no"]


@dataclass(frozen=True)
class CuePair:
    """A cue after another: the lines of both, s between them, and s until the next cue or its own end."""

    before: Cue
    lines_before: Lines
    cue: Cue
    lines: Lines
    seconds: float

    @property
    def pause(self) -> float:
        return self.cue.start - self.before.end


@dataclass(frozen=True)
class Unrolled:
    """The cues of a file that say something new, and what was done.

    Attributes:
        held: cues that hold what was said before, and are left out.
        taken: cues that lost their beginning, as they were, and the words that they lost.
        kept: cues that repeat the end of the one before in a file that does not roll, and keep it.
    """

    cues: list[Cue]
    held: list[Cue] = field(default_factory=list)
    taken: list[tuple[Cue, str]] = field(default_factory=list)
    kept: list[Cue] = field(default_factory=list)


def unrolled(cues: Sequence[Cue], rolling: Rolling = "auto") -> Unrolled:
    """The cues of a file, all of which have words, each word once; as they are if the file does not roll.

    Cues without a duration stay as they are. `rolling`: whether the file does; auto: as its cues tell.
    """
    order = sorted((cue for cue in cues if cue.end > cue.start), key=lambda c: (c.start, c.end, c.line))
    ends = [min(cue.end, after.start) if after.start > cue.start else cue.end for cue, after in pairwise(order)]
    ends += [cue.end for cue in order[-1:]]
    timed = [(cue, _lines(cue), end - cue.start) for cue, end in zip(order, ends)]
    pairs = [CuePair(before, lines, *now) for (before, lines, _), now in pairwise(timed)]
    if rolling == "auto":
        adjacent = [pair for pair in pairs if pair.pause <= ADJACENT]
        overlap = next((way for way in (by_lines, by_words) if _rolls(adjacent, way)), None)
    else:
        most = max((by_lines, by_words), key=lambda way: len(_repeating(pairs, way)))
        overlap = most if rolling == "yes" else None
    if overlap is None:
        kept = max((_repeating(pairs, way) for way in (by_lines, by_words)), key=len)
        return Unrolled(list(cues), kept=kept if len(kept) >= LEAST else [])
    return _taken_off(cues, pairs, overlap)


def _taken_off(cues: Sequence[Cue], pairs: Sequence[CuePair], overlap: Overlap) -> Unrolled:
    kept = {id(cue): cue for cue in cues}
    roll = Unrolled([])
    for pair in pairs:
        before, cue = pair.before, pair.cue
        count, words = overlap(pair.lines_before, pair.lines), _words(pair.lines)
        if not count or (pair.pause > ADJACENT and (overlap is by_words or count == len(words))):
            continue
        if before.start < cue.start < before.end and id(before) in kept:
            kept[id(before)] = replace(kept[id(before)], end=cue.start)
        if count < len(words):
            kept[id(cue)] = replace(cue, text=" ".join(words[count:]))
            roll.taken.append((cue, " ".join(words[:count])))
        else:
            roll.held.append(kept.pop(id(cue)))
    return replace(roll, cues=list(kept.values()))


def _lines(cue: Cue) -> Lines:
    lines = (strip_invisible(line).split() for line in cue.text.split("\n"))
    return [words for words in lines if words]


def _words(lines: Lines) -> list[str]:
    return list(chain.from_iterable(lines))


def _rolls(adjacent: Sequence[CuePair], overlap: Overlap) -> bool:
    """True if most cues that tell begin with the end of the one before, and HASTY of these lack the time to say it."""
    telling, repeating = 0, list[CuePair]()
    for pair in adjacent:
        count = overlap(pair.lines_before, pair.lines)
        if count < _length(pair.lines) or pair.cue.end - pair.cue.start <= FLASH:
            telling += 1
            repeating += [pair] if len(set(_words(pair.lines)[:count])) > (overlap is by_words) else []
    hasty = sum(_letters(pair.lines) > ENOUGH * pair.seconds for pair in repeating)
    enough = len(repeating) > MOST * telling and hasty >= HASTY * len(repeating)
    return enough and min(len(repeating), hasty) >= LEAST


def _repeating(pairs: Sequence[CuePair], overlap: Overlap) -> list[Cue]:
    """The cues that begin with the end of the one before, and say something new."""
    counts = [(pair, overlap(pair.lines_before, pair.lines)) for pair in pairs]
    least = 1 if overlap is by_words else 0  # two different words, or a line
    return [p.cue for p, n in counts if n < _length(p.lines) and len(set(_words(p.lines)[:n])) > least]


def _length(lines: Lines) -> int:
    return sum(map(len, lines))


def _letters(lines: Lines) -> int:
    return sum(c.isalnum() for words in lines for word in words for c in word)


def by_lines(before: Lines, now: Lines) -> int:
    """Number of words in the lines that `before` ends with and `now` begins with, as many lines as possible."""
    most = min(len(before), len(now), LONGEST)
    return _length(now[: next((n for n in range(most, 0, -1) if before[-n:] == now[:n]), 0)])


def by_words(before: Lines, now: Lines) -> int:
    """Number of words that `before` ends with and `now` begins with, as many as possible.

    A single word counts only if one of the two is nothing else.
    """
    last, first = _words(before[-LONGEST:])[-LONGEST:], _words(now[:LONGEST])[:LONGEST]
    most = min(len(last), len(first))
    count = next((n for n in range(most, 0, -1) if last[-n:] == first[:n]), 0)
    return count if count > 1 or 1 in (_length(before), _length(now)) else 0
