"""A job: a command that a person can rerun, and its log, with the command first and its end last."""

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
from typing import IO, Protocol

TAIL_LINES = 20
LAST_WORD_SECONDS = 30.0  # after Ctrl-C
PARENT = "SAWT_PARENT"
PR_SET_PDEATHSIG = 1  # of linux/prctl.h


def command(argv: Sequence[str]) -> list[str]:
    """The command line of a step: a toolkit module through this Python, or a script by its path."""
    return [*([argv[0]] if "/" in argv[0] else [sys.executable, "-m", f"toolkit.{argv[0]}"]), *argv[1:]]


def die_with_parent() -> None:
    """Let the kernel kill this process when its parent dies in any way (Linux).

    Ends this process now if the parent is already dead, e.g. died while torch was imported.
    """
    host, _, parent = os.environ.get(PARENT, "").rpartition(":")
    if host != os.uname().nodename or sys.platform != "linux":  # on a cluster the variable travels to other hosts
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if int(parent) not in _ancestors():
        os.kill(os.getpid(), signal.SIGKILL)


def parenthood() -> dict[str, str]:
    """The mark by which `die_with_parent` in a child knows this process as its parent."""
    return {PARENT: f"{os.uname().nodename}:{os.getpid()}"}


def _ancestors() -> Iterator[int]:
    """Process ids of the parent, grandparent, and so on (Linux)."""
    pid = os.getppid()
    while pid > 0:
        yield pid
        try:
            stat = Path(f"/proc/{pid}/stat").read_text(errors="replace")
        except OSError:  # gone meanwhile, or hidden
            return
        pid = int(stat.rpartition(")")[2].split()[1])


def die_with(parent: int) -> None:
    """Let the kernel kill this process, a fork of `parent`, when `parent` dies in any way (Linux)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel knew
        os._exit(1)


def child_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment for a child process that must die with this one.

    A recipe's own script that says `/usr/bin/env python3` gets this interpreter.
    """
    own, path = os.path.dirname(sys.executable), os.environ.get("PATH", os.defpath)
    path = path if path.split(os.pathsep)[0] == own else own + os.pathsep + path
    return {**os.environ, "PATH": path, **parenthood(), "PYTHONUNBUFFERED": "1", **(more or {})}


def begin_log(log: Path, argv: Sequence[str]) -> IO[bytes]:
    """A new log, open for writing, whose first line is the command."""
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


class Process(Protocol):
    """A job at work, whose output can be read."""

    @property
    def stdout(self) -> IO[bytes] | None: ...

    def wait(self) -> int: ...

    def kill(self) -> None: ...


Begin = Callable[[Sequence[str], Mapping[str, str]], Process]  # of a command line and an environment


def spawn(argv: Sequence[str], environment: Mapping[str, str]) -> Process:
    """Begin a job in a new process."""
    return subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )


def run(argv: Sequence[str], log: Path, more: Mapping[str, str] | None = None, begin: Begin = spawn) -> int:
    """Run one job, its output both on the terminal and in `log`; returns the exit code.

    Redrawn progress bars (ending in a carriage return) go only to the terminal.
    """
    if log.exists():  # of a killed run, or of one at work that goes on writing to it
        log.replace(log.with_suffix(".before.log"))
    terminal = {"SAWT_TERMINAL": "1"} if sys.stderr.isatty() else {}
    with begin_log(log, argv) as f:
        process = begin(argv, child_environment({**terminal, **(more or {})}))
        try:
            pending = _relay(process, f)
        except KeyboardInterrupt:  # Ctrl-C reached the job too, which may have to cancel a job on a cluster
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


def _relay(process: Process, log: IO[bytes]) -> bytes:
    """Pass on a job's output until it ends; returns its last line if that has no line end."""
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
