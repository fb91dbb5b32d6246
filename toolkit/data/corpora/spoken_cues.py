"""The cues of a recording that are said, each word once: of MASC's subtitles and timed tables.

Cues without speech (sounds, songs, codes: text/captions.py), cues that leave out what nobody understood
(text/unheard.py) and cues of which nobody can tell whether words in brackets are said are rows of the ledger; of the
latter two those of dev and test stay as they are, and are warned of.
Rolling captions give each word once (rolling.py). A cue written twice, with the same times and text, is one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ...core.step import Step
from ...text.captions import described, in_doubt, in_round, speech_of, sung, why_silent
from ...text.invisible import excerpt
from .rolling import Rolling, Unrolled, unrolled
from .segments import CorpusSegment, Drop
from .vtt import Cue

TWICE, ROLLING, KEPT = "caption twice", "rolling captions", "repeated words kept"  # of rows that are no lost utterance
LINES = "line in brackets"
NO_LOSS = frozenset([TWICE, ROLLING, KEPT, LINES])


def spoken_cues(
    name: str, cues: Sequence[Cue], id_of: Callable[[Cue], str], trained_on: bool, rolling: Rolling
) -> Iterator[Cue | Drop]:
    """The cues that are said; a Drop for each that is not, and one for each kind of change to all of a file.

    Args:
        name: of the recording, for rows about all its cues; id_of: the id of a cue in a row.
        trained_on: False: a cue that is in doubt stays.
        rolling: whether each cue repeats the end of the one before, as `unrolled` has it.
    """
    once: dict[tuple[float, float, str], Cue] = {}
    twice = [cue for cue in cues if once.setdefault((cue.start, cue.end, cue.text), cue) is not cue]
    if twice:
        yield _row(name, TWICE, twice, "are written twice, each is one")
    if lines := [cue for cue in once.values() if described(cue.text)]:
        yield _row(name, LINES, lines, "lose a whole line in brackets", excerpt(described(lines[0].text)))
    spoken: list[Cue] = []
    for item in _with_words(list(once.values()), id_of):
        if isinstance(item, Cue):
            spoken.append(item)
        else:
            yield item
    roll = unrolled(spoken, rolling)
    yield from _about(name, roll)
    taken = {cue.line: words for cue, words in roll.taken}
    for cue in roll.cues:
        (reason, mark), words = in_doubt(cue.text), taken.get(cue.line)
        if mark and trained_on:
            yield Drop(id_of(cue), reason, f"line {cue.line}: {excerpt(cue.text)}")
            continue
        odd = [f"{reason}: {excerpt(mark)}"] if mark else []
        odd += [f"words that the caption before ends with are taken off: {excerpt(words)}"] if words else []
        yield replace(cue, odd="; ".join(odd))


def _with_words(cues: Sequence[Cue], id_of: Callable[[Cue], str]) -> Iterator[Cue | Drop]:
    songs = sung([cue.text for cue in cues])
    for i, cue in enumerate(cues):
        if words := "" if i in songs else speech_of(cue.text):
            yield replace(cue, text=words)
        elif cue.text.strip():
            yield Drop(id_of(cue), why_silent(cue.text), f"line {cue.line}: {excerpt(cue.text)}")
        else:
            yield Drop(id_of(cue), "cue without text", f"line {cue.line}")


def _about(name: str, roll: Unrolled) -> Iterator[Drop]:
    """A row for a file that rolls, and one for another whose cues look so here and there."""
    if roll.taken:
        cues, words = [cue for cue, _ in roll.taken], excerpt(roll.taken[0][1])
        held = f"; {len(roll.held):,} more hold what is said before, and are left out" if roll.held else ""
        yield _row(name, ROLLING, cues, f"repeat the end of the one before, which is taken off{held}", words)
    elif roll.held:
        yield _row(name, ROLLING, roll.held, "hold what is said before, and are left out")
    if roll.kept:
        yield _row(name, KEPT, roll.kept, "repeat the end of the one before; --rolling yes takes it off")


def _row(name: str, reason: str, cues: Sequence[Cue], text: str, words: str = "") -> Drop:
    first = f"line {cues[0].line}: {words or excerpt(cues[0].text)}"
    return Drop(name, reason, f"{len(cues):,} cues {text}; first: {first}")


def overlapping(cues: Sequence[Cue], tolerance: float) -> set[Cue]:
    """Cues that reach more than `tolerance` seconds into another one."""
    overlaps: set[Cue] = set()
    last: Cue | None = None  # the one that ends last of those before
    for cue in sorted((c for c in cues if c.end > c.start), key=lambda c: (c.start, c.end, c.line)):
        if last and min(last.end, cue.end) - cue.start > tolerance:
            overlaps |= {last, cue}
        if last is None or cue.end > last.end:
            last = cue
    return overlaps


def tell_asides(step: Step[Any], segments: Sequence[CorpusSegment]) -> None:
    """Print and count the utterances in round brackets as a whole, which may be descriptions."""
    if aside := [s for s in segments if in_round(s.text or "")]:
        step.counts["in_round_brackets"] = len(aside)
        first = f"{aside[0].original}: {excerpt(aside[0].text or '')}"
        print(
            f"WARNING: {len(aside):,} captions in round brackets stay: a verse, an aside, a description? First: {first}"
        )
