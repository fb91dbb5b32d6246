"""Every utterance of a corpus, held against the recording it is cut from: the part of the work that is sharded."""

from __future__ import annotations

import gc
import json
import math
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from ...core.shards import run_shards, split
from ...core.step import Step
from ..audio import AudioError, audio_info
from ..checks import RESERVED_WORDS
from ..tables import LONGEST_LINE, one_line
from .segments import CorpusSegment, Drop, Take, drop, trains
from .sources import SourceError, check_inside

PAST_END = 0.5  # s: a segment that ends so much past its recording is cut to it, as Kaldi does; more, and it is dropped
ROWS = 1000  # of a line in a shard: as many lists as one call of json turns into text
_OF_SEGMENT = attrgetter(*(f.name for f in fields(CorpusSegment)))
_OF_DROP = attrgetter(*(f.name for f in fields(Drop)))
COLUMNS_OF_DROP = len(fields(Drop))  # by which its row is told from a segment's
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NONE_MORE: dict[str, str] = {}  # of all segments without further tables: an empty dict each would be 64 bytes
T = TypeVar("T")


def gather(
    step: Step[Any],
    corpus: Path,
    items: Sequence[T],
    costs: Sequence[float],
    read: Callable[[T], Iterable[CorpusSegment | Drop]],
    unit: str = "files",
) -> list[CorpusSegment]:
    """Every utterance of `items` (files or rows of the corpus), in order, each held against its recording's header.

    The work is sharded: `read` runs in several processes. What cannot be used goes to the ledger, and a file for
    which `read` raises SourceError is a row of it too.

    Args:
        costs: of each item, in `unit`, for shards of equal work and the progress bar.

    Raises UserError if the step's config has no section `take`.
    """
    take: Take = step.config.take
    total = sum(costs) or 1.0
    shards = split([max(cost, 1e-9) / total * 3600 * min(len(items), 64) for cost in costs])

    def work(k: int, path: Path) -> None:
        headers = Headers(corpus, step.out, take)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            for i in shards[k]:
                rows = map(headers.row, _read(read, items[i]))
                while some := list(islice(rows, ROWS)):
                    f.write(_JSON(some) + "\n")

    paths = run_shards(step, [sum(costs[i] for i in s) for s in shards], work, unit, ".jsonl")
    gc.disable()  # else Python looks through all segments for garbage, again and again
    try:
        return list(_kept(step, paths))
    finally:
        gc.enable()
        gc.freeze()


def _kept(step: Step[Any], paths: Sequence[Path]) -> Iterator[CorpusSegment]:
    """Segments of the shards, in order; drops go to the ledger."""
    for path in paths:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                for row in json.loads(line):
                    if len(row) == COLUMNS_OF_DROP:
                        drop(step, *row)
                    else:
                        yield _shared(CorpusSegment(*row))


def _read(read: Callable[[T], Iterable[CorpusSegment | Drop]], item: T) -> Iterator[CorpusSegment | Drop]:
    try:
        yield from read(item)
    except SourceError as e:
        yield Drop(e.where or str(item), e.reason, e.what)


def _shared(s: CorpusSegment) -> CorpusSegment:
    """The segment, with words that many have held in memory once."""
    for name in ("set", "audio", "speaker", "programme", "dialect", "gender", "emotion"):
        setattr(s, name, sys.intern(getattr(s, name)))
    s.more = s.more or _NONE_MORE
    return s


class Headers:
    """Recordings of one shard, each opened once."""

    def __init__(self, corpus: Path, out: Path, take: Take) -> None:
        self.corpus, self.out, self.take = corpus, out, take
        self.last: tuple[str, float, Drop | None] = ("", 0.0, None)

    def row(self, found: CorpusSegment | Drop) -> tuple[Any, ...]:
        """What a shard keeps of it: the columns of a segment that can be used, else those of a drop."""
        held = self.held(found) if isinstance(found, CorpusSegment) else found
        return _OF_SEGMENT(held) if isinstance(held, CorpusSegment) else _OF_DROP(held)

    def held(self, s: CorpusSegment) -> CorpusSegment | Drop:
        """The segment with its times, or why it cannot be used."""
        take = self.take
        seconds, bad = self._seconds(s.audio)
        if bad:
            return Drop(s.original, bad.reason, bad.detail)
        if not (math.isfinite(s.start) and s.start >= 0 and (s.end is None or math.isfinite(s.end))):
            return Drop(s.original, "bad times", f"{s.start} to {s.end} s")
        end = seconds if s.end is None else s.end
        if s.start >= seconds or end > seconds + PAST_END:
            return Drop(s.original, "past end", f"{s.start:.2f} to {end:.2f} s of {s.audio}, which has {seconds:.2f} s")
        start, end = round(s.start, 4), min(round(end, 4), math.floor(seconds * 1e4) / 1e4)  # as tables have them
        if end <= start:
            return Drop(s.original, "no duration", f"{s.start} to {s.end or seconds} s")
        s.seconds, s.recording_seconds = round((seconds if s.end is None else end) - start, 4), seconds
        s.start, s.end = start, None if s.end is None else end
        if trains(s.set) and s.seconds < take.min_seconds:
            return Drop(s.original, "too short", f"{s.seconds} s")
        if trains(s.set) and take.max_seconds and s.seconds > take.max_seconds:
            return Drop(s.original, "too long", f"{s.seconds} s")
        if s.text is not None:
            s.text = one_line(s.text)
            if len(s.text) > LONGEST_LINE // 4:  # of UTF-8
                return Drop(s.original, "line too long", f"a transcript of {len(s.text):,} characters")
            if any(word in RESERVED_WORDS for word in s.text.split()):
                return Drop(s.original, "reserved word", f"{' '.join(RESERVED_WORDS)} are Kaldi's own: {s.text}")
        return s

    def _seconds(self, audio: str) -> tuple[float, Drop | None]:
        if self.last[0] != audio:
            self.last = (audio, *self._open(audio))
        return self.last[1:]

    def _open(self, audio: str) -> tuple[float, Drop | None]:
        try:
            path = path_of(self.corpus, self.out, audio, self.take.follow_links)
            return audio_info(path).seconds, None
        except SourceError as e:
            return 0.0, Drop(audio, e.reason, e.what)
        except AudioError as e:
            return 0.0, Drop(audio, e.reason, f"{e.what}: {audio}")


def path_of(corpus: Path, out: Path, audio: str, follow_links: bool = True) -> str:
    """Where a recording is: in the corpus, or, if it is not there, where the step itself has made it.

    Raises SourceError if a name leads out of the two.
    """
    made = Path(audio).is_relative_to(out) and ".." not in Path(audio).parts
    if made and not os.path.isabs(audio) and os.path.lexists(corpus / audio):
        made = False
    folder, rel = (out, os.path.relpath(audio, out)) if made else (corpus, audio)
    check_inside(folder, rel, follow_links)
    return f"{folder}/{rel}"
