"""A job is an argv that a person can rerun, with one log: the command first, how it ended last."""

from __future__ import annotations

import ctypes
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from .errors import UserError

TAIL_LINES = 20
LAST_WORD_SECONDS = 30.0  # after Ctrl-C
PARENT = "SAWT_PARENT"


def command(argv: Sequence[str]) -> list[str]:
    """The process that runs a step: a toolkit module through this Python, a script by its path."""
    return [*([argv[0]] if "/" in argv[0] else [sys.executable, "-m", f"toolkit.{argv[0]}"]), *argv[1:]]


def die_with_parent() -> None:
    """Let the kernel kill this process when the one that started it dies, however it dies (Linux).

    Ends it here where that has happened already, say while torch was being imported.
    """
    host, _, parent = os.environ.get(PARENT, "").rpartition(":")
    if host != os.uname().nodename or sys.platform != "linux":  # on a cluster the variable travels to other hosts
        return
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    if int(parent) not in _ancestors():
        os.kill(os.getpid(), signal.SIGKILL)


def parenthood() -> dict[str, str]:
    """What makes this process the parent that `die_with_parent` of its children means."""
    return {PARENT: f"{os.uname().nodename}:{os.getpid()}"}


def _ancestors() -> Iterator[int]:
    """Process ids of this process's parent, its parent, and so on (Linux)."""
    pid = os.getppid()
    while pid > 0:
        yield pid
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:  # gone meanwhile, or hidden
            return
        pid = int(stat.rpartition(")")[2].split()[1])


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {**os.environ, **parenthood(), "PYTHONUNBUFFERED": "1", **more}


def _stamp() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def run(argv: Sequence[str], log: Path, more: Mapping[str, str] | None = None) -> int:
    """Run one job, its output both on the terminal and in `log`; returns the exit code.

    Redrawn progress bars (ending in a carriage return) go to the terminal alone.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():  # of a run that was killed, or is still at work and goes on writing to it
        log.replace(log.with_suffix(".before.log"))
    terminal = {"SAWT_TERMINAL": "1"} if sys.stderr.isatty() else {}
    with open(log, "wb") as f:
        f.write(f"# {shlex.join(argv)}\n# Started at {_stamp()}\n".encode(errors="surrogateescape"))
        f.flush()
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=_environment({**terminal, **(more or {})}),
        )
        try:
            pending = _relay(process, f)
        except KeyboardInterrupt:  # it reached the job as well, which may have a job on a cluster to cancel
            last_word = threading.Timer(LAST_WORD_SECONDS, process.kill)
            last_word.daemon = True  # a second Ctrl-C ends this process at once
            last_word.start()
            pending = _relay(process, f)
            last_word.cancel()
            f.write(pending + f"# Stopped (code {process.wait()}) at {_stamp()}\n".encode())
            raise
        code = process.wait()
        f.write(pending + f"# Ended (code {code}) at {_stamp()}\n".encode())
    return code


def _relay(process: subprocess.Popen[bytes], log: IO[bytes]) -> bytes:
    """Pass on what a job says until it is done; returns a last line that was not ended."""
    assert process.stdout
    pending = b""
    while chunk := os.read(process.stdout.fileno(), 65536):
        sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        *lines, pending = (pending + chunk).split(b"\n")
        log.writelines(line.split(b"\r")[-1] + b"\n" for line in lines)
        log.flush()
    return pending


def run_together(
    jobs: Sequence[tuple[Sequence[str], Path]], poll: Callable[[], None], more: Mapping[str, str] | None = None
) -> None:
    """Run jobs (argv, log) side by side, calling `poll` a few times a second.

    When one fails the others are stopped; raises UserError with the last lines of its log.
    """
    running = []
    for argv, log in jobs:
        log.parent.mkdir(parents=True, exist_ok=True)
        f = open(log, "wb")
        f.write(f"# {shlex.join(argv)}\n# Started at {_stamp()}\n".encode(errors="surrogateescape"))
        f.flush()
        running.append(
            (
                subprocess.Popen(
                    argv, stdin=subprocess.DEVNULL, stdout=f, stderr=subprocess.STDOUT, env=_environment(more or {})
                ),
                f,
                log,
            )
        )
    failed: Path | None = None
    try:
        while running:
            for entry in list(running):
                process, f, log = entry
                code = process.poll()
                if code is None:
                    continue
                f.write(f"# Ended (code {code}) at {_stamp()}\n".encode())
                f.close()
                running.remove(entry)
                if code and failed is None:
                    failed = log
                    for other, _, _ in running:
                        other.terminate()
            poll()
            if running:
                time.sleep(0.1)
    finally:
        for process, f, _ in running:
            process.kill()
            process.wait()
            f.close()
    if failed:
        raise UserError(
            f"a worker failed; the end of its log:\n{tail(failed)}",
            str(failed),
            "mend the cause and rerun: finished shards are kept",
        )


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join("    " + line for line in lines)
