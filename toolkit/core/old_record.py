"""Records of the first format, without a number: the rule by which their outputs are compared.

All raw files counted by size and time of change, and paths as they were typed. `output.renew` rewrites such a record.
"""

from __future__ import annotations

import hashlib
import os
from functools import cache
from pathlib import Path
from typing import Any

from .errors import UserError
from .files import read_json
from .identity import RAW, InputId, walk
from .identity import identity as by_place
from .record import TIMES


def identity(argv: list[str], input_id: InputId) -> dict[str, str]:
    """Named parts of the identity of the output of `argv` by the first rule."""

    def id_of(path: Path, out: Path) -> str:
        id = input_id(path, out)
        return RAW + _raw_id(os.path.realpath(path), os.path.realpath(out)) if id.startswith(RAW) else id

    return by_place(argv, id_of, spelling=str)


@cache
def _raw_id(path: str, out: str) -> str:
    state = hashlib.sha256()
    for name, _, stamp in walk(path, out):
        state.update(f"{name}\0{stamp[0]}\0{stamp[1]}\n".encode(errors="surrogateescape"))
    return state.hexdigest()[:16]


def forget() -> None:
    """Forget the cached ids of raw files."""
    _raw_id.cache_clear()


def times(out: Path) -> dict[str, Any]:
    """What times.json of the first format holds: the seconds that the step took; nothing if it is damaged."""
    try:
        tree = read_json(out / TIMES)
    except (UserError, FileNotFoundError):
        return {}
    return tree if isinstance(tree, dict) else {}
