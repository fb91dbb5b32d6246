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
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

TAIL_LINES = 20
LAST_WORD_SECONDS = 30.0  # after Ctrl-C
PARENT = "SAWT_PARENT"
PR_SET_PDEATHSIG = 1  # of linux/prctl.h


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
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
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


def die_with(parent: int) -> None:
    """Let the kernel kill this process, a fork of `parent`, when that one dies, however it dies (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that this one starts and that is to die with it."""
    return {**os.environ, **parenthood(), "PYTHONUNBUFFERED": "1", **(more or {})}


def begin_log(log: Path, argv: Sequence[str]) -> IO[bytes]:
    """A new log whose first line is the command, open for the job to write to."""
    log.parent.mkdir(parents=True, exist_ok=True)
    file = open(log, "wb")
    file.write(f"# {shlex.join(argv)}\n# Started at {_stamp()}\n".encode(errors="surrogateescape"))
    file.flush()
    return file


def end_log(file: IO[bytes], code: int, how: str = "Ended") -> None:
    """Write the last line of a log: how the job ended."""
    file.write(f"# {how} (code {code}) at {_stamp()}\n".encode())
    file.flush()


def _stamp() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S")


def run(argv: Sequence[str], log: Path, more: Mapping[str, str] | None = None) -> int:
    """Run one job, its output both on the terminal and in `log`; returns the exit code.

    Redrawn progress bars (ending in a carriage return) go to the terminal alone.
    """
    if log.exists():  # of a run that was killed, or is still at work and goes on writing to it
        log.replace(log.with_suffix(".before.log"))
    terminal = {"SAWT_TERMINAL": "1"} if sys.stderr.isatty() else {}
    with begin_log(log, argv) as f:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=child_environment({**terminal, **(more or {})}),
        )
        try:
            pending = _relay(process, f)
        except KeyboardInterrupt:  # it reached the job as well, which may have a job on a cluster to cancel
            last_word = threading.Timer(LAST_WORD_SECONDS, process.kill)
            last_word.daemon = True  # a second Ctrl-C ends this process at once
            last_word.start()
            pending = _relay(process, f)
            last_word.cancel()
            f.write(pending)
            end_log(f, process.wait(), "Stopped")
            raise
        code = process.wait()
        f.write(pending)
        end_log(f, code)
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


def tail(log: Path) -> str:
    """The last lines of a log, indented."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL_LINES:]
    return "\n".join("    " + line for line in lines)
