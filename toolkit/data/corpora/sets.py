"""From what a corpus says of its utterances to validated data directories: held against the audio, ids, ledger, counts.

A corpus module says where its utterances are (`Segment`) and which it leaves out (`Drop`); the rest is the same for
all and stands here:

    corpus = corpus_folder(step.input(0, "the extracted corpus"), "train/xml/utf8")
    found = gather(step, corpus, files, sizes, read)      # read(file) -> Segments and Drops, in shards
    write_sets(step, corpus, found, PUBLISHED)
"""

from __future__ import annotations

import gc
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import combinations, islice
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from ...core.errors import UserError
from ...core.shards import run_shards, split
from ...core.step import Step
from ..audio import AudioError, audio_info
from ..checks import RESERVED_WORDS, inspect
from ..ids import fault, odd_labels, safe, safe_speaker, unique
from ..kaldi import UNKNOWN, write_data_dir
from ..recordings import shown
from ..tables import TEXT, gender_of, one_line
from .sources import SourceError, inside

PAST_END = 0.5  # s: a segment that ends so much past its recording is cut to it, as Kaldi does; more, and it is dropped
T = TypeVar("T")


@dataclass(frozen=True)
class Take:
    """What is taken of a corpus, beside what it says itself. Test and dev sets are never filtered by length."""

    min_seconds: float = 0.1
    """shortest utterance of a training set, seconds"""
    max_seconds: float = 0.0
    """longest utterance of a training set, seconds; 0: any"""
    follow_links: bool = False
    """take recordings that are links to files outside the corpus"""


@dataclass(slots=True)
class Segment:
    """An utterance as its corpus has it.

    Attributes:
        set: data directory it belongs to.
        original: the corpus's own id, kept in utt2orig.
        audio: its recording, relative to the corpus (or a file that the step itself made below its output).
        speaker: the corpus's own name; empty where it says none: then nobody else's.
        start, end: seconds in the recording; (0, None): all of it.
        text: transcript; None where the set has none.
        programme: recording, programme or video it is cut from, by the corpus's own name; empty: unknown.
        dialect, gender, emotion: empty where the corpus does not say it.
        id: the utterance's id, where the speaker's name is to be taken as it is too; empty: speaker-original.
        more: further tables of utterances, e.g. {"text_Ali": "..."}; one that is no text has `unknown` where empty.
    """

    set: str
    original: str
    audio: str
    speaker: str = ""
    start: float = 0.0
    end: float | None = None
    text: str | None = None
    programme: str = ""
    dialect: str = ""
    gender: str = ""
    emotion: str = ""
    id: str = ""
    more: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    """of the utterance; gather fills it in"""
    recording_seconds: float = 0.0
    """of its recording; gather fills it in"""

    @property
    def whole(self) -> bool:
        return self.end is None and self.start == 0


@dataclass(slots=True)
class Drop:
    """An utterance that is left out: its own id, a category that can be counted, a sentence."""

    original: str
    reason: str
    detail: str = ""


ROWS = 1000  # of a line in a shard: as many lists as one call of json turns into text
_OF_SEGMENT = attrgetter(*(f.name for f in fields(Segment)))
_OF_DROP = attrgetter(*(f.name for f in fields(Drop)))
COLUMNS_OF_DROP = len(fields(Drop))  # by which its row is told from a segment's
_JSON = json.JSONEncoder(ensure_ascii=False).encode
_NONE_MORE: dict[str, str] = {}  # of all segments without further tables: an empty dict each would be 64 bytes


@dataclass(frozen=True)
class Published:
    """What the corpus's makers say that a set has; None where they say nothing."""

    utterances: int | None = None
    recordings: int | None = None
    speakers: int | None = None
    hours: float | None = None


def gather(
    step: Step[Any],
    corpus: Path,
    items: Sequence[T],
    costs: Sequence[float],
    read: Callable[[T], Iterable[Segment | Drop]],
    unit: str = "files",
) -> list[Segment]:
    """Every utterance of `items` (files or rows of the corpus), in order, each held against its recording's header.

    The work is sharded: `read` runs in several processes. What cannot be used goes to the ledger, and a file for
    which `read` raises SourceError is a row of it too.

    Args:
        costs: of each item, in `unit`, for shards of equal work and the progress bar.

    Raises UserError where the step's config has no section `take`.
    """
    take: Take = step.config.take
    total = sum(costs) or 1.0
    shards = split([max(cost, 1e-9) / total * 3600 * min(len(items), 64) for cost in costs])

    def work(k: int, path: Path) -> None:
        headers = _Headers(corpus, step.out, take)
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


def _kept(step: Step[Any], paths: Sequence[Path]) -> Iterator[Segment]:
    """Segments of the shards, in order; drops go to the ledger."""
    for path in paths:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            for line in f:
                for row in json.loads(line):
                    if len(row) == COLUMNS_OF_DROP:
                        drop(step, *row)
                    else:
                        yield _shared(Segment(*row))


def drop(step: Step[Any], original: str, reason: str, detail: str = "") -> None:
    """A row of the ledger, whatever characters the corpus has in its names."""
    step.ledger.drop(shown(original), reason, shown(detail))


def _read(read: Callable[[T], Iterable[Segment | Drop]], item: T) -> Iterator[Segment | Drop]:
    try:
        yield from read(item)
    except SourceError as e:
        yield Drop(e.where or str(item), e.reason, e.what)


def _shared(s: Segment) -> Segment:
    """The segment, with words that many have held in memory once."""
    for name in ("set", "audio", "speaker", "programme", "dialect", "gender", "emotion"):
        setattr(s, name, sys.intern(getattr(s, name)))
    s.more = s.more or _NONE_MORE
    return s


class _Headers:
    """Recordings of one shard, each opened once."""

    def __init__(self, corpus: Path, out: Path, take: Take) -> None:
        self.corpus, self.out, self.take = corpus, out, take
        self.last: tuple[str, float, Drop | None] = ("", 0.0, None)

    def row(self, found: Segment | Drop) -> tuple[Any, ...]:
        """What a shard keeps of it: the columns of a segment that can be used, else those of a drop."""
        held = self.held(found) if isinstance(found, Segment) else found
        return _OF_SEGMENT(held) if isinstance(held, Segment) else _OF_DROP(held)

    def held(self, s: Segment) -> Segment | Drop:
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
            if any(word in RESERVED_WORDS for word in s.text.split()):
                return Drop(s.original, "reserved word", f"{' '.join(RESERVED_WORDS)} are Kaldi's own: {s.text}")
        return s

    def _seconds(self, audio: str) -> tuple[float, Drop | None]:
        if self.last[0] != audio:
            self.last = (audio, *self._open(audio))
        return self.last[1:]

    def _open(self, audio: str) -> tuple[float, Drop | None]:
        try:
            path = _path(self.corpus, self.out, audio, self.take.follow_links)
            return audio_info(path).seconds, None
        except SourceError as e:
            return 0.0, Drop(audio, e.reason, e.what)
        except AudioError as e:
            return 0.0, Drop(audio, e.reason, f"{e.what}: {audio}")


def trains(name: str) -> bool:
    """Whether a set of this name is one to train on: only such a set is ever filtered."""
    return "train" in name


def write_sets(
    step: Step[Any], corpus: Path, found: Sequence[Segment], published: Mapping[str, Published] | None = None
) -> None:
    """Write a data directory for each set below step.out, with its counts against the published ones.

    Raises UserError where nothing is left.
    """
    named = _with_ids(step, found)
    if not named:
        reasons = ", ".join(f"{n} {reason}" for reason, n in step.ledger.reasons().items()) or "no utterance in it"
        raise UserError(f"nothing is left of the corpus: {reasons}", str(corpus), "mend the cause, or the path")
    for meaning in ("dialect", "emotion"):
        for line in odd_labels({getattr(s, meaning) for s in found}):
            print(f"WARNING: {meaning}: {line}")
    sets: dict[str, dict[str, Segment]] = {}
    for id in sorted(named):  # tables are sorted again where they are written, which takes no time of what is sorted
        sets.setdefault(named[id].set, {})[id] = named[id]
    for name in sorted(sets):
        write_data_dir(step.out / name, tables_of(corpus, step.out, sets[name]))
        if errors := inspect(step.out / name).errors:
            raise AssertionError(f"{step.out / name}: {errors[0]} ({len(errors)} in all)")
        _count(step, name, sets[name], (published or {}).get(name))
    for name in sorted(set(published or {}) - set(sets)):
        print(f"WARNING: {name}: nothing of it is here")
    for reason, count in Counter(row[2] for row in step.ledger.rows).most_common():
        print(f"dropped {count:,}: {reason}")
    step.counts["hours"] = round(math.fsum(s.seconds for s in named.values()) / 3600, 4)


def tell_recurring(found: Iterable[Segment]) -> None:
    """Warn of programmes that are in two sets: a model may know the voices and the words of what it is tested on."""
    programmes: dict[str, set[str]] = {}
    for s in found:
        if s.programme:
            programmes.setdefault(s.set, set()).add(s.programme)
    for first, second in combinations(sorted(programmes), 2):
        if shared := programmes[first] & programmes[second]:
            there = f"{len(shared):,} of the {len(programmes[first]):,} programmes of {first}"
            print(f"WARNING: {there} are in {second} too, such as {min(shared)}")


def _with_ids(step: Step[Any], found: Sequence[Segment]) -> dict[str, Segment]:
    """Id -> utterance; sets `speaker` to the speaker's id. Second ones of an id, and unusable ids, go to the ledger.

    An original that stands in several sets gets the set's name before it.
    """
    speakers = unique(sorted({s.speaker for s in found if s.speaker and not s.id}), safe_speaker, "_")
    step.counts["speakers_unknown"] = sum(not s.speaker for s in found)
    sets: dict[str, set[str]] = {}
    for s in found:
        if not s.id:
            sets.setdefault(s.original, set()).add(s.set)
    originals = unique(original for original, within in sets.items() if len(within) == 1)
    nobodys = {s.original for s in found if not s.speaker and not s.id} & originals.keys()
    alone = unique(nobodys, lambda original: safe_speaker(originals[original]), "_")
    ids: dict[str, Segment] = {}
    for s in found:
        if s.id:
            id, speaker = s.id, s.speaker or s.id
        else:
            own = originals.get(s.original) or safe(f"{s.set}-{s.original}")
            speaker = speakers[s.speaker] if s.speaker else alone.get(s.original) or safe_speaker(own)
            id = (
                speaker if not s.speaker else f"{speaker}-{own.removeprefix(f'{speaker}-').removeprefix(f'{speaker}_')}"
            )
        if odd := fault(id) or fault(speaker):
            drop(step, s.original, "id", f"{id!r} {odd}")
        elif id in ids:
            drop(step, s.original, "duplicate id", f"{id} is {ids[id].original} of {ids[id].set} already")
        else:
            s.speaker = sys.intern(speaker)
            ids[id] = s
    return ids


def tables_of(corpus: Path, out: Path, part: Mapping[str, Segment]) -> dict[str, dict[str, str]]:
    """Tables of a set (id -> utterance). A recording goes by its utterance's id, or by its file's name where cut."""
    cut = any(not s.whole for s in part.values())
    files = sorted({s.audio for s in part.values()})
    names = unique(files, lambda audio: safe(Path(audio).stem)) if cut else {}
    recording = {id: names[s.audio] if cut else id for id, s in part.items()}
    audio_of = {recording[id]: s.audio for id, s in part.items()}
    tables: dict[str, dict[str, str]] = {
        "wav.scp": {rec: _path(corpus, out, audio) for rec, audio in audio_of.items()},
        "reco2dur": {recording[id]: f"{s.recording_seconds:.4f}" for id, s in part.items()},
        "utt2spk": {id: s.speaker for id, s in part.items()},
        "utt2dur": {id: f"{s.seconds:.4f}" for id, s in part.items()},
        "utt2orig": {id: s.original if _plain(s.original) else one_line(s.original) for id, s in part.items()},
    }
    if cut:
        tables["segments"] = {id: f"{recording[id]} {s.start:.4f} {_end(s)}" for id, s in part.items()}
    if any(s.text is not None for s in part.values()):
        tables["text"] = {id: s.text or "" for id, s in part.items()}
    for name, meaning in (("utt2lang", "dialect"), ("utt2emotion", "emotion"), ("utt2prog", "programme")):
        values = {getattr(s, meaning) for s in part.values()}
        if values != {""}:
            labels = {value: safe(value) if value else UNKNOWN for value in values}
            tables[name] = {id: labels[getattr(s, meaning)] for id, s in part.items()}
    for name in sorted({name for s in part.values() for name in s.more}):
        otherwise = "" if TEXT.fullmatch(name) else UNKNOWN
        tables[name] = {id: one_line(s.more.get(name, "")) or otherwise for id, s in part.items()}
    if genders := _genders(part.values()):
        tables["spk2gender"] = genders
    return tables


def _plain(name: str) -> bool:
    """Whether a name can stand in a table as it is; asked of each utterance, so the common case is fast."""
    return name.isascii() and name.isprintable() and " " not in name


def _path(corpus: Path, out: Path, audio: str, follow_links: bool = True) -> str:
    """Where a recording is: in the corpus, or, if it is not there, where the step itself has made it.

    Raises SourceError where a name leads out of the two.
    """
    made = Path(audio).is_relative_to(out) and ".." not in Path(audio).parts
    if made and not os.path.isabs(audio) and os.path.lexists(corpus / audio):
        made = False
    folder, rel = (out, os.path.relpath(audio, out)) if made else (corpus, audio)
    if why := inside(folder, rel, follow_links):
        reason, _, what = why.partition(": ")
        raise SourceError(reason, what, audio)
    return f"{folder}/{rel}"


def _end(s: Segment) -> str:
    return f"{math.floor(s.recording_seconds * 1e4) / 1e4 if s.end is None else s.end:.4f}"


def _genders(part: Iterable[Segment]) -> dict[str, str]:
    """Speaker -> m or f, of speakers of whom the corpus says one of the two and never the other."""
    said: dict[str, set[str]] = {}
    for s in part:
        if s.gender:
            said.setdefault(s.speaker, set()).add(gender_of(s.gender))
    return {speaker: min(genders - {""}) for speaker, genders in said.items() if len(genders - {""}) == 1}


def _count(step: Step[Any], name: str, part: Mapping[str, Segment], published: Published | None) -> None:
    """Counts of a set in the record and on the terminal, and what its makers say of it."""
    hours = math.fsum(s.seconds for s in part.values()) / 3600
    counts = {
        "utterances": len(part),
        "recordings": len({s.audio for s in part.values()}),
        "speakers": len({s.speaker for s in part.values()}),
        "hours": round(hours, 4),
    }
    step.counts |= {f"{name}_{what}": n for what, n in counts.items() if what != "recordings"}
    print(f"{name}: {counts['utterances']:,} utterances, {hours:.2f} h, {counts['speakers']:,} speakers")
    for what, wanted in vars(published).items() if published else ():
        if wanted is None:
            continue
        step.counts[f"{name}_{what}_published"] = wanted
        got = counts[what]
        if abs(got - wanted) <= (0.01 * wanted if what == "hours" else 0):
            print(f"{name}: {wanted:,} {what}, as published")
        else:
            print(f"WARNING: {name}: {got:,} {what} against {wanted:,} published: {round(got - wanted, 2):+,}")
