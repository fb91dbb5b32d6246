"""Rolling captions: a cue repeats the end of the one before and adds to it. Each word is kept once.

As YouTube writes automatic captions, two lines roll: `A`, `A / B`, `B / C`, and between two such cues stands one of 10
ms that holds `B` alone. Others add words to one line: `A`, `A B`, `A B C`. A speaker who says a word again looks the
same, so a file is decided as a whole, by its cues that begin within ADJACENT seconds after the end of the one before,
and say something new, or are as short as FLASH. It rolls if more than MOST of them, and at least LEAST, begin with what
the one before ends with: by whole lines, else by words (at least two different ones). In a file that rolls by lines,
whole lines alone are taken off. After a longer pause, they are if another line follows, and words are not.

What is left of a cue keeps the cue's times, but for its end: a cue ends where the next one repeats it. A cue of which
nothing is left only holds what was said before.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain, pairwise

from ...text.invisible import strip_invisible
from .vtt import Cue

ADJACENT = 1.0  # s between two cues; after more, the screen may have been cleared
FLASH = 0.1  # s of a cue; nobody says a line so fast
MOST = 0.5  # share of cues
LEAST = 2  # cues
LONGEST = 100  # words, and lines, that a cue can repeat: no screen holds more

Lines = list[list[str]]  # the words of each line of a cue, without characters that nobody sees
Overlap = Callable[[Lines, Lines], int]


@dataclass(frozen=True)
class Unrolled:
    """The cues of a file that say something new; those that hold what was said before; how many repeat something."""

    cues: list[Cue]
    held: list[Cue]
    repeating: int


def unrolled(cues: Sequence[Cue]) -> Unrolled:
    """The cues of a file, all of which have words, each word once; as they are if the file does not roll.

    Cues without a duration stay as they are.
    """
    order = sorted((cue for cue in cues if cue.end > cue.start), key=lambda c: (c.start, c.end, c.line))
    pairs = list(pairwise((cue, _lines(cue)) for cue in order))
    adjacent = [(before[1], *now) for before, now in pairs if now[0].start - before[0].end <= ADJACENT]
    overlap = next((way for way in (by_lines, by_words) if _rolls(adjacent, way)), None)
    if overlap is None:
        return Unrolled(list(cues), [], 0)
    kept = {id(cue): cue for cue in cues}
    held: list[Cue] = []
    repeating = 0
    for (before, lines_before), (cue, lines) in pairs:
        count, words = overlap(lines_before, lines), _words(lines)
        after_pause = cue.start - before.end > ADJACENT
        if not count or (after_pause and (overlap is by_words or count == len(words))):
            continue
        repeating += 1
        if before.start < cue.start < before.end and id(before) in kept:
            kept[id(before)] = replace(kept[id(before)], end=cue.start)
        if count < len(words):
            kept[id(cue)] = replace(cue, text=" ".join(words[count:]))
        else:
            held.append(kept.pop(id(cue)))
    return Unrolled(list(kept.values()), held, repeating)


def _lines(cue: Cue) -> Lines:
    lines = (strip_invisible(line).split() for line in cue.text.split("\n"))
    return [words for words in lines if words]


def _words(lines: Lines) -> list[str]:
    return list(chain.from_iterable(lines))


def _rolls(adjacent: Sequence[tuple[Lines, Cue, Lines]], overlap: Overlap) -> bool:
    """True if most cues that tell begin with the end of the one before. `adjacent`: its lines, a cue, and its lines."""
    repeated: list[list[str]] = []
    for before, cue, lines in adjacent:
        count = overlap(before, lines)
        if count < _length(lines) or cue.end - cue.start <= FLASH:
            repeated.append(_words(lines)[:count])
    rolling = sum(len(set(words)) > (overlap is by_words) for words in repeated)
    return rolling >= LEAST and rolling > MOST * len(repeated)


def _length(lines: Lines) -> int:
    return sum(map(len, lines))


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
