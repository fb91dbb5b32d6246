"""The same audio in two sets, whatever its file is called: by the samples of utterances, by the bytes of recordings.

Only utterances as long (recordings: as large) as one of the other side are opened. A short probe is hashed first; the
whole is read only if both sides have the same probe. Shape legend: N samples.
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

STEP_SECONDS = 0.01  # s; a probe is the middle of an utterance, whose length is cut to a multiple of this
TOLERANCE = 0.006  # s by which lengths of the same audio may differ, as tables round to hundredths
PROBE_SECONDS = 0.05
SHORTEST_SECONDS = 0.1  # s; shorter audio has too little to compare
PROBE_BYTES = 1 << 16
FILE = -1  # `place` of a hash of a recording's bytes


@dataclass(frozen=True, slots=True)
class Task:
    """Parts of a recording to hash.

    Attributes:
        set: number of its set; path: the recording.
        bytes: True to hash its file too.
        utterances: those of a length that the other side has, and the places (multiples of STEP_SECONDS) to probe for.
    """

    set: int
    path: str
    bytes: bool
    utterances: list[tuple[Utterance, tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class AudioProbe:
    """Hash of a probe of utterance `id` (or the recording at path `id`) in set number `set`, for the length `place`."""

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
    """The probes of a recording, and errors of parts that cannot be read."""
    if task.bytes:
        try:
            yield AudioProbe(task.set, task.path, FILE, _probe_file(task.path))
        except OSError as e:
            yield AudioError("unreadable", f"cannot be read ({e.strerror})", task.path)
    if not task.utterances:
        return
    try:
        with open_recording(task.path, allow_pipes=True) as r:  # DataDir.read has refused pipes
            for u, places in task.utterances:
                try:
                    for place in places:
                        if hash := _probe(r, u, place):
                            yield AudioProbe(task.set, u.id, place, hash)
                except AudioError as e:
                    yield e
    except AudioError as e:
        yield e


def write_rows(path: Path, probes: Iterable[AudioProbe | AudioError]) -> None:
    with open(path, "w", encoding="utf-8") as f:
        for row in probes:
            fields = (
                ["", row.what, row.where] if isinstance(row, AudioError) else [row.set, row.id, row.place, row.hash]
            )
            f.write(json.dumps(fields) + "\n")


def read_rows(paths: Iterable[Path]) -> tuple[list[AudioProbe], list[str]]:
    """The probes of all shards, and read errors as sentences."""
    rows: list[AudioProbe] = []
    bad: list[str] = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            for fields in map(json.loads, f):
                if fields[0] == "":
                    bad.append(f"{fields[1]}: {fields[2]}")
                else:
                    rows.append(AudioProbe(*fields))
    return rows, bad


def same(sets: Sequence[SetOfData], rows: Iterable[AudioProbe]) -> Iterator[Hit]:
    """Utterances of training sets that a test set has too: if probes are equal, whole utterances are compared."""
    groups: dict[tuple[int, str], tuple[list[AudioProbe], list[AudioProbe]]] = {}
    for row in rows:
        groups.setdefault((row.place, row.hash), ([], []))[sets[row.set].train].append(row)
    whole = _Whole(sets)
    for tests, trains in groups.values():
        if tests and trains:
            whole.spare([*tests, *trains])
            firsts: dict[str, dict[int, AudioProbe]] = {}  # hash -> set -> first probe of it
            for row in tests:
                firsts.setdefault(whole(row), {}).setdefault(row.set, row)
            for train in trains:
                for test in firsts.get(whole(train), {}).values() if whole(train) else ():
                    yield from _hits(sets, train, test, whole)


def _hits(sets: Sequence[SetOfData], train: AudioProbe, test: AudioProbe, whole: _Whole) -> Iterator[Hit]:
    one, partner = sets[train.set], sets[test.set]
    if train.place != FILE:
        yield Hit(one.name, train.id, AUDIO, whole(train), f"{train.id} = {test.id}", partner.name)
        return
    shown = f"{os.path.basename(train.id)} = {os.path.basename(test.id)}, byte for byte"
    for id in whole.of_recording(train):
        yield Hit(one.name, id, AUDIO, whole(train), shown, partner.name)


class _Whole:
    """Hashes of whole utterances and files, each computed once; empty if it cannot be read or is silent."""

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
        """Treat rows of one and the same file as equal without reading it: it may be hours long."""
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
        except AudioError:  # reported when it was probed, unless the disk failed since then
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
    """Places of all lengths that the other side's tables may give for the same audio."""
    return tuple(sorted({_place(s) for s in (u.seconds - TOLERANCE, u.seconds, u.seconds + TOLERANCE)}))


def _probe(r: Recording, u: Utterance, place: int) -> str:
    """Hash of the middle; of the whole if the middle is silence; empty if all is silence."""
    start = place * STEP_SECONDS / 2 - PROBE_SECONDS / 2
    return _hash(u.audio_of(r, start, start + PROBE_SECONDS)) or _hash(u.audio_of(r))


def _hash(wave_N: Wave) -> str:
    """Hash of the samples in 16 bits, so that the sign of zero and the file format make no difference."""
    samples_N = np.clip(np.round(wave_N * 32768), -32768, 32767).astype("<i2")
    if not len(samples_N) or (samples_N == samples_N[0]).all():
        return ""
    return hashlib.blake2b(samples_N.tobytes(), digest_size=16).hexdigest()


def _equal_sizes(sets: Sequence[SetOfData]) -> set[tuple[int, str]]:
    """(set, path) of recordings as large as one of the other side; one of the two is cut into utterances.

    If both are one utterance each, their samples are compared instead.
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
    """(bytes, disk, number on it) of a file; zeros for a pipe or an ark's entry."""
    try:
        state = os.stat(path)
    except (OSError, ValueError):
        return 0, 0, 0
    return (state.st_size, state.st_dev, state.st_ino) if stat.S_ISREG(state.st_mode) else (0, 0, 0)


def _hash_file(path: str) -> str:
    state = hashlib.blake2b(digest_size=16)
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def _probe_file(path: str) -> str:
    """Hash of the middle of a file; of the whole if the middle is one repeated byte."""
    with open(path, "rb") as f:
        size = os.fstat(f.fileno()).st_size
        f.seek(max(0, (size - PROBE_BYTES) // 2))
        block = f.read(PROBE_BYTES)
    if block == block[:1] * len(block):
        return _hash_file(path)
    return hashlib.blake2b(block, digest_size=16).hexdigest()
