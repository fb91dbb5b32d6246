"""Check every utterance of a corpus against the recording that it is cut from; this work is sharded."""

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
from ..audio import OVERSHOOT, AudioError, audio_info
from ..checks import RESERVED_WORDS
from ..tables import LONGEST_LINE, one_line
from .segments import CorpusSegment, Drop, Take, drop, trains
from .sources import SourceError, check_inside

PAST_END = 0.5  # s: a segment that ends past its recording by at most this is cut, as in Kaldi; by more, it is dropped
ROWS = 1000  # rows per line of a shard, i.e. per call of json
_OF_SEGMENT = attrgetter(*(f.name for f in fields(CorpusSegment)))
_OF_DROP = attrgetter(*(f.name for f in fields(Drop)))
COLUMNS_OF_DROP = len(fields(Drop))  # tells its row from a segment's
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NONE_MORE: dict[str, str] = {}  # shared by all segments without further tables: saves 64 bytes for each
T = TypeVar("T")


def gather(
    step: Step[Any],
    corpus: Path,
    items: Sequence[T],
    costs: Sequence[float],
    read: Callable[[T], Iterable[CorpusSegment | Drop]],
    unit: str = "files",
    also: Sequence[Path] = (),
) -> list[CorpusSegment]:
    """Every utterance of `items` (files or rows of the corpus), in order, checked against its recording's length.

    The work is sharded: `read` runs in several processes. Utterances that cannot be used, and files for which
    `read` raises SourceError, go to the ledger.

    Args:
        costs: cost of each item, in `unit`, for shards of equal work and the progress bar.
        also: further folders of the corpus; a recording in one of them is named with its folder.

    Raises UserError if the step's config has no section `take`.
    """
    take: Take = step.config.take
    total = sum(costs) or 1.0
    shards = split([max(cost, 1e-9) / total * 3600 * min(len(items), 64) for cost in costs])

    def work(k: int, path: Path) -> None:
        headers = Headers(corpus, step.out, take, also)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            for i in shards[k]:
                rows = map(headers.row, _read(read, items[i]))
                while batch := list(islice(rows, ROWS)):
                    f.write(_JSON(batch) + "\n")

    paths = run_shards(step, [sum(costs[i] for i in s) for s in shards], work, unit, ".jsonl")
    gc.disable()  # else Python's garbage collector scans all segments again and again
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
    """The segment, with common values in memory only once."""
    for name in ("set", "audio", "speaker", "programme", "dialect", "gender", "emotion"):
        setattr(s, name, sys.intern(getattr(s, name)))
    s.more = s.more or _NONE_MORE
    return s


class Headers:
    """Recordings of one shard, each opened once."""

    def __init__(self, corpus: Path, out: Path, take: Take, also: Sequence[Path] = ()) -> None:
        self.corpus, self.out, self.take, self.also = corpus, out, take, also
        self.last: tuple[str, float, str, Drop | None] = ("", 0.0, "", None)

    def row(self, item: CorpusSegment | Drop) -> tuple[Any, ...]:
        """The row in a shard: the columns of a usable segment, else those of a drop."""
        held = self.held(item) if isinstance(item, CorpusSegment) else item
        return _OF_SEGMENT(held) if isinstance(held, CorpusSegment) else _OF_DROP(held)

    def held(self, s: CorpusSegment) -> CorpusSegment | Drop:
        """The segment with its times, or a Drop with the reason."""
        take = self.take
        seconds, lacks, bad = self._seconds(s.audio)
        if bad:
            return Drop(s.original, bad.reason, bad.detail)
        if lacks and (s.end is None or s.end > seconds + OVERSHOOT):
            return Drop(s.original, "truncated", f"{lacks}: {s.audio}")
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

    def _seconds(self, audio: str) -> tuple[float, str, Drop | None]:
        """Seconds of a recording, why its end is missing (empty if it is not), and why it cannot be used at all."""
        if self.last[0] != audio:
            self.last = (audio, *self._open(audio))
        return self.last[1:]

    def _open(self, audio: str) -> tuple[float, str, Drop | None]:
        try:
            path = path_of(self.corpus, self.out, audio, self.take.follow_links, self.also)
            info = audio_info(path, whole=False)
            return info.seconds, info.lacks, None
        except SourceError as e:
            return 0.0, "", Drop(audio, e.reason, e.what)
        except AudioError as e:
            return 0.0, "", Drop(audio, e.reason, f"{e.what}: {audio}")


def path_of(corpus: Path, out: Path, audio: str, follow_links: bool = True, also: Sequence[Path] = ()) -> str:
    """Path of a recording: in the corpus, else in the step's output or in one of the folders `also`.

    Raises SourceError if a name leads out of them all.
    """
    path = Path(audio)
    folder, rel = corpus, audio
    if path.is_absolute() or not os.path.lexists(corpus / audio):
        above = next((place for place in (out, *also) if path.is_relative_to(place)), None)
        if above is not None and ".." not in path.relative_to(above).parts:
            folder, rel = above, path.relative_to(above).as_posix()
    check_inside(folder, rel, follow_links)
    return f"{folder}/{rel}"
