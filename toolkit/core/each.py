"""One function for each of many items, in forked processes: for commands that are no step and keep nothing."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing import get_context
from typing import TypeVar

from .errors import UserError
from .fork import forkable
from .job import die_with
from .progress import Progress

PORTIONS = 32  # for each process: one that gets the longest items still ends with the others
T = TypeVar("T")
R = TypeVar("R")


def each(work: Callable[[T], R], items: Sequence[T], nj: int, label: str, unit: str) -> list[R]:
    """`work(item)` of every item, in order, in `nj` processes, with a progress bar.

    Args:
        work: a function at the top of its module. What it prints is lost, what it raises is raised here.
        label: name of the work; unit: what an item is, e.g. recordings.

    Raises UserError if a process was killed.
    """
    nj = min(nj, len(items))
    results: list[R] = []
    with Progress(label, len(items), unit) as bar:
        for result in map(work, items) if nj < 2 or not forkable() else _forked(work, items, nj):
            results.append(result)
            bar.add(1)
    return results


def _forked(work: Callable[[T], R], items: Sequence[T], nj: int) -> Iterator[R]:
    pool = ProcessPoolExecutor(nj, get_context("fork"), partial(_begin, os.getpid()))
    try:
        yield from pool.map(work, items, chunksize=max(1, len(items) // (nj * PORTIONS)))
    except BrokenProcessPool:
        message = "a process was killed; the kernel does so when memory is full"
        raise UserError(message, "--nj", "take fewer processes at once") from None
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(parent: int) -> None:
    """Prepare a process: it ends with its parent, which alone answers Ctrl-C."""
    die_with(parent)
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
