"""The record of an output folder: its identity, configuration, counts, digests and drops; its ledger beside it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import TEMPORARY, read_json, write_text
from .registry import PACKAGE

RECORD = "record.json"
DROPPED = "dropped.tsv"
TIMES = "times.json"
UNFINISHED = "unfinished"
BOOKKEEPING = {RECORD, DROPPED, TIMES, ".lock", "log", "shards"}
ASIDE = ".aside-"
DISPENSABLE = {"checkpoints", "tensorboard"}  # not read once their step is done
FORMAT = 2  # of a record; one without a number is of the first
PATHS = ("--in", "--out", "--config")
STAGE = "SAWT_STAGE"  # in the environment: the recipe's name of the stage that is run


def read_record(folder: Path) -> dict[str, Any]:
    """The record of an output folder. Raises UserError if it is damaged."""
    try:
        record: dict[str, Any] = read_json(folder / RECORD)
        if (
            record["state"] in ("running", "done")
            and isinstance(record["id"], str)
            and isinstance(record["parts"], dict)
            and isinstance(json.loads(record["parts"]["command"]), list)
            and isinstance(record.get("made", []), list)
        ):
            return record
    except (UserError, ValueError, KeyError, TypeError):
        pass
    raise UserError("not a record of this toolkit", str(folder / RECORD), f"move {folder} aside and rerun its stage")


def flag(argv: list[str], name: str) -> list[str]:
    """The values that follow `name` in argv, up to the next flag."""
    values, inside = [], False
    for word in argv[1:]:
        if word.startswith("--"):
            inside = word == name
        elif inside:
            values.append(word)
    return values


def separated(words: list[str]) -> list[str]:
    """`--name=value` as two words, and paths in one spelling (a/b for ./a//b/): one command has one identity."""
    parts = [part for word in words for part in (word.split("=", 1) if word.startswith("--") else [word])]
    # A Path keeps `..`, whose meaning may depend on a link.
    return [str(Path(part)) if name in PATHS and part not in ("", name) else part for name, part in flagged(parts)]


def flagged(words: Iterable[str]) -> Iterator[tuple[str, str]]:
    """(flag, word) for each word of a command: the flag that it follows; a flag is its own."""
    name = ""
    for word in words:
        name = word if word.startswith("--") else name
        yield name, word


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def holder(path: Path) -> Path | None:
    """The nearest folder at or above `path` with a record."""
    return next((folder for folder in (path, *path.parents) if (folder / RECORD).is_file()), None)


def within(path: Path) -> tuple[Path, str] | None:
    """(folder with a record, relative path in it) of a file or folder of an output, also through a link; else None."""
    for spelling in (path, Path(os.path.realpath(path))):
        if folder := holder(spelling):
            return folder, str(spelling.relative_to(folder))
    return None


def root_of(folder: Path, record: dict[str, Any]) -> Path | None:
    """Where the paths of an output's record begin: the folder of its recipe, wherever that is now.

    The working folder for an output that was named by an absolute path; None for one that was moved out of its recipe,
    or lies beside it (`--out ../x`).
    """
    out = (flag(command_of(record), "--out") or [""])[0]
    if os.path.isabs(out):
        return Path() if os.path.realpath(out) == os.path.realpath(folder) else None
    for here in (os.path.abspath(folder), os.path.realpath(folder)):
        if here.endswith(f"/{out}"):
            return Path(here.removesuffix(f"/{out}"))
    return None


def command_of(record: dict[str, Any]) -> list[str]:
    """The step that made an output, and its flags."""
    words: list[str] = json.loads(record["parts"]["command"])
    return words


def inputs_of(folder: Path, record: dict[str, Any]) -> list[Path]:
    """Inputs of the step that made an output, as far as they are there."""
    root = root_of(folder, record)
    names = flag(command_of(record), "--in") if root else []
    return [path for name in names if root and (path := root / name).exists()]


def is_output(folder: Path, out: Path) -> bool:
    """True if `folder` is `out`, or an earlier `out` set aside by --fresh. Both are resolved paths."""
    return folder == out or (folder.parent == out.parent and folder.name.startswith(out.name + ASIDE))


def aside(out: str) -> str:
    """The first free name beside `out` for an earlier output."""
    return next(name for k in range(1, 10**6) if not Path(name := f"{out}{ASIDE}{k}").exists())


def without_record(out: Path) -> list[str]:
    """Names of files in a folder that has no record: of the user, or of an output that lost it."""
    if not out.is_dir() or (out / RECORD).is_file():
        return []
    files = sorted(p.name for p in out.iterdir() if not p.name.startswith(".") and not p.name.endswith(TEMPORARY))
    return [name for name in files if name not in BOOKKEEPING]


def refuse_foreign(out: Path) -> None:
    """Raise UserError for a folder with files of the user: they would count as output, and move with it."""
    if files := without_record(out):
        raise UserError(
            f"{out} holds files that are not of this step: {', '.join(files[:3])}{' ...' if files[3:] else ''}",
            "--out",
            f"name a folder of its own, or move them away; an output that lost its {RECORD}: {fresh_flag()}",
        )


def fresh_flag() -> str:
    """The option of a recipe that redoes the stage at hand."""
    return f"--fresh {os.environ.get(STAGE, 'STAGE')}"


@cache
def commit() -> str:
    """Commit of the toolkit, with a + if its files differ from it; `unknown` outside git."""
    try:
        described = subprocess.run(
            ["git", "-C", str(PACKAGE), "describe", "--always", "--dirty=+", "--exclude=*"],
            capture_output=True,
            text=True,
        )
    except OSError:  # no git, or no more processes: the work itself is done
        return "unknown"
    return described.stdout.strip() or "unknown"


@dataclass
class Ledger:
    """Dropped utterances: one row each with stage, reason (a category) and detail.

    Attributes:
        of_sets: set -> (id, reason, detail) of the rows that were to become utterances of it, so far as it is known.
    """

    stage: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    of_sets: dict[str, list[tuple[str, str, str]]] = field(default_factory=dict)

    def drop(self, id: str, reason: str, detail: str = "", set: str = "") -> None:
        """Note that utterance `id` is dropped. `reason` is a short category that can be counted."""
        self.rows.append((id, self.stage, reason, " ".join(detail.split())))
        if set:
            self.of_sets.setdefault(set, []).append((id, reason, detail))

    def merge(self, path: Path) -> None:
        """Add the rows of a shard's ledger."""
        self.rows += read_ledger(path)

    def reasons(self) -> dict[str, int]:
        return dict(sorted(Counter(row[2] for row in set(self.rows)).items()))

    def write(self, path: Path) -> None:
        write_text(path, "".join("\t".join(row) + "\n" for row in sorted(set(self.rows))))


def read_ledger(path: Path) -> list[tuple[str, str, str, str]]:
    """Rows (id, stage, reason, detail) of a dropped.tsv."""
    rows: Iterable[list[str]] = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return [(a, b, c, d) for a, b, c, d in rows]
