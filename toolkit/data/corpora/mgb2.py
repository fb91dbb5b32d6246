"""MGB-2: 1,200 h of Al Jazeera's programmes of ten years, captions aligned to the audio; dev and test verbatim.

Where: https://arabicspeech.org/mgb2, on request; licence: of the challenge, for research. Tree:
  CORPUS/{train,dev,test}/wav/<GUID>.wav
  CORPUS/train/xml/{utf8,bw}/<GUID>.xml                      see mgb_xml
  CORPUS/{dev,test}/{segments,text}[.all|.non_overlap_speech]
  CORPUS/{dev,test}/{overlap_speech,non_overlap_speech,music,silence}[.lst]     ids
  CORPUS/dev/xml/{utf8,bw}/<GUID>.xml                        as dev's tables, overlap included; not read
  CORPUS/test/stm_{orig,norm,ndnp}.stm     references for sclite, `GUID 0 unknown|overlap start end words`, in all
                                           5,655; ndnp: neither diacritics nor punctuation, norm: letters unified too
`utf8` is the captions as they came, `bw` is normalised (no punctuation, no diacritics, digits mapped, hesitations left
out, Latin words marked) and in Buckwalter's script; texts of dev and test are in either script in public copies [?].
Expected: PUBLISHED (train with a WMER of at most 80; dev and test without overlapping speech).

Writes OUT/mgb2_{train,dev,test}, texts in Arabic script, marks of Latin words and of overlap taken out, utt2lang ARA:
the corpus says no dialect. Ids are the official ones with `-` for `:`, which stand in utt2orig; the programme is the
GUID. A speaker belongs to one programme; whoever has no number is the unknown speaker of his. Test's references become
tables text_orig, text_norm, text_ndnp, by time; official scoring by sclite takes the STM file itself, with the
recordings' names as they are here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from ...core.errors import UserError
from ...core.step import Step, main
from ..ids import safe
from .id_times import Span, official
from .mgb_tables import first_of, own_id, read_pairs, read_segments, read_stm, read_texts, stems
from .mgb_xml import ALIGNED, Wanted, count_nameless, gather_programmes
from .segments import CorpusSegment, Drop, Published, Take, drop, report_to
from .sets import write_sets
from .sources import Report, corpus_folder, folders_below

KINDS = ("overlap_speech", "non_overlap_speech", "music", "silence")
PUBLISHED = {
    "mgb2_train": Published(375103, recordings=2214),
    "mgb2_dev": Published(5002, recordings=16),
    "mgb2_test": Published(5365, recordings=17),
}
PUBLISHED_OVERLAP = {"mgb2_dev_overlap": Published(840)}


@dataclass(frozen=True)
class Mgb2Config:
    """Which transcripts and utterances are taken."""

    transcripts: Literal["utf8", "bw"] = "utf8"
    """training transcripts; utf8: the original captions; bw: the normalised captions in Buckwalter transliteration,
    converted to Arabic script"""
    most_wmer: float = 80.0
    """training captions with a word matching error rate above this are dropped, percent; larger keeps more captions
    that do not match their audio"""
    evaluated: Literal["non_overlap", "all"] = "non_overlap"
    """utterances of dev and test; non_overlap: only those in which one person speaks; all: every utterance with a
    transcript"""
    overlap_sets: bool = False
    """true: also write mgb2_dev_overlap and mgb2_test_overlap, the utterances in which people speak at once"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not self.most_wmer >= 0:
            raise ValueError(f"most_wmer must be a percentage of 0 or more, not {self.most_wmer}")


@dataclass(frozen=True)
class Tables:
    """What the tables of dev or test say.

    Attributes:
        split: dev or test; spans, texts: of all utterances that any table has.
        kinds: list (one of KINDS) -> its ids; chosen: ids that the set without overlap is made of; None: not said.
    """

    split: str
    spans: dict[str, Span]
    texts: dict[str, str]
    kinds: dict[str, set[str]]
    chosen: set[str] | None

    def set_of(self, id: str, config: Mgb2Config) -> str:
        """Data directory of an utterance; empty: none."""
        name = f"mgb2_{self.split}"
        if config.overlap_sets and id in self.kinds["overlap_speech"]:
            return f"{name}_overlap"
        if config.evaluated == "all":
            return name
        if self.chosen is not None:
            return name if id in self.chosen else ""
        return "" if any(id in self.kinds[kind] for kind in KINDS if kind != "non_overlap_speech") else name

    def why_not(self, id: str) -> str:
        """The list that an utterance is in, as a reason to leave it out."""
        return next((kind.replace("_", " ") for kind in KINDS if id in self.kinds[kind]), "in no list")


def read_tables(folder: Path, bad: Report) -> Tables | None:
    """The tables of dev or test; None if it has no segments. Raises SourceError for one that cannot be read.

    Args:
        bad: told of each line that cannot be used.
    """
    endings = (".non_overlap_speech", ".all", "")
    files = [path for ending in endings if (path := first_of(folder, f"segments{ending}"))]
    if not files:
        return None
    spans: dict[str, Span] = {}
    texts: dict[str, str] = {}
    places = [read_segments(path, bad) for path in files]
    for place in places:
        spans = place | spans
    for path in filter(None, (first_of(folder, f"text{ending}") for ending in endings)):
        texts = read_texts(path, bad=bad, ids=spans) | texts
    kinds = {kind: _ids(first_of(folder, kind, f"{kind}.lst"), bad) for kind in KINDS}
    alone = files[0].name.endswith(endings[0])
    chosen = set(places[0]) if alone else kinds["non_overlap_speech"] or None
    return Tables(folder.name, spans, texts, kinds, chosen)


def _ids(path: Path | None, bad: Report) -> set[str]:
    return set(read_pairs(path, bad)) if path else set()


def read_split(corpus: Path, split: str, config: Mgb2Config, bad: Report) -> dict[str, list[CorpusSegment | Drop]]:
    """Recording -> its utterances, of dev or test. Raises SourceError for a table that cannot be read.

    Args:
        bad: told of each line that cannot be used.
    """
    tables = read_tables(corpus / split, bad)
    if tables is None:
        return {}
    made: dict[str, list[CorpusSegment | Drop]] = {}
    wavs = stems(folders_below(corpus, f"{split}/wav/*.wav"))
    for id in sorted(tables.spans):
        span = tables.spans[id]
        recording = span.recording if span.recording in wavs else span.recording.replace("_", "-")
        made.setdefault(recording, []).append(_official(tables, id, recording, config))
    for id in sorted(tables.texts.keys() - tables.spans.keys()):
        made.setdefault("", []).append(Drop(id, "no segment", "a transcript without its times", f"mgb2_{split}"))
    for name in sorted(wavs.keys() - made.keys()):
        made.setdefault("", []).append(Drop(name, "no segment", f"no table has an utterance of {split}/wav/{name}.wav"))
    return made


def _official(tables: Tables, id: str, recording: str, config: Mgb2Config) -> CorpusSegment | Drop:
    name, span, parsed = tables.set_of(id, config), tables.spans[id], official(id)
    if not name:
        return Drop(id, tables.why_not(id), f"not among the utterances that {tables.split} is scored on")
    if id not in tables.texts:
        return Drop(id, "no transcript", f"no line in the texts of {tables.split}", name)
    return CorpusSegment(
        name,
        id,
        f"{tables.split}/wav/{recording}.wav",
        parsed.speaker if parsed else "",
        span.start,
        span.end,
        tables.texts[id],
        recording,
        "ARA",
        id=own_id(id) if parsed else "",
    )


def add_references(step: Step[Mgb2Config], folder: Path, segments: Sequence[CorpusSegment]) -> None:
    """Put the references of the STM files of `folder` beside the texts of its utterances, by their times.

    An utterance without a reference gets an empty one. A reference without an utterance is a row of the ledger.
    """
    here = [s for s in segments if s.audio.startswith(f"{folder.name}/")]
    for path in folders_below(folder, "*.stm") if here else ():
        stm, table = read_stm(path), f"text_{safe(path.stem.removeprefix('stm_'))}"
        used, lacking = set(), []
        for s in here:
            parsed = official(s.original)  # not the times of the segment, whose end may be cut to the recording's
            key = stm.find(Span(s.programme, parsed.start, parsed.end)) if parsed else None
            used.add(key)
            s.more = {**s.more, table: stm.words[key] if key else ""}
            if not key:
                lacking.append(s.original)
        why = {True: "overlap, which is not among the utterances", False: "no utterance has its times"}
        unused = {number: why[key in stm.overlap] for key, number in stm.lines.items() if key not in used}
        for number, detail in sorted((stm.unusable | unused).items()):
            drop(step, f"{folder.name}/{path.name}:{number}", "reference", detail)
        step.counts[f"{table}_missing"] = len(lacking)
        if lacking:
            shown = ", ".join(lacking[:3])
            print(f"WARNING: {len(lacking):,} utterances of {folder.name} have no reference in {path.name}: {shown}")


def programmes(step: Step[Mgb2Config], corpus: Path) -> list[Path]:
    """The XML files of train. Raises UserError if only the other script has them."""
    files = folders_below(corpus, f"train/xml/{step.config.transcripts}/*.xml")
    other_script = {"utf8": "bw", "bw": "utf8"}[step.config.transcripts]
    if not files and any((corpus / f"train/xml/{other_script}").glob("*.xml")):
        message = f"train has no transcripts in {step.config.transcripts}, but in {other_script}"
        raise UserError(message, str(corpus / "train/xml"), f"--transcripts {other_script}")
    return files


def run(step: Step[Mgb2Config]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of train, dev and test"), "train/xml/*", "dev/wav", "test/wav")
    wanted = Wanted("mgb2_train", "ARA", ALIGNED, step.config.most_wmer)
    bad = report_to(step)
    scored = [items for split in ("dev", "test") for items in read_split(corpus, split, step.config, bad).values()]
    segments = gather_programmes(step, corpus, programmes(step, corpus), "train/wav", wanted, scored)
    for split in ("dev", "test"):
        add_references(step, corpus / split, segments)
    write_sets(step, corpus, segments, PUBLISHED | (PUBLISHED_OVERLAP if step.config.overlap_sets else {}))
    count_nameless(step, segments)


if __name__ == "__main__":
    main(run)
