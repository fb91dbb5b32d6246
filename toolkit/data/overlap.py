"""Programmes, prompts and speakers that two sets share, by value.

A value that says that it is not known (unknown, nan) is never shared. Names are compared without regard to case, to
`-`, `_` and space, which differ between releases of one corpus, and to invisible characters.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import NamedTuple

from ..text.invisible import name_of
from ..text.not_known import is_not_known
from .kaldi import SEGMENTS, SPEAKERS, DataDir
from .tables import FORMER, TEXT

PROGRAMME, PROMPT, AUDIO, SPEAKER, SHORT = "programme", "prompt", "audio", "speaker", "short prompt"
KINDS = (PROGRAMME, PROMPT, AUDIO, SPEAKER)
PROGRAMMES, NAMES = "utt2prog", "spk2name"
IN_TRAIN, IN_TEST = "renamed in train", "renamed in test"  # ends of keys of speakers by the id that they had
SHOWN = 60  # characters of a value that a report shows

_APART = re.compile(r"[\s_-]+")
_NOBODY = re.compile(r"(.* )?(unknown|unk|unidentified|anonymous|مجهول|مجهولة|غير معروف|غير معروفة)( .*)?")


@dataclass(frozen=True)
class SetOfData:
    """A data directory that is compared.

    Attributes:
        name: its name in reports: the folder's name, or the whole path if two inputs have a set of that name.
        folder: its folder's name; corpus: its parent folder, within which a speaker's id means one person.
        train: True for a training set; ours: True for a set of the first input, of which a copy is written.
        data: its tables.
    """

    name: str
    folder: str
    corpus: str
    train: bool
    ours: bool
    data: DataDir

    @cached_property
    def seconds(self) -> dict[str, float]:
        """Utterance -> seconds."""
        return {u.id: u.seconds for u in self.data}

    @property
    def path(self) -> str:
        return str(self.data.path)


class Value(NamedTuple):
    """A value of an utterance that may be shared: `key` is compared, `shown` is printed."""

    id: str
    kind: str
    key: str
    shown: str


class Hit(NamedTuple):
    """Utterance `id` of set `train` shares value `key` of `kind` (printed as `shown`) with set `test`."""

    train: str
    id: str
    kind: str
    key: str
    shown: str
    test: str


@dataclass
class Shared:
    """Shared values of one kind between two sets.

    Attributes:
        values: key -> printed form; utterances: ids of the first set with one of these values.
    """

    values: dict[str, str] = field(default_factory=dict)
    utterances: set[str] = field(default_factory=set)


@dataclass(frozen=True)
class Prompts:
    """How prompts are compared: after `normalise`; prompts of fewer than `fewest_words` words are only counted."""

    normalise: Callable[[str], str]
    fewest_words: int


def values_of(s: SetOfData, prompts: Prompts) -> Iterator[Value]:
    """All values of a set's utterances, except their audio."""
    yield from _programmes(s)
    yield from _prompts(s, prompts)
    yield from _speakers(s)


def lacks(s: SetOfData, kind: str) -> str:
    """The table that a set lacks for comparing `kind`; empty if it lacks none."""
    tables = s.data.tables
    if kind == PROGRAMME:
        return "" if PROGRAMMES in tables or SEGMENTS in tables else f"{PROGRAMMES} or {SEGMENTS}"
    if kind in (PROMPT, SHORT):
        return "" if _texts(s) else "text"
    return SPEAKERS if kind == SPEAKER and SPEAKERS not in tables else ""


def hits(
    trains: Iterable[SetOfData],
    tests: Sequence[SetOfData],
    values: Callable[[SetOfData], Iterable[Value]],
) -> Iterator[Hit]:
    """Everything that an utterance of `trains` has in common with a set of `tests`."""
    owners: dict[tuple[str, str], dict[str, None]] = {}
    for test in tests:
        for value in values(test):
            owners.setdefault((value.kind, value.key), {})[test.name] = None
    for train in trains:
        for id, kind, key, shown in values(train):
            for name in owners.get((kind, key), ()):
                yield Hit(train.name, id, kind, key, shown, name)


def _programmes(s: SetOfData) -> Iterator[Value]:
    """utt2prog; where a set has none, the recordings that its segments are cut from.

    A bare number (a sentence of FLEURS, an episode) names something else in each corpus, and is compared within it.
    """
    tables = s.data.tables
    if PROGRAMMES in tables:
        programmes: Mapping[str, str] = tables[PROGRAMMES]
    else:
        programmes = {id: text.split()[0] for id, text in tables.get(SEGMENTS, {}).items()}
    for id, programme in programmes.items():
        if key := same_name(programme):
            yield Value(id, PROGRAMME, f"{s.corpus}\t{key}" if key.isdecimal() else key, programme)


def _texts(s: SetOfData) -> list[Mapping[str, str]]:
    """The transcripts: `text`, or all of several where a set has no `text` but those of several people."""
    tables = s.data.tables
    return [tables["text"]] if "text" in tables else [tables[name] for name in sorted(tables) if TEXT.fullmatch(name)]


def _prompts(s: SetOfData, prompts: Prompts) -> Iterator[Value]:
    for table in _texts(s):
        for id, text in table.items():
            if plain := prompts.normalise(text):
                kind = PROMPT if plain.count(" ") + 1 >= prompts.fewest_words else SHORT
                yield Value(id, kind, plain, plain)


def _speakers(s: SetOfData) -> Iterator[Value]:
    """Speakers: by id within a corpus; across corpora by the official names in spk2name, if it exists.

    A speaker that was renamed, to be told apart from another of the id (spk2orig), is also whoever still has that id on
    the other side: one of the two speakers is, and no table tells which.
    """
    names, former = (s.data.tables.get(table, {}) for table in (NAMES, FORMER))
    for id, speaker in s.data.tables.get(SPEAKERS, {}).items():
        if same_name(speaker):
            yield Value(id, SPEAKER, f"{s.corpus}\t{speaker}", speaker)
            side = IN_TRAIN if s.train == (speaker in former) else IN_TEST
            yield Value(id, SPEAKER, f"{s.corpus}\t{former.get(speaker, speaker)}\t{side}", speaker)
        if speaker in names and (key := same_name(names[speaker])):
            yield Value(id, SPEAKER, key, names[speaker])


def former_id(hit: Hit) -> str:
    """The id that a speaker had before it was told apart, if a hit is of this id; else empty."""
    parts = hit.key.split("\t")
    return parts[-2] if hit.kind == SPEAKER and len(parts) > 2 and parts[-1] in (IN_TRAIN, IN_TEST) else ""


@lru_cache(maxsize=1 << 16)
def same_name(name: str) -> str:
    """What is equal for two spellings of one name; empty for a label that names nobody and nothing."""
    words = _APART.sub(" ", name_of(name).casefold()).strip()
    return "" if is_not_known(name) or _NOBODY.fullmatch(words) else words


def brief(value: str) -> str:
    """A value as a report can hold it: on one line, not too long."""
    line = " ".join(value[: 4 * SHOWN].split())
    return line if len(line) <= SHOWN else line[: SHOWN - 1] + "…"
