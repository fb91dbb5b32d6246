"""ADI-17: dialects of 17 Arabic countries, 3,000 h of YouTube to train on (labels of channels), 57 h checked by hand.

Where: the fifth Multi-Genre Broadcast challenge (MGB-5, dialect task); lists of segments and labels are public at
https://github.com/swshon/arabic-dialect-identification, the audio is given out by the challenge. Two layouts:
  Kaldi lists:  CORPUS/[data/]{train,dev,test}/{segments,utt2lang}
                CORPUS/[data/]{train,dev,test}_segments/utt2lang       labels by segment, which win where both are there
                recordings <YouTube id>.wav anywhere in CORPUS (wav.scp of these lists is not read: it is somebody
                else's); train often has no segments, and then its recordings are taken whole
  pre-cut:      CORPUS/train_segments/<LABEL>/*.wav, CORPUS/{dev,test}_segments/*.wav
                CORPUS/adi17_official_{dev,test}_label.txt             header `id label`, then `<segment> <LABEL>`
Ids are <YouTube id>_<begin>-<end> in hundredths of a second: `2XwBQJ7eHKs_055962-056391` is 559.62 to 563.91 s.
The lists' `segments` end up to 20 ms later than the ids say: where both are there, `segments` is believed. A line that
differs from its id by more than 50 ms, or is of another recording, is malformed.
Expected: dev 8,955 and test 12,615 segments; every line of the public lists of dev, test and train is read.

Writes OUT/adi17_{train,dev,test}: utt2lang (ALG EGY IRA JOR KSA KUW LEB LIB MAU MOR OMA PAL QAT SUD SYR UAE YEM), no
text, utt2prog the YouTube id, utt2band short (under 5 s), medium (5 to under 20 s) or long, the bands that C_avg is
scored in. Speakers are unknown. The wav of one video may be in one set only; the run says where that is not so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ..malformed import MALFORMED
from ..recordings import find_recordings
from .dialects import code_of
from .gather import gather
from .id_times import Span, in_hundredths
from .mgb_tables import read_segments
from .segments import CorpusConfig, CorpusSegment, Drop, Published
from .sets import tell_recurring, write_sets
from .sources import MalformedRow, Report, SourceError, corpus_folder, word_rows

PARTS = ("train", "dev", "test")
CODES = frozenset("ALG EGY IRA JOR KSA KUW LEB LIB MAU MOR OMA PAL QAT SUD SYR UAE YEM".split())  # noqa: SIM905
PUBLISHED = {"adi17_dev": Published(8955), "adi17_test": Published(12615)}
BANDS = ((5.0, "short"), (20.0, "medium"))  # seconds below which an utterance is in the band; else it is long


@dataclass(frozen=True)
class Item:
    """A segment as the lists have it: its set, id, audio file relative to the corpus, seconds in it, label."""

    set: str
    id: str
    audio: str
    start: float
    end: float | None
    label: str


def band_of(seconds: float) -> str:
    """short, medium or long."""
    return next((name for below, name in BANDS if seconds < below), "long")


def read_labels(path: Path, bad: Report) -> dict[str, str]:
    """Id -> label of an utt2lang, or of a label file with a header `id label`; empty if two lines say different ones.

    Args:
        bad: told of each line that cannot be used.

    Raises SourceError for a file that is no such table.
    """
    labels: dict[str, str] = {}
    for number, words in word_rows(path, "id label", lambda words: len(words) == 2, bad):
        id, label = words[0], name_of(words[1])
        if number == 1 and words == ["id", "label"]:
            continue
        if (first := labels.setdefault(id, label)) != label:
            message = f"{id} is {label} here, and {first or 'two labels'} above: it has none"
            bad(SourceError("duplicate id", message, f"{path}, line {number}", "leave one of the lines"))
            labels[id] = ""
    return labels


class Lists:
    """The label files and segment files of one set, and the audio that they may mean."""

    def __init__(self, corpus: Path, part: str, files: Sequence[str]) -> None:
        self.corpus, self.part, self.name = corpus, part, f"adi17_{part}"
        self.cut = {Path(f).stem: f for f in files if f"{part}_segments" in Path(f).parts}
        self.whole = {Path(f).stem: f for f in files if not any(p.endswith("_segments") for p in Path(f).parts)}
        self.labels: dict[str, str] = {}
        self.malformed: dict[str, SourceError] = {}  # by the id that the line begins with
        self.drops: list[Drop] = []
        for pattern in (f"{part}/utt2lang", f"{part}_segments/utt2lang", f"adi17_official_{part}_label.txt"):
            for path in (corpus / pattern, corpus / "data" / pattern):
                self.labels |= read_labels(path, self._bad) if path.is_file() else {}
        for id in self.labels.keys() & self.malformed.keys():  # it has a line of its own in another file
            del self.malformed[id]
        self.segments: dict[str, Span] = {}
        for path in (corpus / part / "segments", corpus / "data" / part / "segments"):
            self.segments |= read_segments(path, self._bad) if path.is_file() else {}

    def _bad(self, e: SourceError) -> None:
        self.drops.append(Drop(e.where, e.reason, e.what))
        if isinstance(e, MalformedRow):
            self.malformed[e.row["id"]] = e

    def items(self) -> Iterator[Item | Drop]:
        """Every segment that a list names or a pre-cut folder holds."""
        listed = [id for id in self.labels if self._span(id)]
        spans = [*self.segments.values(), *(span for id in listed if (span := self._span(id)))]
        recordings = {span.recording for span in spans}
        whole = [id for id in self.labels if id not in listed and id not in recordings]
        for id in sorted({*listed, *self.segments, *self.cut, *whole}):
            yield self._item(id)
        yield from self.drops

    def _item(self, id: str) -> Item | Drop:
        span = self._span(id)
        recording, start, end = (span.recording, span.start, span.end) if span else (id, 0.0, None)
        if malformed := self.malformed.get(id) or (id not in self.labels and self.malformed.get(recording)):
            return Drop(id, MALFORMED, malformed.what, self.name)
        listed = next((self.labels[name] for name in (id, recording) if name in self.labels), None)
        label = self._folder(id) or self._folder(recording) if listed is None else listed
        if code_of(label) not in CODES:
            why = f"in no list of {self.part}" if listed is None else f"in a list of {self.part} with two labels"
            return Drop(id, "no label", f"{label!r} is no country of ADI-17" if label else why, self.name)
        if id in self.cut:
            return Item(self.name, id, self.cut[id], 0.0, None, code_of(label))
        if recording not in self.whole:
            return Drop(id, "missing", f"neither {id} nor {recording} is there as a recording", self.name)
        return Item(self.name, id, self.whole[recording], start, end, code_of(label))

    def _span(self, id: str) -> Span | None:
        return self.segments.get(id) or in_hundredths(id)

    def _folder(self, name: str) -> str:
        """The folder that a recording of this name lies in."""
        return Path(self.cut.get(name) or self.whole.get(name, "")).parent.name


def read_item(item: Item | Drop) -> Iterator[CorpusSegment | Drop]:
    """The utterance of a segment."""
    if isinstance(item, Drop):
        yield item
        return
    parsed = in_hundredths(item.id)
    programme = parsed.recording if parsed else item.id if item.end is None else Path(item.audio).stem
    yield CorpusSegment(
        item.set,
        item.id,
        item.audio,
        start=item.start,
        end=item.end,
        programme=programme,
        dialect=item.label,
    )


def run(step: Step[CorpusConfig]) -> None:
    marks = [f"{above}{part}{end}" for above in ("", "data/") for part in PARTS for end in ("/utt2lang", "_segments")]
    corpus = corpus_folder(step.input(0, "the folder of the corpus"), *marks)
    scan = find_recordings(corpus, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    if not scan.recordings:
        raise UserError("no recording in it", str(corpus), "put the audio of the challenge, <YouTube id>.wav, there")
    files = list(scan.recordings)
    items = [item for part in PARTS for item in Lists(corpus, part, files).items()]
    items.sort(key=lambda item: (item.set, item.audio, item.start) if isinstance(item, Item) else ("", "", 0.0))
    segments = gather(step, corpus, items, [1.0] * len(items), read_item, "segments")
    for s in segments:
        s.more = {"utt2band": band_of(s.seconds)}
    here = {s.set for s in segments}
    write_sets(step, corpus, segments, {name: PUBLISHED[name] for name in sorted(here & set(PUBLISHED))})
    tell_recurring(segments)


if __name__ == "__main__":
    main(run)
