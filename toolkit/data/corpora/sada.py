"""SADA 2022: Saudi Arabic of television shows, with dialect, gender and age of the speakers.

Where: https://www.kaggle.com/datasets/sdaiancai/sada2022. Licence: CC BY-NC-SA 4.0. Tree:
  CORPUS/{train,valid,test}.csv
  CORPUS/batch_<n>/.../<file>.wav    16 kHz; FileName is relative to CORPUS
Columns: FileName, ShowName, FullFileLength, SegmentID, SegmentLength, SegmentStart, SegmentEnd (seconds), Speaker,
SpeakerAge, SpeakerGender, SpeakerDialect, Environment, GroundTruthText, ProcessedText. [?] StartTime and EndTime, and
times written as hours:minutes:seconds, are understood too; a column that is not needed may be missing. A row is a
line; a quotation mark matters only at the beginning of a field.
Expected: 6,189 references in test, 142 of them tagged غير واضح, "not clear".

Writes OUT/sada_{train,dev,test} with text (ProcessedText as it stands), utt2lang (NAJ HIJ GLF ..., unknown where the
table says none or more than one speaker), utt2prog (the file's name), spk2gender.
- Tagged «غير واضح»: what was said is not known. Training rows with the tag are dropped; dev and test keep theirs, as
  every published figure does, and utt2unclear says which they are (yes, no), so that both figures can be given.
- Without a transcript: dropped from train; kept, with an empty text, in dev and test.
- [?] Whether `Speaker 1` of two files is one person is not known, so a speaker is a name in a file. Rows of several
  or of unknown speakers have a speaker of their own each.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...core.step import Step, main
from ...text.not_known import is_not_known
from ..pace import stated
from ..roles import trains
from .dialects import code_of, plain
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusConfig, CorpusSegment, Drop, Published, drop, report_to
from .sets import tell_recurring, write_sets
from .sources import SourceError, TableRow, corpus_folder, table_rows

SETS = {"train": "sada_train", "valid": "sada_dev", "test": "sada_test"}
PUBLISHED = {"sada_test": Published(6189)}
STARTS, ENDS = ("segmentstart", "starttime", "start"), ("segmentend", "endtime", "end")
REPEATED = "duplicate id"
UNCLEAR = plain("غير واضح")
NOBODY = frozenset(map(plain, ("Not applicable", "More than 1 speaker")))


@dataclass
class Line:
    """A row of a table: the set it belongs to, its table and line there, column -> field, its id."""

    set: str
    table: str
    number: int
    row: TableRow
    id: str = ""

    @property
    def segment(self) -> str:
        """Its SegmentID."""
        return self.row.get("segmentid", "").strip()

    @property
    def at(self) -> str:
        """Table and line."""
        return f"{self.table}:{self.number}"

    @property
    def place(self) -> str:
        """SegmentID, file and times."""
        return f"{self.segment} of {self.row['filename'].strip()}, {self.first(STARTS)} to {self.first(ENDS)}"

    @property
    def content(self) -> tuple[str, str]:
        """What is said there, and by whom."""
        return self.row["processedtext"].strip(), self.row.get("speaker", "").strip()

    def first(self, names: Sequence[str]) -> str:
        """The first of the columns `names` that is there."""
        return next((self.row[name].strip() for name in names if self.row.get(name, "").strip()), "")


def read_tables(step: Step[CorpusConfig], corpus: Path) -> list[Line]:
    """The rows of every table that is there, those of a recording together; malformed ones go to the ledger.

    Raises SourceError for a table without the columns.
    """
    all_lines: list[Line] = []
    for table, name in SETS.items():
        path = corpus / f"{table}.csv"
        if not path.is_file():
            continue
        rows = table_rows(path, ",", wanted=("filename", "processedtext"), quotes=True, bad=report_to(step, name))
        lines = [Line(name, path.name, number, row) for number, row in rows]
        for columns in (STARTS, ENDS):
            if lines and not any(column in lines[0].row for column in columns):
                message = f"no column {' or '.join(columns)} among {', '.join(lines[0].row)}"
                raise SourceError("columns", message, f"{path}, line 1", "is this the release that the recipe reads?")
        lines = with_ids(step, lines)
        all_lines += sorted(lines, key=lambda line: line.row["filename"])
    return all_lines


def with_ids(step: Step[CorpusConfig], lines: Sequence[Line]) -> list[Line]:
    """The rows of a table with their ids: the SegmentID, or table and line of rows of other places that share one.

    Rows of one SegmentID and one place must say the same.
    """
    rows = [Statement(line.at, line.place if line.segment else line.at, line.content, line) for line in lines]
    of_set = lines[0].set if lines else ""

    def lost(at: str, reason: str, detail: str) -> None:
        drop(step, at, reason, detail, "" if reason == REPEATED else of_set)

    settled_lines = settled(rows, "text or speaker", lost, REPEATED)
    counts = Counter(line.segment for line in settled_lines if line.segment)
    for line in settled_lines:
        line.id = line.segment if counts[line.segment] == 1 else line.at
    if shared := {segment: n for segment, n in counts.items() if n > 1}:
        rows_of = (
            f"{lines[0].table}: {sum(shared.values()):,} rows share a SegmentID with others, such as {min(shared)}"
        )
        print(f"WARNING: {rows_of}: table and line are their ids")
    return settled_lines


def seconds(text: str) -> float:
    """Seconds of `12.5`, `0:12.5` or `0:00:12.5`; NaN if it is no time."""
    try:
        parts = [float(part) for part in text.split(":")]
        return math.fsum(part * 60**i for i, part in enumerate(reversed(parts))) if len(parts) <= 3 else math.nan
    except (ValueError, OverflowError):  # -inf:inf, 1e308:1e308
        return math.nan


def is_unclear(text: str) -> bool:
    """True if a transcript has the tag «غير واضح», in brackets of whatever kind, with or without vowel signs."""
    return bool(re.search(rf"\b{UNCLEAR}\b", plain(text)))


def is_nobody(name: str) -> bool:
    """True if the name of a speaker, or of a dialect, is that of no one person."""
    return is_not_known(name) or plain(name) in NOBODY


def read_line(line: Line) -> Iterator[CorpusSegment | Drop]:
    """The utterance of a row, or a Drop with the reason."""
    row, id = line.row, line.id or line.segment or line.at
    file, text = row["filename"].strip(), row["processedtext"].strip()
    start, end = seconds(line.first(STARTS)), seconds(line.first(ENDS))
    unclear = is_unclear(text)
    if not file or math.isnan(start) or math.isnan(end):
        detail = f"{line.table}, line {line.number}: file {file!r}, {line.first(STARTS)!r} to {line.first(ENDS)!r}"
        yield Drop(id, "bad row", detail, line.set)
    elif trains(line.set) and unclear:
        yield Drop(id, "unclear", text, line.set)
    elif trains(line.set) and not text:
        yield Drop(id, "no transcript", f"{line.table}, line {line.number}", line.set)
    else:
        programme = PurePosixPath(file).stem  # as others name it who have taken segments of it, without its batch
        speaker = row.get("speaker", "").strip()
        yield CorpusSegment(
            line.set,
            id,
            file,
            "" if is_nobody(speaker) else f"{programme}_{speaker}",
            start,
            end,
            text,
            programme,
            code_of(row.get("speakerdialect", "")),
            row.get("speakergender", ""),
            more={} if trains(line.set) else {"utt2unclear": "yes" if unclear else "no"},
            stated=(
                *stated("SegmentLength", row.get("segmentlength", "")),
                *stated("FullFileLength", row.get("fullfilelength", ""), recording=True),
            ),
        )


def run(step: Step[CorpusConfig]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of the extracted corpus"), *(f"{table}.csv" for table in SETS))
    lines = read_tables(step, corpus)
    costs = [max(seconds(line.first(ENDS)) - seconds(line.first(STARTS)), 0.01) for line in lines]
    costs = [cost if math.isfinite(cost) else 0.01 for cost in costs]
    segments = gather(step, corpus, lines, costs, read_line, "audio s")
    here = {line.set for line in lines}
    write_sets(step, corpus, segments, {name: PUBLISHED[name] for name in sorted(here & set(PUBLISHED))})
    tell_recurring(segments)
    step.counts["unclear"] = sum(s.more.get("utt2unclear") == "yes" for s in segments)
    for name in ("sada_dev", "sada_test"):
        if unclear := sum(s.set == name and s.more.get("utt2unclear") == "yes" for s in segments):
            print(f"{name}: {unclear:,} transcripts say that something is not clear (utt2unclear); they are kept")
    names = {line.row.get("speakerdialect", "").strip() for line in lines}
    if strange := sorted(name for name in names if not code_of(name) and not is_nobody(name)):
        print(f"WARNING: dialects without a code, which become unknown: {', '.join(strange)}")


if __name__ == "__main__":
    main(run)
