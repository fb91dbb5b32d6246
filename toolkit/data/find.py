"""Find data directories of this recipe and of others, and make their audio paths valid from here."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

from ..core.errors import UserError
from .kaldi import WAV, DataDir
from .roles import TRAINING, is_held_out, is_training


def data_dirs(folder: Path) -> list[Path]:
    """The folder itself, if it is a data directory, else those in it. Raises UserError if there is none."""
    if (folder / WAV).is_file():
        return [folder]
    paths = sorted(path.parent for path in folder.glob(f"*/{WAV}") if path.is_file())
    if not paths:
        message = "no data directory is here (none has a wav.scp)"
        raise UserError(message, str(folder), "name a folder that a data stage has made")
    return paths


def matching(names: Collection[str], patterns: Iterable[str], where: str) -> list[str]:
    """Names of the sets that match one of the patterns, in their order.

    Args:
        where: the field with the patterns, for the error.

    Raises UserError for a name that no set has, and if no set matches any pattern.
    """
    patterns = list(patterns)
    fits = {pattern: any(_fits(name, pattern) for name in names) for pattern in patterns}
    for pattern in patterns:
        if not fits[pattern] and (not any(fits.values()) or not any(c in pattern for c in "*?[")):
            raise UserError(f"no set is called {pattern}", where, _offered(names, pattern))
    return [name for name in names if fits_any(name, patterns)]


def _offered(names: Iterable[str], pattern: str) -> str:
    """A remedy that names the sets; to train on, only those that are not held out."""
    offered = sorted({name for name in names if pattern != TRAINING or not is_held_out(name)})
    if offered:
        return f"name one or more of {', '.join(offered)}"
    return f"{', '.join(sorted(set(names)))} are held out, none is to train on: what became of it in the data stage?"


def fits_any(name: str, patterns: Iterable[str]) -> bool:
    """True if the name of a set matches one of the patterns; `*train*` matches the names of training sets alone."""
    return any(_fits(name, pattern) for pattern in patterns)


def _fits(name: str, pattern: str) -> bool:
    return is_training(name) if pattern == TRAINING else fnmatchcase(name, pattern)


def read_from_here(path: Path, allow_pipes: bool = False) -> DataDir:
    """A data directory whose audio paths, relative to its own recipe, are made valid from the working directory."""
    data = DataDir.read(path, allow_pipes)
    if not is_elsewhere(path):
        return data
    home = recipe_of(path)
    assert home

    def moved(source: str) -> str:
        return source if source.startswith("/") or source.endswith("|") else os.path.relpath(home / source)

    wav = {rec: moved(source) for rec, source in data.tables[WAV].items()}
    moved_utterances = [replace(u, path=moved(u.path)) for u in data.utterances]
    return DataDir(path, {**data.tables, WAV: wav}, moved_utterances, data.renamed)


def is_elsewhere(path: Path) -> bool:
    """True if a data directory belongs to another recipe."""
    return recipe_of(path) not in (None, Path.cwd())


def recipe_of(path: Path) -> Path | None:
    return next((folder for folder in path.resolve().parents if (folder / "run.sh").is_file()), None)
