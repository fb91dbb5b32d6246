"""Sawt: a recipe toolkit for Arabic speech."""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import TracebackType

__version__ = "0.1.0"

# What every step imports, so that an interpreter without the packages is told before anything runs.
LIBRARIES = ("yaml", "setproctitle", "numpy", "torch", "transformers", "soundfile")
COMMAND = sys.argv[:1] in (["-m"], ["-c"])  # so it is while Python looks for the module that it is to run


def _refuse_bare_interpreter() -> None:
    """End a command, or raise ModuleNotFoundError in a program, if this interpreter lacks the packages."""
    lacking = [name for name in LIBRARIES if name not in sys.modules and PathFinder.find_spec(name) is None]
    if not lacking:
        return
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    problem = f"this Python has no {', '.join(lacking)}: it is not the environment of the toolkit"
    remedy = f"make setup in {root}, then . {root}/.venv/bin/activate; or run by SAWT_PYTHON=/path/to/python3"
    told = f"{problem}\n  where:  {sys.executable}\n  remedy: {remedy}"
    if not COMMAND:
        raise ModuleNotFoundError(told, name=lacking[0])
    print(f"error: {told}", file=sys.stderr)
    raise SystemExit(2)


def _stop_quietly() -> None:
    """Let Ctrl-C end a step without a traceback while it still imports its modules, which takes seconds."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, trace)

    sys.excepthook = hook


_refuse_bare_interpreter()
if sys.argv[:1] == ["-m"]:
    _stop_quietly()
