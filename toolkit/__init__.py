"""Sawt: a recipe toolkit for Arabic speech.

Python looks for modules in the current folder first: `python3 -m toolkit.X` in a folder with a numpy.py, a fetched
model perhaps, would run that file. So the folder leaves sys.path here, before anything that is not in memory is
imported, `__future__` too. A relative entry of PYTHONPATH is of whatever folder is the current one, and an empty one,
as in "/a:", is that folder itself: both leave it. Two things come before this file and are Python's own: a
sitecustomize.py of such an entry, and a folder toolkit/ of the current one; `python3 -P` (3.11) leaves the second
aside, and the shell scripts ask for it.
"""

import os
import sys

COMMAND = sys.argv[:1] in (["-m"], ["-c"])  # so it is while Python looks for the module that it is to run
ASKED = "sawt"  # in PYTHONSAFEPATH, by utils/python.sh
HOUSE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def _leave_current_folder() -> None:
    """Take away the current folder from sys.path if nobody names it, unless it is where the toolkit is found.

    Python adds it for a command. Entries of PYTHONPATH that are no full paths leave, too, also for child processes; the
    one where the toolkit is found becomes one.
    """
    if not COMMAND or not sys.path:
        return
    if os.environ.get("PYTHONSAFEPATH") == ASKED:  # for this process alone: a recipe's own scripts find their folder
        del os.environ["PYTHONSAFEPATH"]
    here, value = os.path.realpath(os.curdir), os.environ.get("PYTHONPATH", "")
    entries = value.split(os.pathsep) if value else []
    named = [entry for entry in entries if os.path.isabs(entry)]
    relative = {os.path.realpath(entry) for entry in entries if not os.path.isabs(entry)}
    if relative:
        named += [HOUSE] if os.path.realpath(HOUSE) in relative else []
        os.environ["PYTHONPATH"] = os.pathsep.join(named)
    if here == os.path.realpath(HOUSE):
        return
    if os.path.realpath(sys.path[0] or os.curdir) == here and not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    relative.difference_update(map(os.path.realpath, named))
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry) not in relative]


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
