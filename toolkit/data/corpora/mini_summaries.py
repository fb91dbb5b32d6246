"""Recordings of two sentences with a one-sentence report of each: SYNTHETIC speech summarisation, of the mini corpus.

What it is: two sentences of the mini corpus (mini.py) by one speaker in one dialect, one after the other, and in
utt2summary what the more pressing one tells, in Standard Arabic (mini_events.py). No recording is in two sets, as no
sentence of the mini corpus is. Results on it say that a recipe works, and nothing about Arabic.

Input: the folder of the mini corpus. Tree: OUT/audio/<utterance>.wav and OUT/summary_{train,dev,test}/{wav.scp,text,
utt2spk,spk2utt,utt2dur,utt2lang,utt2summary,spk2gender,phones.ctm}. Utterance ids: <speaker>-sum-<number>-<dialect>.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import UserError
from ...core.step import Step, main
from ..audio import write_wav
from ..kaldi import PHONES, DataDir, Utterance
from .mini import SETS
from .mini_arabic import LEXICONS
from .mini_events import URGENCY, Event, event_of
from .mini_speech import SENTENCE_S, generator, make_clips, write_sets

ROUNDS = 3  # times that the sentences of a speaker in a dialect are paired anew


@dataclass(frozen=True)
class MiniSummariesConfig:
    """How many recordings are made."""

    train: int = 900
    "recordings in summary_train; more make the task easier"
    dev: int = 40
    "recordings in summary_dev"
    test: int = 160
    "recordings in summary_test; more make confidence intervals narrower"
    seed: int = 1
    "random seed of which sentences are joined"

    def __post_init__(self) -> None:
        if min(self.train, self.dev, self.test) < 1:
            raise ValueError("train, dev and test: each needs a recording")


@dataclass(frozen=True)
class Joined:
    """Two utterances to be joined; `phones`: rows (start, duration, phone) of both, in seconds of the whole."""

    id: str
    set: str
    gender: str
    parts: tuple[Utterance, Utterance]
    phones: list[tuple[float, float, str]]
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        return sum(part.seconds for part in self.parts)


def pairs(data: DataDir, rng: np.random.Generator) -> list[tuple[Utterance, Utterance, Event]]:
    """Utterances of one speaker and dialect that can be joined, with what the more pressing one tells.

    Two that tell of the same kind of event are not joined: neither would be the more pressing one.
    """
    groups: dict[tuple[str, str], list[Utterance]] = defaultdict(list)
    for utterance in data:
        if (dialect := data.tables["utt2lang"][utterance.id]) in LEXICONS:
            groups[utterance.speaker, dialect].append(utterance)
    joined = []
    for (_, dialect), group in sorted(groups.items()):
        for _ in range(ROUNDS):
            turn = [group[i] for i in rng.permutation(len(group))]
            for one, two in zip(turn[::2], turn[1::2]):
                events = [e for u in (one, two) if (e := event_of(dialect, data.tables["text"][u.id]))]
                if events and len({event.kind for event in events}) == len(events):
                    joined.append((one, two, min(events, key=lambda event: URGENCY[event.kind])))
    return joined


def plan(folder: Path, config: MiniSummariesConfig) -> list[Joined]:
    """Every recording, in order of id. Raises UserError if the corpus is too small for the numbers asked for."""
    clips: list[Joined] = []
    for name in SETS:
        data, wanted = DataDir.read(folder / name), getattr(config, name)
        rng = generator(config.seed, f"summaries {name}")
        possible = pairs(data, rng)
        if len(possible) < wanted:
            problem = f"{wanted} recordings of two sentences, and {name} has {len(possible)} pairs"
            raise UserError(problem, f"{name}: {wanted}", "ask for fewer, or for more minutes of the mini corpus")
        phones, numbers = _phones(folder / name), dict[str, int]()
        for i in sorted(rng.permutation(len(possible))[:wanted]):
            one, two, event = possible[i]
            dialect = data.tables["utt2lang"][one.id]
            number = numbers[one.speaker] = numbers.get(one.speaker, -1) + 1
            values = {
                "text": f"{data.tables['text'][one.id]} {data.tables['text'][two.id]}",
                "utt2spk": one.speaker,
                "utt2lang": dialect,
                "utt2summary": event.report,
            }
            rows = phones[one.id] + [(start + one.seconds, length, phone) for start, length, phone in phones[two.id]]
            id = f"{one.speaker}-sum-{number:03d}-{dialect.lower()}"
            gender = data.tables["spk2gender"][one.speaker]
            clips.append(Joined(id, f"summary_{name}", gender, (one, two), rows, values))
    return sorted(clips, key=lambda clip: clip.id)


def _phones(folder: Path) -> dict[str, list[tuple[float, float, str]]]:
    """Utterance -> its rows of phones.ctm."""
    rows: dict[str, list[tuple[float, float, str]]] = defaultdict(list)
    for line in (folder / PHONES).read_text(encoding="utf-8").splitlines():
        id, _, start, length, phone = line.split()
        rows[id].append((float(start), float(length), phone))
    return rows


def join(clip: Joined, config: MiniSummariesConfig, path: Path) -> dict[str, Any]:
    """Write both utterances, one after the other, to `path`; returns id, seconds and phones."""
    write_wav(path, np.concatenate([part.audio() for part in clip.parts]))
    return {"id": clip.id, "seconds": clip.seconds, "phones": [list(row) for row in clip.phones]}


def run(step: Step[MiniSummariesConfig]) -> None:
    """Join recordings shard by shard, then write the data directories."""
    clips = plan(step.input(0, "the folder of the mini corpus"), step.config)
    made = make_clips(step, "the summaries of the mini corpus", clips, [2 * SENTENCE_S] * len(clips), join)
    write_sets(step, [f"summary_{name}" for name in SETS], clips, made)


if __name__ == "__main__":
    main(run)
