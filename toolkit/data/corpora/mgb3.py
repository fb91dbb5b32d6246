"""MGB-3: Egyptian videos of YouTube, seven genres, 16 h, each utterance written down by four people.

Where: https://arabicspeech.org/mgb3, on request; licence: of the challenge, for research. Tree:
  CORPUS/{adapt,dev,test}/{Ali,Alaa,Mohamed,Omar}/{segments,text_noverlap,text_noverlap.bw}
  CORPUS/wav/<video>.wav, or wavs at any other place below CORPUS; folders of parts may bear a date (dev.20170322)
Utterances are called <video>_<start s>_<end s>, e.g. comedy_75_first_12min_0.000_8.190. `text_noverlap` is Arabic
script, `.bw` Buckwalter's; Latin words are marked @@LATfoundation. Dialectal Arabic has no one spelling, so that a
hypothesis is scored against all four (MR-WER).
Expected: about 16 h of 80 videos, the first 12 minutes of each; dev 1,927 utterances. How many of adapt and test is
not stated anywhere that could be confirmed [?].

Writes OUT/mgb3_{adapt,dev,test}, utt2lang EGY: text_Ali, text_Alaa, text_Mohamed, text_Omar, and text, which is one of
them. Only utterances that all four have in `text_noverlap` are kept: each of them left out what he heard as overlap.
The corpus names no speakers: each utterance is its own; the programme is the video.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Literal

from ...core.errors import UserError
from ...core.step import Step, main
from .gather import gather
from .mgb_tables import Annotation, by_recording, first_of, read_segments, read_texts, stems
from .segments import CorpusSegment, Drop, Published, Take, of_set, report_to
from .sets import write_sets
from .sources import Report, corpus_folder, folders_below

ANNOTATORS = ("Ali", "Alaa", "Mohamed", "Omar")
PARTS = ("adapt", "dev", "test")
PUBLISHED = {"mgb3_adapt": Published(), "mgb3_dev": Published(1927), "mgb3_test": Published()}


@dataclass(frozen=True)
class Mgb3Config:
    """Which references are taken."""

    reference: Literal["Ali", "Alaa", "Mohamed", "Omar"] = "Ali"
    """annotator whose transcript becomes `text`; the transcripts of all four are also written, as text_Ali, text_Alaa,
    ..."""
    script: Literal["arabic", "buckwalter"] = "arabic"
    """transcript files to read; arabic: text_noverlap; buckwalter: text_noverlap.bw; both are written in Arabic
    script"""
    take: Take = field(default_factory=Take)
    """limits and links"""


def read_annotator(folder: Path, script: str, bad: Report) -> Annotation:
    """Raises UserError for a file that is missing or cannot be read."""
    ending = "" if script == "arabic" else ".bw"
    text = first_of(folder, f"text_noverlap{ending}")
    if text is None:
        raise UserError(f"no text_noverlap{ending}", str(folder), "complete the corpus, or ask for the other --script")
    spans = read_segments(folder / "segments", bad)
    return Annotation(spans, read_texts(text, bad=bad, ids=spans))


def set_of(part: Path) -> str:
    """Data directory of the folder of a part, which may bear a date."""
    return f"mgb3_{part.name.partition('.')[0]}"


def read_part(part: Path, wavs: dict[str, str], config: Mgb3Config, bad: Report) -> Iterator[CorpusSegment | Drop]:
    """Utterances of adapt, dev or test; those that an annotator lacks, and those he has without times, are drops.

    Args:
        wavs: name of a recording -> its path relative to the corpus.
        bad: told of each line that cannot be used.

    Raises UserError for a file that is missing or cannot be read.
    """
    four = {name: read_annotator(part / name, config.script, bad) for name in ANNOTATORS}
    spans = {id: span for name in (config.reference, *ANNOTATORS) for id, span in four[name].spans.items()}
    spans |= four[config.reference].spans
    for id in sorted({id for each in four.values() for id in (*each.texts, *each.spans)}):
        lacking = [who for who in ANNOTATORS if id not in four[who].texts]
        if lacking:
            yield Drop(id, "not in all four", f"{', '.join(lacking)} of {part.name} left it out")
        elif id not in spans:
            yield Drop(id, "no segment", f"nobody's segments in {part.name} have it")
        else:
            span = spans[id]
            yield CorpusSegment(
                set_of(part),
                id,
                wavs.get(span.recording, f"wav/{span.recording}.wav"),
                start=span.start,
                end=span.end,
                text=four[config.reference].texts[id],
                programme=span.recording,
                dialect="EGY",
                more={f"text_{who}": four[who].texts[id] for who in ANNOTATORS},
            )


def run(step: Step[Mgb3Config]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of adapt, dev and test"), *(f"{part}*/Ali" for part in PARTS))
    wavs = {name: str(path.relative_to(corpus)) for name, path in stems(folders_below(corpus, "**/*.wav")).items()}
    parts = [path for part in PARTS for path in folders_below(corpus, f"{part}*") if (path / "Ali").is_dir()]
    rows = (of_set(set_of(p), read_part(p, wavs, step.config, report_to(step, set_of(p)))) for p in parts)
    items = by_recording(chain.from_iterable(rows))
    segments = gather(step, corpus, items, [float(len(item)) for item in items], lambda item: item, "utterances")
    write_sets(step, corpus, segments, PUBLISHED)


if __name__ == "__main__":
    main(run)
