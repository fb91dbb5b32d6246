"""Make the SUPERB tasks of the mini corpus that have utterances and labels of their own: SYNTHETIC Arabic speech.

What it is: voices, emotions and augmentation of the mini corpus (mini.py), three tasks of SUPERB (arXiv 2105.01051):
- ks, keyword spotting: single words of 12 classes, ten keywords, `_unknown_` (those of test are in part new) and
  `_silence_` (noise without speech: in train some recordings of 20 to 30 s, in dev and test pieces of 1 s of others);
- ic, intent classification: commands of 26 intents (mini_commands.py), an action, an object and a location each;
- sid, speaker identification: sentences of the mini corpus, no two alike.
No speaker of ks or ic is in two of its sets; the speakers of sid are the same in its three sets.
Results on it say that a recipe works, and nothing about Arabic. A sentence of sid may also be in the mini corpus.

Tree: OUT/audio/<utterance>.wav and OUT/{ks,ic,sid}_{train,dev,test}/{wav.scp,text,utt2spk,spk2utt,utt2dur,utt2lang,
utt2emotion,spk2gender,phones.ctm}, in ks also utt2keyword (yes, no, ...), in ic utt2intent (activate lights kitchen).
Utterance ids: <speaker>-<task>-<number>-<keyword, action or dialect>-<emotion>, e.g. f03-ks-012-yes-happy. A noise has
an id of its own as its speaker, an empty text, an unknown language and emotion, and no gender.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import cycle, islice
from pathlib import Path
from typing import Any, NamedTuple

from ...core.step import Step, main
from ..augment import AugmentConfig
from .mini import SETS
from .mini_arabic import LEXICONS
from .mini_commands import INTENTS, KEYWORDS, SILENT, UNKNOWN, UNKNOWN_WORDS, commands
from .mini_noise import NOISES, Noise, make_noise
from .mini_speech import (
    SENTENCE_S,
    Planned,
    check,
    generator,
    make_clips,
    make_utterance,
    mixed_speakers,
    next_sentence,
    speaker_id,
    write_sets,
)
from .mini_text import sentences
from .mini_voices import EMOTIONS, SPEAKERS

TASKS = ("ks", "ic", "sid")
PIECE_S = 1.0  # of noise, in dev and test
LENGTHS_S = {"ks": 0.8, "ic": 2.2, "sid": SENTENCE_S}  # of an utterance, about


@dataclass(frozen=True)
class MiniSuperbConfig:
    """Size and content of the synthetic corpus. Three numbers are those of train, dev and test."""

    ks: tuple[int, int, int] = (14, 5, 20)
    """utterances of each keyword and of `_unknown_` in train, dev and test, and of `_silence_` in dev and test; more in
    train make the task easier, more in test make confidence intervals narrower; 0 0 0 leaves the task out"""
    ic: tuple[int, int, int] = (12, 3, 6)
    """utterances of each intent in train, dev and test; more in train make the task easier, more in test make
    confidence intervals narrower; 0 0 0 leaves the task out"""
    sid: tuple[int, int, int] = (6, 3, 6)
    """sentences of each speaker in train, dev and test of sid; more in train make the task easier, more in test make
    confidence intervals narrower; 0 0 0 leaves the task out"""
    speakers: tuple[int, int, int] = (20, 4, 8)
    """number of speakers in train, dev and test of ks, and of ic; no speaker is in two sets, 32 at most together; more
    in train make the tasks easier"""
    sid_speakers: int = len(SPEAKERS)
    "number of speakers of sid, 2 to 32, the same in its three sets; larger is harder"
    intents: int = len(INTENTS)
    "number of intents of ic, 2 to 26, the first of the list in mini_commands.py; larger is harder"
    noises: int = 6
    "recordings of noise in ks_train, of six kinds in turn, from which a trainer takes random pieces; more vary more"
    noise_seconds: tuple[float, float] = (20.0, 30.0)
    """range (low, high) from which each recording of noise in ks_train draws its length, seconds, 1 or more; longer
    ones give more different pieces"""
    emotions: tuple[str, ...] = tuple(EMOTIONS)
    "emotions in which the speakers speak; each utterance draws one; more are harder"
    pace: float = 1.0
    "factor on the speaking rate, 0.4 to 1.5; larger is faster"
    seed: int = 1
    "random seed of speakers, sentences, prosody, noises and augmentation"
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    "ranges of the augmentation"

    def __post_init__(self) -> None:
        for task in TASKS:
            if min(self.counts(task)) < 0 or any(self.counts(task)) != all(self.counts(task)):
                raise ValueError(f"{task}: each of train, dev and test needs an utterance, or none of them has one")
        if not self.tasks:
            raise ValueError("ks, ic, sid: every task is left out")
        if min(self.speakers) < 1 or sum(self.speakers) > len(SPEAKERS):
            raise ValueError(f"speakers: each set needs one, and there are {len(SPEAKERS)} in all")
        for name, most in (("sid_speakers", len(SPEAKERS)), ("intents", len(INTENTS))):
            if not 2 <= getattr(self, name) <= most:
                raise ValueError(f"{name}: {getattr(self, name)} is not between 2 and {most}")
        if self.noises < 1 or not PIECE_S <= self.noise_seconds[0] <= self.noise_seconds[1]:
            raise ValueError("noises, noise_seconds: one recording or more, each of a second or more, low before high")
        check(self)

    def counts(self, task: str) -> tuple[int, int, int]:
        """Utterances of each label of a task in train, dev and test."""
        counts: tuple[int, int, int] = getattr(self, task)
        return counts

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(task for task in TASKS if any(self.counts(task)))


class Line(NamedTuple):
    """What a speaker (an index of SPEAKERS) is to say. `tag`: a word for the id; `labels`: table -> value."""

    set: str
    speaker: int
    dialect: str
    text: str
    tag: str
    labels: dict[str, str]


def plan(config: MiniSuperbConfig) -> list[Planned | Noise]:
    """Every recording of the corpus, in order of id, a function of the config alone.

    Raises UserError if there are too few sentences for `sid`.
    """
    lines = {"ks": keyword_lines, "ic": command_lines, "sid": sentence_lines}
    clips: list[Planned | Noise] = [*noises(config)]
    for task in config.tasks:
        numbers: Counter[int] = Counter()
        rng = generator(config.seed, f"{task} emotions")
        for line in lines[task](config):
            emotion = config.emotions[rng.integers(len(config.emotions))]
            id = f"{speaker_id(line.speaker)}-{task}-{numbers[line.speaker]:03d}-{line.tag}-{emotion}"
            numbers[line.speaker] += 1
            name = f"{task}_{line.set}"
            clips.append(Planned(id, name, line.speaker, line.dialect, emotion, line.text, line.labels))
    return sorted(clips, key=lambda clip: clip.id)


def keyword_lines(config: MiniSuperbConfig) -> Iterator[Line]:
    """Words of the ten keywords and of `_unknown_`; speakers take turns."""
    turns = _turns(config, "ks")
    for name, count in zip(SETS, config.ks):
        words = {**{label: [word] for label, word in KEYWORDS.items()}, UNKNOWN: UNKNOWN_WORDS[name]}
        for label, of_label in words.items():
            for word in islice(cycle(of_label), count):
                yield Line(name, next(turns[name]), "MSA", word, label.strip("_"), {"utt2keyword": label})


def noises(config: MiniSuperbConfig) -> Iterator[Noise]:
    """`_silence_` of ks: long recordings in train, pieces of others in dev and test; the kinds take turns."""
    if not any(config.ks):
        return
    rng = generator(config.seed, "noises")
    lengths = {"train": [round(rng.uniform(*config.noise_seconds), 2) for _ in range(config.noises)]}
    lengths |= {name: [PIECE_S] * count for name, count in zip(SETS[1:], config.ks[1:])}
    for name, of_set in lengths.items():
        for i, (seconds, kind) in enumerate(zip(of_set, cycle(NOISES))):
            yield Noise(f"noise-{name}-{i:03d}-{kind}", f"ks_{name}", kind, seconds, {"utt2keyword": SILENT})


def command_lines(config: MiniSuperbConfig) -> Iterator[Line]:
    """Sentences of every intent; its sentences take turns, and so do the speakers."""
    turns, rng = _turns(config, "ic"), generator(config.seed, "ic sentences")
    for intent in INTENTS[: config.intents]:
        texts = commands(intent)
        turn = cycle([texts[i] for i in rng.permutation(len(texts))])
        for name, count in zip(SETS, config.ic):
            for text in islice(turn, count):
                yield Line(name, next(turns[name]), "MSA", text, intent.split()[0], {"utt2intent": intent})


def sentence_lines(config: MiniSuperbConfig) -> Iterator[Line]:
    """Sentences of the mini corpus's dialects in turn, no two alike, for every speaker in every set."""
    seen: set[str] = set()
    pools = {
        dialect: iter(sentences(lexicon, generator(config.seed, f"sid {dialect}"), seen))
        for dialect, lexicon in LEXICONS.items()
    }
    dialects = list(pools)
    speakers = mixed_speakers(config.sid_speakers, generator(config.seed, "sid speakers"))
    names = [name for name, count in zip(SETS, config.sid) for _ in range(count)]
    for i, name in enumerate(names):
        for j, speaker in enumerate(speakers):
            dialect = dialects[(i + j) % len(dialects)]
            text = next_sentence(pools, dialect, f"sid: {config.sid}", "ask for fewer sentences")
            yield Line(name, speaker, dialect, text, dialect.lower(), {})


def make(clip: Planned | Noise, config: MiniSuperbConfig, path: Path) -> dict[str, Any]:
    """Write one recording; returns its id, seconds and phones."""
    return make_noise(clip, config, path) if isinstance(clip, Noise) else make_utterance(clip, config, path)


def run(step: Step[MiniSuperbConfig]) -> None:
    """Make recordings shard by shard, then write the data directories."""
    clips = plan(step.config)
    lengths = [clip.seconds if isinstance(clip, Noise) else LENGTHS_S[clip.set.split("_")[0]] for clip in clips]
    made = make_clips(step, "the SUPERB part of the mini corpus", clips, lengths, make)
    write_sets(step, [f"{task}_{name}" for task in step.config.tasks for name in SETS], clips, made)


def _turns(config: MiniSuperbConfig, task: str) -> dict[str, Iterator[int]]:
    """Set -> its speakers, indices of SPEAKERS, again and again; women and men in turn, none in two sets."""
    mixed = iter(mixed_speakers(sum(config.speakers), generator(config.seed, f"{task} speakers")))
    return {name: cycle([*islice(mixed, count)]) for name, count in zip(SETS, config.speakers)}


if __name__ == "__main__":
    main(run)
