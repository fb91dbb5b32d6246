"""Who is one person in several sets: within a corpus a speaker id is one person, and in two corpora it is two.

Which corpora a set was made of, the records of its steps tell (provenance.corpora_of): parts of LibriSpeech share their
speakers rightly, also if they come from two outputs. A speaker id that two corpora have becomes two ids, with the
corpus's name in front, and so do the ids of the utterances, which begin with their speaker. This is decided over all
sets of a step at once, so a person has one id in all of its outputs; spk2orig has the id that it had, by which
data.contamination knows it in sets of the corpus that were not there. Where no record tells whether two sets are of one
corpus, neither is guessed. Speakers whom nobody knows (`unknown`) are no one person, and keep that id.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UserError
from ..core.record import within
from ..core.step import Step
from ..text.not_known import is_not_known
from .folder_names import names_of
from .ids import safe_speaker, unique
from .kaldi import SPEAKERS, DataDir
from .names import is_of_speakers, with_new_ids
from .provenance import corpora_of
from .roles import around_role
from .tables import FORMER, few

SHOWN = 5
APART = "--speakers apart if each input is a corpus of its own, whose name the ids then get in front"
RENAME = (
    "if they are of two corpora, rename the folders, the corpus in front, egy_train and lev_train, for --speakers apart"
)


@dataclass(frozen=True, kw_only=True)
class SpeakersConfig:
    """Who is one person in several sets."""

    speakers: Literal["by_corpus", "same", "apart"] = "by_corpus"
    """what a speaker id means that several sets have. by_corpus: one person within a corpus, as the records of the sets
    tell; of two corpora, the ids of both, and of their utterances, get the corpus's name in front; where no record
    tells the corpus, it is an error. same: one person in all sets. apart: as by_corpus, and where no record tells the
    corpus, each input is one; inputs in one folder whose names differ only in the word that tells their role, such as
    train and test, or own_train and own_test, are one together; of names that differ behind that word, such as
    train_egy and train_lev, a common speaker is an error, for they may be one corpus or two"""


@dataclass
class _Corpus:
    """Sets in which one speaker id is one person.

    Attributes:
        origins: as of provenance.corpora_of; homes: the outputs that the sets lie in.
        sets: their places among all sets.
        by_name: of sets that only their names say to be of it, their places, with what stands behind the role there.
    """

    origins: set[frozenset[str]]
    homes: set[Path]
    sets: list[int] = field(default_factory=list)
    by_name: dict[int, str] = field(default_factory=dict)

    @property
    def of(self) -> frozenset[str]:
        return frozenset().union(*self.origins)

    @property
    def key(self) -> str:
        """What names it: the names of its corpora, or the path of what no record knows."""
        return "+".join(sorted(self.of))


def told_apart(step: Step[Any], sets: Sequence[DataDir], rule: str) -> list[DataDir]:
    """The sets, in which now a speaker id is one person. Prints, and counts, who was renamed.

    Args:
        rule: of SpeakersConfig.

    Raises UserError naming speakers of whom nobody can tell whether they are one person.
    """
    if len(sets) > 1:
        sets = _without_words_of_nobody(sets)
    if rule == "same" or len(sets) < 2:
        return list(sets)
    corpora = _corpora([data.path for data in sets], step.ins if rule == "apart" else [])
    speakers = [set().union(*({*sets[i].tables.get(SPEAKERS, {}).values()} for i in one.sets)) for one in corpora]
    having: dict[str, list[int]] = {}
    for number, of_corpus in enumerate(speakers):
        for speaker in of_corpus:
            having.setdefault(speaker, []).append(number)
    several = {speaker: numbers for speaker, numbers in sorted(having.items()) if len(numbers) > 1}
    shared = {speaker: numbers for speaker, numbers in several.items() if not is_not_known(speaker)}
    if rule == "by_corpus":
        _refuse_unsure(shared, corpora, sets, step.ins)
    else:
        _refuse_unsure_names(corpora, sets)
    names = _names(corpora)
    new = {(speaker, n): f"{names[corpora[n].key]}_{speaker}" for speaker, numbers in shared.items() for n in numbers}
    if taken := sorted({*new.values()} & having.keys()):
        message = f"speakers that cannot be told apart as {few(taken, SHOWN)}, which others are called already"
        raise UserError(message, "--in", "rename the speakers of one corpus")
    if shared:
        step.counts["speakers_told_apart"] = len(shared)
        lines = [f"{s} is {' and '.join(new[s, n] for n in numbers)}" for s, numbers in shared.items()]
        print(f"{len(shared):,} speaker ids that several corpora have are told apart: {few(lines, SHOWN)}", flush=True)
    nobodys = _nobodys_twice(sets, corpora, several.keys() - shared.keys())
    renamed = list(sets)
    for number, one in enumerate(corpora):
        changed = {speaker: name for (speaker, n), name in new.items() if n == number}
        for i in one.sets:
            renamed[i] = _renamed(sets[i], changed, names[one.key], nobodys)
    return renamed


def _without_words_of_nobody(sets: Sequence[DataDir]) -> list[DataDir]:
    """The sets without lines of tables of speakers (spk2gender) that say several things of one whom nobody knows."""
    values: dict[tuple[str, str], set[str]] = {}
    for data in sets:
        for table in filter(is_of_speakers, data.tables):
            for speaker, value in data.tables[table].items():
                if is_not_known(speaker):
                    values.setdefault((table, speaker), set()).add(value)
    torn = {at for at, of in values.items() if len(of) > 1}
    kept = []
    for data in sets:
        changed = {
            table: {speaker: value for speaker, value in data.tables[table].items() if (table, speaker) not in torn}
            for table in {table for table, speaker in torn} & data.tables.keys()
        }
        tables = {table: lines for table, lines in (data.tables | changed).items() if lines or table not in changed}
        kept.append(replace(data, tables=tables) if changed else data)
    return kept


def _nobodys_twice(sets: Sequence[DataDir], corpora: Sequence[_Corpus], nobodys: Collection[str]) -> set[str]:
    """Ids of utterances that several corpora have, of speakers whom nobody knows."""
    of: dict[str, set[int]] = {}
    for number, one in enumerate(corpora):
        for i in one.sets:
            for id, speaker in sets[i].tables.get(SPEAKERS, {}).items():
                if speaker in nobodys:
                    of.setdefault(id, set()).add(number)
    return {id for id, numbers in of.items() if len(numbers) > 1}


def _corpora(paths: Sequence[Path], inputs: Sequence[Path]) -> list[_Corpus]:
    """The sets by corpus: sets of one origin, or in one output, are one corpus.

    Args:
        inputs: if there are any, sets of which no record tells the corpus are one corpus if they are of one input.
    """
    corpora: list[_Corpus] = []
    for i, path in enumerate(paths):
        origin, place = corpora_of(path), within(path.absolute())
        given = next((folder for folder in inputs if folder in (path, path.parent)), None)
        by_name: dict[int, str] = {}
        if given and not _is_known(origin):
            corpus, behind = _corpus_of(path)
            origin = frozenset([os.path.realpath(given if given != path else corpus)])
            by_name = {i: behind} if given == path and not place else {}
        made = _Corpus({origin}, {Path(os.path.realpath(place[0]))} if place else set(), [i], by_name)
        alike = [one for one in corpora if one.origins & made.origins or one.homes & made.homes]
        for one in alike:
            corpora.remove(one)
            by_name = one.by_name | made.by_name
            made = _Corpus(made.origins | one.origins, made.homes | one.homes, one.sets + made.sets, by_name)
        corpora.append(made)
    return corpora


def _corpus_of(path: Path) -> tuple[Path, str]:
    """(the folder of a corpus, what stands behind the role) of a set whose name tells its role.

    The folder need not exist: own of own_train.
    """
    place = Path(os.path.realpath(path))
    before, behind = around_role(place.name)
    return place.parent / before, behind


def _is_known(origin: frozenset[str]) -> bool:
    """True if an origin is of corpora alone that have names."""
    return not any(os.path.isabs(name) for name in origin)


def _refuse_unsure(
    shared: Mapping[str, Sequence[int]], corpora: Sequence[_Corpus], sets: Sequence[DataDir], inputs: Sequence[Path]
) -> None:
    """Raise UserError for speakers of sets of which nobody can tell whether they are of one corpus.

    With the word `apart` as a remedy only where it would tell all of them apart.
    """
    unsure: dict[str, list[DataDir]] = {}
    for speaker, numbers in shared.items():
        pairs = combinations([corpora[n] for n in numbers], 2)
        sure = all(_is_known(a.of | b.of) and not a.of & b.of for a, b in pairs)
        if not sure:
            unsure[speaker] = [sets[i] for n in numbers for i in corpora[n].sets if _has(sets[i], speaker)]
    by_input = _corpora([data.path for data in sets], inputs)
    told = all(sum(any(_has(sets[i], speaker) for i in one.sets) for one in by_input) > 1 for speaker in unsure)
    _refuse(unsure, APART if told else RENAME)


def _refuse_unsure_names(corpora: Sequence[_Corpus], sets: Sequence[DataDir]) -> None:
    """Raise UserError for speakers of train_egy and train_lev: dialects of one corpus, or two corpora."""
    unsure: dict[str, list[DataDir]] = {}
    for one in corpora:
        behind: dict[str, dict[str, list[DataDir]]] = {}  # speaker -> what stands behind the role -> sets
        for i, name in one.by_name.items():
            for speaker in {*sets[i].tables.get(SPEAKERS, {}).values()}:
                behind.setdefault(speaker, {}).setdefault(name, []).append(sets[i])
        for speaker, names in sorted(behind.items()):
            if len(names) > 1 and not is_not_known(speaker):
                unsure[speaker] = [data for of_name in names.values() for data in of_name]
    _refuse(unsure, RENAME)


def _refuse(unsure: Mapping[str, Sequence[DataDir]], apart: str) -> None:
    """Raise UserError if there are speakers that may be one person or several; `apart`: what to do for the latter."""
    if unsure:
        names = [f"{speaker} ({', '.join(data.path.name for data in of)})" for speaker, of in unsure.items()]
        message = (
            f"{len(unsure):,} speaker ids are in sets that may be of one corpus or of several: {few(names, SHOWN)}"
        )
        remedy = f"say which (`speakers` of the config): --speakers same if each is one person; {apart}"
        raise UserError(message, "--in", remedy)


def _has(data: DataDir, speaker: str) -> bool:
    return speaker in data.tables.get(SPEAKERS, {}).values()


def _names(corpora: Sequence[_Corpus]) -> dict[str, str]:
    """Key of a corpus -> what is put in front of its speakers: its name, or that of the nearest folder that differs."""
    names = names_of({one.key: _levels(one.of) for one in corpora})
    return unique(names, names.__getitem__)


def _levels(corpora: frozenset[str]) -> list[str]:
    """The name of a corpus, and if it is a folder, of those above it."""
    if len(corpora) == 1 and os.path.isabs(path := min(corpora)):
        return [safe_speaker(name) for name in reversed(Path(path).parts)]
    return [safe_speaker("+".join(sorted(map(os.path.basename, corpora))))]


def _renamed(data: DataDir, speakers: Mapping[str, str], name: str, nobodys: Collection[str]) -> DataDir:
    """The set with new ids of `speakers` (old -> new), and of their utterances; spk2orig has their old ones.

    Args:
        nobodys: utterances of speakers whom nobody knows, which get new ids too; the speaker stays.
    """
    of = data.tables.get(SPEAKERS, {})
    new = {id: f"{name}_{id}" for id, speaker in of.items() if speaker in speakers}
    new |= {id: f"{of[id]}-{name}_{id}" for id in nobodys if id in of}
    if not new:
        return data
    utterances = [
        replace(u, id=new[u.id], speaker=speakers.get(u.speaker, u.speaker)) if u.id in new else u
        for u in data.utterances
    ]
    tables = with_new_ids(data.tables, new, speakers)
    former = {name: speaker for speaker, name in speakers.items() if speaker in {*of.values()}}
    if former:
        tables[FORMER] = former | tables.get(FORMER, {})
    return replace(data, tables=tables, utterances=sorted(utterances, key=lambda u: u.id), new_ids=new)
