"""Casablanca: conversational speech of eight Arabic dialects from television series, transcribed by native speakers.

Where: Hugging Face, UBC-NLP/Casablanca (gated). Licence: CC BY-NC-ND 4.0. Only a validation and a test split of each
dialect are public, THERE IS NO TRAINING SET: here part of the validation split is trained on, so that what is said
of Casablanca as a training set elsewhere (the paper's own 48 h) compares with nothing made here.

Tree (CORPUS is what `hf download UBC-NLP/Casablanca --repo-type dataset --local-dir CORPUS` leaves; a folder data/
above the dialects, and the converted layout <Dialect>/validation/0000.parquet, are taken too):
  CORPUS/{Algeria,Egypt,Jordan,Mauritania,Morocco,Palestine,UAE,Yemen}/{validation,test}-00000-of-00002.parquet
Columns: audio {bytes, path}, seg_id, transcription, gender, duration. [?] What a seg_id looks like is not known: what
stands before its number, or its times, is taken for the programme where several segments share it, and then no
programme is in both train and dev. Where that tells nothing, single segments are drawn.
Expected: Algeria 844 + 843 segments; of the others nothing is published that could be checked here.

Writes, without --dialect, OUT/casablanca_<alg>_{train,dev,test} of every dialect that is there, or with --together true
OUT/casablanca_{train,dev,test} of all of them; with --dialect ALG, OUT/{train,dev,test} of that one, as the recipes
call their sets. Test is the official test, untouched: transcripts keep their punctuation (54 % of the test references
have some). Audio goes to OUT/audio, once.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ..ids import safe, unique
from ..pace import stated
from ..split import split_groups
from .dialects import code_of
from .gather import gather
from .parquet import RowGroup, column, row_groups, rows, write_sound
from .segments import CorpusSegment, Drop, Published, Take
from .sets import tell_recurring, write_sets
from .sources import SourceError, check_inside, corpus_folder

DIALECTS = ("Algeria", "Egypt", "Jordan", "Mauritania", "Morocco", "Palestine", "UAE", "Yemen")
SPLITS = ("validation", "test")
WANTED = ("audio", "transcription")
PUBLISHED = {"ALG": Published(843)}  # of the test set
_NUMBER = re.compile(r"[-_ .]*(?:(?:seg(?:ment)?|utt)[-_ .]*)?\d+(?:[-_.:]\d+)*$", re.IGNORECASE)


@dataclass(frozen=True)
class CasablancaConfig:
    """Which dialects are taken, and how the validation split is divided."""

    dialect: str = ""
    """one dialect to take, by code or name (ALG, Algeria, الجزائر), written as train, dev and test; empty: all
    dialects"""
    together: bool = False
    """true: one train, dev and test of all dialects, to tell them apart; false: sets of each dialect"""
    dev_share: float = 0.2
    """share of the official validation split that becomes dev, 0 to 1; the rest becomes train"""
    seed: int = 1
    """random seed of the division into dev and train"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not 0 < self.dev_share < 1:
            raise ValueError("dev_share must leave something for train and for dev")
        if self.dialect and self.together:
            raise ValueError("together: the sets of one dialect have nothing to be put together with")
        if self.dialect and code_of(self.dialect) not in map(code_of, DIALECTS):
            raise ValueError(f"dialect: {self.dialect!r} is none of {', '.join(map(code_of, DIALECTS))}")


@dataclass(frozen=True)
class Split:
    """The rows of one split of one dialect.

    Attributes:
        code: of its dialect; test: whether it is the official test split.
        groups: its row groups in order.
        names: an id of each row, the same whatever else is taken; sets: where each row belongs;
        programmes: of each row; empty where unknown.
    """

    code: str
    test: bool
    groups: list[RowGroup]
    names: list[str]
    sets: list[str]
    programmes: list[str]


def find_files(corpus: Path, dialect: str, split: str, follow_links: bool) -> list[Path]:
    """Parquet files of a split, in order. Raises SourceError for a link out of the corpus, unless `follow_links`."""
    files: set[Path] = set()
    for pattern in (f"{dialect}/{split}-*.parquet", f"{dialect}/{split}/*.parquet", f"{dialect}/{split}.parquet"):
        files |= set(corpus.glob(pattern)) | set(corpus.glob(f"data/{pattern}"))
    for file in sorted(files, key=os.fsencode):
        check_inside(corpus, str(file.relative_to(corpus)), follow_links)
    return sorted(files, key=os.fsencode)


def programme_of(seg_id: str) -> str:
    """What stands before the number or the times of a seg_id: `serie_1_seg_12` -> `serie_1`; empty: it is a number."""
    return _NUMBER.sub("", seg_id.strip())


def programmes_of(ids: Sequence[str]) -> list[str]:
    """Programme of each segment; all empty if an id names none, if all name the same, or if each names its own."""
    programmes = [programme_of(id) for id in ids]
    several = len(set(programmes)) > 1 and len(set(programmes)) < len(programmes) and "" not in programmes
    return programmes if several else [""] * len(programmes)


def divide(
    names: Sequence[str], programmes: Sequence[str], lengths: Sequence[float], dev: float, seed: int
) -> set[int]:
    """Rows of the validation split that are dev: whole programmes where these are known, about `dev` of the audio.

    Raises UserError for a single row, which cannot be two sets.
    """
    group = [programme or name for programme, name in zip(programmes, names)]
    weights: dict[str, float] = {}
    for name, length in zip(group, lengths):
        weights[name] = weights.get(name, 0.0) + length
    parts = split_groups(weights, {"train": 1 - dev, "dev": dev}, seed)
    return {i for i, name in enumerate(group) if parts[name] == "dev"}


def read_split(corpus: Path, dialect: str, split: str, config: CasablancaConfig) -> Split | None:
    """A split without its audio; None if it is missing. Raises SourceError for a file that cannot be read."""
    files = find_files(corpus, dialect, split, config.take.follow_links)
    if not files:
        return None
    code = code_of(dialect)
    prefix = "" if config.dialect else "casablanca_" if config.together else f"casablanca_{code.lower()}_"
    groups = row_groups(files, WANTED)
    segment_ids = [name_of(str(id)) if id is not None else "" for id in column(files, "seg_id")]
    times = Counter(segment_ids)
    own = [id if id and times[id] == 1 else f"{id}-row-{row:06d}" for row, id in enumerate(segment_ids)]
    while clashing := {id for id, n in Counter(own).items() if n > 1}:  # somebody's own id ends so
        own = [f"{id}-row-{row:06d}" if id in clashing else id for row, id in enumerate(own)]
    readable = unique(own, safe)
    names = [f"{code}-{split}-{readable[id]}" for id in own]
    programmes = programmes_of(segment_ids)
    sets = [f"{prefix}test"] * len(names)
    if split == "validation":
        lengths = [float(x) if isinstance(x, (int, float)) and x > 0 else 1.0 for x in column(files, "duration")]
        dev = divide(names, programmes, lengths, config.dev_share, config.seed)
        sets = [f"{prefix}{'dev' if row in dev else 'train'}" for row in range(len(names))]
    return Split(code, split == "test", groups, names, sets, programmes)


def read_group(out: Path, split: Split, group: RowGroup) -> Iterator[CorpusSegment | Drop]:
    """Segments of a row group; their audio is written below `out`. If the file is damaged, each row left is a Drop."""
    number = group.first - 1
    try:
        for number, row in rows(group, (*WANTED, "gender", "duration")):
            yield _segment(out, split, number, row)
    except SourceError as e:
        for lost in range(number + 1, group.first + group.rows):
            yield Drop(split.names[lost], e.reason, e.what, split.sets[lost])


def _segment(out: Path, split: Split, number: int, row: Mapping[str, Any]) -> CorpusSegment | Drop:
    name, programme = split.names[number], split.programmes[number]
    if not row:
        return Drop(name, "encoding", "a text that is no UTF-8", split.sets[number])
    if not isinstance(text := row["transcription"] or "", str):
        return Drop(name, "columns", f"a transcription that is no text but {type(text).__name__}", split.sets[number])
    try:
        path = write_sound(out / "audio" / split.code, name, row["audio"])
    except SourceError as e:
        return Drop(name, e.reason, e.what, split.sets[number])
    return CorpusSegment(
        split.sets[number],
        name,
        str(path),
        text=text,
        programme=programme and f"{split.code}-{programme}",
        dialect=split.code,
        gender=str(row.get("gender") or ""),
        stated=stated("duration", str(row.get("duration") or "")),
    )


def run(step: Step[CasablancaConfig]) -> None:
    config = step.config
    marks = [f"{above}{dialect}/{split}*" for above in ("", "data/") for dialect in DIALECTS for split in SPLITS]
    corpus = corpus_folder(step.input(0, "the folder of the downloaded dataset"), *marks)
    wanted = [d for d in DIALECTS if not config.dialect or code_of(d) == code_of(config.dialect)]
    splits = [split for d in wanted for name in SPLITS if (split := read_split(corpus, d, name, config))]
    if not splits:
        raise UserError(f"{wanted[0]} is not here", str(corpus), "complete the corpus, or name another --dialect")
    items = [(split, group) for split in splits for group in split.groups]
    segments = gather(
        step, corpus, items, [group.size / 1e6 for _, group in items], lambda i: read_group(step.out, *i), "MB"
    )
    counted = [split for split in splits if split.code in PUBLISHED and split.test and not config.together]
    tests = {split.sets[0]: PUBLISHED[split.code] for split in counted}
    write_sets(step, corpus, segments, tests)
    tell_recurring(segments)
    for dialect in wanted:
        if sum(split.code == code_of(dialect) for split in splits) == 1:
            print(f"WARNING: {dialect}: only one of its two splits is here")
    for split in splits:
        if not any(split.programmes):
            print(f"{split.code}: seg_id tells of no programmes: segments of one may be in several sets")
    print("Casablanca has no public training set: train and dev are parts of its validation split")
    print("Casablanca names no speakers: each utterance has one of its own, and sets may share people")


if __name__ == "__main__":
    main(run)
