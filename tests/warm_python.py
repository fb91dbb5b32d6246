"""Steps in processes of their own that need not import torch: they are forked from a process that has it loaded.

`python -m toolkit.X` takes 2 to 5 s of CPU before its first line runs, and the tests start hundreds of steps. While
`WarmPopen` stands for `subprocess.Popen`, such a command is forked from a nursery: a single-threaded process that has
the libraries in memory; the toolkit is imported anew by each step, from its own PYTHONPATH. The process is
a child of the one that starts it, with its own folder, environment, session, signals and exit code, and the steps that
it starts are forked from it. Two things differ from a command that a user types: /proc/<pid>/cmdline, and the seed of
str.__hash__, which all steps of a nursery share. Every other command is started as usual, and so are all commands
where SAWT_TEST_PROCESSES=cold.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import inspect
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn

ROOT = str(Path(__file__).resolve().parents[1])
sys.path.append(ROOT)  # the nursery begins with this file
from toolkit.core import fork, forked  # noqa: E402

sys.path.pop()

LIBRARIES = (
    "yaml",
    "numpy",
    "soundfile",
    "soxr",
    "scipy.signal",
    "safetensors.torch",
    "torch",
    "torch._dynamo",
    "torch.utils.tensorboard",
    "transformers",
    "transformers.models.hubert.modeling_hubert",
    "transformers.models.whisper.modeling_whisper",
    "tokenizers",
    "sklearn.metrics",
    "rapidfuzz",
    "jinja2",
    "matplotlib.figure",
    "librosa.feature.spectral",
)
PR_SET_CHILD_SUBREAPER = 36
LARGEST_MESSAGE = 1 << 20
START = subprocess.Popen._execute_child  # type: ignore[attr-defined]
PIPE_ENDS = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
NAMES = list(inspect.signature(START).parameters)[1:]
# Variables that Python and the libraries read when they start: who wants another value needs a process of its own.
READ_AT_START = ("CUDA", "HF_", "HUGGINGFACE", "MKL", "MPL", "OMP", "PYTHON", "TRANSFORMERS", "TZ", "XDG")
READ_LATER = ("PYTHONPATH", "PYTHONSAFEPATH", "PYTHONUNBUFFERED")


class WarmPopen(subprocess.Popen):  # type: ignore[type-arg]
    """subprocess.Popen, but `python -m toolkit.X` is forked."""

    nursery: Nursery | None = None

    def _execute_child(self, *values: Any) -> None:
        call = dict(zip(NAMES, values, strict=True))
        request = _request(call)
        if request is None or sys.platform != "linux":
            return START(self, *values)
        ends = [call["p2cread"], call["c2pwrite"], call["errwrite"]]
        fds = [end if end != -1 else i for i, end in enumerate(ends)]
        if WarmPopen.nursery is None:  # in a step: what it starts is its own child
            self.pid = _fork(request, fds)
        else:
            self.pid = WarmPopen.nursery.child(request, fds)
        self._child_created = True
        while request["session"] and os.getsid(self.pid) != self.pid:  # else its group cannot be killed yet
            time.sleep(0.0005)
        self._close_pipe_fds(*(call[end] for end in PIPE_ENDS))


def _request(call: dict[str, Any]) -> dict[str, Any] | None:
    """What a child must know, as JSON takes it; None for a command that has to be started as ever."""
    words = [os.fspath(word) for word in call["args"]] if isinstance(call["args"], list) else []
    if call["shell"] or call["preexec_fn"] or call["pass_fds"] or call["executable"] not in (None, sys.executable):
        return None
    if words[:2] != [sys.executable, "-m"] or words[2:3] == [] or words[2].partition(".")[0] != "toolkit":
        return None
    env = dict(os.environ if call["env"] is None else call["env"])
    if _read_at_start(env) != FIXED:
        return None
    cwd = os.path.abspath(os.fspath(call["cwd"] or "."))
    return {"words": words, "cwd": cwd, "env": env, "session": bool(call["start_new_session"])}


def _read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    return {name: env[name] for name in env if name.startswith(READ_AT_START) and name not in READ_LATER}


FIXED = _read_at_start(os.environ)


class Nursery:
    """The process that is forked, begun at its first use; gone when this one is."""

    def __init__(self) -> None:
        self.link: socket.socket | None = None
        self.process: subprocess.Popen[bytes] | None = None

    def child(self, request: dict[str, Any], fds: list[int]) -> int:
        """Start a child of this process; returns its process id."""
        if self.link is None:
            self.link, far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self.link.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST_MESSAGE)
            words = [sys.executable, __file__, str(far.fileno())]
            env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
            self.process = subprocess.Popen(words, env=env, pass_fds=[far.fileno()], stdin=subprocess.DEVNULL)
            far.close()
        prctl = ctypes.CDLL(None).prctl
        prctl(PR_SET_CHILD_SUBREAPER, 1)  # the child is adopted by us when the process that forked it ends
        try:
            message = json.dumps({**request, "parent": os.getpid()}).encode()
            socket.send_fds(self.link, [message], fds)
            return int(self.link.recv(64))
        finally:
            prctl(PR_SET_CHILD_SUBREAPER, 0)

    def close(self) -> None:
        if self.link and self.process:
            self.link.close()
            self.process.wait()


def nurse(link: socket.socket) -> None:
    """Fork a child for every request, until nobody can ask any more."""
    for name in LIBRARIES:
        with suppress(ImportError):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # else a collection in a child touches, and so copies, all of torch
    while True:
        message, fds, _, _ = socket.recv_fds(link, LARGEST_MESSAGE, 3)
        if not message:
            return
        request = json.loads(message)
        read, write = os.pipe()
        go_between = os.fork()
        if not go_between:
            pid = _fork(request, fds)
            os.write(write, str(pid).encode())
            os._exit(0)
        os.close(write)
        os.waitpid(go_between, 0)
        link.send(os.read(read, 64))
        for fd in (*fds, read):
            os.close(fd)


def _fork(request: dict[str, Any], fds: list[int]) -> int:
    """Process id of a child that runs the step and never returns."""
    pid = os.fork()
    if pid:
        return pid
    try:
        while os.getppid() != request.get("parent", os.getppid()):
            time.sleep(0.0005)  # until the process between has ended
        _become(request, fds)
        code = forked.run(request["words"])
    except BaseException as e:  # noqa: BLE001 as Python does: printed, and the exit code says it
        code = fork.exit_code(e)
    os._exit(_flushed(code))


def _flushed(code: int) -> int:
    """The exit code, once all that was printed is written."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError):
            code = code or 120
    return code & 0xFF


def _become(request: dict[str, Any], fds: list[int]) -> None:
    """Make of this fork what a fresh process would be: its session, folder, environment, streams, signals, modules."""
    if request["session"]:
        os.setsid()
    os.chdir(request["cwd"])
    streams = [os.dup(fd) for fd in fds]  # first, since one of them may be another's number
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX") if os.sysconf("SC_OPEN_MAX") < 1 << 16 else 1 << 16)
    forked.become(request["env"])
    path = [p for p in os.environ.get("PYTHONPATH", "").split(":") if p]
    first = [] if os.environ.get("PYTHONSAFEPATH") else [request["cwd"]]
    sys.path[:] = [*first, *path, *BASE]
    sys.path_importer_cache.clear()
    WarmPopen.nursery = None
    subprocess.Popen = WarmPopen  # type: ignore[misc]


BASE = list(sys.path)


def main() -> NoReturn:
    BASE[:] = sys.path[1:]  # without the folder of this file
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C at the terminal ends pytest, which ends us
    nurse(socket.socket(fileno=int(sys.argv[1])))
    os._exit(0)


if __name__ == "__main__":
    main()
