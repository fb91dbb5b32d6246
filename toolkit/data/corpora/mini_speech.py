"""What the steps that make synthetic speech share: planned utterances, their synthesis shard by shard, their sets."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np

from ...core.errors import UserError
from ...core.files import read_json, write_text
from ...core.seed import seed_of
from ...core.shards import run_shards, split
from ...core.step import Step
from ..audio import write_wav
from ..augment import AugmentConfig, augment
from ..kaldi import PHONES, write_data_dir
from . import espeak
from .mini_text import spoken
from .mini_voices import EMOTIONS, RATE, SPEAKERS, speak

SENTENCE_S = 2.57  # length of a sentence of the lexicons, about


class Speaking(Protocol):
    """What a config says of how utterances are spoken."""

    @property
    def seed(self) -> int: ...
    @property
    def pace(self) -> float: ...
    @property
    def emotions(self) -> tuple[str, ...]: ...
    @property
    def augment(self) -> AugmentConfig: ...


def check(config: Speaking) -> None:
    """Raise ValueError for an impossible pace or emotion."""
    if not 0.4 <= config.pace <= 1.5:
        raise ValueError("pace must be in [0.4, 1.5]")
    if unknown := sorted(set(config.emotions) - set(EMOTIONS)):
        raise ValueError(f"emotions: {', '.join(unknown)} is none of {', '.join(EMOTIONS)}")
    if not config.emotions or len(set(config.emotions)) < len(config.emotions):
        raise ValueError("emotions: name one or more, each once")


class Clip(Protocol):
    """A recording to be made.

    Attributes:
        set: name of the data directory that it belongs to.
        gender: f or m; empty if nobody speaks.
        values: table -> its value for this clip; `text` and `utt2spk` are among them.
    """

    @property
    def id(self) -> str: ...
    @property
    def set(self) -> str: ...
    @property
    def gender(self) -> str: ...
    @property
    def values(self) -> Mapping[str, str]: ...


C = TypeVar("C", bound=Clip)


@dataclass(frozen=True)
class Planned:
    """An utterance to be made. `speaker` is an index of SPEAKERS; `labels`: further table -> value."""

    id: str
    set: str
    speaker: int
    dialect: str
    emotion: str
    text: str
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def gender(self) -> str:
        return SPEAKERS[self.speaker].gender

    @property
    def values(self) -> Mapping[str, str]:
        own = {"text": self.text, "utt2lang": self.dialect, "utt2emotion": self.emotion}
        return {**own, "utt2spk": speaker_id(self.speaker), **self.labels}


def speaker_id(speaker: int) -> str:
    """`f01`, `m02`, ...: gender and number."""
    return f"{SPEAKERS[speaker].gender}{speaker + 1:02d}"


def mixed_speakers(count: int, rng: np.random.Generator) -> list[int]:
    """The first `count` of SPEAKERS in random order, women and men in turn as far as there are enough."""
    order = rng.permutation(count)
    by_gender = [[int(s) for s in order if SPEAKERS[s].gender == g] for g in "fm"]
    mixed: list[int] = []
    while any(by_gender):
        mixed += [group.pop(0) for group in by_gender if group]
    return mixed


def next_sentence(pools: Mapping[str, Iterator[str]], dialect: str, asked: str, remedy: str) -> str:
    """The next sentence of a dialect; raises UserError, with `asked` and `remedy`, after the last."""
    text = next(pools[dialect], None)
    if text is None:
        raise UserError(f"no more sentences of {dialect}", asked, remedy)
    return text


def generator(seed: int, purpose: str) -> np.random.Generator:
    """Random numbers for one purpose, or for one clip by its id."""
    return np.random.default_rng(seed_of(seed, "mini", purpose))


def make_utterance(utterance: Planned, config: Speaking, path: Path) -> dict[str, Any]:
    """Synthesise and augment one utterance, write it to `path` (16 bit wav); returns its id, seconds and phones."""
    rng = generator(config.seed, utterance.id)
    language, text = ("en-us", utterance.text) if utterance.dialect == "ENG" else ("ar", spoken(utterance.text))
    wave_N, phones = speak(text, language, SPEAKERS[utterance.speaker], EMOTIONS[utterance.emotion], rng, config.pace)
    wave_N = augment(wave_N, RATE, config.augment, rng)
    write_wav(path, wave_N)
    rows = [[round(p.start, 4), round(p.duration, 4), p.name] for p in phones]
    return {"id": utterance.id, "seconds": len(wave_N) / RATE, "phones": rows}


def make_clips(
    step: Step[Any],
    title: str,
    clips: Sequence[C],
    seconds: Sequence[float],
    make: Callable[[C, Any, Path], dict[str, Any]],
) -> dict[str, dict[str, Any]]:
    """Make OUT/audio/ID.wav of every clip, shard by shard; returns id -> its id, seconds and phones.

    Args:
        title: of the corpus, for the line that says that it is synthetic.
        seconds: length of each clip, about.
        make: called as make(clip, step.config, path); writes the wav and returns its id, seconds and phones.
    """
    shards = split(seconds)

    def work(k: int, path: Path) -> None:
        made = [make(clips[i], step.config, step.out / "audio" / f"{clips[i].id}.wav") for i in shards[k]]
        path.write_text(json.dumps(made, ensure_ascii=False), encoding="utf-8")

    if not step.worker:
        print(f"{title} is SYNTHETIC: spoken by eSpeak NG {espeak.version()}, not by people")
    paths = run_shards(step, [sum(seconds[i] for i in shard) for shard in shards], work, suffix=".json")
    return {row["id"]: row for path in paths for row in read_json(path)}


def write_sets(
    step: Step[Any], names: Sequence[str], clips: Sequence[Clip], made: Mapping[str, Mapping[str, Any]]
) -> None:
    """Write the data directory OUT/NAME of each set with its phone times, count and print what it has."""
    step.counts["synthetic"] = 1
    for name in names:
        rows = [clip for clip in clips if clip.set == name]
        seconds = {clip.id: made[clip.id]["seconds"] for clip in rows}
        lines = [f"{clip.id} 1 {a:.4f} {d:.4f} {phone}\n" for clip in rows for a, d, phone in made[clip.id]["phones"]]
        write_text(step.out / name / PHONES, "".join(lines))
        written = tables(rows, seconds, step.out / "audio")
        write_data_dir(step.out / name, written)
        total, speakers = sum(seconds.values()), len(written["spk2gender"])
        step.counts |= {
            f"{name}_utterances": len(rows),
            f"{name}_hours": round(total / 3600, 4),
            f"{name}_speakers": speakers,
        }
        print(f"{name}: {len(rows)} utterances, {total / 60:.1f} min, {speakers} speakers")
    step.counts["hours"] = round(sum(row["seconds"] for row in made.values()) / 3600, 4)


def tables(clips: Sequence[Clip], seconds: Mapping[str, float], audio: Path) -> dict[str, dict[str, str]]:
    """Kaldi tables of one set."""
    tables: dict[str, dict[str, str]] = {
        "wav.scp": {clip.id: str(audio / f"{clip.id}.wav") for clip in clips},
        "utt2dur": {clip.id: f"{seconds[clip.id]:.4f}" for clip in clips},
        "spk2gender": {clip.values["utt2spk"]: clip.gender for clip in clips if clip.gender},
    }
    for clip in clips:
        for name, value in clip.values.items():
            tables.setdefault(name, {})[clip.id] = value
    return tables
