"""Make the mini corpus: SYNTHETIC speech in Arabic (MSA and five dialects) and English, with phone times.

What it is: sentences from templates (mini_arabic.py, mini_english.py), read by up to 32 voices of eSpeak NG in four
emotions (mini_voices.py), augmented, 16 kHz. Transcripts are exact; phone times are the synthesiser's own.
The dialects differ by their words alone, the emotions by prosody alone: results on it say that a recipe works, and
nothing about Arabic. Every speaker reads every dialect, English and every emotion. No speaker and no sentence
(diacritics apart) is shared between train, dev and test, nor with `adapt`, a fourth set that there is on request: a
recogniser that hardly understands eSpeak can be adapted on its transcripts before it labels train.

Tree: OUT/audio/<utterance>.wav and OUT/{train,dev,test[,adapt]}/{wav.scp,text,utt2spk,spk2utt,utt2dur,utt2lang,
utt2emotion,spk2gender,phones.ctm}. Utterance ids: <speaker>-<number>-<dialect>-<emotion>, e.g. f03-012-alg-sad.
utt2lang: MSA ALG JOR PAL UAE YEM, and ENG for English. phones.ctm: `utterance 1 start duration phone`, seconds and IPA.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from ...core.step import Step, main
from ...text.diacritics import strip_diacritics
from ..augment import AugmentConfig
from .mini_arabic import LEXICONS
from .mini_english import ENGLISH
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
from .mini_text import Lexicon, pausal, sentences
from .mini_voices import EMOTIONS, SPEAKERS

SETS = ("train", "dev", "test")
ADAPT = "adapt"


@dataclass(frozen=True)
class MiniConfig:
    """Size and content of the synthetic corpus."""

    minutes: float = 18.0
    "audio of all sets together, minutes (within a few per cent)"
    speakers: int = 20
    "number of speakers in all sets together, 3 to 32; each set gets women and men as far as there are enough"
    dev_speakers: int = 2
    "number of speakers in dev, who are in no other set"
    test_speakers: int = 6
    "number of speakers in test, who are in no other set"
    dev_share: float = 0.07
    "share of the audio in dev, 0 to 1"
    test_share: float = 0.36
    "share of the audio in test, 0 to 1; larger makes confidence intervals narrower"
    english_share: float = 0.12
    "share of the utterances that are English, 0 to below 1; the rest is Arabic"
    seed: int = 1
    "random seed of sentences, sets, prosody and augmentation"
    adapt_speakers: int = 0
    "number of speakers of a further set `adapt`, taken from train; 0: no such set"
    adapt_share: float = 0.0
    "share of the audio in `adapt`, 0 to 1, taken from train"
    emotions: tuple[str, ...] = tuple(EMOTIONS)
    "emotions in which the speakers speak; each utterance has one"
    pace: float = 1.0
    """factor on the speaking rate, 0.4 to 1.5 (1: 170 to 225 words per minute in a neutral voice, never below 90);
    larger is faster; recognisers do better on slow speech"""
    pausal: bool = False
    """true: MSA is read and written without case endings (no short vowel or tanween at the end of a word); false: with
    them"""
    vowels: bool = True
    "true: `text` has vowel signs; false: it is spelt as people and recognisers write, in half as many tokens"
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    "ranges of the augmentation"

    def __post_init__(self) -> None:
        if not 3 <= self.speakers <= len(SPEAKERS):
            raise ValueError(f"speakers: {self.speakers} is not between 3 and {len(SPEAKERS)}")
        if self.dev_speakers < 1 or self.test_speakers < 1 or self.dev_speakers + self.test_speakers >= self.speakers:
            raise ValueError("dev_speakers and test_speakers: each set needs a speaker, train too")
        if self.dev_share <= 0 or self.test_share <= 0 or self.dev_share + self.test_share >= 1:
            values = f"not {self.dev_share} and {self.test_share}"
            raise ValueError(f"dev_share and test_share must be positive and leave something for train, {values}")
        if not 0 <= self.english_share < 1:
            raise ValueError(f"english_share must be in [0, 1), not {self.english_share}")
        if self.minutes <= 0:
            raise ValueError(f"minutes must be positive, not {self.minutes}")
        self._check_adapt()
        check(self)

    def _check_adapt(self) -> None:
        if self.adapt_speakers < 0 or (self.adapt_speakers > 0) != (self.adapt_share > 0):
            raise ValueError("adapt_speakers and adapt_share: both positive, or both 0")
        if self.dev_speakers + self.test_speakers + self.adapt_speakers >= self.speakers:
            raise ValueError("adapt_speakers: no speaker remains for train; lower it, or raise speakers")
        if self.dev_share + self.test_share + self.adapt_share >= 1:
            raise ValueError("adapt_share: no audio remains for train; lower one of the shares")

    @property
    def sets(self) -> tuple[str, ...]:
        return (*SETS, ADAPT) if self.adapt_speakers else SETS


def plan(config: MiniConfig) -> list[Planned]:
    """Every utterance of the corpus, in order of id, a function of the config alone.

    Raises UserError if there are too few sentences for `minutes`.
    """
    seen: set[str] = set()  # of all dialects: a sentence that two of them share would be in two sets
    pools = {name: iter(sentences(lexicon, _rng(config, name), seen)) for name, lexicon in _lexicons().items()}
    shares = {"dev": config.dev_share, "test": config.test_share, ADAPT: config.adapt_share}
    shares["train"] = 1 - config.dev_share - config.test_share - config.adapt_share
    utterances: list[Planned] = []
    for name, speakers in deal_speakers(config).items():
        wanted = max(len(speakers), round(60 * config.minutes * shares[name] * config.pace / SENTENCE_S))
        owners = [s for i, s in enumerate(speakers) for _ in range((wanted + i) // len(speakers))]
        numbers = dict.fromkeys(speakers, 0)
        for (dialect, emotion), speaker in zip(labels(wanted, config.english_share, config.emotions), owners):
            text = next_sentence(pools, dialect, f"minutes: {config.minutes:g}", "ask for fewer minutes")
            id = f"{speaker_id(speaker)}-{numbers[speaker]:03d}-{dialect.lower()}-{emotion}"
            numbers[speaker] += 1
            utterances.append(Planned(id, name, speaker, dialect, emotion, _as_read(text, dialect, config)))
    return sorted(utterances, key=lambda u: u.id)


def _as_read(text: str, dialect: str, config: MiniConfig) -> str:
    """A sentence as the corpus has it; the other dialects have no case endings, their final vowels are their own."""
    return pausal(text) if config.pausal and dialect == "MSA" else text


def labels(n: int, english_share: float, emotions: Sequence[str] = tuple(EMOTIONS)) -> Iterator[tuple[str, str]]:
    """(dialect, emotion) of n utterances: a round of 24 has each pair once, six in a row have every dialect."""
    dialects = list(LEXICONS)
    arabic = english = 0
    for i in range(n):
        if int((i + 1) * english_share) > int(i * english_share):
            yield "ENG", emotions[english % len(emotions)]
            english += 1
        else:
            yield dialects[arabic % len(dialects)], emotions[(arabic + arabic // len(dialects)) % len(emotions)]
            arabic += 1


def deal_speakers(config: MiniConfig) -> dict[str, list[int]]:
    """Set -> its speakers, indices of SPEAKERS: women and men in turn to test, dev, adapt, then train."""
    mixed = mixed_speakers(config.speakers, _rng(config, "speakers"))
    n, m, a = config.test_speakers, config.dev_speakers, config.adapt_speakers
    dealt = {"train": mixed[n + m + a :], "dev": mixed[n : n + m], "test": mixed[:n], ADAPT: mixed[n + m : n + m + a]}
    return {name: sorted(dealt[name]) for name in config.sets}


def run(step: Step[MiniConfig]) -> None:
    """Synthesise shard by shard, then write the data directories."""
    config = step.config
    planned = plan(config)
    made = make_clips(step, "the mini corpus", planned, [SENTENCE_S] * len(planned), make_utterance)
    if not config.vowels:
        planned = [replace(u, text=strip_diacritics(u.text)) for u in planned]
    write_sets(step, config.sets, planned, made)


def _lexicons() -> dict[str, Lexicon]:
    return {**LEXICONS, "ENG": ENGLISH}


def _rng(config: MiniConfig, purpose: str) -> np.random.Generator:
    return generator(config.seed, purpose)


if __name__ == "__main__":
    main(run)
