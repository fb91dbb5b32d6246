"""MGB-5: Moroccan videos of YouTube, seven genres, 14 h.

Where: https://arabicspeech.org/mgb5, on request; licence: of the challenge, for research. Tree:
  CORPUS/{train,dev,test}/{part}.txt.bw        `id words`, Buckwalter; UNK: a word that nobody understood
  CORPUS/{train,dev,test}/{part}.segments.bw   `id recording start end`
  wavs at any depth below the part; with dev perhaps a folder for each of four annotators, with files of these names [?]
Expected: train 10.2 h of 69 programmes, dev 1.8 h of 10, test 2.0 h of 14.

Writes OUT/mgb5_{train,dev,test} in Arabic script, utt2lang MOR. Each utterance is its own speaker, since the corpus
names none; the programme is the recording. Where dev has further annotators, their words of the same utterances become
tables text_<annotator>; they cut the audio at other places, so that MR-WER cannot be had of them: what another one has
at times of his own goes to the ledger.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ...core.errors import UserError
from ...core.links import absent
from ...core.step import Step, main
from ..ids import safe
from .gather import gather
from .mgb_tables import Annotation, by_recording, read_segments, read_texts, stems
from .segments import CorpusConfig, CorpusSegment, Drop, Published, of_set, report_to
from .sets import write_sets
from .sources import Report, corpus_folder, folders_below

OTHER_TIMES = "other times"
PUBLISHED = {
    "mgb5_train": Published(recordings=69, hours=10.2),
    "mgb5_dev": Published(recordings=10, hours=1.8),
    "mgb5_test": Published(recordings=14, hours=2.0),
}
PARTS = ("train", "dev", "test")
UNKNOWN_WORD = "UNK"


def read_annotation(folder: Path, part: str, bad: Report) -> Annotation | None:
    """What one annotator has of a part; None where the folder has nothing of it. Raises UserError."""
    text, segments = folder / f"{part}.txt.bw", folder / f"{part}.segments.bw"
    if not text.is_file() and not segments.is_file():
        return None
    for path in (text, segments):
        if not path.is_file():
            raise UserError(absent(path, "file in the corpus"), str(path), "complete the corpus")
    spans = read_segments(segments, bad)
    return Annotation(spans, read_texts(text, UNKNOWN_WORD, bad, spans))


def read_part(corpus: Path, part: str, bad: Report) -> Iterator[CorpusSegment | Drop]:
    """Utterances of a part, in order of their ids. Raises UserError for a file that cannot be read.

    Args:
        bad: told of each line that cannot be used.
    """
    folder = corpus / part
    made = {path.name: read_annotation(path, part, bad) for path in folders_below(folder, "*") if path.is_dir()}
    others = {name: annotation for name, annotation in made.items() if annotation}
    first = read_annotation(folder, part, bad) or (others and others[min(others)]) or Annotation({}, {})
    wavs = {name: str(path.relative_to(corpus)) for name, path in stems(folders_below(folder, "**/*.wav")).items()}
    for id in sorted(first.texts.keys() | first.spans.keys()):
        if id not in first.spans:
            yield Drop(id, "no segment", f"a transcript of {part} without its times")
        elif id not in first.texts:
            yield Drop(id, "no transcript", f"a segment of {part} without its words")
        else:
            span = first.spans[id]
            yield CorpusSegment(
                f"mgb5_{part}",
                id,
                wavs.get(span.recording, f"{part}/{span.recording}.wav"),
                start=span.start,
                end=span.end,
                text=first.texts[id],
                programme=span.recording,
                dialect="MOR",
                more={f"text_{safe(name)}": annotation.texts.get(id, "") for name, annotation in others.items()},
            )
    for name, annotation in others.items():
        for id in sorted(annotation.texts.keys() - first.spans.keys()):
            yield Drop(f"{name}/{id}", OTHER_TIMES, f"{name} cut the audio of {part} elsewhere")


def of_part(step: Step[CorpusConfig], corpus: Path, part: str) -> Iterator[CorpusSegment | Drop]:
    """As read_part; lines that cannot be used go to the ledger."""
    name = f"mgb5_{part}"
    return of_set(name, read_part(corpus, part, report_to(step, name)), {OTHER_TIMES})


def run(step: Step[CorpusConfig]) -> None:
    marks = [f"{part}/{below}{part}.txt.bw" for part in PARTS for below in ("", "*/")]
    corpus = corpus_folder(step.input(0, "the folder of train and dev"), *marks)
    items = by_recording(one for part in PARTS for one in of_part(step, corpus, part))
    segments = gather(step, corpus, items, [float(len(item)) for item in items], lambda item: item, "utterances")
    write_sets(step, corpus, segments, PUBLISHED)


if __name__ == "__main__":
    main(run)
