"""The processes that share the shards of a step: the step's own process is worker 1.

Importing torch takes seconds, so the others are forked from this process once it has imported what they need. A process
that has threads of its own, or CUDA, cannot be forked safely (a lock may be held by a thread that the copy lacks): its
workers are started cold, with the step's command line and --worker i/n.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from .errors import UserError, told
from .fork import flush, fork, forkable
from .job import begin_log, child_environment, command, end_log, tail

LOOK_SECONDS = 0.1  # s between two checks of the workers
STOPPED = 130  # exit code after Ctrl-C
TERMINAL = "SAWT_TERMINAL"  # bars are redrawn; in a worker's log they are lines

Work = Callable[[int], None]  # the shards of worker i, 1-based
Revive = Callable[[int, str], bool]  # of a worker and how it was killed: True if it may be started again


class _WorkerFailed(BaseException):
    """Raised in this process to end its work because another worker has failed."""


def share(
    argv: Sequence[str],
    logs: Sequence[Path],
    work: Work,
    poll: Callable[[], None],
    preload: Callable[[], None] | None = None,
    apart: bool = False,
    revive: Revive | None = None,
) -> None:
    """Do `work(i)` for i = 1 to len(logs) in as many processes, of which this one is the first.

    Args:
        argv: the step's command; a cold worker gets --worker i/n after it.
        logs: log of each worker, with its command on the first line and its end on the last.
        poll: called a few times a second while a worker works; from a thread while this process works itself.
        preload: imports what `work` needs, before workers are forked.
        apart: True if this process does no work itself and every worker is started cold.
        revive: asked when a worker was killed by a signal, e.g. because memory was full; if it says yes, the worker is
            started again. This process then does no work itself.

    Raises UserError with the end of the log of a worker that failed; the others are stopped.
    """
    workers: list[_Worker] = []
    if preload and not apart:
        preload()
    begin = _cold if apart or not forkable() else _forked
    watches = apart or revive is not None

    def start(i: int) -> _Worker:
        return begin([*command(argv), "--worker", f"{i}/{len(logs)}"], i, logs[i - 1], work)

    try:
        for i in range(1 if watches else 2, len(logs) + 1):
            workers.append(start(i))
        if not watches:
            with suppress(_WorkerFailed), _logged(logs[0], argv, len(logs)), _watched(workers, poll):
                work(1)
        while not _any_failed(workers) or (revive and _revived(workers, revive, start)):
            if all(worker.code is not None for worker in workers):
                break
            poll()
            time.sleep(LOOK_SECONDS)
    finally:
        for worker in workers:
            worker.stop()
    failed = next((worker for worker in workers if worker.failed), None)
    if failed:
        raise UserError(
            f"a worker {failed.how()}; the end of its log:\n{tail(failed.log)}",
            str(failed.log),
            "mend the cause and rerun: finished shards are kept",
        )


class _Worker:
    """Another worker process. `code`: exit code; None while it works, negative for a signal."""

    def __init__(self, pid: int, log: Path, file: IO[bytes], process: subprocess.Popen[bytes] | None = None) -> None:
        self.pid, self.log, self.file, self.process = pid, log, file, process
        self.code: int | None = None
        self.stopped = False

    def look(self) -> None:
        """Check whether it has ended."""
        if self.code is not None:
            return
        if self.process:
            self.code = self.process.poll()
        else:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        if self.code is not None:
            end_log(self.file, self.code)
            self.file.close()

    def stop(self) -> None:
        """Kill it if it still works, and wait until it has ended."""
        self.look()
        while self.code is None:
            self.stopped = True
            os.kill(self.pid, signal.SIGKILL)
            time.sleep(0.005)
            self.look()

    @property
    def failed(self) -> bool:
        return bool(self.code) and not self.stopped

    @property
    def killed(self) -> bool:
        return self.code is not None and self.code < 0

    def how(self) -> str:
        return f"was killed by {signal.Signals(-self.code).name}" if self.code and self.killed else "failed"


def _cold(words: list[str], i: int, log: Path, work: Work) -> _Worker:
    """A new process that begins with the command line `words`."""
    file = begin_log(log, words)
    process = subprocess.Popen(
        words, stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT, env=child_environment()
    )
    return _Worker(process.pid, log, file, process)


def _forked(words: list[str], i: int, log: Path, work: Work) -> _Worker:
    """A fork of this process that only does work(i)."""
    file = begin_log(log, words)

    def told_work() -> None:
        os.environ.pop(TERMINAL, None)
        with told(1, str(log)):
            work(i)

    return _Worker(fork(told_work, file.fileno()), log, file)


def _revived(workers: list[_Worker], revive: Revive, start: Callable[[int], _Worker]) -> bool:
    """Start killed workers again; True if none of them is left, and none has failed in another way."""
    for n, worker in enumerate(workers):
        if worker.failed and worker.killed and revive(n + 1, worker.how()):
            worker.log.replace(worker.log.with_suffix(".before.log"))
            workers[n] = start(n + 1)
    return not _any_failed(workers)


def _any_failed(workers: Sequence[_Worker]) -> bool:
    for worker in workers:
        worker.look()
    return any(worker.failed for worker in workers)


def _any_stopped(workers: Sequence[_Worker]) -> bool:
    """True if Ctrl-C has ended a worker."""
    return any(worker.code in (STOPPED, -signal.SIGINT) for worker in workers)


@contextmanager
def _watched(workers: Sequence[_Worker], poll: Callable[[], None]) -> Iterator[None]:
    """Poll in a thread while this one works; a worker that fails ends the work here with _WorkerFailed.

    A worker stopped by Ctrl-C has not failed, as Ctrl-C reaches this process too.
    """
    over, working = threading.Event(), True
    main = threading.current_thread()
    broken: list[Exception] = []

    def interrupt(*_: Any) -> None:
        if working:
            raise _WorkerFailed

    def watch() -> None:
        while not over.wait(LOOK_SECONDS):
            try:
                poll()
                if not _any_failed(workers) or _any_stopped(workers):
                    continue
            except Exception as e:  # noqa: BLE001 raised again by the main thread, which it ends
                broken.append(e)
            signal.pthread_kill(main.ident or 0, signal.SIGUSR1)
            return

    if main is not threading.main_thread():  # Python handles signals only in the main thread: wait for the end instead
        yield
        return
    before = signal.signal(signal.SIGUSR1, interrupt)
    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        working = False
        over.set()
        watcher.join()
        signal.signal(signal.SIGUSR1, before)
        if broken:
            raise broken[0]


@contextmanager
def _logged(log: Path, argv: Sequence[str], count: int) -> Iterator[None]:
    """Send the output of this process to `log`, like that of any worker."""
    with begin_log(log, [*command(argv), "--worker", f"1/{count}"]) as file:
        flush()
        saved, terminal = [(d, os.dup(d)) for d in (1, 2)], os.environ.pop(TERMINAL, None)
        for descriptor, _ in saved:
            os.dup2(file.fileno(), descriptor)
        code = 1
        try:
            yield
            code = 0
        finally:
            try:
                flush()
            finally:  # on a full disk, too, the message must reach the user
                for descriptor, copy in saved:
                    os.dup2(copy, descriptor)
                    os.close(copy)
                if terminal is not None:
                    os.environ[TERMINAL] = terminal
            end_log(file, code)
