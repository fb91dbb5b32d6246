"""Files that are either complete or absent, and locks that end with their process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .errors import UserError

TEMPORARY = ".tmp"
_locks: set[IO[Any]] = set()  # held by this process


def _let_go() -> None:
    """Close the locks in a forked copy of this process; else it would hold them as long as it lives."""
    for file in _locks:
        file.close()
    _locks.clear()


os.register_at_fork(after_in_child=_let_go)


@contextlib.contextmanager
def atomic(path: Path, by: str = "") -> Iterator[Path]:
    """A temporary path beside `path` (file or folder), renamed to `path` when the block ends without an error.

    If several processes may write `path` at once, `by` keeps their temporary names apart.
    """
    temporary = path.with_name(".".join(filter(None, (path.name, by))) + TEMPORARY)
    remove(temporary)
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield temporary
    except BaseException:  # e.g. a full disk: remove the incomplete file
        remove(temporary)
        raise
    for file in temporary.rglob("*") if temporary.is_dir() else [temporary]:
        if file.is_file():
            with open(file, "rb") as f:
                os.fsync(f.fileno())
    if temporary.is_dir() and path.is_dir():
        remove(path)  # os.replace cannot put a folder over a folder that is not empty
    os.replace(temporary, path)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")  # paths may be any bytes


def sha256_of(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a file's bytes, in hexadecimal; reads the file in pieces."""
    state = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            state.update(block)
    return state.hexdigest()


def write_json(path: Path, tree: Any) -> None:
    """Write JSON atomically, with sorted keys: equal trees give equal bytes."""
    write_text(path, json.dumps(tree, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """The JSON of a file. Raises UserError if it holds none; FileNotFoundError if it is missing."""
    try:
        return json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except (ValueError, RecursionError) as e:
        remedy = "make it again: --fresh of the stage that made it"
        raise UserError(f"a damaged file, not JSON: {e}", str(path), remedy) from None


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def locked(folder: Path, patience_seconds: float = 5.0) -> Iterator[None]:
    """Hold `folder` for this process. The kernel frees the lock however the process ends.

    Waits a moment for the children of a run that was just killed. Raises UserError if it is still held, or if the
    folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileNotFoundError:  # e.g. below /proc
        raise UserError("no folder can be made here", str(folder), "name a folder on a disk") from None
    deadline = time.monotonic() + patience_seconds
    while True:
        with open(folder / ".lock", "w") as f:
            try:
                fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as e:
                if e.errno in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise UserError(
                        f"this file system cannot lock files ({e.strerror})",
                        str(folder),
                        "have it mounted with locks (Lustre: -o flock), or work on another disk",
                    ) from None
                if not isinstance(e, BlockingIOError):
                    raise
                if time.monotonic() > deadline:
                    problem = "another run is at work here"
                    raise UserError(problem, str(folder), "wait for it to end, or stop it") from None
            else:
                if _is(f, folder / ".lock"):
                    _locks.add(f)
                    try:
                        yield
                    finally:
                        _locks.discard(f)
                    return
                folder.mkdir(parents=True, exist_ok=True)  # renamed meanwhile: the lock is that of the old folder
        time.sleep(0.1)


def held(folder: Path) -> bool:
    """True if a process holds `folder`."""
    try:
        with open(folder / ".lock") as f:
            fcntl.flock(f, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no folder, no lock, no right to look
        return False
    return False


def _is(f: IO[Any], path: Path) -> bool:
    """True if the open file is the one at `path`."""
    try:
        return os.path.samestat(os.fstat(f.fileno()), os.stat(path))
    except FileNotFoundError:
        return False
