"""LibriSpeech: English audiobooks read by volunteers of LibriVox, 960 h to train on; the English of HArnESS's mix.

Where: https://www.openslr.org/12. Licence: CC BY 4.0. Tree (CORPUS has the subsets, or LibriSpeech/ with them):
  CORPUS/{train-clean-100,train-clean-360,train-other-500,dev-clean,dev-other,test-clean,test-other}/
         <speaker>/<chapter>/{<speaker>-<chapter>-<utterance>.flac, <speaker>-<chapter>.trans.txt}
  CORPUS/SPEAKERS.TXT       `id | sex | subset | minutes | name`, `;` comments; not needed
Expected: PUBLISHED. Subsets that are not there are passed over: whoever wants 100 h needs no more.

Writes OUT/librispeech_{train_clean_100,...,dev_clean,...,test_other}: text in lower case, utt2lang ENG.
The programme is the chapter.

With pronunciation lexica as further inputs, --in CORPUS LEXICON ..., also utt2phones: the phones of an utterance whose
words are all known, of each word the first pronunciation. SUPERB's are those of two files, in this order:
librispeech-lexicon-200k-g2p.txt and librispeech-lexicon-allothers-g2p.txt (https://huggingface.co/datasets/s3prl/g2p),
which have every word of its subsets; 69 phones, with stress marks. (Its SIL and SPN stand in no transcript.)
The lexicon of https://www.openslr.org/11, librispeech-lexicon.txt, lacks rare words: --g2p true pronounces them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ..malformed import Malformed
from .gather import gather
from .lexicon import add_phones, read_lexicon
from .repeats import Statement, settled
from .segments import CorpusSegment, Drop, Published, Take, of_set, report_to
from .sets import write_sets
from .sources import (
    MalformedRow,
    Report,
    SourceError,
    check_inside,
    corpus_folder,
    folders_below,
    id_rows,
    text_lines,
)

SUBSETS = {
    "train-clean-100": Published(28539, speakers=251, hours=100.6),
    "train-clean-360": Published(104014, speakers=921, hours=363.6),
    "train-other-500": Published(148688, speakers=1166, hours=496.7),
    "dev-clean": Published(2703, speakers=40, hours=5.4),
    "dev-other": Published(2864, speakers=33, hours=5.3),
    "test-clean": Published(2620, speakers=40, hours=5.4),
    "test-other": Published(2939, speakers=33, hours=5.1),
}
SPEAKER_FIELDS = 5


@dataclass(frozen=True)
class LibriSpeechConfig:
    """Which subsets are taken."""

    subsets: tuple[str, ...] = tuple(SUBSETS)
    """official subsets to take; those that the corpus folder does not have are skipped"""
    g2p: bool = False
    """true: words outside the lexica are pronounced by a model that is learnt from them, of which one phone in twelve
    is wrong; false: utterances with such words have no phones"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if odd := set(self.subsets) - set(SUBSETS):
            raise ValueError(f"subsets: {', '.join(sorted(odd))} is none of {', '.join(SUBSETS)}")


def set_name(subset: str) -> str:
    """`train-clean-100` -> `librispeech_train_clean_100`."""
    return f"librispeech_{subset.replace('-', '_')}"


def find_corpus(path: Path) -> Path:
    """The folder of the subsets: `path`, or the LibriSpeech/ in it that the archives make. Raises UserError."""
    corpus_folder(path, *SUBSETS, *(f"LibriSpeech/{subset}" for subset in SUBSETS))
    return (
        path if any((path / subset).exists() for subset in SUBSETS) else corpus_folder(path / "LibriSpeech", *SUBSETS)
    )


def read_genders(path: Path, bad: Report) -> dict[str, str]:
    """Speaker -> M or F, of SPEAKERS.TXT; none where it is not there. A name, the last field, may hold a `|`.

    Args:
        bad: told of each line that cannot be used.
    """
    genders: dict[str, str] = {}
    for number, line in text_lines(path, bad) if path.is_file() else ():
        row = [name_of(word) for word in line.split("|", SPEAKER_FIELDS - 1)]
        if line.startswith(";") or not line.strip():
            continue
        if len(row) == SPEAKER_FIELDS and row[1] in ("M", "F"):
            genders[row[0]] = row[1]
        else:
            malformed = Malformed(number, "not `id | sex | subset | minutes | name`", line)
            bad(MalformedRow(path, malformed, ()))
    return genders


def warning_to(step: Step[LibriSpeechConfig]) -> Report:
    """Like report_to, and prints a warning."""

    def bad(e: SourceError) -> None:
        print(f"WARNING: {e.what}: {e.where}")
        report_to(step)(e)

    return bad


def read_transcript(corpus: Path, path: Path, follow_links: bool) -> tuple[dict[str, str], list[Drop]]:
    """(id -> text of a chapter's transcript, lines that cannot be used). A missing file counts as such a line.

    An id is that of the chapter and a number. A line without one may be the rest of the line above: both are malformed.
    """
    texts: list[Statement[tuple[str, str]]] = []
    bad: list[Drop] = []
    try:
        check_inside(corpus, path.relative_to(corpus).as_posix(), follow_links)
        stem = path.name.partition(".")[0]
        is_id = re.compile(rf"{re.escape(stem)}-\d+").fullmatch
        rows = id_rows(path, lambda word: bool(is_id(word)), lambda e: bad.append(Drop(e.where, e.reason, e.what)))
        for number, id, text in rows:
            texts.append(Statement(f"{path.name}:{number}", id, text, (id, text)))
    except SourceError as e:
        bad.append(Drop(e.where, e.reason, e.what))
    return dict(settled(texts, "text", lambda *lost: bad.append(Drop(*lost)), "duplicate id")), bad


def read_chapter(
    corpus: Path, folder: Path, genders: dict[str, str], follow_links: bool
) -> Iterator[CorpusSegment | Drop]:
    """Utterances of one chapter, and recordings without a transcript."""
    subset, speaker, chapter = folder.parts[-3:]
    rel = folder.relative_to(corpus).as_posix()
    texts, bad = read_transcript(corpus, folder / f"{speaker}-{chapter}.trans.txt", follow_links)
    yield from bad
    recorded_ids = {path.stem for path in folder.glob("*.flac")}
    for id in sorted(recorded_ids - texts.keys()):
        yield Drop(id, "no transcript", rel)
    for id in sorted(texts):
        if id not in recorded_ids:
            yield Drop(id, "missing", "a transcript without its recording")
            continue
        yield CorpusSegment(
            set_name(subset),
            id,
            f"{rel}/{id}.flac",
            speaker,
            text=texts[id].lower(),
            programme=f"{speaker}-{chapter}",
            dialect="ENG",
            gender=genders.get(speaker, ""),
        )


def run(step: Step[LibriSpeechConfig]) -> None:
    if step.config.g2p and len(step.ins) < 2:
        raise UserError("g2p without a lexicon to learn from", "--in", "name one: --in CORPUS librispeech-lexicon.txt")
    corpus, follow = find_corpus(step.input(0, "the folder of the extracted subsets")), step.config.take.follow_links
    genders = read_genders(corpus / "SPEAKERS.TXT", warning_to(step))
    chapters = [f for subset in step.config.subsets for f in folders_below(corpus, f"{subset}/*/*") if f.is_dir()]
    if not chapters:
        where = ", ".join(step.config.subsets)
        raise UserError(
            "no chapter of the subsets that are asked for", f"{corpus}: {where}", "extract them, or ask for others"
        )

    def read(chapter: Path) -> Iterator[CorpusSegment | Drop]:
        return of_set(set_name(chapter.parts[-3]), read_chapter(corpus, chapter, genders, follow))

    costs = [1.0] * len(chapters)
    segments = gather(step, corpus, chapters, costs, read, "chapters")
    if len(step.ins) > 1:
        add_phones(step, segments, read_lexicon(step, step.ins[1:]), step.config.g2p)
    here = {chapter.parts[-3] for chapter in chapters}
    write_sets(step, corpus, segments, {set_name(subset): SUBSETS[subset] for subset in sorted(here)})


if __name__ == "__main__":
    main(run)
