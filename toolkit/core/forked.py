"""Steps that are forked from the engine, which has torch in memory: importing it takes every new process seconds.

A fork does what `python3 -m toolkit.X` does: it has the command line that ps shows, environment, streams, signals and
exit code of such a process, and it imports the toolkit anew. It differs in the seed of str.__hash__, which all steps of
a run share.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import runpy
import signal
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import IO, Any

from setproctitle import getproctitle, setproctitle

from .fork import exit_code, flush, fork

TORCH = "torch"

getproctitle()  # looks where the command line lies, which it cannot tell once the environment has changed


def load(modules: Sequence[str] = ()) -> None:
    """Import torch, for the forks that need it, and further modules. Where that fails, the first step that needs it
    says why.
    """
    wanted = [name for name in (TORCH, *modules) if name not in sys.modules]
    for name in wanted:
        with suppress(ImportError):
            importlib.import_module(name)
    if wanted:
        gc.freeze()  # else collections in the forks would look through all of torch


def loaded() -> bool:
    """True if torch is in memory."""
    return TORCH in sys.modules


class Forked:
    """A step at work in a fork, like a subprocess.Popen whose output is piped."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str]) -> None:
        """Begin `words`, [python, "-m", module, ...]."""
        read, write = os.pipe()
        self.stdout: IO[bytes] = open(read, "rb", buffering=0)
        try:
            self.pid = fork(lambda: _step(words, environment), write)
        finally:
            os.close(write)
        self.code: int | None = None

    def wait(self) -> int:
        """Wait until it has ended; its exit code, negative for a signal."""
        if self.code is None:
            self.code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            self.stdout.close()
        return self.code

    def kill(self) -> None:
        """End it at once; nothing happens if it has ended."""
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)


def _step(words: Sequence[str], environment: Mapping[str, str]) -> None:
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))  # a lock among them would be held until the fork ends
    setproctitle(" ".join(words))
    become(environment)
    raise SystemExit(run(words))


def become(environment: Mapping[str, str]) -> None:
    """Give this fork the environment, streams, signals and modules that a new process has."""
    os.environ.clear()
    os.environ.update(environment)
    open_streams()
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in [n for n, module in sys.modules.items() if _is_stale(n, getattr(module, "__file__", None) or "")]:
        del sys.modules[name]
    atexit._clear()  # what the parent wants to do at its end


def _is_stale(name: str, file: str) -> bool:
    """True for modules of the toolkit, and of the recipe: a task type of its own has a base class of the toolkit."""
    own = file.startswith(os.getcwd() + os.sep) and "site-packages" not in file and name != "__main__"
    return name.partition(".")[0] == "toolkit" or own


def open_streams() -> None:
    """Open sys.stdin, stdout and stderr as Python does when it starts, in UTF-8."""
    locale = next(filter(None, (os.environ.get(n) for n in ("LC_ALL", "LC_CTYPE", "LANG"))), "C")
    errors = "surrogateescape" if locale in ("C", "POSIX", "C.UTF-8", "C.utf8") else "strict"
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    rows = ((0, "stdin", "rb", errors), (1, "stdout", "wb", errors), (2, "stderr", "wb", "backslashreplace"))
    for number, name, mode, how in rows:
        raw: Any = open(number, mode, buffering=0 if unbuffered and mode == "wb" else -1, closefd=False)
        lines = mode == "wb" and (number == 2 or os.isatty(number))
        stream = io.TextIOWrapper(raw, "utf-8", how, line_buffering=lines, write_through=unbuffered and mode == "wb")
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def run(words: Sequence[str]) -> int:
    """Exit code of [python, "-m", module, ...] run here to its end, exit handlers too.

    Dies of Ctrl-C, quietly, as a step does.
    """
    sys.argv = ["-m", *words[3:]]
    code, stopped = 0, False
    try:
        runpy.run_module(words[2], run_name="__main__", alter_sys=True)
    except KeyboardInterrupt:
        stopped = True
    except BaseException as e:  # noqa: BLE001 as Python does: printed, and the exit code says it
        code = exit_code(e)
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    if stopped:
        flush()
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return code
