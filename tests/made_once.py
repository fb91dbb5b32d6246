"""Folders that several tests read and that take minutes to make: made once, kept below .pytest_cache.

The name of a folder ends with the digest of its sources, so it cannot be stale. The workers of one run of pytest wait
for each other; the next run, e.g. `make slurm` after `make test`, reads what is kept. `make clean` removes it.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".pytest_cache/made"
MADE = {"data", "dump", "exp", "downloads", "nano", "full"}
KEPT_SECONDS = 3600.0


def made_by_runs(folder: str, names: list[str]) -> set[str]:
    """Of a recipe folder's `names`, those that runs made."""
    return {n for n in names if n in MADE or ".aside-" in n} if "run.sh" in names else set()


def made_once(name: str, make: Callable[[Path], None], sources: Iterable[str]) -> Path:
    """Folder that `make(folder)` has filled. It is for all: whoever would change it changes a copy.

    Args:
        name: of what is made.
        make: is called with an empty folder outside of the working tree, which moves when it is done: nothing in it
            may name it.
        sources: files and folders below the repository that it is made from, beside the installed libraries.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    with open(FOLDER / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        folder = FOLDER / f"{name}-{_digest(tuple(sources))}"
        contents = folder.with_suffix(".contents")
        if not (contents.is_file() and contents.read_text() == _listing(folder)):
            shutil.rmtree(folder, ignore_errors=True)
            with tempfile.TemporaryDirectory() as top:
                (Path(top) / name).mkdir()
                make(Path(top) / name)
                shutil.move(Path(top) / name, folder)
            contents.write_text(_listing(folder))
        contents.touch()
        for old in FOLDER.glob(f"{name}-*.contents"):  # of other sources; not while a test may still read it
            if time.time() - old.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(old.with_suffix(""), ignore_errors=True)
                old.unlink()
    return folder


@cache
def _digest(sources: tuple[str, ...]) -> str:
    state = hashlib.sha256(f"{ROOT} {sys.version} {os.environ.get('OMP_NUM_THREADS')}".encode())
    for path in (ROOT / ".venv/.stamp", *(ROOT / source for source in sources)):
        for file in [path] if path.is_file() else _files(path):
            state.update(f"{file.relative_to(ROOT)}\0{file.stat().st_mode:o}\0{file.stat().st_size}\0".encode())
            state.update(file.read_bytes())
    return state.hexdigest()[:16]


def _files(top: Path) -> Iterator[Path]:
    """Files below `top` that neither runs of recipes nor Python made, in order."""
    for folder, names, files in os.walk(top):
        skipped = made_by_runs(folder, [*names, *files]) | {"__pycache__"}
        names[:] = sorted(set(names) - skipped)
        yield from (Path(folder, file) for file in sorted(files))


def _listing(folder: Path) -> str:
    """Name, size and time of every file: of a folder that a test has changed they are others."""
    stats = ((path, path.lstat()) for path in sorted(folder.rglob("*")) if not path.is_dir())
    return "".join(f"{path.relative_to(folder)}\t{s.st_size}\t{s.st_mtime_ns}\n" for path, s in stats)
