"""Chains of whole processes: how long they take, the memory they hold together, what they leave on the disk."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from toolkit.core.job import parenthood

from .race import ROOT, environment

Command = Sequence[str]
Phases = Mapping[str, Sequence[Command]]
EVERY = 0.02  # s between two looks at the memory


@dataclass
class Taken:
    """By a chain, phase by phase: seconds of wall time, most memory at once. Sizes in 10^6 bytes.

    Attributes:
        own_mb: of the memory what no file stands behind, so that the system cannot take it back.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    peak_mb: dict[str, float] = field(default_factory=dict)
    own_mb: dict[str, float] = field(default_factory=dict)


def run_chain(phases: Phases, out: Path, cores: int, watch: bool = False) -> Taken:
    """Phases one after the other, the commands of a phase at once. Raises RuntimeError if one fails.

    Args:
        out: the new folder that they write to.
        cores: parted among the commands of a phase, as their threads; ours are told as well how many workers to start.
        watch: look at the memory, which takes time of its own.
    """
    out.mkdir(parents=True)
    taken, log = Taken(), out.with_name(f"{out.name}.log")
    with open(log, "w") as f:
        for name, commands in phases.items():
            env = {**environment(cores // len(commands)), **parenthood(), "SAWT_NJ": str(cores)}
            start = time.perf_counter()
            running = [subprocess.Popen(c, stdout=f, stderr=subprocess.STDOUT, cwd=ROOT, env=env) for c in commands]
            with peak_of([process.pid for process in running] if watch else []) as peak:
                codes = [process.wait() for process in running]
            if any(codes):
                raise RuntimeError(f"{name} failed:\n{log.read_text()[-3000:]}")
            taken.seconds[name] = time.perf_counter() - start
            taken.peak_mb[name], taken.own_mb[name] = peak
    return taken


def megabytes(path: Path) -> float:
    """10^6 bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else path.rglob("*")
    return sum(file.stat().st_size for file in files if file.is_file()) / 1e6


@contextmanager
def peak_of(roots: Sequence[int]) -> Iterator[list[float]]:
    """[most MB that these and all they start held at once while the block ran, and without pages of files].

    PSS: shared pages count once.
    """
    most, ended = [0.0, 0.0], threading.Event()

    def look() -> None:
        while not ended.wait(EVERY):
            held = np.sum([_pss_mb(pid) for pid in _with_descendants(roots)], axis=0)
            most[:] = np.maximum(most, held).tolist()

    watcher = threading.Thread(target=look)
    if roots:
        watcher.start()
    try:
        yield most
    finally:
        ended.set()
        if roots:
            watcher.join()


def _with_descendants(roots: Sequence[int]) -> list[int]:
    pids, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        pids.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # the process has ended meanwhile
    return pids


def _pss_mb(pid: int) -> tuple[float, float]:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0, 0.0  # ended meanwhile
    by_name = {line.split()[0]: int(line.split()[1]) * 1024 / 1e6 for line in lines[1:]}
    return by_name.get("Pss:", 0.0), by_name.get("Pss_Anon:", 0.0)
