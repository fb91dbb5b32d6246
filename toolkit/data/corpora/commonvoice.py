"""Common Voice: sentences read by volunteers into their own microphones, Arabic by default.

Where: https://commonvoice.mozilla.org/datasets. Licence: CC0-1.0. CORPUS is a language's folder or one above:
  CORPUS/{train,dev,test,validated,invalidated,other}.tsv     CORPUS/clips/<path>.mp3     [CORPUS/clip_durations.tsv]
  CORPUS/<language>/..., CORPUS/cv-corpus-<version>/<language>/...
A .tsv has a header and is read by its names; no column but client_id, path and sentence is needed. Each row has all
columns of the header, also where the last ones are empty:
  client_id  path  sentence  up_votes  down_votes  age  gender  accents (once accent)  variant  locale  segment
  ... newer ones also sentence_id, sentence_domain. A quotation mark is text. In old ones `path` has no .mp3.
Expected: each release has other counts; none are held against it. 26.6 % of the test prompts of 18.0 have diacritics.

Writes OUT/commonvoice_{train,dev,test}, the official parts (dev and test as they are, whatever they hold). With
`validated`, commonvoice_train is made of validated.tsv instead of train.tsv, without what is also in dev or test by
recording, by speaker or by prompt: each such row is in the ledger with its reason. Text is as it stands, with its
diacritics, digits and punctuation. A speaker goes by the first 16 of the 128 hexadecimal digits of client_id.
utt2lang: the code of the accent where it names a dialect, else ARA; utt2accent, utt2variant: what the speaker wrote.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ...text.normalise import profile
from ..ids import unique
from ..pace import stated
from .dialects import code_of
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusSegment, Drop, Published, Take, drop, report_to
from .sets import write_sets
from .sources import MalformedRow, SourceError, TableRow, corpus_folder, folders_below, table_rows

HELD_OUT = ("test", "dev")  # what both have stays in test
DURATIONS, MILLISECONDS = "clip_durations.tsv", "duration[ms]"
REPEATED = "duplicate path"
COLUMNS = ("client_id", "path", "sentence")
NAMES = ("client_id", "locale", "accent", "accents", "variant")
DIALECTS = {"ar": "ARA", "en": "ENG"}  # of speakers who say nothing of theirs
_CLIENT = re.compile(r"[0-9a-f]{128}")
_SPELLING = profile("sawt")
SHOWN_DIGITS = 16  # of a client_id: a speaker's name in ids; `unique` tells apart two that begin alike

Numbered = tuple[int, TableRow]


@dataclass(frozen=True)
class CommonVoiceConfig:
    """Which part of Common Voice is taken."""

    language: str = "ar"
    """code of the language, e.g. ar, which is the name of its folder in the corpus"""
    validated: bool = False
    """true: train on all validated recordings except those that share a recording, speaker or prompt with dev or test
    (more audio); false: train on the official train split"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[A-Za-z]+(-[A-Za-z]+)*", self.language):
            raise ValueError(f"language: {self.language!r} is no code of a language, e.g. ar or zh-CN")


def find_language(path: Path, language: str) -> Path:
    """The folder of a language at or below `path`. Raises UserError if there is none, or more than one."""
    marks = ("test.tsv", f"{language}/test.tsv", f"cv-corpus-*/{language}/test.tsv")
    corpus_folder(path, *marks)
    folders = [table.parent for mark in marks for table in folders_below(path, mark)]
    if len(folders) > 1 and folders[0] != path:
        names = ", ".join(str(folder.relative_to(path)) for folder in folders)
        raise UserError(f"several releases: {names}", str(path), "name one of them with --in")
    return corpus_folder(folders[0], "clips")


def prompt_of(sentence: str) -> str:
    """What all spellings of one prompt have in common: letters without diacritics, seats of hamza, signs and case."""
    return _SPELLING(sentence).casefold()


def clip_of(row: TableRow) -> str:
    """Its recording, relative to the folder of the language."""
    path = row["path"].strip()
    return f"clips/{path}" if "." in path.rpartition("/")[2] else f"clips/{path}.mp3"


@dataclass(frozen=True)
class HeldOut:
    """What no training utterance may share with dev and test: clips, speakers, prompts -> the part that has it."""

    clips: dict[str, str]
    speakers: dict[str, str]
    prompts: dict[str, str]

    @classmethod
    def of(cls, parts: Mapping[str, list[Numbered]], malformed: Mapping[str, list[TableRow]]) -> HeldOut:
        """`malformed`: part -> what can be told of its malformed rows, whose clips and speakers are held out, too."""
        held = cls({}, {}, {})
        for part in HELD_OUT:
            for _, row in parts[part]:
                held.clips.setdefault(clip_of(row), part)
                held.speakers.setdefault(row["client_id"], part)
                held.prompts.setdefault(prompt_of(row["sentence"]), part)
            for row in malformed[part]:
                held.speakers.setdefault(row.get("client_id", ""), part)
                if row.get("path", "").strip():
                    held.clips.setdefault(clip_of(row), part)
        held.speakers.pop("", None)  # nobody in particular, and nothing said
        held.prompts.pop("", None)
        return held

    def why(self, row: TableRow) -> tuple[str, str]:
        """(reason, part) for which a row must not be trained on; two empty strings where nothing stands against it."""
        if part := self.clips.get(clip_of(row)):
            return f"recording of {part}", part
        if part := self.speakers.get(row["client_id"]):
            return f"speaker of {part}", part
        if part := self.prompts.get(prompt_of(row["sentence"])):
            return f"prompt of {part}", part
        return "", ""


def read_part(
    step: Step[CommonVoiceConfig], corpus: Path, part: str, name: str
) -> tuple[list[Numbered], list[TableRow]]:
    """(rows of a .tsv with their lines, fields of its malformed and contradicting rows as far as they can be told).

    Rows that cannot be used go to the ledger.
    """
    path, language, lost = corpus / f"{name}.tsv", step.config.language, f"commonvoice_{part}"
    rows: list[Statement[Numbered]] = []
    malformed: list[TableRow] = []

    def bad_row(at: str, reason: str, detail: str) -> None:
        drop(step, at, reason, detail, "" if reason == REPEATED else lost)

    def bad(e: SourceError) -> None:
        report_to(step, lost)(e)
        malformed.extend([named(e.row)] if isinstance(e, MalformedRow) else [])

    for line, row in table_rows(path, wanted=COLUMNS, bad=bad):
        row = named(row)
        at, clip = f"{name}.tsv:{line}", clip_of(row)
        if not row["path"].strip():
            drop(step, at, "columns", "no path", lost)
        elif row.get("locale", "") not in ("", language):
            drop(step, at, "another language", f"{clip}: locale {row['locale']}, not {language}", lost)
        else:
            rows.append(Statement(at, clip, (row["sentence"].strip(), row["client_id"][:SHOWN_DIGITS]), (line, row)))
    kept = settled(rows, "sentence or speaker", bad_row, REPEATED)
    clips = {clip_of(row) for _, row in kept}
    malformed += [s.row[1] for s in rows if s.name not in clips]  # contradicting ones
    return kept, malformed


def named(row: TableRow) -> TableRow:
    """The row, its names and labels without what nobody sees."""
    return row | {column: name_of(row[column]) for column in NAMES if column in row}


def read_parts(step: Step[CommonVoiceConfig], corpus: Path) -> dict[str, list[Numbered]]:
    """Part -> its rows, without what train must not share with dev and test. Raises SourceError if one lacks."""
    source = {"train": "validated" if step.config.validated else "train", "dev": "dev", "test": "test"}
    read = {part: read_part(step, corpus, part, name) for part, name in source.items()}
    parts = {part: rows for part, (rows, _) in read.items()}
    held = HeldOut.of(parts, {part: malformed for part, (_, malformed) in read.items()})
    for part, kept in parts.items():
        rows, parts[part], name = kept, [], f"commonvoice_{part}"
        for line, row in rows:
            reason, of = held.why(row) if part == "train" and step.config.validated else shared_clip(held, row, part)
            if of:
                drop(
                    step,
                    f"{source[part]}.tsv:{line}",
                    reason,
                    f"{clip_of(row)}: {row['sentence']}",
                    f"commonvoice_{part}",
                )
            elif part == "train" and not row["sentence"].strip():
                drop(step, f"{source[part]}.tsv:{line}", "no transcript", clip_of(row), name)
            else:
                parts[part].append((line, row))
    return parts


def shared_clip(held: HeldOut, row: TableRow, part: str) -> tuple[str, str]:
    """(reason, part) of a row of an official part whose very recording belongs to a part held out before it."""
    of = held.clips.get(clip_of(row), part)
    return (f"recording of {of}", of) if of != part else ("", "")


def speakers_of(clients: Iterable[str]) -> dict[str, str]:
    """client_id -> a name of the speaker that fits an id, another one for each."""
    return unique(sorted({*clients} - {""}), lambda c: c[:SHOWN_DIGITS] if _CLIENT.fullmatch(c) else c)


def durations_of(step: Step[CommonVoiceConfig], corpus: Path, clips: Container[str]) -> dict[str, str]:
    """Clip -> milliseconds, as they stand in the release's own table, if it has one."""
    path = corpus / DURATIONS
    if not path.is_file():
        return {}
    rows = table_rows(path, wanted=("clip", MILLISECONDS), bad=report_to(step))
    named = ((f"clips/{row['clip'].strip()}", row[MILLISECONDS]) for _, row in rows)
    return {clip: milliseconds for clip, milliseconds in named if clip in clips}


def segment_of(row: TableRow, part: str, speaker: str, language: str, milliseconds: str = "") -> CorpusSegment:
    """A row as an utterance. The speaker's accent is free text and may be empty."""
    clip = clip_of(row)
    accent, variant = row.get("accents", "") or row.get("accent", ""), row.get("variant", "")
    dialect = (code_of(accent) or code_of(variant)) if language == "ar" else ""
    more = {name: value for name, value in (("utt2accent", accent), ("utt2variant", variant)) if value.strip()}
    return CorpusSegment(
        f"commonvoice_{part}",
        clip.removeprefix("clips/").rpartition(".")[0],
        clip,
        speaker,
        text=row["sentence"],
        dialect=dialect or DIALECTS.get(language, language),
        gender=row.get("gender", ""),
        more=more,
        stated=stated(MILLISECONDS, milliseconds, 1000),
    )


def run(step: Step[CommonVoiceConfig]) -> None:
    corpus = find_language(step.input(0, "the folder of the language"), step.config.language)
    parts = read_parts(step, corpus)
    items = [(part, row) for part, rows in parts.items() for _, row in rows]
    speakers = speakers_of(row["client_id"] for _, row in items)
    durations = durations_of(step, corpus, {clip_of(row) for _, row in items})

    def read(item: tuple[str, TableRow]) -> Iterator[CorpusSegment | Drop]:
        part, row = item
        speaker, length = speakers.get(row["client_id"], ""), durations.get(clip_of(row), "")
        yield segment_of(row, part, speaker, step.config.language, length)

    segments = gather(step, corpus, items, [1.0] * len(items), read, "clips")
    write_sets(step, corpus, segments, {f"commonvoice_{part}": Published() for part in parts})


if __name__ == "__main__":
    main(run)
