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

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from ...core.errors import UserError
from ...core.files import read_json, write_text
from ...core.seed import seed_of
from ...core.shards import run_shards, split
from ...core.step import Step, main
from ...text.diacritics import strip_diacritics
from ..audio import write_wav
from ..augment import AugmentConfig, augment
from ..kaldi import write_data_dir
from . import espeak
from .mini_arabic import LEXICONS
from .mini_english import ENGLISH
from .mini_text import Lexicon, pausal, sentences, spoken
from .mini_voices import EMOTIONS, RATE, SPEAKERS, speak

SETS = ("train", "dev", "test")
ADAPT = "adapt"
SECONDS = 2.57  # of an utterance, about: what minutes are turned into utterances by


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
            raise ValueError("dev_share and test_share must be positive and leave something for train")
        if not 0 <= self.english_share < 1:
            raise ValueError("english_share must be in [0, 1)")
        if self.minutes <= 0:
            raise ValueError("minutes must be positive")
        self._check_adapt()
        if not 0.4 <= self.pace <= 1.5:
            raise ValueError("pace must be in [0.4, 1.5]")
        if unknown := sorted(set(self.emotions) - set(EMOTIONS)):
            raise ValueError(f"emotions: {', '.join(unknown)} is none of {', '.join(EMOTIONS)}")
        if not self.emotions or len(set(self.emotions)) < len(self.emotions):
            raise ValueError("emotions: name one or more, each once")

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


@dataclass(frozen=True)
class Planned:
    """An utterance to be made. `speaker` is an index of SPEAKERS."""

    id: str
    set: str
    speaker: int
    dialect: str
    emotion: str
    text: str


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
        wanted = max(len(speakers), round(60 * config.minutes * shares[name] * config.pace / SECONDS))
        owners = [s for i, s in enumerate(speakers) for _ in range((wanted + i) // len(speakers))]
        numbers = dict.fromkeys(speakers, 0)
        for (dialect, emotion), speaker in zip(labels(wanted, config.english_share, config.emotions), owners):
            text = next(pools[dialect], None)
            if text is None:
                raise UserError(
                    f"no more sentences of {dialect}", f"minutes: {config.minutes:g}", "ask for fewer minutes"
                )
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
    order = _rng(config, "speakers").permutation(config.speakers)
    by_gender = [[int(s) for s in order if SPEAKERS[s].gender == g] for g in "fm"]
    mixed: list[int] = []
    while any(by_gender):
        mixed += [group.pop(0) for group in by_gender if group]
    n, m, a = config.test_speakers, config.dev_speakers, config.adapt_speakers
    dealt = {"train": mixed[n + m + a :], "dev": mixed[n : n + m], "test": mixed[:n], ADAPT: mixed[n + m : n + m + a]}
    return {name: sorted(dealt[name]) for name in config.sets}


def speaker_id(speaker: int) -> str:
    """`f01`, `m02`, ...: gender and number."""
    return f"{SPEAKERS[speaker].gender}{speaker + 1:02d}"


def make_utterance(utterance: Planned, config: MiniConfig, path: Path) -> dict[str, object]:
    """Synthesise and augment one utterance, write it to `path` (16 bit wav); returns its id, seconds and phones."""
    rng = _rng(config, utterance.id)
    language, text = ("en-us", utterance.text) if utterance.dialect == "ENG" else ("ar", spoken(utterance.text))
    wave_N, phones = speak(text, language, SPEAKERS[utterance.speaker], EMOTIONS[utterance.emotion], rng, config.pace)
    wave_N = augment(wave_N, RATE, config.augment, rng)
    write_wav(path, wave_N)
    rows = [[round(p.start, 4), round(p.duration, 4), p.name] for p in phones]
    return {"id": utterance.id, "seconds": len(wave_N) / RATE, "phones": rows}


def tables(utterances: list[Planned], seconds: dict[str, float], audio: Path) -> dict[str, dict[str, str]]:
    """Kaldi tables of one set."""
    return {
        "wav.scp": {u.id: str(audio / f"{u.id}.wav") for u in utterances},
        "text": {u.id: u.text for u in utterances},
        "utt2spk": {u.id: speaker_id(u.speaker) for u in utterances},
        "utt2dur": {u.id: f"{seconds[u.id]:.4f}" for u in utterances},
        "utt2lang": {u.id: u.dialect for u in utterances},
        "utt2emotion": {u.id: u.emotion for u in utterances},
        "spk2gender": {speaker_id(u.speaker): SPEAKERS[u.speaker].gender for u in utterances},
    }


def run(step: Step[MiniConfig]) -> None:
    """Synthesise shard by shard, then write the data directories."""
    config, audio = step.config, step.out / "audio"
    planned = plan(config)
    shards = split([SECONDS] * len(planned))

    def work(k: int, path: Path) -> None:
        made = [make_utterance(planned[i], config, audio / f"{planned[i].id}.wav") for i in shards[k]]
        path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")

    if not step.worker:
        print(f"the mini corpus is SYNTHETIC: spoken by eSpeak NG {espeak.version()}, not by people")
    paths = run_shards(step, [SECONDS * len(s) for s in shards], work, suffix=".json")
    made = {row["id"]: row for path in paths for row in read_json(path)}
    step.counts["synthetic"] = 1
    for name in config.sets:
        rows = [u for u in planned if u.set == name]
        seconds = {u.id: made[u.id]["seconds"] for u in rows}
        if not config.vowels:
            rows = [replace(u, text=strip_diacritics(u.text)) for u in rows]
        lines = [f"{u.id} 1 {a:.4f} {d:.4f} {phone}\n" for u in rows for a, d, phone in made[u.id]["phones"]]
        write_text(step.out / name / "phones.ctm", "".join(lines))
        write_data_dir(step.out / name, tables(rows, seconds, audio))
        step.counts |= {
            f"{name}_utterances": len(rows),
            f"{name}_hours": round(sum(seconds.values()) / 3600, 4),
            f"{name}_speakers": len({u.speaker for u in rows}),
        }
        minutes, speakers = sum(seconds.values()) / 60, len({u.speaker for u in rows})
        print(f"{name}: {len(rows)} utterances, {minutes:.1f} min, {speakers} speakers")
    step.counts["hours"] = round(sum(row["seconds"] for row in made.values()) / 3600, 4)


def _lexicons() -> dict[str, Lexicon]:
    return {**LEXICONS, "ENG": ENGLISH}


def _rng(config: MiniConfig, purpose: str) -> np.random.Generator:
    return np.random.default_rng(seed_of(config.seed, "mini", purpose))


if __name__ == "__main__":
    main(run)
