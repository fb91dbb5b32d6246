"""A forked step is like one in a new process: the oracle of each test is job.spawn with the same command."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

MODULE = """
import atexit, fcntl, json, os, signal, sys, threading, time
how, out = sys.argv[1:]
atexit.register(lambda: print("exit handler", flush=True))
if how == "tell":
    print(json.dumps({
        "argv": sys.argv, "name": __name__, "path": sys.path, "environment": dict(sorted(os.environ.items())),
        "input": sys.stdin.read(), "files": sorted(os.listdir("/proc/self/fd"))[:-1], "folder": os.getcwd(),
        "interrupt": str(signal.getsignal(signal.SIGINT)), "terminate": str(signal.getsignal(signal.SIGTERM)),
        "toolkit": sorted(n for n in sys.modules if n.startswith("toolkit")),
        "encoding": [sys.stdout.encoding, sys.stdout.errors, sys.stderr.errors],
    }))
if how == "command":
    print(open("/proc/self/cmdline").read().rstrip("\\0").replace("\\0", " "))
if how == "print":
    print("\u0635\u0648\u062a", end=""); sys.stderr.write("and more"); sys.exit(0)
if how == "words": sys.exit("a message")
if how == "three": sys.exit(3)
if how == "none": sys.exit(None)
if how == "bug": print("before"); {}["key"]
if how == "killed": os.kill(os.getpid(), signal.SIGKILL)
if how == "stopped": raise KeyboardInterrupt
if how == "thread": threading.Thread(target=lambda: (time.sleep(.3), print("of the thread"))).start()
if how == "wait": print(os.getpid(), flush=True); time.sleep(60)
if how == "lock":
    fcntl.flock(open(out), fcntl.LOCK_EX | fcntl.LOCK_NB)
    print("mine")
"""

CALLER = """
import atexit, fcntl, json, os, signal, sys
from toolkit.core import forked, job
os.environ["LATER"] = "as the engine does"
way, words = sys.argv[1], [sys.executable, "-m", "module", *sys.argv[2:]]
file = open("held", "w")
fcntl.flock(file, fcntl.LOCK_EX)  # and the fork, if it kept the file, would hold it on
signal.signal(signal.SIGTERM, lambda *_: None)
atexit.register(lambda: print("the caller's exit handler"))
process = (forked.Forked if way == "forked" else job.spawn)(words, job.child_environment({"SOME": "\\u0635"}))
if words[3] == "lock":
    file.close()
written = b""
while piece := process.stdout.read(1 << 16):
    if words[3] == "wait":
        sys.stdout.buffer.write(piece)
        sys.stdout.flush()
    written += piece
print(json.dumps([process.wait(), written.decode()]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "module.py").write_text(MODULE, encoding="utf-8")
    (tmp_path / "caller.py").write_text(CALLER, encoding="utf-8")
    return tmp_path


def called(folder: Path, way: str, *words: str) -> tuple[int, str]:
    """(exit code, output) of the module when it is begun this way."""
    caller = [sys.executable, "-m", "caller", way, *words]
    done = subprocess.run(caller, cwd=folder, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    line, mine, *_ = done.stdout.splitlines()
    assert mine == "the caller's exit handler"
    code, written = json.loads(line)
    return code, written


@pytest.mark.parametrize("how", ["print", "words", "three", "none", "killed", "stopped", "thread", "command"])
def test_a_fork_prints_and_ends_as_a_new_process_does(folder: Path, how: str) -> None:
    code, written = called(folder, "forked", how, "x")
    expected, told = called(folder, "spawned", how, "x")
    if how == "stopped":  # a step leaves no traceback (toolkit/__init__.py)
        told = told[: told.index("Traceback")] + told[told.index("exit handler") :]
    assert (code, written.strip()) == (expected, told.strip())


def test_a_bug_in_a_fork_ends_with_1_and_its_traceback(folder: Path) -> None:
    code, written = called(folder, "forked", "bug", "x")
    assert code == called(folder, "spawned", "bug", "x")[0] == 1
    assert written.startswith("before\n") and "KeyError: 'key'" in written and "module.py" in written


def test_a_fork_finds_what_a_new_process_finds(folder: Path) -> None:
    (_, ours), (_, theirs) = (called(folder, way, "tell", "x") for way in ("forked", "spawned"))
    mine, expected = (json.loads(text.splitlines()[0]) for text in (ours, theirs))
    for seen in (mine, expected):
        seen["environment"].pop("SAWT_PARENT")  # the caller's process id
    assert mine == expected


def test_a_lock_of_the_caller_is_not_held_by_its_forks(folder: Path) -> None:
    assert called(folder, "forked", "lock", "held") == (0, "mine\nexit handler\n")


def test_a_fork_dies_with_its_caller(folder: Path) -> None:
    caller = subprocess.Popen(
        [sys.executable, "-m", "caller", "forked", "wait", "x"], cwd=folder, stdout=subprocess.PIPE, text=True
    )
    assert caller.stdout
    pid = int(caller.stdout.readline())
    caller.kill()
    caller.wait()
    caller.stdout.close()
    for _ in range(500):
        if not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text().split()[2]:
            return
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    raise AssertionError("it lives on")


@pytest.mark.parametrize(
    ("step", "shared", "way", "loaded"),
    [
        ("units.kmeans", False, "spawn", False),  # the only one: torch in the engine would help nobody
        ("units.kmeans", True, "Forked", True),
        ("units.quality", True, "Forked", False),
        ("./own.py", True, "spawn", False),
    ],
)
def test_the_engine_loads_torch_for_steps_that_share_it(step: str, shared: bool, way: str, loaded: bool) -> None:
    code = (
        "import sys; from toolkit.core import runner; from toolkit.core.table import StepRun;"
        f"print(runner._way(StepRun([{step!r}, '--out', 'x']), {shared}).__name__, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [way, str(loaded)]


def test_what_is_computed_apart_leaves_nothing_here() -> None:
    code = (
        "import sys; from toolkit.core import fork\n"
        "def look():\n    import colorsys\n    return 7\n"
        "print(fork.apart(look), 'colorsys' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["7", "False"]


def test_what_fails_apart_is_no_answer() -> None:
    code = "from toolkit.core import fork\ndef count():\n    return 1 // 0\nprint(fork.apart(count))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1 and done.stdout == "", done.stdout
    assert "ZeroDivisionError" in done.stderr and "ChildProcessError: count ended with code 1" in done.stderr
