"""KSUEmotions: acted emotions in Modern Standard Arabic, 5 h, 23 speakers of three countries, two phases.

Where: Linguistic Data Consortium, LDC2017S12 (its licence). Tree, as public readers of it have it [?]:
  CORPUS/[ksu_emotions/]data/SPEECH/Phase_{1,2}/E<nn>/D<nn>E<nn>P<nnn>S<nn>T<nn>.{flac,wav}
D: data set, E: emotion, P: person (0xx male, 1xx female), S: sentence, T: trial. Emotions: 00 neutral, 01 happiness,
02 sadness, 03 surprise, 04 questioning (phase 1 alone), 05 anger (phase 2 alone). Any depth and either case is read; a
name without the letters E and P is a row of the ledger, and never a guess.
Expected: 23 speakers.

Writes OUT/ksuemotions_{train,dev,test}: a split of our own in which no speaker is in two sets (published figures
often let speakers recur, and are then not to be compared); utt2emotion, spk2gender, utt2lang MSA, no text (the
sentences are not with the audio). Sets are small: RESULTS over several --seed are worth more than one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...core.errors import UserError
from ...core.step import Step, main
from ..recordings import find_recordings
from .gather import gather
from .own_split import OwnSplitConfig, sets_of, tell
from .segments import CorpusSegment, Drop, Published
from .sets import write_sets
from .sources import corpus_folder

EMOTIONS = ("neutral", "happiness", "sadness", "surprise", "questioning", "anger")
PUBLISHED = Published(speakers=23)

_NAME = re.compile(r"(?:D\d+)?E(\d+)P(\d+)(?:S\d+)?(?:T\d+)?", re.IGNORECASE)
_PHASE = re.compile(r"phase[\W_]*(\d)", re.IGNORECASE)


@dataclass(frozen=True)
class KsuEmotionsConfig(OwnSplitConfig):
    """Which recordings are taken, and how they are split."""

    emotions: tuple[str, ...] = ("neutral", "happiness", "sadness", "surprise", "anger")
    """emotions to take; recordings of other emotions are dropped"""
    phases: tuple[int, ...] = (1, 2)
    """recording phases to take: 1, 2 or both; recordings of another phase are dropped"""

    def __post_init__(self) -> None:
        super().__post_init__()
        if odd := set(self.emotions) - set(EMOTIONS):
            raise ValueError(f"emotions: {', '.join(sorted(odd))} is none of {', '.join(EMOTIONS)}")


@dataclass(frozen=True)
class Name:
    """What a path tells: speaker (P104), gender (m, f), emotion (empty: a number of none), phase (0: not told)."""

    speaker: str
    gender: str
    emotion: str
    phase: int


def parse(path: str) -> Name | None:
    """What `Phase_1/E03/D05E03P104S01T01.flac` tells; None if its name has no E and P with their numbers."""
    match = _NAME.fullmatch(PurePosixPath(path).stem)
    if not match:
        return None
    number, person = int(match[1]), match[2]
    phase = next((int(m[1]) for folder in reversed(PurePosixPath(path).parts) if (m := _PHASE.fullmatch(folder))), 0)
    gender = {"0": "m", "1": "f"}.get(person[0], "") if len(person) == 3 else ""
    return Name(f"P{person}", gender, EMOTIONS[number] if number < len(EMOTIONS) else "", phase)


def why_not(name: Name | None, config: KsuEmotionsConfig) -> tuple[str, str]:
    """(reason, detail) for which a recording is left out; two empty strings where it is taken."""
    if name is None:
        return "bad name", "not D<nn>E<nn>P<nnn>S<nn>T<nn>"
    if not name.emotion:
        return "no label", "a number of no known emotion"
    if name.phase and name.phase not in config.phases:
        return "phase not asked for", f"phase {name.phase}"
    if name.emotion not in config.emotions:
        return "emotion not asked for", name.emotion
    return "", ""


def run(step: Step[KsuEmotionsConfig]) -> None:
    marks = ("**/[Pp]hase*", "**/D*E*P*S*T*.*")
    corpus = corpus_folder(step.input(0, "the folder of the extracted corpus"), *marks)
    scan = find_recordings(corpus, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    names: dict[str, Name] = {}
    for file in scan.recordings:
        name = parse(file)
        reason, detail = why_not(name, step.config)
        if reason or not name:
            step.ledger.drop(file, reason, detail)
        else:
            names[file] = name
    if not names:
        raise UserError("no recording of the emotions and phases asked for", str(corpus), "see --help")
    groups = {file: name.speaker for file, name in names.items()}
    sets = sets_of("ksuemotions", groups, scan.recordings, step.config)

    def read(file: str) -> Iterator[CorpusSegment | Drop]:
        name = names[file]
        original = f"phase{name.phase}-{Path(file).stem}" if name.phase else Path(file).stem
        yield CorpusSegment(
            sets[name.speaker],
            original,
            file,
            name.speaker,
            dialect="MSA",
            gender=name.gender,
            emotion=name.emotion,
        )

    segments = gather(step, corpus, list(names), [scan.recordings[f] / 1e6 for f in names], read, "MB")
    write_sets(step, corpus, segments)
    tell(step, "ksuemotions", segments, PUBLISHED, "speaker")


if __name__ == "__main__":
    main(run)
