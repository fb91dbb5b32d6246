"""Steps over rows (systems, encoders): each row has an identity of its own, so one more row makes only its own.

A row is a folder of the output that also holds the row's identity. If the list of rows changes, a step keeps the rows
with an unchanged identity.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

from .errors import UserError
from .files import read_json, write_json
from .fresh import aside

ABOUT = ".row"  # folder inside a row's folder, for files that are no result
IDENTITY = "identity.json"
Identity = Mapping[str, str]  # named parts; if one differs, the bytes differ


def mark(folder: Path, identity: Identity) -> None:
    """Write a row's identity into its folder."""
    write_json(folder / ABOUT / IDENTITY, dict(identity))


def settle(out: Path, rows: Mapping[str, Identity]) -> None:
    """Keep the finished rows below `out` that are asked for; set the others aside in a folder beside `out`.

    Args:
        rows: identity of each row by name.

    Raises UserError if a row that is asked for has another identity.
    """
    finished = {path.parents[1].name: path.parents[1] for path in sorted(out.glob(f"*/{ABOUT}/{IDENTITY}"))}
    for name in finished.keys() & rows.keys():
        was, now = read_json(finished[name] / ABOUT / IDENTITY), rows[name]
        changed = [part for part in {**now, **was} if was.get(part) != now.get(part)]
        if changed:
            problem = f"the row {name} was made from something else (changed: {', '.join(changed)})"
            raise UserError(problem, str(finished[name]), "run the recipe with --fresh and the name of the stage")
    gone = [finished[name] for name in sorted(finished.keys() - rows.keys())]
    if gone:
        to = Path(aside(str(out)))
        to.mkdir()
        for folder in gone:
            shutil.move(folder, to / folder.name)
        print(f"moved {', '.join(folder.name for folder in gone)} to {to}: rows that are asked for no more", flush=True)
