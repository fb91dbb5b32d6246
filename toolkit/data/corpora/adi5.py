"""ADI-5: broadcast speech of four groups of Arabic dialects and MSA: VarDial 2017 train and dev, the test set of MGB-3.

Where: lists at https://github.com/qcri/dialectID (data/); the audio is fetched from what they name. Tree:
  CORPUS/[data/]{train.vardial2017,dev.vardial2017,test.MGB3}/wav.lst     an address of a wav on each line
  CORPUS/[data/]test.MGB3/reference                                       `<name without .wav> <number 1 to 5>`
  the audio: .../train/<LABEL>/<LABEL>000001.wav, .../dev/<LABEL>/<video>__<begin>_<end>.wav and
  <video>_<M or F>_<speaker>_<begin>_<end>.wav, at any depth, below a folder whose name begins with the set's
Without lists, {train,dev,test}*/<LABEL>/*.wav is taken; lists of `path label` (train.lst, train.txt) are read as well.
Labels are EGY GLF LAV MSA NOR. THEIR NUMBERS ARE NOT TO BE TRUSTED: the reference counts from 1, another public copy
from 0. Names (of a folder, a file, a label) win; numbers alone are read in the order of the alphabet if a 0 or a 5
among them tells where they begin, else they are refused. (That the reference has this order is not said with it; its
five counts stand to each other as those of dev do.)
Expected: train 14,592, dev 1,566, test 1,492 utterances, as the public lists have. 311 of the 954 videos of test are
in dev too, so a model that is chosen on dev has met a third of them; the run says so.

Writes OUT/adi5_{train,dev,test}: utt2lang, no text; of dev and test utt2prog (the video), of test speakers and their
gender (as a diarisation found them, within a video).
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ...core.errors import UserError
from ...core.step import Step, main
from ...text.invisible import name_of
from ..malformed import MALFORMED
from ..recordings import find_recordings
from .dialects import code_of
from .gather import gather
from .segments import CorpusConfig, CorpusSegment, Drop, Published
from .sets import tell_recurring, write_sets
from .sources import MalformedRow, Report, SourceError, corpus_folder, folders_below, text_lines, word_rows

PARTS = ("train", "dev", "test")
LABELS = ("EGY", "GLF", "LAV", "MSA", "NOR")
PUBLISHED = {"adi5_train": Published(14592), "adi5_dev": Published(1566), "adi5_test": Published(1492)}

_NAME = re.compile(r"([0-9a-f]{32})_(?:([MF])_(\d+))?_[\d.]+_[\d.]+")
_NUMBER = re.compile(r"(\d{1,4})(\.0+)?")  # as tables of numbers are exported; in any digits
_NUMBERED = re.compile(r"([A-Z]{3})\d+")


@dataclass(frozen=True)
class Entry:
    """An utterance that a list names: path or address of its wav, and its label as the list has it (or empty)."""

    path: str
    label: str = ""

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name.removesuffix(".wav")


def named_label(path: str) -> str:
    """The label that a path tells: of the nearest folder that is one, or of a file such as EGY000001.wav; or empty."""
    for folder in reversed(PurePosixPath(path).parts[:-1]):
        if folder in LABELS:
            return folder
    numbered = _NUMBERED.fullmatch(PurePosixPath(path).stem)
    return numbered[1] if numbered and numbered[1] in LABELS else ""


def first_number(numbers: Iterable[int], where: str) -> int:
    """Number of the first of LABELS: 0 if a 0 is among `numbers`, 1 if a 5 is. Raises UserError if it is not clear."""
    values = set(numbers)
    if values <= set(range(6)) and (0 in values) != (5 in values):
        return 0 if 0 in values else 1
    shown = ", ".join(map(str, sorted(values)[:8]))
    message = f"labels that are numbers ({shown}), of which nothing says whether {LABELS[0]} is 0 or 1"
    raise UserError(message, where, f"put their names in the place of the numbers: {', '.join(LABELS)}")


def named(labels: Mapping[str, str], where: str) -> dict[str, str]:
    """The labels by their names, whether the file has names or numbers. Raises UserError (see first_number)."""
    numbers = {label: int(match[1]) for label in labels.values() if (match := _NUMBER.fullmatch(label))}
    first = first_number(numbers.values(), where) if numbers else 0
    return {
        id: LABELS[numbers[label] - first]
        if label in numbers
        else label
        if label in LABELS
        else code_of(label) or label
        for id, label in labels.items()
    }


def part_of(path: str) -> str:
    """train, dev or test, by the first folder (or file) of a path that begins so; empty if none does."""
    for name in PurePosixPath(path).parts:
        for part in PARTS:
            if re.match(rf"{part}(?![a-z])", name.casefold()):
                return part
    return ""


def read_list(path: Path, bad: Report, labelled: bool | None = None) -> list[Entry]:
    """Entries of a list: a path or an address on each line, or on each line one and a label.

    Args:
        bad: told of each line that is no entry.
        labelled: whether lines have labels; None: whether most lines have two words.

    Raises SourceError for a file that is no such list.
    """
    if labelled is None:
        sizes = Counter(len(line.split()) for _, line in text_lines(path, lambda e: None))
        labelled = sizes[2] > sizes[1]
    width, form = (2, "path label") if labelled else (1, "path")
    rows = word_rows(path, form, lambda words: len(words) == width, bad)
    return [Entry(path, *map(name_of, label)) for _, (path, *label) in rows]


class Part:
    """One of the three sets: its lists, its label files, and the audio that they may mean."""

    def __init__(self, corpus: Path, part: str, files: Iterable[str]) -> None:
        self.corpus, self.name = corpus, f"adi5_{part}"
        self.files = [f for f in files if part_of(f) == part]
        self.by_name: dict[str, list[str]] = {}
        for f in self.files:
            self.by_name.setdefault(Path(f).stem, []).append(f)
        self.lists = self._found(f"{part}*/wav.lst", f"{part}*.lst", f"{part}*.txt")
        self.labels: dict[str, str] = {}
        self.malformed: dict[str, SourceError] = {}  # by the name that the line begins with
        self.drops: list[Drop] = []
        for path in self._found(f"{part}*/reference", f"{part}*/utt2lang"):
            self.labels |= self._labels(read_list(path, self._bad_label, labelled=True), path)

    def _labels(self, entries: Iterable[Entry], path: Path) -> dict[str, str]:
        """Name -> label of a file, by its name; empty if two lines say different ones."""
        labels: dict[str, str] = {}
        for e in entries:
            if (first := labels.setdefault(e.name, e.label)) != e.label:
                detail = f"{e.label} and {first or 'others'} in {path.name}: it has no label"
                self.drops.append(Drop(e.name, "duplicate id", detail))
                labels[e.name] = ""
        return named(labels, str(path))

    def _bad(self, e: SourceError) -> None:
        self.drops.append(Drop(e.where, e.reason, e.what))

    def _bad_label(self, e: SourceError) -> None:
        self._bad(e)
        if isinstance(e, MalformedRow):
            self.malformed[Entry(e.row["path"]).name] = e

    def _found(self, *patterns: str) -> list[Path]:
        places = [f"{above}{pattern}" for pattern in patterns for above in ("", "data/")]
        return sorted({p for place in places for p in folders_below(self.corpus, place)}, key=os.fsencode)

    def utterances(self) -> Iterator[CorpusSegment | Drop]:
        """Every utterance of the lists, or of the folders if there is no list; files in no list are ledger rows."""
        taken: set[str] = set()
        for path in self.lists:
            entries = read_list(path, self._bad, False if path.name == "wav.lst" else None)
            list_labels = self._labels((e for e in entries if e.label and not named_label(e.path)), path)
            for entry in entries:
                listed_file = self._file(entry)
                taken |= {listed_file} if listed_file else set()
                yield self._utterance(entry, listed_file, list_labels)
        for file in self.files:
            if file not in taken:
                unlisted = Drop(
                    Path(file).stem, "not listed", f"{file} is in none of {', '.join(map(str, self.lists))}"
                )
                yield unlisted if self.lists else self._utterance(Entry(file), file, {})
        yield from self.drops

    def _file(self, entry: Entry) -> str:
        """The file that an entry means, told by its name and, among several of that name, by its label."""
        files = self.by_name.get(entry.name, [])
        same = [f for f in files if named_label(f) == named_label(entry.path)]
        return (same or files or [""])[0]

    def _utterance(self, entry: Entry, file: str, list_labels: Mapping[str, str]) -> CorpusSegment | Drop:
        if not file:
            return Drop(entry.name, "missing", f"no file of this name: {entry.path}", self.name)
        if entry.name in self.malformed and entry.name not in list_labels.keys() | self.labels.keys():
            return Drop(entry.name, MALFORMED, self.malformed[entry.name].what, self.name)
        label = (
            named_label(entry.path) or list_labels.get(entry.name) or self.labels.get(entry.name) or named_label(file)
        )
        if label not in LABELS:
            why = (
                f"{label!r} is none of {' '.join(LABELS)}, nor a number" if label else "in no list, or with two labels"
            )
            return Drop(entry.name, "no label", why, self.name)
        parsed = _NAME.fullmatch(entry.name)
        video, gender, speaker = parsed.groups() if parsed else ("", "", "")
        voice = f"{video}_{gender}_{speaker}" if speaker else ""
        return CorpusSegment(self.name, entry.name, file, voice, programme=video, dialect=label, gender=gender or "")


def run(step: Step[CorpusConfig]) -> None:
    marks = [f"{above}{part}*" for above in ("", "data/", "wav/") for part in PARTS]
    corpus = corpus_folder(step.input(0, "the folder of the corpus"), *marks)
    scan = find_recordings(corpus, step.out)
    for path, reason, detail in scan.bad:
        step.ledger.drop(path, reason, detail)
    items = [u for part in PARTS for u in Part(corpus, part, scan.recordings).utterances()]
    segments = gather(step, corpus, items, [1.0] * len(items), lambda item: [item], "utterances")
    here = {s.set for s in segments}
    write_sets(step, corpus, segments, {name: PUBLISHED[name] for name in sorted(here)})
    tell_recurring(segments)


if __name__ == "__main__":
    main(run)
