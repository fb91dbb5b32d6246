"""The files of an output as its step left them, so that an edit or damage is seen.

record.json holds their names, `made`; times.json, beside it because two equal runs differ there, holds `files`: name ->
[size, time of change in ns, SHA-256 in 16 digits]. A file of that size and time is not read again. Tables that people
mend by hand, a transcript for one, may be edited; any other file that differs is changed, and its output is not what
its step made. So is one without a whole times.json: nobody knows what was done to it. Tables in raw inputs are kept
likewise in times.json of their reader, under `inputs`.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import TEMPORARY, read_json, sha256_of
from .progress import Progress
from .record import BOOKKEEPING, DISPENSABLE, RECORD, TIMES, holder, read_record

MANY_FILES = 1000  # of a folder with more files, only the folder is recorded
LARGEST_TABLE = 1 << 30  # bytes; a larger raw file counts by size and time
SLOW_BYTES = 4 << 30  # from here on, hashing shows a bar
TABLES = {".csv", ".ctm", ".hyp", ".json", ".jsonl", ".md", ".ref", ".scp", ".srt", ".stm", ".tsv", ".txt", ".vtt"}
TABLES |= {".yaml", ".yml"}
FIGURES = {".json", ".md", ".yaml", ".yml"}  # tables that a step's figures and settings are in: nobody mends them
UNKNOWN = "unknown"
AGAIN = "restore it from a copy, or make {} again: ./run.sh --list names its stage, --fresh STAGE redoes it"
Stamp = tuple[int, int]  # size in bytes, time of change in ns
FileRow = tuple[int, int, str]  # those, and the digest

_digests: dict[tuple[str, Stamp], str] = {}  # of files that were read, or that a times.json tells of


def is_table(name: str) -> bool:
    """True if a file of this name is a table that a person may edit: by its ending; Kaldi's tables have none."""
    ending = os.path.splitext(name)[1]
    return ending in TABLES or (not ending and not os.path.basename(name).startswith("."))


def is_editable(name: str) -> bool:
    """True if a file of this name in an output may be mended by hand: a list of texts, names or labels."""
    return is_table(name) and os.path.splitext(name)[1] not in FIGURES


def stamp_of(path: str) -> Stamp:
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns


def digest_of(path: str, stamp: Stamp) -> str:
    """SHA-256 of a file, 16 digits; a file of the same name, size and time is read once."""
    key = (os.path.abspath(path), stamp)
    if key not in _digests:
        _digests[key] = sha256_of(path)[:16]
    return _digests[key]


def times_of(out: Path, part: str) -> dict[str, FileRow]:
    """`files` or `inputs` of times.json; empty if there are none, or the file is damaged."""
    if not (out / TIMES).is_file():
        return {}
    try:
        rows = read_json(out / TIMES).get(part, {})
        return {str(name): (int(size), int(changed), str(digest)) for name, (size, changed, digest) in rows.items()}
    except (UserError, TypeError, ValueError, AttributeError, OverflowError):
        return {}


def remember(inputs: Mapping[str, FileRow]) -> None:
    """Take over digests of raw tables."""
    for path, (size, changed, digest) in inputs.items():
        _digests.setdefault((path, (size, changed)), digest)


def names_of(out: Path) -> list[str]:
    """Names of what a finished step left, as relative paths; of a large folder only the folder itself."""
    names: list[str] = []
    for path in sorted(p for p in out.iterdir() if p.name not in {RECORD, ".lock", "log", "shards", *DISPENSABLE}):
        if path.name.endswith(TEMPORARY):
            continue
        inside = list(islice(path.rglob("*"), MANY_FILES + 1)) if path.is_dir() else []
        names += [str(p.relative_to(out)) for p in [path, *(inside if len(inside) <= MANY_FILES else [])]]
    return sorted(names)


def file_rows(out: Path, names: Iterable[str], tables_alone: bool) -> dict[str, FileRow]:
    """Name -> (size, time of change, digest) of the files among `names`.

    Args:
        tables_alone: only tables get a digest, as what a script fetches may be large; other files have "".
    """
    files = [name for name in names if name not in BOOKKEEPING and os.path.isfile(out / name)]
    stamps = {name: stamp_of(f"{out}/{name}") for name in files}
    hashed = [name for name in files if not tables_alone or is_table(name)]
    total = sum(stamps[name][0] for name in hashed)
    rows = {name: (*stamps[name], "") for name in files}
    bar = Progress(f"digests of {out.name}", total / 1e6, "MB") if total >= SLOW_BYTES else None
    with bar or nullcontext(), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as threads:
        values = threads.map(lambda name: digest_of(f"{out}/{name}", stamps[name]), hashed)
        for name, value in zip(hashed, values):
            rows[name] = *stamps[name], value
            if bar:
                bar.add(stamps[name][0] / 1e6)
    return rows


@dataclass(frozen=True)
class Differences:
    """How the files of a finished output differ from what its step left.

    Attributes:
        gone: files and folders that are not there any more.
        damaged: files that are empty or cut short, and tables with a NUL.
        edited: table -> its digest now, or size and time if it has no digest; a table that was added to a data
            directory counts too.
        changed: other file -> the same; times.json -> UNKNOWN if it is gone, damaged or not whole.
    """

    gone: tuple[str, ...] = ()
    damaged: tuple[str, ...] = ()
    edited: dict[str, str] = field(default_factory=dict)
    changed: dict[str, str] = field(default_factory=dict)

    def told(self) -> str:
        """What was changed, else what was edited, in words; "" if nothing was."""
        if TIMES in self.changed:
            return f"{TIMES} is gone, damaged or not whole, so nobody knows what was edited"
        if self.changed:
            return f"not as its step left it: {', '.join(self.changed)}"
        return f"edited: {', '.join(self.edited)}" if self.edited else ""

    def below(self, rel: str) -> dict[str, str]:
        """The edited and changed files at or below the relative path `rel`."""
        every = self.edited | self.changed
        return {
            name: now
            for name, now in every.items()
            if rel in (".", name) or name == TIMES or name.startswith(f"{rel}/")
        }

    def suffix(self, rel: str) -> str:
        """What edits at or below `rel` add to the identity of the output; "" without one."""
        edited = self.below(rel)
        return "+" + hashlib.sha256(json.dumps(sorted(edited.items())).encode()).hexdigest()[:16] if edited else ""


class Contents:
    """What is recorded of the files of a finished output."""

    def __init__(self, folder: Path, record: Mapping[str, Any]) -> None:
        self.folder, self.made = folder, record.get("made", [])
        self.dated = "format" in record  # a record of the first format knows no edits

    @cached_property
    def files(self) -> dict[str, FileRow]:
        """Recorded size, time and digest of each file; none if the file that has them is gone or damaged."""
        return times_of(self.folder, "files")

    def differences(self) -> Differences:
        """Compare the files on the disk with the record; a file of the recorded size and time is not read."""
        gone, damaged, edited = [], [], {}
        changed: dict[str, str] = dict.fromkeys([TIMES] if self.without_rows() else [], UNKNOWN)
        for name in self.made:
            path = f"{self.folder}/{name}"
            try:
                stamp = stamp_of(path)
            except OSError:
                gone += [name] if name != TIMES else []
                continue
            size, time, digest = self.files.get(name, (*stamp, ""))
            if stamp == (size, time):
                continue
            now = "" if os.path.isdir(path) else digest_of(path, stamp) if digest else f"{stamp[0]} {stamp[1]}"
            if now and now == digest:
                continue
            if not now or _is_damaged(path, stamp[0], size):
                damaged.append(name)
            elif is_editable(name) or not digest:
                edited[name] = now
            else:
                changed[name] = now
        for name in self._added():
            edited[name] = digest_of(f"{self.folder}/{name}", stamp_of(f"{self.folder}/{name}"))
        return Differences(tuple(gone), tuple(damaged), edited, changed)

    def without_rows(self) -> list[str]:
        """Files of the output that times.json does not tell of: it is gone, damaged or not whole."""
        names = [name for name in self.made if self.dated and name not in BOOKKEEPING and name not in self.files]
        return [name for name in names if os.path.isfile(self.folder / name)]

    def wrong(self) -> list[tuple[str, str]]:
        """(name, what is wrong) of the files that differ, each read to its end."""
        rows = [(name, "it is gone") for name in self.made if not os.path.exists(self.folder / name)]
        rows += [(name, f"its digest is not in {TIMES}") for name in self.without_rows()]
        for name, (size, _, was) in self.files.items():
            path = self.folder / name
            if not path.is_file():
                rows += [(name, "it is no file")] if path.exists() else []
            elif was and (now := sha256_of(path)[:16]) != was:
                rows.append((name, f"digest {now}, recorded {was}"))
            elif not was and path.stat().st_size != size:
                rows.append((name, f"{path.stat().st_size} bytes, recorded {size}"))
        return rows + [(name, "added since") for name in self._added()]

    def _added(self) -> list[str]:
        """Tables in data directories of the output that the step did not make."""
        known = set(self.made)
        folders = [name.removesuffix("wav.scp") for name in known if name == "wav.scp" or name.endswith("/wav.scp")]
        names = [
            folder + entry.name
            for folder in folders
            if os.path.isdir(self.folder / folder)
            for entry in os.scandir(self.folder / folder)
            if is_table(entry.name) and not entry.name.endswith(TEMPORARY) and entry.is_file()
        ]
        return sorted(name for name in names if name not in known and name not in BOOKKEEPING)


def _is_damaged(path: str, size: int, was: int) -> bool:
    """True if a file that differs was cut short, or holds a NUL: what a full disk or a killed copy leaves.

    A table that is shorter and still ends as a table does has been edited.
    """
    if not size or (size < was and not is_table(path)):
        return True
    if not is_table(path):
        return False
    if size < was and path.endswith(".json"):
        try:
            read_json(Path(path))
        except UserError:
            return True
        return False
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return data.find(b"\0") >= 0 or (size < was and data[-1:] != b"\n")


def refuse_damaged(path: Path) -> None:
    """Raise UserError if a file that a step wrote is not as it was written; for what is loaded whole.

    Files without a record, such as a foreign model, pass.
    """
    folder = holder(path)
    if folder is None or (record := read_record(folder))["state"] != "done":
        return
    *_, was = Contents(folder, record).files.get(str(path.relative_to(folder)), ("",))
    if was and digest_of(str(path), stamp_of(str(path))) != was:
        raise UserError("its bytes are not those that its step wrote", str(path), AGAIN.format(folder))
