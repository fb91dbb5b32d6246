"""From data directories to what a head trains on: examples with targets, and why the others are left out.

Shapes: T frames of an utterance, U utterances.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.record import Ledger
from ..data.audio import SAMPLE_RATE
from ..data.kaldi import UNKNOWN, DataDir, Utterance
from ..models.heads import shortened
from ..text.tokens import Tokens
from ..units.phones import PHONES, phone_frames, read_phones
from .objectives.classify import NO_LABEL
from .objectives.ctc import frames_needed
from .probe_cache import SetFeatures
from .probe_config import SETS, TaskConfig
from .probe_text import tokens_of, transcript
from .probe_upstream import Fbank

OUT = "see the labels and `exclude`, name another set under `sets`, or take the task out"
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Example:
    """An utterance of a task.

    Attributes:
        u: its number among the set's features.
        target: class of each frame [T], of the utterance [1], or the tokens to spell, as numbers.
        reference: what it is scored against: a label, or a transcript; for frames their labels.
    """

    utterance: Utterance
    u: int
    target: Array
    reference: str

    @property
    def id(self) -> str:
        return self.utterance.id


@dataclass
class Notes:
    """What a row tells the record: the ledger's rows and counts by name."""

    ledger: Ledger
    counts: dict[str, float] = field(default_factory=dict)

    def count(self, name: str, amount: float = 1) -> None:
        if amount:
            self.counts[name] = self.counts.get(name, 0) + amount


@dataclass(frozen=True)
class TaskData:
    """A task ready to train: examples by part (train, dev, test), and what its classes are called."""

    name: str
    config: TaskConfig
    parts: dict[str, list[Example]]
    labels: list[str]
    """Labels of phone and classify: those of training first, then those that only dev or test have."""
    classes: int
    """Classes of the head."""
    tokens: Tokens | None = None
    """What the head of a ctc task spells with."""


class Unusable(UserError):
    """A task that its data cannot serve; the other tasks can still be done."""


def unusable(tasks: Mapping[str, TaskConfig], sets: Mapping[str, DataDir]) -> dict[str, str]:
    """Why which tasks cannot be done: told by labels and lengths alone, so alike in every worker and for every row."""
    frames = Fbank().frames
    heard = {
        name: {u.id: n for u in data if (n := frames(round(u.seconds * SAMPLE_RATE))) > 0}
        for name, data in sets.items()
    }
    features = {
        name: SetFeatures(sets[name].path, list(found), list(found.values()), (1, 1), [])
        for name, found in heard.items()
    }
    why = {}
    for name, task in tasks.items():
        try:
            build(name, task, sets, features, Fbank.rate, Notes(Ledger("")))
        except Unusable as e:
            why[name] = e.what
    return why


def build(
    name: str,
    config: TaskConfig,
    sets: Mapping[str, DataDir],
    features: Mapping[str, SetFeatures],
    rate: float,
    notes: Notes,
) -> TaskData:
    """Examples of task `name`, whose batch is no larger than what there is. `rate`: frames per second of the features.

    Raises Unusable where training has too few classes, or a part nothing to use.
    """
    for part in SETS:
        if not (table := sets[config.sets.of(part)].path / config.table).is_file():
            raise Unusable(f"{config.sets.of(part)} has no {config.table}", f"task {name}: {table}", OUT)
    maker = {"phone": _frames, "ctc": _transcripts, "classify": _utterances}[config.kind]
    collected = {
        part: _collect(name, config, sets[config.sets.of(part)], features[config.sets.of(part)], notes) for part in SETS
    }
    data = maker(name, config, collected, rate, notes)
    for part, examples in data.parts.items():
        if not examples:
            table = sets[config.sets.of(part)].path / config.table
            raise Unusable(f"no utterance of {config.sets.of(part)} can be used", f"task {name}: {table}", OUT)
        notes.count(f"{name}.{part}", len(examples))
    there = len(data.parts["train"])
    if there >= config.batch:
        return data
    notes.count(f"{name}.batch cut to the training set", there)
    return replace(data, config=replace(config, batch=there))


Collected = dict[str, list[tuple[Utterance, int, int, Any]]]  # part -> (utterance, its number, its frames, raw label)


def _collect(name: str, config: TaskConfig, data: DataDir, features: SetFeatures, notes: Notes) -> list[Any]:
    """Utterances with features and a label; the others get a row in the ledger."""
    table: Mapping[str, Any] = (
        read_phones(data.path / PHONES) if config.kind == "phone" else data.tables.get(config.table, {})
    )
    number = {id: u for u, id in enumerate(features.ids)}
    found = []
    for utterance in data:
        if utterance.id not in number:
            continue  # its audio could not be used, which the features' own rows say
        if not table.get(utterance.id):
            notes.ledger.drop(utterance.id, f"no {config.table}", f"task {name}, set {data.path.name}")
            continue
        u = number[utterance.id]
        found.append((utterance, u, features.frames[u], table[utterance.id]))
    return found


def _label_set(name: str, config: TaskConfig, seen: Mapping[str, Counter[str]], notes: Notes) -> tuple[list[str], int]:
    """Labels of training, in order, then those that only dev or test have; and the number of the former."""
    left_out = {*config.exclude, UNKNOWN if config.kind == "classify" else ""}
    known = sorted(seen["train"].keys() - left_out)
    if len(known) < 2:
        raise Unusable(
            f"it needs at least two labels in training and has {len(known)}: {', '.join(known) or 'none'}",
            f"task {name}: {config.sets.train}/{config.table}",
            OUT,
        )
    new: set[str] = set()
    for part in ("dev", "test"):
        unseen = seen[part].keys() - {*known, *left_out}
        notes.count(f"{name}.{part}.label unseen in training", sum(seen[part][label] for label in unseen))
        new |= unseen
    return known + sorted(new), len(known)


def _frames(name: str, config: TaskConfig, collected: Collected, rate: float, notes: Notes) -> TaskData:
    said = {
        part: [(utt, u, phone_frames(spans, frames, rate)) for utt, u, frames, spans in rows]
        for part, rows in collected.items()
    }
    seen = {part: Counter(p for _, _, phones in rows for p in phones) for part, rows in said.items()}
    labels, classes = _label_set(name, config, seen, notes)
    number = {label: i for i, label in enumerate(labels)}
    parts: dict[str, list[Example]] = {}
    for part, rows in said.items():
        parts[part] = []
        for utt, u, phones in rows:
            # A phone that training does not know cannot be trained on or guessed: always wrong in test.
            target = np.array([number.get(p, NO_LABEL) for p in phones], np.int64)
            if (target == NO_LABEL).all():
                notes.ledger.drop(utt.id, "no labelled frame", f"task {name}")
            else:
                parts[part].append(Example(utt, u, target, " ".join(p or "-" for p in phones)))
    return TaskData(name, config, parts, labels, classes)


def _utterances(name: str, config: TaskConfig, collected: Collected, rate: float, notes: Notes) -> TaskData:
    seen = {part: Counter(str(label) for *_, label in rows) for part, rows in collected.items()}
    labels, classes = _label_set(name, config, seen, notes)
    number = {label: i for i, label in enumerate(labels)}
    parts: dict[str, list[Example]] = {}
    for part, rows in collected.items():
        kept = [row for row in rows if row[3] in number]
        notes.count(f"{name}.{part}.label excluded", len(rows) - len(kept))
        parts[part] = [Example(utt, u, np.array([number[label]], np.int64), label) for utt, u, _, label in kept]
    return TaskData(name, config, parts, labels, classes)


def _transcripts(name: str, config: TaskConfig, collected: Collected, rate: float, notes: Notes) -> TaskData:
    said = {
        part: [(utt, u, frames, transcript(text, config)) for utt, u, frames, text in rows]
        for part, rows in collected.items()
    }
    tokens = tokens_of(name, config, tuple(text for *_, text in said["train"]))
    parts: dict[str, list[Example]] = {}
    for part, rows in said.items():
        parts[part] = []
        for utt, u, frames, text in rows:
            known = [c for c in text if c in tokens.alphabet]
            notes.count(f"{name}.{part}.character unseen in training", len(text) - len(known))
            target = np.array(tokens.encode("".join(known)), np.int64)
            if not text:
                notes.ledger.drop(utt.id, f"no {config.table}", f"task {name}: nothing left of its transcript")
            elif part == "train" and frames_needed(target.tolist()) > shortened(frames, config.stride):
                detail = f"task {name}: {frames} frames, stride {config.stride}, for {len(target)} {tokens.unit}"
                notes.ledger.drop(utt.id, "too short for its transcript", detail)
            else:
                parts[part].append(Example(utt, u, target, text))
    return TaskData(name, config, parts, [], len(tokens), tokens)
