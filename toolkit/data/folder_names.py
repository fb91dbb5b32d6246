"""Names of folders that tell them apart: of A/data and B/data, A and B."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..core.errors import UserError
from .ids import safe


def set_names(paths: Sequence[Path], always: Collection[str] = ()) -> list[str]:
    """The name of each set: that of its folder, with the folder above in front if several have it: A_train.

    Args:
        always: names that get the folder above in front also if one set alone has them.
    """
    homes = [os.path.realpath(path.parent) for path in paths]
    above = names_of({home: _levels(Path(home)) for home in homes})
    places = {(home, path.name) for home, path in zip(homes, paths, strict=True)}
    clashes = {name for name, n in Counter(name for _, name in places).items() if n > 1 or name in always}
    return [
        f"{safe(above[home])}_{path.name}" if path.name in clashes else path.name
        for home, path in zip(homes, paths, strict=True)
    ]


def named_sets(paths: Sequence[Path], always: Collection[str] = ()) -> dict[str, Path]:
    """Name (see set_names) -> data directory; prints who is named by its folder. UserError for one named twice."""
    sets: dict[str, Path] = {}
    for name, path in zip(set_names(paths, always), paths, strict=True):
        if name in sets:
            raise UserError(f"two sets called {name}: {path} and {sets[name]}", "--in", "leave one of them out")
        sets[name] = path
    if named := [f"{name} is {path}" for name, path in sets.items() if name != path.name]:
        print("named by their folders:", *named, sep="\n  ")
    return sets


def _levels(home: Path) -> list[str]:
    """The names of a folder and of those above it; `data`, as every recipe calls it, is no name."""
    names = [*reversed(home.parts[1:])]
    return (names[1:] if names[:1] == ["data"] else names) or ["data"]


def names_of(levels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Key -> the first of its names, or the nearest that tell it from all others of that name, joined by `_`.

    So a name depends on how folders lie to each other, not on where they lie.

    Args:
        levels: key -> the name of a folder, then of the one that it lies in, and so on.
    """
    names = {key: of[0] for key, of in levels.items()}
    alike: set[str] = set()
    while more := {key for key in names if [*names.values()].count(names[key]) > 1} - alike:
        alike |= more
        names |= _telling({key: levels[key] for key in sorted(alike)})
    return names


def _telling(levels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Key -> its nearest names, without those that all have alike at one level."""
    alike = {i for i, names in enumerate(zip(*levels.values(), strict=False)) if len(set(names)) == 1}
    telling = {key: [name for i, name in enumerate(of) if i not in alike] or of[:1] for key, of in levels.items()}
    for depth in range(1, max(map(len, telling.values())) + 1):
        names = {key: "_".join(reversed(of[:depth])) for key, of in telling.items()}
        if len({*names.values()}) == len(names):
            break
    return names
