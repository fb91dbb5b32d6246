"""What the history of a data directory says about it: whether it is trained on, and by which limits it is judged.

Names and records alone decide, so all steps that decode a set decide alike, without a word to each other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.record import flag, read_record, root_of, within
from .corpora.segments import trains
from .judge import Limits
from .kaldi import WAV

# Fields of a data stage's `limits` or `take` that later steps read.
JUDGED = ("silent_dbfs", "max_clipped", "min_letters_per_second", "max_letters_per_second")
SECTIONS = ("limits", "take")
DRAWS = "data.sample"  # the step whose output is called otherwise than the sets that it draws from


@dataclass(frozen=True)
class Rules:
    """How the recordings of a set are judged.

    Attributes:
        trains: True: what is at fault is left out; False: it is kept, with a warning.
        limits: what counts as silent, as clipped, as too fast or too slow.
        texts: utterance id -> transcript, of those that have one.
    """

    trains: bool
    limits: Limits
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)


def rules_of(folder: Path, trained: bool | None = None, texts: Mapping[str, str] | None = None) -> Rules:
    """The rules for a data directory. `trained`: whether it is trained on, where the step knows that."""
    return Rules(is_trained_on(folder) if trained is None else trained, limits_of(folder), texts or {})


def is_trained_on(folder: Path) -> bool:
    """True if a data directory is a training set by its name, or was drawn from training sets alone."""
    if trains(folder.absolute().name):
        return True
    home = _home(folder)
    record = read_record(home) if home else {}
    if home is None or _command(record)[0] != DRAWS:
        return False
    named = [path.name for path in _inputs(home, record) if (path / WAV).is_file()]
    names = named or list(record.get("config", {}).get("sets", ()))
    return bool(names) and all(trains(name) for name in names)


def limits_of(folder: Path) -> Limits:
    """The limits that the data stage of a set was given: of several sets that were joined, the loosest.

    Without a record, or with one that names none, the defaults.
    """
    stated = list(_stated(folder, 8))
    if not stated:
        return Limits()
    fastest = [one.max_letters_per_second for one in stated]
    return replace(
        Limits(),
        silent_dbfs=min(one.silent_dbfs for one in stated),
        max_clipped=max(one.max_clipped for one in stated),
        min_letters_per_second=min(one.min_letters_per_second for one in stated),
        max_letters_per_second=max(fastest) if all(fastest) else 0.0,
    )


def _stated(folder: Path, depth: int) -> Iterator[Limits]:
    """Limits in the records above a folder, and above the inputs of steps that state none."""
    home = _home(folder)
    if home is None or not depth:
        return
    record = read_record(home)
    config = record.get("config", {})
    for section in (config[name] for name in SECTIONS if isinstance(config.get(name), dict)):
        given = {f.name: section[f.name] for f in fields(Limits) if f.name in JUDGED and f.name in section}
        yield replace(Limits(), **given)
        return
    for path in _inputs(home, record):
        yield from _stated(path, depth - 1)


def _home(folder: Path) -> Path | None:
    """The output that holds a folder, also through a link."""
    place = within(folder.absolute())
    return place[0] if place else None


def _command(record: dict[str, Any]) -> list[str]:
    words: list[str] = json.loads(record["parts"]["command"])
    return words


def _inputs(home: Path, record: dict[str, Any]) -> list[Path]:
    """Inputs of the step that made a folder, as far as they are there."""
    root = root_of(home, record)
    names = flag(_command(record), "--in") if root else []
    return [path for name in names if root and (path := root / name).exists()]
