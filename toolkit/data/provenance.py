"""What the history of a data directory says about it: its corpora, if it is trained on, by which limits it is judged.

Names, records and what is stated in judged.json decide, so all steps that decode a set decide alike, without a word to
each other: `{"trained": true, "limits": {"silent_dbfs": -75}}`, any part of which may be left out.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.files import read_json, write_json
from ..core.record import RECORD, command_of, flag, inputs_of, read_record, root_of, within
from .decided import DECIDES, DEEPEST
from .find import fits_any
from .judge import Limits
from .kaldi import WAV
from .roles import is_held_out, trains

# Fields of a data stage's `limits` or `take` that later steps read.
JUDGED = ("silent_dbfs", "max_clipped", "min_letters_per_second", "max_letters_per_second")
SECTIONS = ("limits", "take")
SEPARATES = "data.contamination"  # the step that a recipe tells which sets it trains on
FOLDERS = "data.corpora.folder"  # the step of recordings that are of no corpus that we know by name
SHOWN = 10  # sets that a line names
STATED = "judged.json"  # in a data directory without a record: how it is judged


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


def is_trained_on(folder: Path, depth: int = DEEPEST) -> bool:
    """True if a data directory is a training set.

    The first of these decides: what a person or `validate --fix` has stated (judged.json); the sets that a recipe
    trains on, as its data.contamination was told; the name; and for another name than that of a dev or test set, the
    sets that it was made from: all of them are training sets.
    """
    folder = folder.absolute()
    stated = _judged(folder).get("trained")
    if isinstance(stated, bool):
        return stated
    home = _home(folder)
    record = read_record(home) if home else {}
    if home and home != folder and command_of(record)[0] == SEPARATES and "train" in record.get("config", {}):
        return fits_any(folder.name, record["config"]["train"])
    if trains(folder.name) or home is None or is_held_out(folder.name) or not depth:
        return trains(folder.name)
    origins = list(_origins(home, record)) or [Path("/", name) for name in record.get("config", {}).get("sets", ())]
    return bool(origins) and all(is_trained_on(path, depth - 1) for path in origins)


def _origins(home: Path, record: dict[str, Any]) -> Iterator[Path]:
    """The data directories that a step has read, also those that are gone, by the patterns that have named them."""
    patterns = record.get("config", {}).get("sets", ())
    for path in inputs_of(home, record):
        if (path / WAV).is_file():
            yield path
        elif path.is_dir() and isinstance(patterns, list):
            names = [place.parent.name for place in sorted(path.glob(f"*/{WAV}"))]
            yield from (path / name for name in [n for n in names if fits_any(n, patterns)] or patterns)


def corpora_of(folder: Path, depth: int = DEEPEST) -> frozenset[str]:
    """The corpora that a data directory was made of, by the records of the steps between.

    A corpus is the name of its step (mgb2), or an absolute path: of recordings that data.corpora.folder reads, or of a
    folder of whose making no record is left.
    """
    home = _home(folder)
    try:
        record = read_record(home) if home else {}
    except UserError:  # whose record it is will say who reads it
        record = {}
    if not home or not record:
        return frozenset([os.path.realpath(folder)])
    step = command_of(record)[0]
    if step.startswith(DECIDES):
        root, inputs = root_of(home, record), flag(command_of(record), "--in")
        recordings = os.path.realpath(root / inputs[0] if root and inputs else home)
        return frozenset([recordings if step == FOLDERS else step.removeprefix(DECIDES)])
    sources = list(_sources(folder.absolute(), home, record)) if depth else []
    return frozenset().union(*(corpora_of(path, depth - 1) for path in sources)) or frozenset([os.path.realpath(home)])


def _sources(folder: Path, home: Path, record: dict[str, Any]) -> Iterator[Path]:
    """The data directories that one of an output may come from: of its name, else by the patterns of its step."""
    config = record.get("config", {})
    patterns = config.get("sets", config.get(folder.name))
    inputs, sets = inputs_of(home, record), list[Path]()
    for path in inputs[:1] if command_of(record)[0] == SEPARATES else inputs:  # the others are only compared with
        named = [one for one in (path, path / folder.name) if (one / WAV).is_file()]
        yield from named[:1]
        if not named and path.is_dir():
            sets += [place.parent for place in sorted(path.glob(f"*/{WAV}"))]
    asked = [one for one in sets if fits_any(one.name, patterns)] if isinstance(patterns, list) else []
    yield from asked or sets


def limits_of(folder: Path) -> Limits:
    """The limits that were stated for a set, in its judged.json or for its data stage: of several sets, the loosest.

    Where none are stated, the defaults. Raises UserError for a judged.json that cannot be used.
    """
    return _loosest(list(_stated(folder)))


def _loosest(stated: Sequence[Limits]) -> Limits:
    """The loosest of the limits; the defaults if there are none."""
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


def joined_limits(folders: Sequence[Path]) -> list[str]:
    """Warnings for sets that become one and are not judged alike: which limits hold for all, and who states them."""
    of_folders = {folder: list(_stated(folder)) for folder in folders}
    joined = _loosest([limits for stated in of_folders.values() for limits in stated])
    lines = []
    for name in JUDGED:
        values = {folder: getattr(_loosest(stated), name) for folder, stated in of_folders.items()}
        if len(set(values.values())) > 1:
            names = [f"{f.name} {v:g}" + " (default)" * (not of_folders[f]) for f, v in values.items()]
            rest = f", ... ({len(names)} in all)" * (len(names) > SHOWN)
            told = f"{', '.join(names[:SHOWN])}{rest}"
            lines.append(f"WARNING: {name} {getattr(joined, name):g} holds for all, the loosest that is stated: {told}")
    return lines


def state(folder: Path, origin: Path) -> None:
    """Write into a mended copy of `origin` how it is judged, and whether it is trained on: as `origin` is."""
    limits = {name: value for name, value in vars(limits_of(origin)).items() if name in JUDGED}
    write_json(folder / STATED, {"trained": is_trained_on(origin), "limits": limits})


def _judged(folder: Path) -> dict[str, Any]:
    """What judged.json in a data directory states; {} without one. Raises UserError for one that cannot be used."""
    if not (folder / STATED).is_file():
        return {}
    tree = read_json(folder / STATED)
    limits = tree.get("limits", {}) if isinstance(tree, dict) else None
    if not isinstance(limits, dict) or _odd(tree, limits):
        where, names = str(folder / STATED), ", ".join(JUDGED)
        raise UserError("it does not state how a set is judged", where, f'"trained": true or false, "limits": {names}')
    return dict(tree)


def _odd(tree: dict[str, Any], limits: dict[str, Any]) -> bool:
    """True if a judged.json has something else than numbers for JUDGED, and a truth value for `trained`."""
    numbers = all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in limits.values())
    fits = numbers and set(limits) <= set(JUDGED) and set(tree) <= {"trained", "limits"}
    return not (fits and isinstance(tree.get("trained", True), bool))


def _stated(folder: Path, depth: int = DEEPEST) -> Iterator[Limits]:
    """Limits of a folder or in the records above it, and above the inputs of steps that state none."""
    if "limits" in (own := _judged(folder)):
        yield _limits(own["limits"], folder / STATED)
        return
    home = _home(folder)
    if home is None or not depth:
        return
    record = read_record(home)
    config = record.get("config", {})
    for section in (config[name] for name in SECTIONS if isinstance(config.get(name), dict)):
        given = {f.name: section[f.name] for f in fields(Limits) if f.name in JUDGED and f.name in section}
        yield _limits(given, home / RECORD)
        return
    for path in inputs_of(home, record):
        named = path / folder.absolute().name
        below = [place.parent for place in sorted(path.glob(f"*/{STATED}"))] if path.is_dir() else []
        for source in [named] if (named / WAV).is_file() else [*below, path]:
            yield from _stated(source, depth - 1)


def _limits(given: Mapping[str, Any], place: Path) -> Limits:
    """The limits that are given, the rest by default. Raises UserError, at `place`, for a value out of its range."""
    try:
        return replace(Limits(), **given)
    except ValueError as e:
        raise UserError(str(e), str(place), "mend it there, or in the config of the step that made it") from None


def _home(folder: Path) -> Path | None:
    """The output that holds a folder, also through a link."""
    place = within(folder.absolute())
    return place[0] if place else None
