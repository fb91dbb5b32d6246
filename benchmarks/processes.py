"""Chains of whole processes: how long they take, the memory they hold together, what they leave on the disk."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .race import ROOT

Command = Sequence[str]
EVERY = 0.02  # s between two looks at the memory


@dataclass
class Taken:
    """By a chain: seconds of wall time, most memory at once, bytes on the disk, in units of 10^6."""

    seconds: float
    peak_mb: float = 0.0
    disk_mb: float = 0.0


def run_chain(phases: Sequence[Sequence[Command]], out: Path, env: dict[str, str], watch: bool = False) -> Taken:
    """Phases one after the other, the commands of a phase at once. Raises RuntimeError where one fails.

    Args:
        out: what they write to.
        watch: look at the memory, which takes time of its own.
    """
    out.mkdir(parents=True)
    log, peak, start = out.parent / f"{out.name}.log", _Peak() if watch else None, time.perf_counter()
    with open(log, "w") as f:
        for phase in phases:
            running = [subprocess.Popen(c, stdout=f, stderr=subprocess.STDOUT, cwd=ROOT, env=env) for c in phase]
            if peak:
                peak.follow([process.pid for process in running])
            codes = [process.wait() for process in running]
            if any(codes):
                raise RuntimeError(f"{phase[0]} failed:\n{log.read_text()[-3000:]}")
    taken = Taken(time.perf_counter() - start)
    if peak:
        taken.peak_mb = peak.end()
    taken.disk_mb = sum(path.stat().st_size for path in out.rglob("*") if path.is_file()) / 1e6
    return taken


class _Peak:
    """Most memory that processes and all they started held at once: PSS, in which shared pages count once."""

    def __init__(self) -> None:
        self.roots: list[int] = []
        self.most, self.ended = 0.0, False
        self.thread = threading.Thread(target=self._look)
        self.thread.start()

    def follow(self, roots: list[int]) -> None:
        self.roots = roots

    def end(self) -> float:
        self.ended = True
        self.thread.join()
        return self.most

    def _look(self) -> None:
        while not self.ended:
            self.most = max(self.most, sum(map(_pss_mb, _with_descendants(self.roots))))
            time.sleep(EVERY)


def _with_descendants(roots: Sequence[int]) -> list[int]:
    found, waiting = [], list(roots)
    while waiting:
        pid = waiting.pop()
        found.append(pid)
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                waiting += map(int, children.read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                continue  # the process has ended meanwhile
    return found


def _pss_mb(pid: int) -> float:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return 0.0  # ended meanwhile
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("Pss:")), 0.0)
