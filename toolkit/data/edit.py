"""Make data directories from data directories: subset, combine, split by speaker.

python3 -m toolkit.data.edit subset  --in DIR [LIST] --out DIR --by first|random|list|speakers|label --count N
python3 -m toolkit.data.edit combine --in DIR DIR... --out DIR
python3 -m toolkit.data.edit split   --in DIR --out FOLDER --shares train=0.8,dev=0.1,test=0.1
"""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..core.errors import UserError
from ..core.seed import seed_of
from ..core.step import Step, main
from ..text.invisible import name_of
from .kaldi import SEGMENTS, SPEAKERS, UNKNOWN, WAV, DataDir, Tables, Utterance, copy_phones, write_data_dir
from .names import is_of_speakers
from .provenance import joined_limits
from .speakers import SpeakersConfig, told_apart
from .split import shares_of, split_groups
from .tables import CHANNELS, OF_UTTERANCES, PARTIAL

ACTIONS = ("subset", "combine", "split")
SHOWN = 20


@dataclass(frozen=True)
class EditConfig(SpeakersConfig):
    """Which data directories are made."""

    action: Literal["subset", "combine", "split"]
    """subset: part of a data directory; combine: several as one; split: one into parts without common speakers; may
    also be the first word of the command"""
    by: Literal["first", "random", "list", "speakers", "label"] = "first"
    """for subset; first: the first `count` utterances; random: `count` utterances drawn by seed; list: the ids in a
    file, the second input; speakers: all utterances of the speakers in a file, the second input; label: `count` drawn
    utterances of each known label"""
    count: int = 0
    """for subset: number of utterances to keep (by label: per label)"""
    label: str = "utt2lang"
    """for subset by label: table that holds the labels, e.g. utt2lang"""
    shares: tuple[str, ...] = ("train=0.8", "dev=0.1", "test=0.1")
    """for split: name=share of each part, shares of the audio"""
    seed: int = 1
    """random seed of random and label subsets and of split; another seed takes other utterances or speakers"""
    allow_pipes: bool = False
    """true: run shell commands (pipes) that wav.scp names; false: refuse them. Allow only for files you trust"""

    def __post_init__(self) -> None:
        shares_of(self.shares)
        if self.action == "subset" and self.by in ("first", "random", "label") and self.count < 1:
            raise ValueError(f"count: subset by {self.by} needs a positive number of utterances")


def restrict(tables: Tables, keep: Collection[str]) -> dict[str, dict[str, str]]:
    """The tables restricted to the utterances `keep`, their recordings and their speakers."""
    wanted = set(keep)
    pieces = {id: text for id, text in tables.get(SEGMENTS, {}).items() if id in wanted}
    recordings = {text.split()[0] for text in pieces.values()} if SEGMENTS in tables else wanted
    speakers = {speaker for id, speaker in tables.get(SPEAKERS, {}).items() if id in wanted}
    made: dict[str, dict[str, str]] = {}
    for name, table in tables.items():
        if name == SEGMENTS or OF_UTTERANCES.fullmatch(name):
            of = wanted
        else:
            of = speakers if is_of_speakers(name) else recordings
        made[name] = {key: value for key, value in table.items() if key in of}
    return {name: table for name, table in made.items() if table or name not in PARTIAL}


def drawn(ids: Iterable[str], count: int, seed: int) -> list[str]:
    """`count` of the ids, or all if there are fewer. The order of the ids does not matter."""
    return sorted(sorted(ids, key=lambda id: (seed_of(seed, "draw", id), id))[:count])


def first(data: DataDir, count: int) -> list[str]:
    """Ids of the first `count` utterances."""
    return [u.id for u in data.utterances[:count]]


def of_list(data: DataDir, ids: Collection[str]) -> list[str]:
    """The ids, sorted. Raises UserError naming unknown ones."""
    _refuse_strangers(set(ids) - {u.id for u in data.utterances}, "utterances", data)
    return sorted(set(ids))


def of_speakers(data: DataDir, speakers: Collection[str]) -> list[str]:
    """Ids of all utterances of the speakers. Raises UserError naming unknown speakers."""
    wanted = {name_of(speaker) for speaker in speakers}
    _refuse_strangers(wanted - {u.speaker for u in data.utterances}, "speakers", data)
    return [u.id for u in data.utterances if u.speaker in wanted]


def per_label(data: DataDir, table: str, count: int, seed: int) -> list[str]:
    """Ids of `count` drawn utterances of each label, or all if it has fewer; `unknown` is none.

    Raises UserError for an unknown table.
    """
    if table not in data.tables:
        table_names = ", ".join(sorted(data.tables))
        raise UserError(f"there is no table {table}", str(data.path), f"name one of {table_names}")
    groups: dict[str, list[str]] = {}
    for u in data.utterances:
        if data.tables[table].get(u.id, UNKNOWN) != UNKNOWN:
            groups.setdefault(data.tables[table][u.id], []).append(u.id)
    return sorted(id for label in sorted(groups) for id in drawn(groups[label], count, seed))


def combine(parts: Sequence[DataDir]) -> tuple[dict[str, dict[str, str]], list[str]]:
    """(joined tables of all parts, sentences about tables that were left out and limits that not all of them state).

    A table that not every part has is left out. If only some parts have segments, the recordings of the others get one
    segment each, from beginning to end.

    A speaker id is one person in all parts: what two corpora call alike is told apart before, see speakers.py.

    Raises UserError naming utterances in two parts, and recordings or speakers that differ between parts.
    """
    names = set().union(*(part.tables for part in parts))
    kept = {name for name in names if all(name in part.tables for part in parts) or is_of_speakers(name)}
    kept |= names & {CHANNELS}
    tables: dict[str, dict[str, str]] = {}
    clashes: dict[str, str] = {}
    for part in parts:
        added = {name: part.tables[name] for name in sorted(kept) if name in part.tables}
        if CHANNELS in kept:  # a recording without a line is another than one with it
            added[CHANNELS] = {rec: part.tables.get(CHANNELS, {}).get(rec, "") for rec in part.tables[WAV]}
        if SEGMENTS in names:
            added[SEGMENTS] = part.tables.get(SEGMENTS) or {u.id: f"{u.id} 0 -1" for u in part.utterances}
        for name, table in added.items():
            whole = tables.setdefault(name, {})
            alone = name == SEGMENTS or OF_UTTERANCES.fullmatch(name) or (name == WAV and SEGMENTS not in names)
            for key, value in table.items():
                if key in whole and (alone or whole[key] != value):
                    clashes.setdefault(key, f"{key} ({name}, {part.path})")
                whole[key] = value
    if clashes:
        raise UserError(
            f"ids that clash: {_shown([*clashes.values()])}", "--in", "rename them in one part, or leave one part out"
        )
    if CHANNELS in tables:
        tables[CHANNELS] = {rec: value for rec, value in tables[CHANNELS].items() if value}
    left = sorted(names - kept - {SEGMENTS})
    lines = [f"{name} is left out: not every part has it" for name in left]
    return tables, lines + joined_limits([part.path for part in parts])


def split(data: DataDir, shares: Mapping[str, float], seed: int) -> dict[str, list[str]]:
    """Part -> ids. No speaker is in two parts; the parts come near their shares of audio. See split.split_groups."""
    seconds: dict[str, list[float]] = {}
    for u in data.utterances:
        seconds.setdefault(u.speaker, []).append(u.seconds)
    parts = split_groups({speaker: math.fsum(s) for speaker, s in seconds.items()}, shares, seed)
    return {name: [u.id for u in data.utterances if parts[u.speaker] == name] for name in shares}


def _refuse_strangers(strangers: Collection[str], kind: str, data: DataDir) -> None:
    if strangers:
        shown = ", ".join(sorted(strangers)[:SHOWN]) + (
            f", ... ({len(strangers)} in all)" if len(strangers) > SHOWN else ""
        )
        raise UserError(f"{kind} that are not there: {shown}", str(data.path), "mend the list")


def _shown(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (f", ... ({len(names)} in all)" if len(names) > SHOWN else "")


def _words(step: Step[EditConfig], kind: str) -> list[str]:
    """First field of every line of the list that is the second input."""
    path = step.input(1, f"a file with a list of {kind}, one on a line")
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (UnicodeDecodeError, IsADirectoryError) as e:
        raise UserError(f"not a list in UTF-8: {e}", str(path), f"write one of the {kind} on a line") from None
    return [line.split()[0] for line in lines if line.strip()]


def _chosen(step: Step[EditConfig], data: DataDir) -> list[str]:
    c = step.config
    if c.by == "first":
        return first(data, c.count)
    if c.by == "random":
        return drawn((u.id for u in data.utterances), c.count, c.seed)
    if c.by == "label":
        ids = per_label(data, c.label, c.count, c.seed)
        step.counts["label_not_known"] = sum(data.tables[c.label].get(u.id, UNKNOWN) == UNKNOWN for u in data)
        print(f"{step.counts['label_not_known']:,} utterances of no known label are left out")
        return ids
    return of_list(data, _words(step, "ids")) if c.by == "list" else of_speakers(data, _words(step, "speakers"))


def _write(step: Step[EditConfig], data: DataDir, ids: Collection[str], out: Path, name: str = "") -> None:
    if not ids:
        raise UserError("nothing would be left", str(data.path), "ask for more")
    write_data_dir(out, restrict(data.tables, ids))
    wanted = set(ids)
    copy_phones([data.origin], out, wanted)
    _count(step, [u for u in data.utterances if u.id in wanted], name)


def _count(step: Step[EditConfig], utterances: list[Utterance], name: str) -> None:
    seconds = math.fsum(u.seconds for u in utterances)
    step.counts[f"{name}_utterances".strip("_")] = len(utterances)
    step.counts[f"{name}_hours".strip("_")] = round(seconds / 3600, 4)
    print(f"{name or step.out}: {len(utterances)} utterances, {seconds / 3600:.2f} h")


def run(step: Step[EditConfig]) -> None:
    c = step.config
    parts = [DataDir.read(path, c.allow_pipes) for path in (step.ins if c.action == "combine" else step.ins[:1])]
    if c.action == "combine":
        if len(parts) < 2:
            raise UserError("one data directory is nothing to combine", "--in", "name two or more")
        parts = told_apart(step, parts, c.speakers)
        tables, left = combine(parts)
        write_data_dir(step.out, tables)
        copy_phones([part.origin for part in parts], step.out, tables.get(SEGMENTS, tables[WAV]))
        print(*left, sep="\n", end="\n" if left else "")
        _count(step, [u for part in parts for u in part.utterances], "")
        return
    data = parts[0] if parts else DataDir.read(step.input(0, "a data directory"))
    if c.action == "subset":
        _write(step, data, _chosen(step, data), step.out)
    else:
        for name, ids in split(data, shares_of(c.shares), c.seed).items():
            _write(step, data, ids, step.out / name, name)


if __name__ == "__main__":
    if len(sys.argv) > 1 and sys.argv[1] in ACTIONS:  # `edit subset` for people; recipes write --action subset
        sys.argv[1:2] = ["--action", sys.argv[1]]
    main(run)
