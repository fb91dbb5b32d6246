"""MASC: 1,000 h of Arabic from YouTube with the subtitles of its channels, clean and noisy, of many countries.

Where: https://ieee-dataport.org/open-access/masc-massive-arabic-speech-corpus. Licence: CC BY 4.0. CORPUS is masc/, or
the folder that holds it:
  CORPUS/audios/<video_id>.wav    CORPUS/subtitles/<video_id>.ar.vtt (or <video_id>.vtt)
  CORPUS/subsets/{clean,noisy}_train.csv, {clean,noisy}_{dev,test}_meta.csv    a header; a row for each video:
      video_id [?]  category  video_duration  channel_id  country  dialect  gender  transcript_duration
Not confirmed: the name of the column of videos (video_id, id or video is read), and whether a _train.csv, or a
_dev.csv and _test.csv beside their _meta.csv, has a row for each utterance (start, end, text, in seconds): where it
has these columns, they are the utterances, of which a quoted text may have several lines, as a cue has; else the cues
of the subtitles are. Expected: PUBLISHED, the utterances of both test sets on the Open Universal Arabic ASR
Leaderboard. The subtitles have more cues, 9,053 and 10,737 [?]: another number is warned of, since a score of it is
not the leaderboard's.

Writes OUT/masc_{clean,noisy}_{train,dev,test}. The speaker is the channel [?]: a channel may have several, and one
person may speak on several. utt2prog is the video; utt2country is written. utt2lang: the dialect's code, else the
country's, else ARA. A video of dev or test is not trained on. Cues that overlap are not trained on (their words are
said at once, or at other times); dev and test keep them, marked in utt2overlap. spoken_cues.py takes out what is no
speech, and gives each word of rolling captions once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...core.step import Step, main
from ...text.caption_codes import untagged
from ...text.invisible import name_of
from ..malformed import MALFORMED
from ..pace import stated
from ..roles import trains
from .dialects import code_of
from .gather import gather
from .repeats import Statement, settled
from .rolling import Rolling
from .scripts import another_language, garbled_ones, mostly_latin
from .segments import CorpusSegment, Drop, Published, Take, drop, of_set, report_to
from .sets import write_sets
from .sources import (
    MalformedRow,
    SourceError,
    TableRow,
    check_inside,
    corpus_folder,
    folders_below,
    table_rows,
)
from .spoken_cues import NO_LOSS, overlapping, spoken_cues, tell_asides
from .vtt import Cue, read_cues, seconds_of

REPEATED = "duplicate row"
LATIN, LANGUAGE = "Latin letters", "another language"  # of the ledger; no utterance is lost
SUBSETS = tuple(f"{quality}_{part}" for part in ("test", "dev", "train") for quality in ("clean", "noisy"))
VIDEO = ("video_id", "id", "video")
TIMED = {"start", "end", "text"}
# Names of such columns elsewhere.
LIKE_TIMED = TIMED | {
    "start_time",
    "end_time",
    "begin",
    "begin_time",
    "start_s",
    "end_s",
    "start_ms",
    "end_ms",
    "onset",
}
LIKE_TIMED |= {"offset", "stop", "from", "to", "duration", "sentence", "transcript", "transcription", "utterance"}
PUBLISHED = {"masc_clean_test": Published(8612), "masc_noisy_test": Published(9394)}
_ID = re.compile(r"[\w-]{1,200}", re.ASCII)  # of a video; it names files


@dataclass(frozen=True)
class MascConfig:
    """Which subsets are taken."""

    subsets: tuple[str, ...] = SUBSETS
    """official subsets to take; those that the corpus folder does not have are skipped"""
    overlap_seconds: float = 0.1
    """training cues of a video that overlap in time by more than this are dropped, seconds; larger keeps more"""
    rolling: Rolling = "auto"
    """whether each caption of a video repeats the end of the one before, which is then taken off. auto: as most of its
    captions tell, by their lines, words and times; the ledger says of which videos. yes, no: of all videos"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if odd := set(self.subsets) - set(SUBSETS):
            raise ValueError(f"subsets: {', '.join(sorted(odd))} is none of {', '.join(SUBSETS)}")
        if self.overlap_seconds < 0:
            raise ValueError("overlap_seconds must not be below 0")


@dataclass
class Video:
    """A video of a subset: what its row says, and its utterances where a table has them (None: see its subtitles)."""

    subset: str
    id: str
    about: TableRow
    cues: list[Cue] | None = None


def find_corpus(path: Path) -> Path:
    """masc/, at or below `path`. Raises UserError if it is not there."""
    corpus_folder(path, "subsets/*.csv", "*/subsets/*.csv")
    tables = folders_below(path, "subsets/*.csv") or folders_below(path, "*/subsets/*.csv")
    return corpus_folder(tables[0].parents[1], "audios")


@dataclass
class Subset:
    """Id -> video of a subset, and ids that its malformed rows name."""

    videos: dict[str, Video] = field(default_factory=dict)
    malformed: set[str] = field(default_factory=set)


def read_subset(step: Step[MascConfig], corpus: Path, subset: str) -> Subset:
    """A subset, empty if there is no table of it; rows that cannot be used go to the ledger."""
    read = Subset()
    videos, of = read.videos, f"masc_{subset}"
    for path in (corpus / "subsets" / f"{subset}_meta.csv", corpus / "subsets" / f"{subset}.csv"):
        lost = frozenset(read.malformed)  # rows of the table before
        for line, row in _agreeing(step, path, read.malformed, of) if path.is_file() else ():
            at, id = f"{path.name}:{line}", _video(row)
            if not _ID.fullmatch(id):
                drop(step, at, "id", f"no id of a video: {id[:80]!r}", of)
            elif id in lost:
                drop(step, at, MALFORMED, f"the row that says what {id} is, is malformed", of)
            elif row.keys() >= TIMED:
                video = videos.setdefault(id, Video(subset, id, row))
                video.cues = video.cues or []
                _add(step, video.cues, at, line, row, of)
            elif id in videos:
                drop(step, at, REPEATED, f"{id} has its row already")
            else:
                videos[id] = Video(subset, id, row)
    return read


def _agreeing(step: Step[MascConfig], path: Path, malformed: set[str], of: str) -> list[tuple[int, TableRow]]:
    """The rows of a table; of a video about which two rows differ there is none, and it counts as malformed."""
    rows = list(_rows(step, path, malformed, of))
    if not rows or rows[0][1].keys() >= TIMED:
        return rows
    about = [Statement(f"{path.name}:{line}", _video(row), tuple(row.values()), (line, row)) for line, row in rows]

    def lost(at: str, reason: str, detail: str) -> None:
        drop(step, at, reason, detail, "" if reason == REPEATED else of)

    kept = settled(about, "row", lost, REPEATED)
    malformed |= {s.name for s in about} - {_video(row) for _, row in kept}
    return kept


def _video(row: TableRow) -> str:
    return next((name_of(row[name]) for name in VIDEO if name in row), "")


def _rows(step: Step[MascConfig], path: Path, malformed: set[str], of: str) -> Iterator[tuple[int, TableRow]]:
    def bad(e: SourceError) -> None:
        report_to(step, of)(e)
        malformed.update([_video(e.row)] if isinstance(e, MalformedRow) else [])

    told = False
    for line, row in table_rows(path, ",", quotes=True, lines_in_quotes=True, bad=bad):
        if not any(name in row for name in VIDEO):
            message = f"no column {' or '.join(VIDEO)} among {', '.join(row)}"
            raise SourceError("columns", message, f"{path}, line 1", "call the column of videos video_id")
        if not told and not row.keys() >= TIMED and (unread := sorted(LIKE_TIMED & row.keys())):
            print(f"WARNING: {path}: not read: {', '.join(unread)}; columns of utterances are start, end (s), text")
        told = True
        yield line, row


def _add(step: Step[MascConfig], cues: list[Cue], at: str, line: int, row: TableRow, of: str) -> None:
    try:
        start, end = (_seconds(row[name]) for name in ("start", "end"))
    except ValueError as e:
        drop(step, at, "bad times", str(e), of)
        return
    cues.append(Cue(line, start, end, untagged(row["text"])))


def _seconds(text: str) -> float:
    return seconds_of(text) if ":" in text else float(text)


def cues_of(corpus: Path, video: Video, follow_links: bool) -> Iterator[Cue | Drop]:
    """The cues of a video, from its table or its subtitles; a Drop for each that cannot be read.

    Raises SourceError for subtitles that cannot be read at all.
    """
    if video.cues is not None:
        yield from video.cues
        return
    names = [f"subtitles/{video.id}{ending}" for ending in (".ar.vtt", ".vtt")]
    rel = next((name for name in names if (corpus / name).is_file()), names[0])
    check_inside(corpus, rel, follow_links)
    bad: list[SourceError] = []
    yield from read_cues(corpus / rel, bad.append)
    for e in bad:
        yield Drop(e.where, e.reason, e.what)


def by_script(video: Video, entries: Iterable[Cue | Drop]) -> Iterator[Cue | Drop]:
    """These, a Drop in place of a garbled cue, and rows that tell of a video of Latin words or another language."""
    entries = list(entries)
    texts = {entry: entry.text for entry in entries if isinstance(entry, Cue)}
    garbled = garbled_ones(texts)
    if latin := mostly_latin(texts.values()):
        yield Drop(video.id, LATIN, f"{latin}: is it in Arabic?")
    if language := another_language({f"line {cue.line}": text for cue, text in texts.items()}):
        yield Drop(video.id, LANGUAGE, language)
    for entry in entries:
        if isinstance(entry, Cue) and entry in garbled:
            yield Drop(_id(video, entry), MALFORMED, f"line {entry.line}: {garbled[entry]}")
        else:
            yield entry


def segments_of(corpus: Path, video: Video, c: MascConfig) -> Iterator[CorpusSegment | Drop]:
    """The utterances of a video; a Drop for each cue that cannot be used."""
    entries = list(by_script(video, cues_of(corpus, video, c.take.follow_links)))
    cues = [cue for cue in entries if isinstance(cue, Cue)]
    yield from (row for row in entries if isinstance(row, Drop))
    if not entries:
        yield Drop(video.id, "no cue", "subtitles without a cue")
    items = list(spoken_cues(video.id, cues, lambda cue: _id(video, cue), trains(video.subset), c.rolling))
    yield from (item for item in items if isinstance(item, Drop))
    yield from _utterances(video, [item for item in items if isinstance(item, Cue)], c)


def _utterances(video: Video, cues: Sequence[Cue], c: MascConfig) -> Iterator[CorpusSegment | Drop]:
    """The utterances of cues that have words; a Drop for each without a duration, or said at once with another."""
    at_once = overlapping(cues, c.overlap_seconds)
    for cue in cues:
        id = _id(video, cue)
        if not cue.end > cue.start:
            yield Drop(id, "no duration", f"line {cue.line}: {cue.start} to {cue.end} s")
        elif cue in at_once and trains(video.subset):
            yield Drop(id, "overlap", f"line {cue.line}: another cue is said at once")
        else:
            yield segment_of(video, cue, id, cue in at_once)


def _id(video: Video, cue: Cue) -> str:
    return f"{video.id}_{_ms(cue.start)}-{_ms(cue.end)}"


def _ms(seconds: float) -> str:
    return f"{round(seconds * 1000):08d}" if abs(seconds) < 1e6 else f"{seconds:g}"


def segment_of(video: Video, cue: Cue, id: str, overlaps: bool) -> CorpusSegment:
    about = video.about
    country = about.get("country", "")
    more = {"utt2country": country} if country else {}
    more |= {} if trains(video.subset) else {"utt2overlap": "yes" if overlaps else "no"}
    return CorpusSegment(
        f"masc_{video.subset}",
        id,
        f"audios/{video.id}.wav",
        about.get("channel_id", ""),
        cue.start,
        cue.end,
        cue.text,
        video.id,
        code_of(about.get("dialect", "")) or code_of(country) or "ARA",
        about.get("gender", ""),
        more=more,
        stated=stated("video_duration", about.get("video_duration", ""), recording=True),
        doubt=cue.odd,
    )


def apart(step: Step[MascConfig], subsets: Mapping[str, Subset]) -> list[Video]:
    """The videos of subsets, dev and test first, without those to train on that these have already."""
    held = {id: name for name, subset in subsets.items() if not trains(name) for id in subset.malformed}
    kept: list[Video] = []
    for subset in subsets.values():
        for id, video in subset.videos.items():
            if trains(video.subset) and id in held:
                drop(step, f"{video.subset}:{id}", "video of dev or test", f"{held[id]} has it", f"masc_{video.subset}")
                continue
            if not trains(video.subset):
                held.setdefault(id, video.subset)
            kept.append(video)
    return kept


def run(step: Step[MascConfig]) -> None:
    corpus, c = find_corpus(step.input(0, "masc/, the folder of audios, subtitles and subsets")), step.config
    subsets = {subset: read_subset(step, corpus, subset) for subset in SUBSETS if subset in c.subsets}
    videos = apart(step, subsets)

    def read(video: Video) -> Iterator[CorpusSegment | Drop]:
        return of_set(f"masc_{video.subset}", segments_of(corpus, video, c), NO_LOSS | {LATIN, LANGUAGE})

    costs = [1.0] * len(videos)
    segments = gather(step, corpus, videos, costs, read, "videos")
    step.counts["overlapping_kept"] = sum(s.more.get("utt2overlap") == "yes" for s in segments)
    sets = [f"masc_{subset}" for subset in c.subsets]
    write_sets(step, corpus, segments, {name: PUBLISHED.get(name, Published()) for name in sets})
    tell_asides(step, segments)
    print(f"utterances of dev and test that overlap others, kept: {step.counts['overlapping_kept']:,}")
    print("MASC names no speakers: a channel stands for one")


if __name__ == "__main__":
    main(run)
