"""Silence on standard error while MP3 is decoded."""

from __future__ import annotations

import contextlib
import os
import sys
import threading


class QuietDecoder:
    """Close standard error while MP3 is decoded, because mpg123 prints a line at most seeks.

    Errors are exceptions anyway. Several threads decode at once, so the first one closes it and the last one
    opens it again.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.kept = threading.Lock(), 0, -1

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                sys.stderr.flush()
                self.kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                os.dup2(self.kept, 2)
                os.close(self.kept)


QUIET = QuietDecoder()
SPEAKS_UP = contextlib.nullcontext()  # decoders that print nothing do not touch standard error
