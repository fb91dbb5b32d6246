"""From data directories to what a head trains on: examples with targets, and why the others are left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ..core.record import Ledger
from ..data.audio import SAMPLE_RATE
from ..data.judge import of_pace
from ..data.kaldi import DataDir
from ..data.provenance import limits_of
from ..data.tables import TEXT
from .base import OUT, Notes, TaskData, Unusable
from .features import SetFeatures
from .folds import fold_of, folds_by_utterance
from .task_config import SETS, TaskConfig
from .upstream import Fbank


def unusable(tasks: Mapping[str, TaskConfig], sets: Mapping[str, DataDir], seed: int) -> dict[str, str]:
    """Why which tasks cannot be done: told by labels and lengths alone, so alike in every worker and for every row."""
    frames = Fbank().frames
    lengths = {
        name: {u.id: n for u in data if (n := frames(round(u.seconds * SAMPLE_RATE))) > 0}
        for name, data in sets.items()
    }
    features = {
        name: SetFeatures(sets[name].path, list(of_set), list(of_set.values()), (1, 1), [])
        for name, of_set in lengths.items()
    }
    why = {}
    for name, task in tasks.items():
        try:
            data = build(name, task, sets, features, Fbank.rate, Notes(Ledger("")))
            folds = folds_by_utterance(name, task, sets, seed) if task.folds else {}
            for fold in sorted({*folds.values()}):
                fold_of(data, folds, fold, seed, Notes(Ledger("")))
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
    collected = {
        part: _collect(name, config, part, sets[config.sets.of(part)], features[config.sets.of(part)], notes)
        for part in SETS
    }
    data = config.implementation.read(name, config, collected, rate, notes)
    for part, examples in data.parts.items():
        if not examples:
            table = sets[config.sets.of(part)].path / config.table
            raise Unusable(f"no utterance of {config.sets.of(part)} can be used", f"task {name}: {table}", OUT)
        notes.count(f"{name}.{part}", len(examples))
    return with_batch(data, notes)


def with_batch(data: TaskData, notes: Notes) -> TaskData:
    """The task with a batch no larger than its training set."""
    count = len(data.parts["train"])
    if count >= data.config.batch:
        return data
    notes.count(f"{data.name}.batch cut to the training set", count)
    return replace(data, config=replace(data.config, batch=count))


def _collect(name: str, config: TaskConfig, part: str, data: DataDir, features: SetFeatures, notes: Notes) -> list[Any]:
    """Utterances with features and a label; the others get a row in the ledger.

    Transcripts are held against their audio here, as only tasks of transcripts learn them: what does not fit leaves the
    training set, and is warned of elsewhere.
    """
    labels = config.implementation.labels(config, data)
    texts, limits = data.tables.get(config.table, {}) if TEXT.fullmatch(config.table) else {}, limits_of(data.path)
    is_trained = part == "train" and not config.folds and config.sets.train not in (config.sets.dev, config.sets.test)
    number = {id: u for u, id in enumerate(features.ids)}
    rows = []
    for utterance in data:
        if utterance.id not in number:
            continue  # its audio could not be used, which the features' own rows say
        if not labels.get(utterance.id):
            notes.ledger.drop(utterance.id, f"no {config.table}", f"task {name}, set {data.path.name}")
            continue
        if fault := of_pace(texts.get(utterance.id, ""), utterance.seconds, limits):
            if is_trained:
                notes.ledger.drop(utterance.id, fault.reason, fault.detail)
                continue
            notes.warned.append((utterance.id, fault.reason, fault.detail))
        u = number[utterance.id]
        rows.append((utterance, u, features.frames[u], labels[utterance.id]))
    return rows
