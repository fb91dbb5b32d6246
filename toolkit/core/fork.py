"""Forks of this process, which have in memory what it has imported."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any

from .job import die_with


def forkable() -> bool:
    """True if this process can be forked safely: Linux, one thread, no CUDA.

    OpenBLAS, which numpy and scipy bring, ends its threads at a fork and starts them again when it needs them; so they
    are gone after a first fork, and threads that are still here belong to OpenMP or others, which a copy cannot use.
    """
    torch: Any = sys.modules.get("torch")
    if sys.platform != "linux" or threading.active_count() > 1 or (torch and torch.cuda.is_initialized()):
        return False
    if (pid := os.fork()) == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    return len(os.listdir("/proc/self/task")) == 1


def fork(work: Callable[[], None], output: int) -> int:
    """Process id of a fork that does `work`, its output going to the file descriptor `output`, and then ends.

    The fork dies when this process does. It never returns from here, nor runs any code that follows.
    """
    flush()
    parent, code = os.getpid(), 1
    try:
        if pid := os.fork():
            return pid
        die_with(parent)
        with open(os.devnull, "rb") as nothing:
            os.dup2(nothing.fileno(), 0)
        for descriptor in (1, 2):
            os.dup2(output, descriptor)
        work()
        code = 0
    except BaseException as e:
        if os.getpid() == parent:
            raise
        code = exit_code(e)
    finally:
        if os.getpid() != parent:
            try:
                flush()
            finally:
                os._exit(code)
    raise AssertionError("a copy that went on")


def exit_code(error: BaseException) -> int:
    """Exit code of a process that ends with this exception, which is printed as Python does."""
    if not isinstance(error, SystemExit):
        traceback.print_exception(error)
        return 1
    if isinstance(error.code, str):
        print(error.code, file=sys.stderr)
    return error.code if isinstance(error.code, int) else int(error.code is not None)


def flush() -> None:
    """Write out what this process has printed."""
    sys.stdout.flush()
    sys.stderr.flush()


def apart(function: Callable[[], int]) -> int:
    """What `function` returns, called in a fork if there can be one: it leaves nothing in this process.

    Raises ChildProcessError where the fork ended without an answer; it has printed why.
    """
    if not forkable():
        return function()
    read, write = os.pipe()
    with open(read, "rb") as answers:
        pid = fork(lambda: _answer(function, write), 2)
        os.close(write)
        answer = answers.read()
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if not answer:
        raise ChildProcessError(f"{function.__name__} ended with code {code}")
    return int(answer)


def _answer(function: Callable[[], int], write: int) -> None:
    os.write(write, str(function()).encode())
