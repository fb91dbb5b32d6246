"""BAVED: seven Arabic words said at three levels of emotion by 61 speakers; each recording is one word.

Where: https://github.com/40uf411/Basic-Arabic-Vocal-Emotions-Dataset (its licence). Tree, at any depth:
  CORPUS/[<word>/]<speaker>-<m|f>-<age>-<word 0-6>-<emotion 0-2>-<record>.wav      16 kHz
Words: 0 اعجبني 1 لم يعجبني 2 هذا 3 الفيلم 4 رائع 5 مقول 6 سيئ, spelt as its makers do. Emotion: 0 low (tired, down),
1 normal, 2 high (of whatever kind: joy and anger are one class).
Expected: 1,935 recordings of 61 speakers.

Writes OUT/baved_{train,dev,test}: a split of our own in which no speaker is in two sets; utt2emotion (low, normal,
high), text, spk2gender, utt2lang ARA.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ...core.errors import UserError
from ...core.step import Step, main
from ..recordings import find_recordings
from .gather import gather
from .own_split import OwnSplitConfig, sets_of, tell
from .segments import CorpusSegment, Drop, Published
from .sets import write_sets
from .sources import corpus_folder

WORDS = ("اعجبني", "لم يعجبني", "هذا", "الفيلم", "رائع", "مقول", "سيئ")
EMOTIONS = ("low", "normal", "high")
PUBLISHED = Published(1935, speakers=61)

_NAME = re.compile(r"(\d+)-([mf])-(\d+)-([0-6])-([0-2])-(\d+)", re.IGNORECASE)


def run(step: Step[OwnSplitConfig]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of the extracted corpus"), "**/*-[mfMF]-*-[0-6]-[0-2]-*.wav")
    scan = find_recordings(corpus, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    names = {file: named for file in scan.recordings if (named := _NAME.fullmatch(Path(file).stem))}
    for file in sorted(scan.recordings.keys() - names.keys()):
        step.ledger.drop(file, "bad name", "not <speaker>-<m|f>-<age>-<word 0-6>-<emotion 0-2>-<record>")
    if not names:
        raise UserError("no recording with a name of this corpus", str(corpus), "see --help")
    sets = sets_of("baved", {file: named[1] for file, named in names.items()}, scan.recordings, step.config)

    def read(file: str) -> Iterator[CorpusSegment | Drop]:
        speaker, gender, _, word, emotion, _ = names[file].groups()
        yield CorpusSegment(
            sets[speaker],
            Path(file).stem,
            file,
            f"s{int(speaker):03d}",
            text=WORDS[int(word)],
            dialect="ARA",
            gender=gender,
            emotion=EMOTIONS[int(emotion)],
        )

    segments = gather(step, corpus, list(names), [scan.recordings[f] / 1e6 for f in names], read, "MB")
    write_sets(step, corpus, segments)
    tell(step, "baved", segments, PUBLISHED, "speaker")


if __name__ == "__main__":
    main(run)
