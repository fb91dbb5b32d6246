"""VoxCeleb1: 153,516 pieces of interviews of 1,251 celebrities, cut from YouTube; here SUPERB's speaker identification.

Where: https://www.robots.ox.ac.uk/~vgg/data/voxceleb/vox1.html. Licence: CC BY 4.0. Tree, all speakers in one folder or
as the two archives have them:
  CORPUS/[{dev,test}/]wav/<speaker>/<video>/<number>.wav       16 kHz
  CORPUS/iden_split.txt   `set speaker/video/number.wav`, 1: train, 2: dev, 3: test; or a second input, --in CORPUS LIST
  CORPUS/vox1_meta.csv    tab-separated, `VoxCeleb1 ID`, `Gender`, ...; not needed
Expected: PUBLISHED; every speaker is in all three sets.

Writes OUT/voxceleb1_sid_{train,dev,test}: utt2spk, which is the label, utt2prog (the video), spk2gender. No text.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ...core.errors import UserError
from ...core.links import dangling
from ...core.step import Step, main
from ...text.invisible import excerpt, name_of
from ..malformed import MALFORMED
from .gather import gather
from .repeats import Statement, settled
from .segments import CorpusConfig, CorpusSegment, Drop, Published, drop, report_to
from .sets import write_sets
from .sources import SourceError, check_inside, corpus_folder, table_rows, word_rows

PLACES = ("wav", "dev/wav", "test/wav")
LIST, META = "iden_split.txt", "vox1_meta.csv"
SETS = {"1": "voxceleb1_sid_train", "2": "voxceleb1_sid_dev", "3": "voxceleb1_sid_test"}
PUBLISHED = {
    "voxceleb1_sid_train": Published(138361, speakers=1251),
    "voxceleb1_sid_dev": Published(6904, speakers=1251),
    "voxceleb1_sid_test": Published(8251, speakers=1251),
}

Split = dict[str, dict[str, str]]  # speaker -> recording (speaker/video/number.wav) -> set


def find_list(step: Step[CorpusConfig], corpus: Path) -> Path:
    """The list of the sets: the second input, else in the folder. Raises UserError."""
    path = step.ins[1] if len(step.ins) > 1 else corpus / LIST
    if not path.is_file():
        problem = dangling(path) or f"no list of the sets, {LIST}"
        raise UserError(problem, str(path), f"get it, and name it: --in {corpus} {LIST}")
    return path


def read_split(step: Step[CorpusConfig], path: Path) -> Split:
    """The list of the sets; lines that cannot be used go to the ledger."""
    rows: list[Statement[tuple[str, str]]] = []
    form = "set speaker/video/number.wav"
    for number, (code, rel) in word_rows(path, form, lambda words: len(words) == 2, report_to(step)):
        where = f"{path.name}:{number}"
        try:
            check_inside(path.parent, rel, follow_links=True)  # links are looked at when the recording is opened
        except SourceError as e:
            drop(step, where, e.reason, e.what)
            continue
        if code not in SETS or rel.count("/") != 2 or not rel.endswith(".wav"):
            drop(step, where, MALFORMED, f"{path.name}, line {number}: not `{form}`: {excerpt(f'{code} {rel}')}")
        else:
            rows.append(Statement(where, rel, SETS[code], (rel, SETS[code])))
    split: Split = {}
    for rel, name in settled(rows, "set", lambda *lost: drop(step, *lost), "duplicate id"):
        split.setdefault(rel.partition("/")[0], {})[rel] = name
    return split


def find_speakers(corpus: Path) -> dict[str, str]:
    """Speaker -> folder below the corpus that has the folder of that speaker: wav, dev/wav or test/wav."""
    places: dict[str, str] = {}
    for place in PLACES:
        if (corpus / place).is_dir():
            for entry in os.scandir(corpus / place):
                if entry.is_dir():
                    places.setdefault(entry.name, place)
    return places


def recordings_of(folder: Path) -> set[str]:
    """Every speaker/video/number.wav of the folder of a speaker."""
    return {path.relative_to(folder.parent).as_posix() for path in folder.glob("*/*.wav")}


def read_genders(step: Step[CorpusConfig], path: Path) -> dict[str, str]:
    """Speaker -> m or f, of the makers' table; none without it. Raises SourceError (columns)."""
    if not path.is_file():
        return {}
    rows = table_rows(path, wanted=("voxceleb1 id", "gender"), bad=report_to(step))
    return {name_of(row["voxceleb1 id"]): row["gender"] for _, row in rows}


def read_speaker(
    corpus: Path, place: str, speaker: str, sets: Mapping[str, str], gender: str
) -> Iterator[CorpusSegment | Drop]:
    """Utterances of a speaker, and recordings that the list does not name."""
    existing = recordings_of(corpus / place / speaker) if place else set()
    for rel in sorted(sets.keys() | existing):
        original = rel.removesuffix(".wav")
        if rel not in sets:
            yield Drop(original, "not in the list", f"{LIST} does not name it")
        elif rel not in existing:
            yield Drop(original, "missing", f"{LIST} names it", sets[rel])
        else:
            video = "/".join(rel.split("/")[:2])
            yield CorpusSegment(sets[rel], original, f"{place}/{rel}", speaker, programme=video, gender=gender)


def run(step: Step[CorpusConfig]) -> None:
    corpus = corpus_folder(step.input(0, "the folder of wav, or of dev and test"), *PLACES)
    split, places = read_split(step, find_list(step, corpus)), find_speakers(corpus)
    genders = read_genders(step, corpus / META)
    speakers = sorted(split.keys() | places.keys())

    def read(speaker: str) -> Iterator[CorpusSegment | Drop]:
        return read_speaker(corpus, places.get(speaker, ""), speaker, split.get(speaker, {}), genders.get(speaker, ""))

    costs = [float(len(split.get(speaker, {}))) for speaker in speakers]
    segments = gather(step, corpus, speakers, costs, read, "recordings")
    write_sets(step, corpus, segments, PUBLISHED)


if __name__ == "__main__":
    main(run)
