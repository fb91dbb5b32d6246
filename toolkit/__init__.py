"""Sawt: a recipe toolkit for Arabic speech.

Python looks for modules in the current folder first: `python3 -m toolkit.X` in a folder with a numpy.py, a fetched
model perhaps, would run that file. So the folder leaves sys.path here, before anything that is not in memory is
imported, `__future__` too.
"""

import os
import sys

COMMAND = sys.argv[:1] in (["-m"], ["-c"])  # so it is while Python looks for the module that it is to run
HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _leave_current_folder() -> None:
    """Take away the entry of sys.path that Python adds for a command, unless it is where the toolkit is found."""
    if not COMMAND or not sys.path or getattr(sys.flags, "safe_path", False):
        return
    first = os.path.realpath(sys.path[0] or os.curdir)
    if first == os.path.realpath(os.curdir) and first != os.path.realpath(HOUSE):
        del sys.path[0]


_leave_current_folder()

from importlib.machinery import PathFinder  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

if TYPE_CHECKING:
    from types import TracebackType

__version__ = "0.1.0"

# What every step imports, so that an interpreter without the packages is told before anything runs.
LIBRARIES = ("yaml", "setproctitle", "numpy", "torch", "transformers", "soundfile")


def _refuse_bare_interpreter() -> None:
    """End a command, or raise ModuleNotFoundError in a program, if this interpreter lacks the packages."""
    lacking = [name for name in LIBRARIES if name not in sys.modules and PathFinder.find_spec(name) is None]
    if not lacking:
        return
    problem = f"this Python has no {', '.join(lacking)}: it is not the environment of the toolkit"
    remedy = f"make setup in {HOUSE}, then . {HOUSE}/.venv/bin/activate; or run by SAWT_PYTHON=/path/to/python3"
    told = f"{problem}\n  where:  {sys.executable}\n  remedy: {remedy}"
    if not COMMAND:
        raise ModuleNotFoundError(told, name=lacking[0])
    print(f"error: {told}", file=sys.stderr)
    raise SystemExit(2)


def _stop_quietly() -> None:
    """Let Ctrl-C end a step without a traceback while it still imports its modules, which takes seconds."""
    show = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, trace: "TracebackType | None") -> None:
        if not issubclass(kind, KeyboardInterrupt):
            show(kind, error, trace)

    sys.excepthook = hook


_refuse_bare_interpreter()
if sys.argv[:1] == ["-m"]:
    _stop_quietly()
