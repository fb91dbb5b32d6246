"""Nine clips of spoken Arabic, one of each of nine dialects, with exact transcripts: 58 s to try a model on, no more.

Where: the assets of the Python package habibi-tts 0.1.1 (its code is MIT; the clips keep the licences of where they
come from, of which those of SADA and Mixat are CC BY-NC-SA 4.0); tools/fetch_dialect_clips.sh fetches them.
They are the voice prompts of a speech synthesiser. By their README the six wav files are cut from corpora of real
speech, and the three mp3 files (MSA, EGY, MAR) are from the voice library of a synthesis service: THESE THREE MAY BE
SYNTHETIC. One clip of a dialect by one voice says nothing of that dialect: nothing here is a measure of a model.
The Najdi, Hijazi and Gulf clips are segments of SADA, so whoever trains on SADA must not be tested on them.

Tree (CORPUS is where the package was unpacked, its folder assets, or the unpacked sdist):
  CORPUS/habibi_tts/assets/{MSA,EGY,MAR}.mp3 {Najdi,Hijazi,Gulf,UAE,ALG,IRQ}.wav     44.1, 16 and 24 kHz
  CORPUS/habibi_tts/assets/README.md    for each clip a line `# <file> (<id of its source>)`, then its text in quotes
Expected: 9 clips. Speakers are unknown, so each clip has one of its own.

Writes OUT/test, with text; utt2lang MSA EGY MOR NAJ HIJ GLF UAE ALG IRA; utt2prog: the recording a clip is cut from.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from .dialects import code_of
from .gather import gather
from .segments import CorpusConfig, CorpusSegment, Drop, Published
from .sets import write_sets
from .sources import corpus_folder, text_lines

PLACES = ("habibi_tts/assets", "src/habibi_tts/assets", "assets", ".")
PUBLISHED = {"test": Published(9)}

_CLIP = re.compile(r"#\s*([\w.-]+\.(?:wav|mp3|flac|ogg))\s*(?:\(([^)]*)\))?")
_TEXT = re.compile(r'"(.+)"')
_PIECE = re.compile(r"(-seg_.*|-\d+|_segment_\d+)$")


@dataclass(frozen=True)
class Clip:
    """A clip as the README has it: name of its file, id of its source, transcript."""

    file: str
    source: str
    text: str


def read_clips(readme: Path) -> list[Clip]:
    """The clips of a README, in its order. Raises UserError for a clip without a transcript, or no clip at all."""
    clips: list[Clip] = []
    waiting: tuple[str, str, int] | None = None
    for number, line in text_lines(readme):
        if named := _CLIP.fullmatch(line.strip()):
            if waiting:
                break
            waiting = (named[1], named[2] or "", number)
        elif waiting and (quoted := _TEXT.fullmatch(line.strip())):
            clips.append(Clip(*waiting[:2], quoted[1]))
            waiting = None
    if waiting:
        message = f"{waiting[0]} has no transcript in quotes beneath it"
        raise UserError(message, f"{readme}, line {waiting[2]}", "fetch the package again: this is another version")
    if not clips:
        message = "no line `# <file> (<source>)` with a transcript beneath it"
        raise UserError(message, str(readme), "name the folder that tools/fetch_dialect_clips.sh has filled")
    return clips


def programme_of(clip: Clip) -> str:
    """The recording that a clip is cut from: `6k_SBA_22_2-seg_410_975-416_518` -> `6k_SBA_22_2`."""
    return _PIECE.sub("", clip.source)


def run(step: Step[CorpusConfig]) -> None:
    readmes = [f"{place}/README.md" for place in PLACES]
    corpus = corpus_folder(step.input(0, "the folder of the unpacked package"), *readmes[:3], "README.md")
    place = next(p for p in PLACES if (corpus / p / "README.md").is_file())
    clips = read_clips(corpus / place / "README.md")

    def read(clip: Clip) -> Iterator[CorpusSegment | Drop]:
        stem = Path(clip.file).stem
        dialect = code_of(stem)
        yield CorpusSegment(
            "test", stem, f"{place}/{clip.file}", text=clip.text, programme=programme_of(clip), dialect=dialect
        )

    write_sets(step, corpus, gather(step, corpus, clips, [1.0] * len(clips), read, "clips"), PUBLISHED)
    print("One clip of each dialect by one voice: something to listen to, no measure of a model. MSA, EGY and MAR come")
    print("from a voice library and may be synthetic; Najdi, Hijazi and Gulf are segments of SADA.")


if __name__ == "__main__":
    main(run)
