"""A folder of recordings, with or without a table of transcripts -> data directories, with a ledger row for every drop.

Any tree of wav, flac, mp3 or ogg files, and beside it perhaps a .tsv whose first line names its columns: path (or
file), text (or sentence), speaker, dialect (or lang), gender, emotion, summary (of a recording that is not cut). A row
with more or fewer fields is malformed, and a recording that it may mean is not used. Audio stays where it is and is
named by the path that --in gives. Long recordings without a transcript are cut at pauses, or at a fixed length.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from ...core.errors import UserError
from ...core.links import dangling
from ...core.shards import run_shards
from ...core.shards import split as shards_of
from ...core.step import Step, main
from ...text.captions import fault_of as mark_fault
from ...text.captions import marked, speech_of
from ...text.invisible import excerpt, shown
from ..channels import SIDE_OF, Choice
from ..checks import RESERVED_WORDS, write_valid
from ..cut import CutConfig
from ..ids import alike, odd_labels, safe
from ..judge import PACE, Limits
from ..kaldi import UNKNOWN
from ..match_rows import disputed, match, spoilt
from ..pace import Pace
from ..pace import fault_of as pace_fault
from ..recordings import Found, assess, find_recordings, tell_notes, tell_unseen
from ..split import shares_of
from ..tables import CHANNELS, CONTRADICTION, odd_genders, one_gender, one_line, two_genders
from ..transcripts import LostRow, TranscriptRow, Transcripts, find_table, read_transcripts, speaker_of
from .folder_pieces import Piece, pieces_of, split_pieces
from .lost_sets import nothing_left

BYTES_PER_SECOND = 32000  # of 16 kHz wav: shards are made by file size, so that no header is opened


@dataclass(frozen=True)
class FolderConfig:
    """How a folder of recordings becomes a corpus."""

    table: str = "auto"
    """table (.tsv) of transcripts and labels, a path relative to the folder; auto: the only .tsv at the top of the
    folder, if it has one; none: no table"""
    keep_untranscribed: bool = False
    """if the table has transcripts; true: keep recordings without one, and write no `text` for a set that has such
    recordings; false: drop them"""
    speaker: Literal["folder", "top_folder", "recording"] = "folder"
    """speaker of a recording if the table does not name one; folder: the name of its folder; top_folder: the first
    folder of its path; recording: every recording is its own speaker"""
    dialect: str = ""
    """dialect or language of recordings for which the table names none; empty: unknown"""
    drop_duplicates: bool = True
    """true: of byte-identical recordings keep one, as copies could be in both train and test; false: keep all"""
    limits: Limits = field(default_factory=Limits)
    """limits that a recording must keep; max_seconds does not apply to recordings that are cut"""
    channel: Choice = "auto"
    """what is read of recordings of several channels that differ. auto: they are dropped. left, right, 3 to 8, mean:
    that. both: a recording of each of two, if it has no transcript. Of others is read, whatever stands here, the mean
    if they are alike (they correlate with 0.3 or more), left if they are opposite in phase (-0.3 or less), the only one
    that is not silent"""
    cut: CutConfig = field(default_factory=CutConfig)
    """how long recordings without a transcript are cut"""
    shares: tuple[str, ...] = ("train=0.8", "dev=0.1", "test=0.1")
    """sets to write and the share of the audio that each gets; no speaker is in two sets (if there are fewer speakers
    than sets, no recording)"""
    seed: int = 1
    """random seed of the split; another seed puts other speakers into the sets"""

    def __post_init__(self) -> None:
        shares_of(self.shares)


@dataclass(frozen=True)
class Corpus:
    """A folder and its table.

    Attributes:
        folder: as the command line names it; scan: its files; table: None without a table.
        rows: recording -> its row of the table.
        spoilt: recording without a row -> the row that may mean it, and cannot be used.
    """

    folder: Path
    scan: Found
    table: Transcripts | None
    rows: dict[str, TranscriptRow]
    spoilt: dict[str, LostRow]

    @property
    def transcribed(self) -> bool:
        return self.table is not None and "text" in self.table.columns


def read_corpus(step: Step[FolderConfig]) -> Corpus:
    """The folder and its table; rows and files that cannot be used go to the ledger."""
    folder, c = step.input(0, "the folder of recordings"), step.config
    if not folder.is_dir():
        raise UserError(dangling(folder) or "not a folder", str(folder), "name the folder that holds the recordings")
    scan = find_recordings(folder, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    tell_unseen(scan.unseen)
    file = step.ins[1] if len(step.ins) > 1 else find_table(folder, c.table)
    if file is None:
        return Corpus(folder, scan, None, {}, {})
    table = read_transcripts(file)
    rows, bad = match(table.rows, scan.recordings, str(folder))
    lost = [*table.lost, *(LostRow(row.line, reason, detail, row.path) for row, reason, detail in bad)]
    for lost_row in lost:
        step.ledger.drop(f"{file.name}:{lost_row.line}", lost_row.reason, lost_row.detail)
    return Corpus(folder, scan, table, rows, spoilt(lost, rows, scan.recordings, str(folder)))


def candidates(step: Step[FolderConfig], corpus: Corpus) -> dict[str, str]:
    """Recording -> transcript (empty if it needs none) of the recordings to decode; others go to the ledger."""
    texts: dict[str, str] = {}
    for rel in corpus.scan.recordings:
        text = one_line(corpus.rows[rel].text) if rel in corpus.rows else ""
        if lost := corpus.spoilt.get(rel):
            step.ledger.drop(shown(rel), lost.reason, f"line {lost.line} of the table may be its row: {lost.detail}")
        elif any(word in RESERVED_WORDS for word in text.split()):
            step.ledger.drop(shown(rel), "reserved word", f"{' '.join(RESERVED_WORDS)} are Kaldi's own: {text}")
        elif corpus.transcribed and not text and not step.config.keep_untranscribed:
            detail = "its row has an empty transcript" if rel in corpus.rows else "no row in the table"
            step.ledger.drop(shown(rel), "audio without transcript", detail)
        else:
            texts[rel] = text
    return texts


def assess_all(step: Step[FolderConfig], corpus: Corpus, texts: Mapping[str, str]) -> list[dict[str, Any]]:
    """Check every recording, in shards; bad ones go to the ledger, good ones are returned in order."""
    c, rels = step.config, list(texts)
    sizes = [corpus.scan.recordings[rel] for rel in rels]
    shards = shards_of([(size + 1) / BYTES_PER_SECOND for size in sizes])
    uncut = replace(c.limits, max_seconds=math.inf)

    def work(k: int, path: Path) -> None:
        with open(path, "w", encoding="utf-8") as f:
            for i in shards[k]:
                whole = bool(texts[rels[i]]) or c.cut.how == "none"
                limits = c.limits if whole else uncut
                for row in assess(
                    corpus.folder, rels[i], limits, None if whole else c.cut, c.channel, bool(texts[rels[i]])
                ):
                    f.write(json.dumps(row) + "\n")

    paths = run_shards(step, [sum(sizes[i] for i in s) / 1e6 for s in shards], work, "MB", ".jsonl")
    rows = [json.loads(line) for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    good: list[dict[str, Any]] = []
    notes: dict[str, list[str]] = {}
    whole = [row for row in rows if not fault_of(row, texts[row["path"]], c.limits.pace)[0]]
    copies = _copies(corpus, whole) if c.drop_duplicates else {}
    for row in rows:
        reason, detail = fault_of(row, texts[row["path"]], c.limits.pace)
        if not reason:
            reason, detail = copies.get(row["path"], ("", ""))
        if reason:
            step.ledger.drop(shown(row["path"]), reason, detail)
        else:
            good.append(row)
            for note in row["notes"]:
                notes.setdefault(note, []).append(row["path"])
    tell_marks({row["path"]: texts[row["path"]] for row in good})
    tell_notes(notes)
    step.counts |= {note: len(paths) for note, paths in notes.items()}
    return good


def tell_marks(texts: Mapping[str, str]) -> None:
    """Warn of transcripts with sounds or speakers in them, which stay: a table is taken at its word."""
    if with_marks := [rel for rel, text in texts.items() if marked(text)]:
        first = f"{shown(with_marks[0])}: {excerpt(texts[with_marks[0]])}"
        without = excerpt(speech_of(texts[with_marks[0]]))
        print(
            f"WARNING: {len(with_marks):,} transcripts have marks of sounds or speakers, which stay as words: {first}"
        )
        print(f"  without them: {without}")


def _copies(corpus: Corpus, rows: Sequence[Mapping[str, Any]]) -> dict[str, tuple[str, str]]:
    """Recording -> (reason, detail), of those that are left out because others have the same bytes.

    One is kept, if one that has a transcript: none, if their rows contradict each other, since nobody knows which are
    right.
    """
    groups: dict[str, dict[str, None]] = {}
    for row in rows:
        groups.setdefault(row["digest"], {})[row["path"]] = None
    lost: dict[str, tuple[str, str]] = {}
    for group in (list(group) for group in groups.values() if len(group) > 1):
        of = {rel: corpus.rows[rel] for rel in group if rel in corpus.rows}
        if dispute := disputed(list(of.values())):
            first, second = map(shown, group[:2])
            for rel in group:
                detail = f"the same bytes as {second if rel == group[0] else first}: {dispute} of the table"
                lost[rel] = CONTRADICTION, detail
            continue
        kept = next((rel for rel in group if rel in of and of[rel].text), group[0])
        lost |= {rel: ("duplicate", f"the same bytes as {shown(kept)}") for rel in group if rel != kept}
    return lost


def fault_of(row: Mapping[str, Any], text: str, pace: Pace) -> tuple[str, str]:
    """(reason, detail) for which a recording is dropped; two empty strings if it is good."""
    if row["reason"]:
        return row["reason"], row["detail"]
    doubt, mark = mark_fault(text)
    if doubt:
        return doubt, f"{excerpt(mark)} in: {excerpt(text)}"
    detail = pace_fault(text, row["seconds"], pace)
    return (PACE if detail else ""), detail


def labels_of(step: Step[FolderConfig], corpus: Corpus, made: Sequence[Piece]) -> dict[str, dict[str, str]]:
    """utt2lang and utt2emotion of all sets, if any utterance has such a label; others get UNKNOWN and are counted."""
    tables: dict[str, dict[str, str]] = {}
    for name, meaning, default in (("utt2lang", "dialect", step.config.dialect), ("utt2emotion", "emotion", "")):
        values = {p.id: getattr(corpus.rows.get(p.rel), meaning, "") or default for p in made}
        if any(values.values()):
            for line in odd_labels(values.values()):
                print(f"WARNING: {meaning}: {line}")
            tables[name] = {id: safe(value) if value else UNKNOWN for id, value in values.items()}
            step.counts[f"{meaning}_unknown"] = sum(not value for value in values.values())
    return tables | summaries_of(step, corpus, made)


def summaries_of(step: Step[FolderConfig], corpus: Corpus, made: Sequence[Piece]) -> dict[str, dict[str, str]]:
    """utt2summary, if the table has summaries; pieces of a recording that is cut have none, which is a row each."""
    summaries: dict[str, str] = {}
    for piece in made:
        summary = one_line(getattr(corpus.rows.get(piece.rel), "summary", ""))
        if summary and (piece.end is not None or piece.group != piece.speaker):
            step.ledger.drop(piece.id, "summary of a recording that was cut", shown(piece.rel))
        elif summary:
            summaries[piece.id] = summary
    return {"utt2summary": summaries} if summaries else {}


def tables_of(
    corpus: Corpus,
    part: Sequence[Piece],
    texts: Mapping[str, str],
    lengths: Mapping[str, float],
    labels: Mapping[str, Mapping[str, str]],
) -> dict[str, dict[str, str]]:
    """The tables of one set. `texts`, `lengths`: by recording; `labels`: tables of all sets."""
    tables = {
        "wav.scp": {p.recording: f"{corpus.folder}/{p.rel}" for p in part},
        "reco2dur": {p.recording: f"{lengths[p.rel]:.4f}" for p in part},
        "utt2spk": {p.id: p.speaker for p in part},
        "utt2dur": {p.id: f"{p.seconds:.4f}" for p in part},
        "utt2orig": {p.id: p.rel for p in part},
    }
    for name, table in labels.items():
        if rows := {p.id: table[p.id] for p in part if p.id in table}:
            tables[name] = rows
    if sides := {p.recording: f"{safe(Path(p.rel).stem)} {SIDE_OF[p.channel]}" for p in part if p.channel}:
        tables[CHANNELS] = sides
    if any(p.end is not None for p in part):
        tables["segments"] = {p.id: f"{p.recording} {p.start:.2f} {_end(p, lengths[p.rel])}" for p in part}
    if corpus.transcribed and all(texts[p.rel] for p in part):
        tables["text"] = {p.id: texts[p.rel] for p in part}
    if genders := one_gender((p.speaker, getattr(corpus.rows.get(p.rel), "gender", "")) for p in part):
        tables["spk2gender"] = genders
    return tables


def _end(piece: Piece, seconds: float) -> str:
    """End of a segment, never past its recording."""
    return f"{math.floor(seconds * 1e4) / 1e4:.4f}" if piece.end is None else f"{piece.end:.2f}"


def prepare(step: Step[FolderConfig]) -> None:
    """Write the sets of the folder below step.out. Raises UserError if no recording can be used."""
    corpus = read_corpus(step)
    texts = candidates(step, corpus)
    good = assess_all(step, corpus, texts)
    rows, c = corpus.rows, step.config
    who = {row["path"]: speaker_of(row["path"], rows.get(row["path"]), c.speaker) for row in good}
    made = pieces_of(good, who.__getitem__, c.cut.shortest_seconds, step.ledger)
    genders = two_genders((who[p.rel], rows[p.rel].gender) for p in made if p.rel in rows)
    for line in [f"speaker: {line}" for line in alike(who.values())] + [f"gender: {line}" for line in genders]:
        print(f"WARNING: {line}")
    for line in odd_genders(rows[p.rel].gender for p in made if p.rel in rows):
        print(f"gender: {line}")
    step.counts["recordings_found"] = len(corpus.scan.recordings)
    step.counts["recordings_kept"] = len({p.rel for p in made})
    if not made:
        raise nothing_left(step, corpus.folder, "no audio file in it")
    lengths = {row["path"]: float(row["seconds"]) for row in good}
    labels = labels_of(step, corpus, made)
    sets = split_pieces(made, shares_of(c.shares), c.seed, step.counts, step.ledger.reasons())
    for name, part in sets.items():
        write_valid(step.out / name, tables_of(corpus, part, texts, lengths, labels))
        hours = math.fsum(p.seconds for p in part) / 3600
        step.counts |= {f"{name}_utterances": len(part), f"{name}_hours": round(hours, 4)}
        step.counts[f"{name}_speakers"] = len({p.speaker for p in part})
        print(f"{name}: {len(part)} utterances, {hours:.2f} h, {len({p.speaker for p in part})} speakers")
    for reason, count in Counter(row[2] for row in step.ledger.rows).most_common():
        print(f"dropped {count}: {reason}")


def run(step: Step[FolderConfig]) -> None:
    prepare(step)


if __name__ == "__main__":
    main(run)
