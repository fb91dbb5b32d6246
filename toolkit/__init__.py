"""Sawt: a recipe toolkit for Arabic speech."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__version__ = "0.1.0"


def _stop_quietly() -> None:
    """Let Ctrl-C end a step without a traceback while it still imports its modules, which takes seconds."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, trace)

    sys.excepthook = hook


if sys.argv[:1] == ["-m"]:  # so it is while Python looks for the module that it is to run
    _stop_quietly()
