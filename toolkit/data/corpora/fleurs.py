"""FLEURS, Arabic (ar_eg) by default: sentences of FLoRes-101, each read by up to three people, about 10 s long.

Where: https://huggingface.co/datasets/google/fleurs. Licence: CC BY 4.0. CORPUS is a language's folder or one above:
  CORPUS/[[data/]<language>/]{train,dev,test}.tsv    seven columns, none left out, NO header, a quotation mark is text:
      id  file_name  raw_transcription  transcription  characters  num_samples  gender
  CORPUS/[[data/]<language>/]audio/{train,dev,test}.tar.gz, or extracted: audio/<part>/<file_name>, 16 kHz
What a folder has not, its archive gives: only the files that the table names are copied to OUT/audio/<part>.
Expected: no counts are held against it; each file against its num_samples, a whole number above 0.

Writes OUT/fleurs_{train,dev,test}. Nobody is named: each utterance is a speaker of its own, so the sets may share
people, and spk2gender is what the row says of its utterance. utt2prog is the sentence, which several utterances share.
text is raw_transcription, as it was read, with its digits and punctuation: what a score leaves out, its profile says.
text_normalised is FLEURS's own transcription, without punctuation. utt2lang: MSA, for the sentences are Modern
Standard Arabic, read by Egyptians; ENG for en_us.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ..ids import fault
from ..pace import stated
from ..roles import trains
from .archives import copy_out
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusSegment, Drop, Published, Take, drop
from .sets import write_sets
from .sources import MalformedRow, SourceError, TableRow, check_inside, corpus_folder, folders_below, table_rows

REPEATED = "duplicate path"
RATE = 16000  # of num_samples
PARTS = ("test", "dev", "train")  # what an earlier one has is taken from a later one
COLUMNS = ("id", "file_name", "raw_transcription", "transcription", "characters", "num_samples", "gender")
DIALECTS = {"ar_eg": "MSA", "en_us": "ENG"}


@dataclass(frozen=True)
class FleursConfig:
    """Which language of FLEURS is taken."""

    language: str = "ar_eg"
    """code of the language, e.g. ar_eg, which is the name of its folder in the corpus"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w+", self.language):
            raise ValueError(f"language: {self.language!r} is no code of a language, e.g. ar_eg")


def find_language(path: Path, language: str) -> Path:
    """The folder of a language at or below `path`. Raises UserError if there is none."""
    marks = ("test.tsv", f"{language}/test.tsv", f"data/{language}/test.tsv")
    corpus_folder(path, *marks)
    return corpus_folder(next(f.parent for mark in marks for f in folders_below(path, mark)), "audio")


def read_part(corpus: Path, part: str, taken: dict[str, str], bad: Callable[[str, str, str], None]) -> list[TableRow]:
    """Rows of a part's table that can be used.

    Args:
        taken: names of files -> the part that has them; grows by those of this part, of its malformed rows as well.
        bad: called with (place, reason, detail) of each other row.
    """
    path = corpus / f"{part}.tsv"
    rows: list[Statement[TableRow]] = []
    malformed: set[str] = set()

    def lost(e: SourceError) -> None:
        bad(e.where, e.reason, e.what)
        malformed.update([e.row.get("file_name", "").strip()] if isinstance(e, MalformedRow) else [])

    for line, row in table_rows(path, names=COLUMNS, bad=lost):
        at, name, id = f"{path.name}:{line}", row["file_name"].strip(), name_of(row["id"])
        if not id.isdecimal():
            bad(at, "columns", f"no number of a sentence: {row['id'][:40]!r}")
        elif "/" in name or fault(name) or name.startswith("."):
            bad(at, "unusable name", f"{name[:80]!r} {fault(name) or 'is no bare name of a file'}")
        elif taken.get(name, part) != part:
            bad(at, f"recording of {taken[name]}", f"{name} is a row of {taken[name]} already")
        elif trains(part) and not row["raw_transcription"].strip():
            bad(at, "no transcript", name)
        else:
            taken[name] = part
            content = tuple(value.strip() for column, value in row.items() if column != "file_name")
            rows.append(Statement(at, name, content, {**row, "file_name": name, "id": id}))
    for name in malformed - {""}:
        taken.setdefault(name, part)
    return settled(rows, "sentence", bad, REPEATED)


def extracted(corpus: Path, part: str, names: Sequence[str]) -> Path | None:
    """The folder that has recordings of a part: all of them, or as many as there are where there is no archive."""
    for folder in (corpus / "audio" / part, corpus / "audio" / part / part):
        whole = folder.is_dir() and all((folder / name).exists() for name in names)
        if whole or (not archive_of(corpus, part) and any((folder / name).exists() for name in names)):
            return folder
    return None


def archive_of(corpus: Path, part: str) -> Path | None:
    """The archive of a part, where there is one."""
    paths = (corpus / "audio" / f"{part}{ending}" for ending in (".tar.gz", ".tgz", ".tar"))
    return next((path for path in paths if path.is_file()), None)


def audio_of(
    corpus: Path, out: Path, part: str, names: Sequence[str], follow_links: bool
) -> tuple[Path, list[tuple[str, str, str]]]:
    """(folder of the recordings of a part, members of its archive that were left in it).

    Raises UserError if there are neither recordings nor an archive.
    """
    if folder := extracted(corpus, part, names):
        return folder, []
    archive = archive_of(corpus, part)
    if archive is None:
        where = str(corpus / "audio" / f"{part}.tar.gz")
        files = [path.name for path in folders_below(corpus / "audio" / part, "**/*.wav")]
        if files:
            message = f"of the {len(names):,} recordings that {part}.tsv names none is in the folder of {part}"
            example = f"it has {files[0]}, the table {names[0]}: is the table that of {part}, as the release has it?"
            raise UserError(message, f"{corpus}/audio/{part}", example)
        raise UserError(f"no audio of {part}", where, f"fetch it, or extract it to {corpus}/audio/{part}")
    check_inside(corpus, str(archive.relative_to(corpus)), follow_links)
    folder = out / "audio" / part
    return folder, copy_out(archive, frozenset(names), folder)


def segments_of(part: str, rows: Sequence[TableRow], folder: str, dialect: str) -> Iterator[CorpusSegment]:
    """The rows as utterances, of the recordings in `folder`."""
    for row in rows:
        yield CorpusSegment(
            f"fleurs_{part}",
            row["file_name"].rpartition(".")[0] or row["file_name"],
            f"{folder}/{row['file_name']}",
            text=row["raw_transcription"],
            programme=row["id"],
            dialect=dialect,
            gender=row["gender"],
            more={"text_normalised": row["transcription"]},
            stated=stated("num_samples", row["num_samples"], RATE, count=True),
        )


def run(step: Step[FleursConfig]) -> None:
    c = step.config
    corpus = find_language(step.input(0, "the folder of the language"), c.language)
    taken: dict[str, str] = {}

    def bad(part: str) -> Callable[[str, str, str], None]:
        of = f"fleurs_{part}"
        return lambda place, reason, detail: drop(step, place, reason, detail, "" if reason == REPEATED else of)

    parts = {part: read_part(corpus, part, taken, bad(part)) for part in PARTS}

    def read(part: str) -> Iterator[CorpusSegment | Drop]:
        names = [row["file_name"] for row in parts[part]]
        folder, refused = audio_of(corpus, step.out, part, names, c.take.follow_links)
        for member, reason, detail in refused:
            yield Drop(f"{part}.tar.gz:{member}", reason, detail)
        at = str(folder.relative_to(corpus) if folder.is_relative_to(corpus / "audio") else folder)
        yield from segments_of(part, parts[part], at, DIALECTS.get(c.language, c.language))

    nonempty = [part for part in PARTS if parts[part]]
    segments = gather(step, corpus, nonempty, [float(len(parts[part])) for part in nonempty], read, "recordings")
    write_sets(step, corpus, segments, {f"fleurs_{part}": Published() for part in PARTS})
    print("FLEURS names no speakers: each utterance has one of its own, and sets may share people")


if __name__ == "__main__":
    main(run)
