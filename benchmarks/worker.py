"""A contestant's process: prepares once, then runs whenever it is told to, and says what that took.

`python -m benchmarks.worker MODULE:CLASS ARGUMENTS` makes CLASS(**ARGUMENTS). A line `run` on the standard input calls
its run() and answers {"seconds", "cpu_seconds", "peak_mb", ...}: wall time, time of the CPU, the most memory the
process held meanwhile, and what run() returned; `save PATH` writes its output() there as .npy. Runs in either
environment, so it needs nothing but numpy.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np


def forget_peak() -> None:
    """Let VmHWM start from what the process holds now."""
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")


def peak_mb() -> float:
    """VmHWM in units of 10^6 bytes."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024 / 1e6


def answer(contestant: Any, command: str, path: str) -> dict[str, Any]:
    """What the contestant does at a command of the race, and what that took."""
    if command == "save":
        np.save(path, contestant.output())
        return {}
    forget_peak()
    start, start_cpu = time.perf_counter(), time.process_time()
    figures = contestant.run() or {}
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - start_cpu
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_mb": peak_mb(), **figures}


def main() -> None:
    """Answer until the standard input ends."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)  # what libraries print goes to the errors
    module, _, name = sys.argv[1].partition(":")
    contestant = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    print("{}", file=answers)
    for line in sys.stdin:
        command, _, path = line.strip().partition(" ")
        print(json.dumps(answer(contestant, command, path)), file=answers)


if __name__ == "__main__":
    main()
