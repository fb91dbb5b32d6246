"""Arabic Speech Corpus: one speaker reads fully diacritised Modern Standard Arabic in a studio, 48 kHz.

Where: http://en.arabicspeechcorpus.com. Licence: CC BY 4.0. CORPUS is arabic-speech-corpus/ or the folder it lies in:
  CORPUS/{wav/*.wav, orthographic-transcript.txt, phonetic-transcript.txt, ...}    train
  CORPUS/test set/{the same}                                                       test
  a line of a transcript [?]: "ARA NORM  0002.wav" "waraj~aHa Alt~aqoriyru ..."
Not confirmed: the script of the orthographic transcripts. A file whose lines mostly have Latin letters alone is in
Buckwalter, with ^ for theh as well; a line in Arabic letters stays as it is, and so do words that are no Buckwalter and
all lines of any other file (scripts.py). Nor the name of the folder of test: `test set`, `test-set`, `test` are known.
Expected: PUBLISHED, 1,813 and 100 utterances.

Writes OUT/arabic_speech_corpus_{train,test}: text in Arabic letters with its diacritics, text_buckwalter as it stands,
text_phonetic where the phones are there, utt2lang MSA. The corpus has no dev; `dev_share` takes one out of train.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ...core.seed import seed_of
from ...core.step import Step, main
from ...text.buckwalter import to_arabic
from ...text.invisible import excerpt
from ...text.not_known import transcript_of
from ..malformed import MALFORMED
from .gather import gather
from .repeats import Statement, settled
from .scripts import in_arabic
from .segments import CorpusSegment, Drop, Published, Take, drop
from .sets import write_sets
from .sources import corpus_folder, folders_below, like, text_lines

SPEAKER = "asc"
TRANSCRIPT, PHONES = "orthographic-transcript.txt", "phonetic-transcript.txt"
TEST_FOLDERS = ("test set", "test_set", "test")
PUBLISHED = {
    "arabic_speech_corpus_train": Published(1813, speakers=1),
    "arabic_speech_corpus_test": Published(100, speakers=1),
}

_LINE = re.compile(r'\s*"([^"]+)"\s+"((?:(?!"\s+").)*)"\s*')  # of two fields, not of three
_LATIN = re.compile(r"[A-Za-z]")
_THEH = str.maketrans("^", "v")


@dataclass(frozen=True)
class ArabicSpeechCorpusConfig:
    """Which sets are made."""

    dev_share: float = 0.0
    """share of the training utterances that becomes a dev set, 0 to 1, as the corpus has none; 0: no dev set"""
    seed: int = 1
    """random seed that decides which utterances become the dev set"""
    take: Take = field(default_factory=Take)
    """limits and links"""

    def __post_init__(self) -> None:
        if not 0 <= self.dev_share < 1:
            raise ValueError(f"dev_share must be 0 to below 1, not {self.dev_share}")


@dataclass(frozen=True)
class Spoken:
    """A line of a transcript: its part (train, dev, test), recording relative to the corpus, text and phones.

    `arabic` is the text in Arabic script; None if it cannot be told, for the reason `fault`.
    """

    part: str
    audio: str
    text: str
    arabic: str | None
    phones: str
    fault: str = ""


def find_corpus(path: Path) -> Path:
    """The folder with the transcripts of train, at or below `path`. Raises UserError if there is none."""
    corpus_folder(path, TRANSCRIPT, f"*/{TRANSCRIPT}")
    if (path / TRANSCRIPT).is_file():
        return path
    folders = [f.parent for f in folders_below(path, f"*/{TRANSCRIPT}") if not like(f.parent.name, TEST_FOLDERS)]
    return corpus_folder(folders[0] if folders else path, TRANSCRIPT)


def read_transcript(step: Step[ArabicSpeechCorpusConfig], path: Path) -> dict[str, str]:
    """Name of a recording -> its text; lines that cannot be used go to the ledger."""
    transcripts: list[Statement[tuple[str, str]]] = []
    for number, line in text_lines(path, lambda e: drop(step, e.where, e.reason, e.what)):
        at, match = f"{path.parent.name}/{path.name}:{number}", _LINE.fullmatch(line)
        if not line.strip():
            continue
        if not match:
            drop(step, at, MALFORMED, f'{path.name}, line {number}: not `"file.wav" "text"`: {excerpt(line)}')
        else:
            transcripts.append(Statement(at, match[1], match[2], (match[1], match[2])))
    return dict(settled(transcripts, "text", lambda *lost: drop(step, *lost), "duplicate path"))


def read_folder(step: Step[ArabicSpeechCorpusConfig], corpus: Path, folder: Path, part: str) -> Iterator[Spoken]:
    """The utterances of a folder; recordings without a transcript go to the ledger."""
    transcripts = {name: transcript_of(text) for name, text in read_transcript(step, folder / TRANSCRIPT).items()}
    where = f"{folder.name}/{TRANSCRIPT}"
    arabic, faults = in_arabic(transcripts, where, lambda text: to_arabic(text.translate(_THEH)))
    phones = read_transcript(step, folder / PHONES) if (folder / PHONES).is_file() else {}
    place = folder / "wav" if (folder / "wav").is_dir() else folder
    rel = place.relative_to(corpus).as_posix()
    for path in folders_below(place, "*.wav"):
        if path.name not in transcripts:
            drop(step, f"{rel}/{path.name}", "no transcript", TRANSCRIPT, set_of(part))
    for name, text in transcripts.items():
        if part == "train" and not text.strip():
            drop(step, name, "no transcript", "an empty one", set_of(part))
            continue
        chance = seed_of(step.config.seed, "arabic_speech_corpus", name) / 2**63
        dev = part == "train" and chance < step.config.dev_share
        audio = f"{rel}/{name}".removeprefix("./")
        yield Spoken("dev" if dev else part, audio, text, arabic.get(name), phones.get(name, ""), faults.get(name, ""))


def set_of(part: str) -> str:
    """Data directory of a part: train, dev or test."""
    return f"arabic_speech_corpus_{part}"


def segment_of(s: Spoken) -> CorpusSegment:
    name = s.audio.rpartition("/")[2].rpartition(".")[0]
    name = f"test/{name}" if s.part == "test" else name  # train may have a recording of the same name
    more = {"text_buckwalter": s.text} | ({"text_phonetic": s.phones} if s.phones else {})
    return CorpusSegment(set_of(s.part), name, s.audio, SPEAKER, text=s.arabic, dialect="MSA", more=more)


def run(step: Step[ArabicSpeechCorpusConfig]) -> None:
    corpus = find_corpus(step.input(0, "the extracted corpus"))
    spoken = list(read_folder(step, corpus, corpus, "train"))
    tests = [f for f in folders_below(corpus, "*") if f.is_dir() and like(f.name, TEST_FOLDERS)]
    if tests:
        spoken += read_folder(step, corpus, tests[0], "test")

    def read(s: Spoken) -> Iterator[CorpusSegment | Drop]:
        fault = Drop(s.audio, MALFORMED, f"{s.fault}: {excerpt(s.text)}", set_of(s.part)) if s.fault else None
        yield fault or segment_of(s)

    segments = gather(step, corpus, spoken, [1.0] * len(spoken), read, "recordings")
    left = [s.original for s in segments if _LATIN.search(s.text or "")]
    step.counts["with_latin_letters"] = len(left)
    if left:
        print(f"WARNING: {len(left):,} transcripts keep letters that are not Buckwalter's, the first is {left[0]}")
    write_sets(step, corpus, segments, PUBLISHED)


if __name__ == "__main__":
    main(run)
