"""Identity of an output: the step's argv + its configs' values + the ids of its inputs + its version (registry.py).

nj, devices and back-ends are in the environment and never count. Paths in the recipe count relative to it, others by
their real path, so that another spelling or a moved recipe changes nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from . import contents
from .config import read_yaml
from .contents import Contents, FileRow, Stamp
from .errors import UserError
from .record import PATHS, digest, flag, flagged, is_output, read_record, within
from .registry import declared

UNFINISHED = "unfinished"
RAW = "raw:"
InputId = Callable[[Path, Path], str]  # id of an input (first) of an output (second)


def identity(
    argv: list[str], input_id: InputId | None = None, spelling: Callable[[str], str] | None = None
) -> dict[str, str]:
    """Named parts of the identity of the output of `argv`; argv[0] is the step.

    Args:
        input_id: gives the id of an input: by default of the files on disk; a recipe's table also knows the id of an
            output that a stage has yet to make.
        spelling: gives the spelling of a path that counts; default: `place`.
    """
    step, id_of, spelt = declared(argv[0]), input_id or id_of_input, spelling or place
    parts = {"command": json.dumps(_spelt(_counted(argv, step.free), spelt), ensure_ascii=False)}
    if "/" in argv[0]:
        script = Path(argv[0])
        parts[argv[0]] = digest(script.read_bytes()) if script.is_file() else "missing"
    else:
        parts["VERSION"] = str(step.version)
    for name in flag(argv, "--config"):
        parts[spelt(name)] = _config_id(Path(name), step.reads)
    for name in flag(argv, "--in"):
        parts[f"input {spelt(name)}"] = id_of(Path(name), Path(flag(argv, "--out")[0]))
    return parts


def identity_id(parts: dict[str, str]) -> str:
    return digest(json.dumps(parts, sort_keys=True).encode())


def place(path: str) -> str:
    """The spelling of a path that counts: relative to the working folder, the recipe's, or the real path.

    `dump/one`, `exp/../dump/one` and the absolute path are one. A link in the recipe counts by its own name, so that
    `dump` may move to another disk. A config or an output of another recipe counts by its way from here, such as
    `../star/exp`, as both move together. Other corpora count by their real path.
    """
    return _place(path, os.getcwd()) if path else path


@cache
def _place(path: str, here: str) -> str:
    spelling = os.path.join(here, path)
    for folder, inner in ((here, spelling), (os.path.realpath(here), os.path.realpath(spelling))):
        if ".." not in Path(inner).parts and (inner == folder or inner.startswith(folder.rstrip("/") + "/")):
            return os.path.relpath(inner, folder)
    real = os.path.realpath(spelling)
    return (
        os.path.relpath(real, os.path.realpath(here))
        if path.endswith((".yaml", ".yml")) or within(Path(real))
        else real
    )


def _spelt(argv: list[str], spelling: Callable[[str], str]) -> list[str]:
    """The words of `argv`, its paths as they count."""
    return [spelling(word) if name in PATHS and word != name else word for name, word in flagged(argv)]


def _counted(argv: list[str], free: tuple[str, ...]) -> list[str]:
    """The words of `argv` that are identity: all but the flags in `free` and their values."""
    kept, skip = [], False
    for word in argv:
        if word.startswith("--"):
            skip = word.split("=")[0][2:].replace("-", "_") in free
        if not skip:
            kept.append(word)
    return kept


def _config_id(path: Path, sections: tuple[str, ...]) -> str:
    """Digest of the config's values that the step reads, in order; comments and other sections do not count."""
    if not path.is_file():
        return "missing"
    try:
        tree = read_yaml(path)
    except UserError:  # reported when the step runs
        return digest(path.read_bytes())
    values = {name: value for name, value in tree.items() if not sections or name in sections}
    return digest(json.dumps(values, ensure_ascii=False).encode())


def id_of_input(path: Path, out: Path) -> str:
    """Id of an input: that of its record, with the edits made to it since; else of its raw files.

    Of raw files, tables count by their digest, others by size and time of change. Files in `out` do not count: a corpus
    folder may hold the output made from it.
    """
    if inside := within(path):
        folder, rel = inside
        record = read_record(folder)
        if record["state"] != "done":
            return UNFINISHED
        return f"{record['id']}/{rel}{Contents(folder, record).differences().suffix(rel)}"
    if not path.exists():
        return "missing"
    return RAW + raw_files(path, out)[0]


def raw_files(path: Path, out: Path) -> tuple[str, dict[str, FileRow]]:
    """(id, tables) of the raw files at or below `path`, an input of `out`."""
    contents.remember(contents.times_of(out, "inputs"))
    return _raw_files(os.path.realpath(path), os.path.realpath(out))


@cache
def _raw_files(path: str, out: str) -> tuple[str, dict[str, FileRow]]:
    state, tables = hashlib.sha256(), {}
    for name, file, stamp in walk(path, out):
        row = f"{name}\0{stamp[0]}\0{stamp[1]}\n"
        if contents.is_table(name) and stamp[0] <= contents.LARGEST_TABLE and os.access(file, os.R_OK):
            tables[file] = *stamp, contents.digest_of(file, stamp)
            row = f"{name}\0{tables[file][2]}\n"
        state.update(row.encode(errors="surrogateescape"))
    return state.hexdigest()[:16], tables


def walk(path: str, out: str) -> Iterator[tuple[str, str, Stamp]]:
    """(relative name, path, stamp) of the raw files at or below a real path, in order; not those of the output `out`.

    Links are followed; each folder is entered once, so that loops end.
    """
    entered = set()
    single: list[tuple[str, list[str], list[str]]] = [(os.path.dirname(path), [], [os.path.basename(path)])]
    for folder, names, files in os.walk(path, followlinks=True) if os.path.isdir(path) else single:
        real = os.path.realpath(folder)
        if real in entered or is_output(Path(real), Path(out)):
            names.clear()
            continue
        entered.add(real)
        names.sort()
        for name in sorted(files):
            file = os.path.join(folder, name)
            stat = os.stat(file) if os.path.exists(file) else os.lstat(file)  # a dangling link
            yield f"{os.path.relpath(folder, path)}/{name}", file, (stat.st_size, stat.st_mtime_ns)


def forget() -> None:
    """Forget the cached ids of raw files, and where paths lead."""
    _raw_files.cache_clear()
    _place.cache_clear()
