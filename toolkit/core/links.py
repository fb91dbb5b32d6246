"""Links that lead nowhere: an input that is one is called so, and not "no such file"."""

from __future__ import annotations

import os
from pathlib import Path


def dangling(path: str | os.PathLike[str]) -> str:
    """The words "a link to X, which is not there" if a link at or above `path` leads nowhere; "" if none does.

    X is where the last of several links leads. A link that leads to itself is told by the operating system.
    """
    absolute = Path(os.path.abspath(path))
    for place in (*reversed(absolute.parents), absolute):
        try:
            os.stat(place)
        except FileNotFoundError:
            if not os.path.islink(place):
                return ""
            link = "a link" if place == absolute else f"below {place}, a link"
            return f"{link} to {os.path.realpath(place)}, which is not there"
        except (OSError, ValueError):
            return ""
    return ""


def absent(path: str | os.PathLike[str], wanted: str = "file or folder") -> str:
    """Why nothing is at `path`, in words: "no such file or folder", or the link that leads nowhere."""
    return dangling(path) or f"no such {wanted}"
