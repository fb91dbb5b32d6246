"""The record of an output folder: its identity, configuration, counts and drops.

Identity = the step's argv + the content of its YAML + the ids of its inputs + its version (registry.py).
nj, devices and back-ends are in the environment and never count.
"""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Any

from .config import read_yaml
from .errors import UserError
from .files import TEMPORARY, read_json, write_json, write_text
from .registry import PACKAGE, declared

RECORD = "record.json"
DROPPED = "dropped.tsv"
TIMES = "times.json"
UNFINISHED = "unfinished"
BOOKKEEPING = {RECORD, DROPPED, TIMES, ".lock", "log", "shards"}
ASIDE = ".aside-"
DISPENSABLE = {"checkpoints", "tensorboard"}  # not read once their step is done
MANY_FILES = 1000  # of a folder with more files, only the folder is recorded
PATHS = ("--in", "--out", "--config")


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
    name = ""
    for i, part in enumerate(parts):
        if part.startswith("--"):
            name = part
        elif name in PATHS and part:
            parts[i] = str(Path(part))  # keeps `..`, whose meaning may depend on a link
    return parts


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def holder(path: Path) -> Path | None:
    """The nearest folder at or above `path` with a record."""
    for folder in (path, *path.parents):
        if (folder / RECORD).is_file():
            return folder
    return None


def input_id(path: Path, out: Path) -> str:
    """Id of an input: that of its record, else of its raw files by path, size and time of change.

    Files in `out` do not count: a corpus folder may hold the output made from it.
    """
    folder = holder(path)
    if folder:
        record = read_record(folder)
        return f"{record['id']}/{path.relative_to(folder)}" if record["state"] == "done" else UNFINISHED
    if not path.exists():
        return "missing"
    return "raw:" + _raw_id(path.resolve(), out.resolve())


def is_output(folder: Path, out: Path) -> bool:
    """True if `folder` is `out`, or an earlier `out` set aside by --fresh. Both are resolved paths."""
    return folder == out or (folder.parent == out.parent and folder.name.startswith(out.name + ASIDE))


def forget() -> None:
    """Forget the cached ids of raw files."""
    _raw_id.cache_clear()


@cache
def _raw_id(path: Path, out: Path) -> str:
    """Files below a folder. Links are followed; each folder is entered once, so that loops end."""
    state, entered = hashlib.sha256(), set()
    folders = os.walk(path, followlinks=True) if path.is_dir() else [(str(path.parent), [], [path.name])]
    for folder, names, files in folders:
        real = os.path.realpath(folder)
        if real in entered or is_output(Path(real), out):
            names.clear()
            continue
        entered.add(real)
        names.sort()
        for name in sorted(files):
            file = os.path.join(folder, name)
            stat = os.stat(file) if os.path.exists(file) else os.lstat(file)  # a dangling link
            row = f"{os.path.relpath(folder, path)}/{name}\0{stat.st_size}\0{stat.st_mtime_ns}\n"
            state.update(row.encode(errors="surrogateescape"))
    return state.hexdigest()[:16]


def identity(argv: list[str], input_id: Callable[[Path, Path], str] = input_id) -> dict[str, str]:
    """Named parts of the identity of the output of `argv`; argv[0] is the step.

    `input_id` gives the id of an input: by default of the files on disk; a recipe's table also knows the id of
    an output that a stage has yet to make.
    """
    step = declared(argv[0])
    parts = {"command": json.dumps(_counted(argv, step.free), ensure_ascii=False)}
    if "/" in argv[0]:
        script = Path(argv[0])
        parts[argv[0]] = digest(script.read_bytes()) if script.is_file() else "missing"
    else:
        parts["VERSION"] = str(step.version)
    for name in flag(argv, "--config"):
        parts[name] = _config_id(Path(name), step.reads)
    for name in flag(argv, "--in"):
        parts[f"input {name}"] = input_id(Path(name), Path(flag(argv, "--out")[0]))
    return parts


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
    counted = {name: value for name, value in tree.items() if not sections or name in sections}
    return digest(json.dumps(counted, ensure_ascii=False).encode())


def identity_id(parts: dict[str, str]) -> str:
    return digest(json.dumps(parts, sort_keys=True).encode())


@dataclass(frozen=True)
class Status:
    """State of an output: missing, partial, stale or done; `why` says what changed."""

    state: str
    why: str = ""


def status(argv: list[str], input_id: Callable[[Path, Path], str] = input_id) -> Status:
    """State of the output of `argv`, compared with what `argv` would make now."""
    path = Path(flag(argv, "--out")[0]) / RECORD
    if not path.is_file():
        return Status("missing")
    try:
        record = read_record(path.parent)
    except UserError as e:
        return Status("stale", f"{path} is {e.what}")
    folder, was, now = path.parent, record["parts"], identity(argv, input_id)
    changed = [k for k in now if was.get(k) != now[k]] + [k for k in was if k not in now]
    if "command" in changed:  # the command names the inputs and configs added or removed
        changed = [k for k in changed if k in was and k in now]
    if changed and record["state"] == "running" and _bare(folder):
        return Status("missing", "begun in another way, with nothing made")
    if changed:
        return Status("stale", "changed: " + ", ".join(_change(part, was.get(part), now.get(part)) for part in changed))
    gone = [name for name in record.get("made", []) if not (folder / name).exists()]
    if gone:
        return Status("partial", f"gone: {', '.join(str(folder / name) for name in gone)}; it is made again")
    return Status("done") if record["state"] == "done" else Status("partial", "begun: goes on where it stopped")


def _bare(folder: Path) -> bool:
    """True if a step that was begun in `folder` has no output yet that would be lost."""
    shards = folder / "shards"
    made = [p for p in (shards.iterdir() if shards.is_dir() else ()) if not p.name.endswith(TEMPORARY)]
    return not made and {p.name for p in folder.iterdir() if not p.name.endswith(TEMPORARY)} <= BOOKKEEPING


def refuse_foreign(out: Path) -> None:
    """Raise UserError for a folder with files of the user: they would count as output, and move with it."""
    if not out.is_dir() or (out / RECORD).is_file():
        return
    files = sorted(p.name for p in out.iterdir() if not p.name.startswith(".") and not p.name.endswith(TEMPORARY))
    if files := [name for name in files if name not in BOOKKEEPING]:
        raise UserError(
            f"{out} holds files that are not of this step: {', '.join(files[:3])}{' ...' if files[3:] else ''}",
            "--out",
            f"name a folder of its own, or move them away; an output without its {RECORD} is redone with --fresh STAGE",
        )


def _contents(out: Path) -> list[str]:
    """Files of a finished step, as relative paths; of a large folder only the folder itself."""
    names: list[str] = []
    for path in sorted(p for p in out.iterdir() if p.name not in {RECORD, ".lock", "log", "shards", *DISPENSABLE}):
        if path.name.endswith(TEMPORARY):
            continue
        inside = list(islice(path.rglob("*"), MANY_FILES + 1)) if path.is_dir() else []
        names += [str(p.relative_to(out)) for p in [path, *(inside if len(inside) <= MANY_FILES else [])]]
    return sorted(names)


def _change(part: str, was: str | None, now: str | None) -> str:
    """Name of a changed part; for a command, the words that differ."""
    if part != "command" or was is None or now is None:
        return part
    old, new = json.loads(was), json.loads(now)
    words = [shlex.join(w for w in mine if w not in theirs) or "nothing" for mine, theirs in ((old, new), (new, old))]
    return f"command (from {words[0]} to {words[1]})"


def begin(argv: list[str], out: Path) -> dict[str, str]:
    """Write the identity before the first byte of output, so that an incomplete folder is recognised.

    Returns its parts for `finish`, so that edits made while the step runs do not change its identity.
    Raises UserError for an incomplete input.
    """
    parts = identity(argv)
    for name, value in parts.items():
        if value == UNFINISHED:
            raise UserError(f"{name} is not finished", name, "let the step that makes it run to its end first")
    write_json(out / RECORD, {"state": "running", "id": identity_id(parts), "parts": parts})
    return parts


def finish(
    parts: dict[str, str], out: Path, config: dict[str, Any], counts: dict[str, float], ledger: Ledger, seconds: float
) -> None:
    """Mark `out` as complete: write the ledger, the file of times, and last the record."""
    ledger.write(out / DROPPED)
    write_json(out / TIMES, {"seconds": round(seconds, 2)})
    record = {"state": "done", "id": identity_id(parts), "parts": parts, "config": config, "commit": commit()}
    write_json(out / RECORD, {**record, "counts": counts, "dropped": ledger.reasons(), "made": _contents(out)})


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
    """Dropped utterances: one row each with stage, reason (a category) and detail."""

    stage: str
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)

    def drop(self, id: str, reason: str, detail: str = "") -> None:
        """Note that utterance `id` is dropped. `reason` is a short category that can be counted."""
        self.rows.append((id, self.stage, reason, " ".join(detail.split())))

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
