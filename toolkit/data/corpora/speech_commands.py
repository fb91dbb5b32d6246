"""Speech Commands v0.01: one-second English commands of 1,881 speakers, in twelve classes: SUPERB's keyword spotting.

Where: http://download.tensorflow.org/data/speech_commands_v0.01.tar.gz and speech_commands_test_set_v0.01.tar.gz, each
unpacked into a folder of its own. Licence: CC BY 4.0. Trees:
  CORPUS/<word>/<speaker>_nohash_<n>.wav                 30 words, 16 kHz, 64,721 files
  CORPUS/_background_noise_/<name>.wav                   6 recordings of about a minute
  TEST/<class>/[<word>_]<speaker>_nohash_<n>.wav         12 classes, 3,081 files; those of _silence_ have other names
Classes: yes no up down left right on off stop go, _unknown_ (the other 20 words), _silence_ (noise).
Expected: 51,088 words to train, 6,798 to dev, 6,835 left out, 3,081 to test.

Writes, of `--in CORPUS TEST`, OUT/speech_commands_{train,dev,test}: utt2keyword (the class), utt2lang ENG. Speakers are
the hash before `_nohash_`; noise has none.
Words are split by the corpus' own rule, which its README gives: a hash of the speaker, 10 % to dev, 10 % for testing.
The testing part is left out, as the reference (s3prl) does: the archive TEST has the test.
_silence_ to train: the first four fifths of each noise recording, whole (a trainer crops a second of it at random).
_silence_ to dev: the last fifth in seconds of its own. So the two share no sample of noise; the reference crops both
from the same recordings. The reference also resamples train and dev so that classes are equally frequent: not here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...core.step import Step, main
from ..audio import AudioError, audio_info
from .gather import gather
from .segments import CorpusConfig, CorpusSegment, Drop, Published
from .sets import write_sets
from .sources import SourceError, check_inside, corpus_folder, folders_below

COMMANDS = ("yes", "no", "up", "down", "left", "right", "on", "off", "stop", "go")
UNKNOWN, SILENCE, NOISE = "_unknown_", "_silence_", "_background_noise_"
CLASSES = (*COMMANDS, UNKNOWN, SILENCE)
TRAIN, DEV, TEST = (f"speech_commands_{part}" for part in ("train", "dev", "test"))
PUBLISHED = {TRAIN: Published(51094), TEST: Published(3081)}  # train: 51,088 words, 6 recordings of noise
DEV_WORDS = 6798  # published; its silence is ours

_HASHES = (1 << 27) - 1  # of the corpus' README: the most recordings of a word
_SPEAKER = re.compile(r"(?:[a-z]+_)?([0-9a-z]+)_nohash_\d+")


@dataclass(frozen=True)
class ClassFolder:
    """A folder of recordings: a word, the noise, or a class of the test archive `of_test`."""

    path: Path
    of_test: bool = False


def find_archive(path: Path, archive: str, mark: str) -> Path:
    """The folder that has the folder `mark`: `path`, or `archive` in it. Raises UserError."""
    corpus_folder(path, mark, f"{archive}/{mark}")
    return path if (path / mark).exists() else corpus_folder(path / archive, mark)


def part_of(name: str) -> str:
    """Set of a recording by the hash of its speaker; empty for the testing part, which belongs to no set."""
    speaker = re.sub(r"_nohash_.*$", "", name)
    hashed = int(hashlib.sha1(speaker.encode("utf-8", "surrogateescape")).hexdigest(), 16)
    percent = hashed % (_HASHES + 1) * (100 / _HASHES)
    return DEV if percent < 10 else "" if percent < 20 else TRAIN


def keyword_of(folder: str) -> str:
    """The class of a folder's recordings."""
    return folder if folder in (*COMMANDS, SILENCE) else UNKNOWN


def read_words(folder: ClassFolder, corpus: Path) -> Iterator[CorpusSegment | Drop]:
    """Recordings of a word, or of a class of the test archive."""
    for path in folders_below(folder.path, "*.wav"):
        original = f"{folder.path.name}/{path.stem}"
        speaker = _SPEAKER.fullmatch(path.stem)
        set = TEST if folder.of_test else part_of(path.name)
        if not set:
            yield Drop(original, "testing part", "by the corpus' own hash; the test archive has the test")
            continue
        if folder.of_test and folder.path.name not in CLASSES:
            yield Drop(original, "no label", f"{folder.path.name} is none of the twelve classes")
            continue
        yield CorpusSegment(
            set,
            original,
            str(path) if folder.of_test else path.relative_to(corpus).as_posix(),
            speaker[1] if speaker else "",
            dialect="ENG",
            more={"utt2keyword": keyword_of(folder.path.name)},
        )


def read_noise(folder: ClassFolder, corpus: Path, follow_links: bool) -> Iterator[CorpusSegment | Drop]:
    """Silence: the first four fifths of each recording to train, each second of the rest to dev.

    Both begin at whole seconds: at every sampling rate they share no sample.
    """
    for path in folders_below(folder.path, "*.wav"):
        audio, original = path.relative_to(corpus).as_posix(), f"{NOISE}/{path.stem}"
        more = {"utt2keyword": SILENCE}
        try:
            check_inside(corpus, audio, follow_links)
            seconds = audio_info(path).seconds
        except (AudioError, SourceError) as e:
            yield Drop(original, e.reason, e.what)
            continue
        border = int(seconds * 4 / 5)
        if not border:
            yield Drop(original, "too short", f"{seconds:.2f} s: no second of it can be trained on")
            continue
        yield CorpusSegment(TRAIN, original, audio, end=float(border), dialect="ENG", more=more)
        for second in range(border, int(seconds)):
            piece = f"{original}/{second:04d}"
            yield CorpusSegment(DEV, piece, audio, start=float(second), end=float(second + 1), dialect="ENG", more=more)


def run(step: Step[CorpusConfig]) -> None:
    corpus = find_archive(step.input(0, "the folder of the training archive"), "speech_commands_v0.01", NOISE)
    test = find_archive(step.input(1, "the folder of the test archive"), "speech_commands_test_set_v0.01", SILENCE)
    folders = [ClassFolder(f) for f in folders_below(corpus, "[!.]*") if f.is_dir()]
    folders += [ClassFolder(f, of_test=True) for f in folders_below(test, "[!.]*") if f.is_dir()]

    def read(folder: ClassFolder) -> Iterator[CorpusSegment | Drop]:
        if folder.path.name == NOISE and not folder.of_test:
            return read_noise(folder, corpus, step.config.take.follow_links)
        return read_words(folder, corpus)

    segments = gather(step, corpus, folders, [1.0] * len(folders), read, "folders", also=(test,))
    write_sets(step, corpus, segments, PUBLISHED, also=(test,))
    of_words = sum(s.set == DEV and s.more["utt2keyword"] != SILENCE for s in segments)
    verdict = "as published" if of_words == DEV_WORDS else f"against {DEV_WORDS:,} published"
    print(f"{'' if of_words == DEV_WORDS else 'WARNING: '}{DEV}: {of_words:,} words, {verdict}")


if __name__ == "__main__":
    main(run)
