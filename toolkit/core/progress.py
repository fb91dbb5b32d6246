"""The progress bar: share done, rate and time left."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import TextIO

PERIOD_TERMINAL, PERIOD_LOG = 0.2, 10.0  # seconds between two bars


class Progress:
    """Bar over `total` units on standard error: redrawn on a terminal, a line every 10 s elsewhere.

    Args:
        label: name of the work.
        total: amount of work, in `unit`.
        unit: what is counted, e.g. "audio s" (audio-seconds) or "steps".
        done: amount already finished at the start; not counted in the rate.
    """

    def __init__(self, label: str, total: float, unit: str, done: float = 0.0) -> None:
        self.label, self.total, self.unit, self.done, self.before = label, total, unit, done, done
        self.terminal = sys.stderr.isatty() or bool(os.environ.get("SAWT_TERMINAL"))
        self.start = self.shown = time.monotonic()
        self.note = ""
        self.stream: TextIO | None = None

    @contextmanager
    def apart(self) -> Iterator[None]:
        """Keep this bar on the terminal while standard error goes elsewhere, e.g. to a worker's log."""
        with os.fdopen(os.dup(sys.stderr.fileno()), "w") as self.stream:
            try:
                yield
            finally:
                self.stream = None

    def add(self, amount: float, note: str = "") -> None:
        """Count `amount` more; `note` (e.g. the loss) is shown at the end of the bar."""
        self.done, self.note = self.done + amount, note
        now = time.monotonic()
        if now - self.shown >= (PERIOD_TERMINAL if self.terminal else PERIOD_LOG):
            self.shown = now
            self._show("\r" if self.terminal else "\n")

    def _show(self, end: str) -> None:
        rate = (self.done - self.before) / max(time.monotonic() - self.start, 1e-6)
        share = min(self.done / self.total, 1.0) if self.total else 1.0
        left = (self.total - self.done) / rate if rate > 0 else float("nan")
        bar, unit = "#" * round(20 * share), self.unit
        text = f"  {self.label} {share:4.0%} |{bar:20}| {self.done:,.0f}/{self.total:,.0f} {unit}"
        text += f"  {rate:,.1f} {unit}/s  {clock(left)} left  {self.note}"
        stream = self.stream or sys.stderr
        stream.write(text.rstrip() + ("\033[K" if self.terminal else "") + end)
        stream.flush()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._show("\n")


def clock(seconds: float) -> str:
    """h:mm:ss, or ? if unknown."""
    if seconds != seconds or seconds == float("inf"):
        return "?"
    minutes, s = divmod(round(max(seconds, 0)), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{s:02}"
