"""The same audio in two sets, whatever its file is called: by the samples of utterances, by the bytes of recordings.

Only what is as long (a recording: as large) as something of the other side is opened. A short probe of it is hashed
first; the whole is read where a probe is found on both sides. Shape legend: N samples.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .audio import AudioError, Recording, Wave, open_recording
from .kaldi import Utterance
from .overlap import AUDIO, Hit, SetOfData

STEP_SECONDS = 0.01  # a probe lies in the middle of a length that is cut to a multiple of this
TOLERANCE = 0.006  # s by which lengths of the same audio may differ: tables round to hundredths
PROBE_SECONDS = 0.05
SHORTEST_SECONDS = 0.1  # below it there is little to tell one audio from another by
PROBE_BYTES = 1 << 16
FILE = -1  # the place of a recording's bytes


@dataclass(frozen=True, slots=True)
class Task:
    """What to hear of a recording.

    Attributes:
        set: number of its set; path: the recording.
        bytes: whether to hash its file too.
        utterances: those of a length that the other side has, and the places (multiples of STEP_SECONDS) to probe for.
    """

    set: int
    path: str
    bytes: bool
    utterances: list[tuple[Utterance, tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class AudioProbe:
    """A probe: of utterance `id` (or the recording at path `id`) of set number `set`, taken for a length `place`."""

    set: int
    id: str
    place: int
    hash: str


def tasks(sets: Sequence[SetOfData]) -> list[Task]:
    """The recordings worth opening, in the order of the sets and their utterances."""
    ours = {_place(u.seconds) for s in sets if s.train for u in s.data if u.seconds >= SHORTEST_SECONDS}
    theirs = {p for s in sets if not s.train for u in s.data if u.seconds >= SHORTEST_SECONDS for p in _places(u)}
    both = ours & theirs
    made: list[Task] = []
    wanted = _equal_sizes(sets)
    for number, s in enumerate(sets):
        of: dict[str, Task] = {}
        for u in s.data:
            places = (_place(u.seconds),) if s.train else _places(u)
            places = tuple(p for p in places if p in both) if u.seconds >= SHORTEST_SECONDS else ()
            if places or (number, u.path) in wanted:
                task = of.setdefault(u.path, Task(number, u.path, (number, u.path) in wanted, []))
                if places:
                    task.utterances.append((u, places))
        made += of.values()
    return made


def probe(task: Task) -> Iterator[AudioProbe | AudioError]:
    """The probes of a recording, and what of it cannot be read."""
    if task.bytes:
        try:
            yield AudioProbe(task.set, task.path, FILE, _probe_file(task.path))
        except OSError as e:
            yield AudioError("unreadable", f"cannot be read ({e.strerror})", task.path)
    if not task.utterances:
        return
    try:
        with open_recording(task.path, allow_pipes=True) as r:  # DataDir.read let none in unasked
            for u, places in task.utterances:
                try:
                    for place in places:
                        if hash := _probe(r, u, place):
                            yield AudioProbe(task.set, u.id, place, hash)
                except AudioError as e:
                    yield e
    except AudioError as e:
        yield e


def write_rows(path: Path, found: Iterable[AudioProbe | AudioError]) -> None:
    with open(path, "w", encoding="utf-8") as f:
        for row in found:
            said = ["", row.what, row.where] if isinstance(row, AudioError) else [row.set, row.id, row.place, row.hash]
            f.write(json.dumps(said) + "\n")


def read_rows(paths: Iterable[Path]) -> tuple[list[AudioProbe], list[str]]:
    """The probes of all shards, and what could not be read, in sentences."""
    rows: list[AudioProbe] = []
    bad: list[str] = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for said in map(json.loads, f):
                if said[0] == "":
                    bad.append(f"{said[1]}: {said[2]}")
                else:
                    rows.append(AudioProbe(*said))
    return rows, bad


def same(sets: Sequence[SetOfData], rows: Iterable[AudioProbe]) -> Iterator[Hit]:
    """Utterances of training sets that a test set has too: the whole is compared of all whose probes are equal."""
    groups: dict[tuple[int, str], tuple[list[AudioProbe], list[AudioProbe]]] = {}
    for row in rows:
        groups.setdefault((row.place, row.hash), ([], []))[sets[row.set].train].append(row)
    whole = _Whole(sets)
    for tests, trains in groups.values():
        if tests and trains:
            whole.spare([*tests, *trains])
            there: dict[str, dict[int, AudioProbe]] = {}  # hash -> set -> its first
            for row in tests:
                there.setdefault(whole(row), {}).setdefault(row.set, row)
            for train in trains:
                for test in there.get(whole(train), {}).values() if whole(train) else ():
                    yield from _hits(sets, train, test, whole)


def _hits(sets: Sequence[SetOfData], train: AudioProbe, test: AudioProbe, whole: _Whole) -> Iterator[Hit]:
    one, other = sets[train.set], sets[test.set]
    if train.place != FILE:
        yield Hit(one.name, train.id, AUDIO, whole(train), f"{train.id} = {test.id}", other.name)
        return
    shown = f"{os.path.basename(train.id)} = {os.path.basename(test.id)}, byte for byte"
    for id in whole.of_recording(train):
        yield Hit(one.name, id, AUDIO, whole(train), shown, other.name)


class _Whole:
    """Hashes of whole utterances and files, each computed once; an empty one of what cannot be read or is silence."""

    def __init__(self, sets: Sequence[SetOfData]) -> None:
        self.sets = sets
        self.utterances: dict[int, Mapping[str, Utterance]] = {}
        self.recordings: dict[int, dict[str, list[str]]] = {}
        self.known: dict[tuple[int, str], str] = {}

    def __call__(self, row: AudioProbe) -> str:
        if (row.set, row.id) not in self.known:
            self.known[row.set, row.id] = self._recording(row.id) if row.place == FILE else self._utterance(row)
        return self.known[row.set, row.id]

    def spare(self, rows: Sequence[AudioProbe]) -> None:
        """Take the bytes of rows as equal, unread, that are all of the very same file: it may be hours long."""
        if rows[0].place == FILE and len(files := {_file(row.id)[1:] for row in rows}) == 1:
            self.known |= {(row.set, row.id): f"file {files}" for row in rows}

    def _recording(self, path: str) -> str:
        try:
            return _hash_file(path)
        except OSError:
            return ""

    def _utterance(self, row: AudioProbe) -> str:
        if row.set not in self.utterances:
            self.utterances[row.set] = {u.id: u for u in self.sets[row.set].data}
        try:
            return _hash(self.utterances[row.set][row.id].audio())
        except AudioError:  # told of where it was probed, unless its disk failed since
            return ""

    def of_recording(self, row: AudioProbe) -> list[str]:
        """Ids of the utterances of the recording at path row.id."""
        if row.set not in self.recordings:
            of = self.recordings.setdefault(row.set, {})
            for u in self.sets[row.set].data:
                of.setdefault(u.path, []).append(u.id)
        return self.recordings[row.set][row.id]


def _place(seconds: float) -> int:
    return int(seconds / STEP_SECONDS)


def _places(u: Utterance) -> tuple[int, ...]:
    """The places of all lengths that the table of the other side may tell of the same audio."""
    return tuple(sorted({_place(s) for s in (u.seconds - TOLERANCE, u.seconds, u.seconds + TOLERANCE)}))


def _probe(r: Recording, u: Utterance, place: int) -> str:
    """Hash of the middle; of the whole where the middle is silence; empty where all of it is."""
    start = u.start + place * STEP_SECONDS / 2 - PROBE_SECONDS / 2
    return _hash(r.part(start, start + PROBE_SECONDS)) or _hash(r.part(u.start, u.end))


def _hash(wave_N: Wave) -> str:
    """Hash of the samples in 16 bits, so that a sign of zero or another format makes no difference."""
    samples_N = np.clip(np.round(wave_N * 32768), -32768, 32767).astype("<i2")
    if not len(samples_N) or (samples_N == samples_N[0]).all():
        return ""
    return hashlib.blake2b(samples_N.tobytes(), digest_size=16).hexdigest()


def _equal_sizes(sets: Sequence[SetOfData]) -> set[tuple[int, str]]:
    """(set, path) of recordings as large as one of the other side; one of the two is cut into utterances.

    Of two that are both an utterance each, the samples are compared.
    """
    sizes: dict[tuple[bool, int], list[tuple[int, str, bool]]] = {}
    for number, s in enumerate(sets):
        for path, cut in {u.path: u.end is not None for u in s.data}.items():
            if size := _file(path)[0]:
                sizes.setdefault((s.train, size), []).append((number, path, cut))
    wanted: set[tuple[int, str]] = set()
    for (train, size), mine in sizes.items():
        others = sizes.get((not train, size), [])
        any_cut = any(cut for _, _, cut in others)
        wanted |= {(number, path) for number, path, cut in mine if others and (cut or any_cut)}
    return wanted


def _file(path: str) -> tuple[int, int, int]:
    """(bytes, disk, number on it) of a file; zeros where there is none: a pipe, an ark's entry."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return 0, 0, 0
    return (found.st_size, found.st_dev, found.st_ino) if stat.S_ISREG(found.st_mode) else (0, 0, 0)


def _hash_file(path: str) -> str:
    state = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def _probe_file(path: str) -> str:
    """Hash of the middle of a file; of the whole where the middle is one byte over and over."""
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        f.seek(max(0, (size - PROBE_BYTES) // 2))
        block = f.read(PROBE_BYTES)
    if block == block[:1] * len(block):
        return _hash_file(path)
    return hashlib.blake2b(block, digest_size=16).hexdigest()
