"""Check every utterance of a corpus against the recording that it is cut from; this work is sharded.

Of a recording of one channel the header is read; one of several is decoded, as channels.py decides by its sound.
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from ...core.errors import UserError
from ...core.files import remove
from ...core.shards import run_shards, split
from ...core.step import Step
from ...text.captions import fault_of as mark_fault
from ...text.invisible import excerpt
from ...text.not_known import transcript_of
from ..audio import PAST_END, AudioError, open_recording
from ..channels import MONO, SIDE_OF, UNLIKE, Mix, choices, taken, undecided
from ..checks import RESERVED_WORDS
from ..judge import PACE
from ..pace import differs, fault_of
from ..recordings import tell_notes
from ..roles import trains
from ..tables import LONGEST_LINE, few, one_line
from ..two_texts import told, torn
from .segments import CorpusSegment, Drop, Take, drop
from .sources import SourceError, check_inside

SHOWN = 20  # utterances in a warning, recordings in an error
LACKING = "cut off or damaged: segments before that are read, later ones are not"
REFUSED = "channels that differ, in a set that is not trained on"
ROWS = 1000  # rows per line of a shard, i.e. per call of json
_NAMES = ("original", "id", "speaker")  # of an utterance, which say of which side it is
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

    Raises UserError for recordings of sets that are not trained on whose channels differ, until the config says which
    are read.
    """
    take: Take = step.config.take
    total = sum(costs) or 1.0
    shards = split([max(cost, 1e-9) / total * 3600 * min(len(items), 64) for cost in costs])

    def work(k: int, path: Path) -> None:
        headers = Headers(corpus, step.out, take, also)
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as f:
            for i in shards[k]:
                rows = (row for item in _read(read, items[i]) for row in headers.rows(item))
                while batch := list(islice(rows, ROWS)):
                    f.write(_JSON(batch) + "\n")

    paths = run_shards(step, [sum(costs[i] for i in s) for s in shards], work, unit, ".jsonl")
    gc.disable()  # else Python's garbage collector scans all segments again and again
    try:
        segments = list(_kept(step, paths))
        _tell(step, segments)
        return segments
    finally:
        gc.enable()
        gc.freeze()


def _kept(step: Step[Any], paths: Sequence[Path]) -> Iterator[CorpusSegment]:
    """Segments of the shards, in order; drops go to the ledger. Raises UserError for those that are refused."""
    refused: list[Drop] = []
    for path in paths:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                for row in json.loads(line):
                    if len(row) != COLUMNS_OF_DROP:
                        yield _shared(CorpusSegment(*row))
                    elif row[1] == REFUSED:
                        refused.append(Drop(*row))
                    else:
                        drop(step, *row)
    if refused:
        remove(step.out / "shards")  # they were made with the config that is refused
        lines = [f"  {d.original}: {d.detail}" for d in refused[:SHOWN]] + ["  ..."] * (len(refused) > SHOWN)
        message = "\n".join([f"{len(refused)} utterances of sets that are not trained on: {UNLIKE}", *lines])
        offered = min((d.detail.rpartition(": ")[2] for d in refused), key=len)  # to all of them
        remedy = f"write `take: {{channel: {offered}}}` into conf/data.yaml of the recipe"
        if step.out.name != "data":
            remedy += f" (conf/{step.out.name}.yaml, if it has several corpora)"
        remedy += "; without a recipe say --take.channel"
        raise UserError(message, "take.channel", remedy)


def _tell(step: Step[Any], segments: Sequence[CorpusSegment]) -> None:
    """Print and count how recordings of several channels are read, odd recordings, and odd lengths and transcripts."""
    mixes, odd = dict[str, str](), dict[str, list[str]]()
    notes, lacking = dict[str, dict[str, None]](), dict[str, dict[str, None]]()
    for s in segments:
        for note in s.notes:
            if note == LACKING:
                lacking.setdefault(s.set, {})[s.audio] = None
            else:
                notes.setdefault(note, {})[s.audio] = None
        if s.mix:
            mixes[s.audio] = s.mix
        if s.odd:
            odd.setdefault(s.set, []).append(f"  {s.original}: {s.odd}")
    for mix, count in sorted(Counter(mixes.values()).items()):
        step.counts[mix] = count
        print(f"{count:,} recordings of {mix}")
    tell_notes({note: list(names) for note, names in notes.items()})
    step.counts |= {note: len(names) for note, names in notes.items()}
    if ids := torn((s.original, (s.audio, s.channel, s.start, s.end), s.text or "") for s in segments):
        step.counts["two_transcripts"] = len(ids)
        print(f"WARNING: {told(ids)}")
    for name, audio in sorted(lacking.items()):
        step.counts[f"{name}_lacking"] = len(audio)
        print(f"WARNING: {name}: {len(audio):,} recordings are {LACKING}: {few(audio, SHOWN)}")
    for name, lines in sorted(odd.items()):
        step.counts[f"{name}_odd"] = len(lines)
        print(f"WARNING: {name}: {len(lines):,} utterances are kept although their length or transcript is odd:")
        print("\n".join(lines[:SHOWN] + ["  ..."] * (len(lines) > SHOWN)))


def _read(read: Callable[[T], Iterable[CorpusSegment | Drop]], item: T) -> Iterator[CorpusSegment | Drop]:
    try:
        yield from read(item)
    except SourceError as e:
        yield Drop(e.where or str(item), e.reason, e.what)


def _shared(s: CorpusSegment) -> CorpusSegment:
    """The segment, with common values in memory only once."""
    for name in ("set", "audio", "speaker", "programme", "dialect", "gender", "emotion", "channel", "side", "mix"):
        setattr(s, name, sys.intern(getattr(s, name)))
    s.more, s.stated, s.notes = s.more or _NONE_MORE, (), tuple(s.notes)
    return s


@dataclass(frozen=True)
class Header:
    """A recording: its seconds, those up to which segments may end, what is read of its channels, why something of it
    is missing, oddities that do no harm; or why it cannot be used.
    """

    seconds: float = 0.0
    reach: float = 0.0
    mix: Mix = MONO
    lacks: str = ""
    notes: tuple[str, ...] = ()
    bad: Drop | None = None


class Headers:
    """Recordings of one shard. One of several channels is decoded once."""

    def __init__(self, corpus: Path, out: Path, take: Take, also: Sequence[Path] = ()) -> None:
        self.corpus, self.out, self.take, self.also = corpus, out, take, also
        self.last = ("", Header())
        self.decoded: dict[str, Header] = {}

    def rows(self, item: CorpusSegment | Drop) -> Iterator[tuple[Any, ...]]:
        """The rows in a shard: the columns of usable segments, or those of a drop."""
        for one in self._sides(item) if isinstance(item, CorpusSegment) else (item,):
            held = self.held(one) if isinstance(one, CorpusSegment) else one
            if isinstance(held, Drop) and isinstance(one, CorpusSegment):
                held.set = one.set
            yield _OF_SEGMENT(held) if isinstance(held, CorpusSegment) else _OF_DROP(held)

    def _sides(self, s: CorpusSegment) -> Iterator[CorpusSegment | Drop]:
        """The segment with the channel that is read of it; one of each side, called so, if both are; or a Drop."""
        mix, detail = self.header(s.audio).mix, ""
        if not mix.channels:
            detail = undecided(mix, "take.channel", s.text is not None)
        elif len(mix.channels) > 1 and s.text is not None:
            detail = f"{mix.detail}, and one transcript, which is of neither alone; take.channel: {choices(mix, True)}"
        if detail:
            yield Drop(s.original, UNLIKE if trains(s.set) else REFUSED, detail)
            return
        s.channel, s.mix = mix.channels[0], mix.note
        if len(mix.channels) == 1:
            yield s
            return
        for channel in mix.channels:
            side = SIDE_OF[channel]
            names = {name: f"{value}-{side}" for name in _NAMES if (value := getattr(s, name))}
            yield replace(s, channel=channel, side=side, **names)  # type: ignore[arg-type]

    def held(self, s: CorpusSegment) -> CorpusSegment | Drop:
        """The segment with its times, or a Drop with the reason."""
        take, header = self.take, self.header(s.audio)
        seconds = header.seconds
        if header.bad:
            return Drop(s.original, header.bad.reason, header.bad.detail)
        if header.lacks and (s.end is None or s.end > header.reach):
            return Drop(s.original, "truncated", f"{header.lacks}: {s.audio}")
        if not (math.isfinite(s.start) and s.start >= 0 and (s.end is None or math.isfinite(s.end))):
            return Drop(s.original, "bad times", f"{s.start} to {s.end} s")
        end = seconds if s.end is None else s.end
        if s.start >= seconds or end > seconds + PAST_END:
            return Drop(s.original, "past end", f"{s.start:.2f} to {end:.2f} s of {s.audio}, which has {seconds:.2f} s")
        start, end = round(s.start, 4), min(round(end, 4), math.floor(seconds * 1e4) / 1e4)  # as tables have them
        if end <= start:
            told = seconds if s.end is None else s.end
            behind = f"; {s.audio} ends at {seconds:.2f} s" if told > seconds else ""
            return Drop(s.original, "no duration", f"{s.start} to {told} s{behind}")
        s.notes = header.notes
        s.seconds, s.recording_seconds = round((seconds if s.end is None else end) - start, 4), seconds
        s.start, s.end = start, None if s.end is None else end
        if trains(s.set) and s.seconds < take.min_seconds:
            return Drop(s.original, "too short", f"{s.seconds} s")
        if trains(s.set) and take.max_seconds and s.seconds > take.max_seconds:
            return Drop(s.original, "too long", f"{s.seconds} s")
        if s.text is not None:
            s.text = transcript_of(one_line(s.text))
            if not s.text and trains(s.set):
                return Drop(s.original, "no transcript", "an empty one, or a word that stands for none")
            if len(s.text) > LONGEST_LINE // 4:  # of UTF-8
                return Drop(s.original, "line too long", f"a transcript of {len(s.text):,} characters")
            if any(word in RESERVED_WORDS for word in s.text.split()):
                return Drop(s.original, "reserved word", f"{' '.join(RESERVED_WORDS)} are Kaldi's own: {s.text}")
        return self._judged(s)

    def _judged(self, s: CorpusSegment) -> CorpusSegment | Drop:
        """The segment, or a Drop if its length is neither that of its transcript nor the one that is stated.

        Sets that are not trained on stay as they were published: the segment says what is odd.
        """
        pace = fault_of(s.text or "", s.seconds, self.take.pace)
        lengths = s.stated if self.take.stated_lengths else ()
        others = [differs(length, s.recording_seconds if length.recording else s.seconds) for length in lengths]
        faults = {PACE: pace, "stated length": "; ".join(filter(None, others))}
        if not s.doubt:
            reason, mark = mark_fault(s.text or "")
            faults |= {reason: f"{reason}: {excerpt(mark)}"} if mark else {}
        faults["no transcript"] = "an empty transcript" if s.text == "" else ""
        for reason, detail in faults.items():
            if detail and trains(s.set):
                return Drop(s.original, reason, detail)
        s.odd = "; ".join(filter(None, ["" if trains(s.set) else s.doubt, *faults.values()]))
        return s

    def header(self, audio: str) -> Header:
        """What is known of a recording, relative to the corpus."""
        if self.last[0] != audio:
            self.last = (audio, self.decoded.get(audio) or self._open(audio))
            if self.last[1].mix is not MONO:
                self.decoded[audio] = self.last[1]
        return self.last[1]

    def _open(self, audio: str) -> Header:
        try:
            path = path_of(self.corpus, self.out, audio, self.take.follow_links, self.also)
            with open_recording(path) as r:
                mix = taken(r, self.take.channel, self.take.silent_dbfs)
                notes = (*r.notes, *(LACKING,) * bool(r.lacks))
                return Header(r.frames / r.rate, r.reach, mix, r.lacks, notes)
        except SourceError as e:
            return Header(bad=Drop(audio, e.reason, e.what))
        except AudioError as e:
            return Header(bad=Drop(audio, e.reason, f"{e.what}: {audio}"))


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
