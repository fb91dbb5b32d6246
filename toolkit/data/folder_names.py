"""Names of folders that tell them apart: of A/data and B/data, A and B."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


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
