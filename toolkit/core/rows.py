"""Steps over rows (systems, encoders): each part of a row has an identity of its own, so a new part makes only itself.

A row is the folder OUT/<row> with its result files. A part of it, such as a task, is made in OUT/<row>/.row/<part>/,
where its identity and the names of its result files stay; the files themselves then move up into the row. A step whose
list of rows or parts has changed keeps the parts that would be made from the same things again.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import UserError
from .files import read_json, remove, write_json
from .record import aside, fresh_flag

ABOUT = ".row"  # folder in a row's: what is not its result
IDENTITY, FILES = "identity.json", "files"
OWN = "own"  # the part of an identity whose change makes this part anew; any other change is refused
Identity = Mapping[str, str]  # named parts, of which one that differs makes other bytes


@dataclass(frozen=True, order=True)
class Place:
    """Where a part of a row is made: `part` is two names, such as asr/whole or asr/layer3."""

    row: str
    part: str

    def folder(self, out: Path) -> Path:
        """The part's own folder, which stays."""
        return out / self.row / ABOUT / self.part

    def files(self, out: Path) -> list[str]:
        """Names of its result files. The part is finished."""
        names: list[str] = read_json(self.folder(out) / IDENTITY)["files"]
        return names

    def file(self, out: Path, name: str) -> Path:
        """Where the result file `name` is: in the row's folder, or still in the part's."""
        inside = self.folder(out) / FILES / name
        return inside if inside.is_file() else out / self.row / name

    def is_whole(self, out: Path) -> bool:
        """True if the part is finished and every file of it exists."""
        folder = self.folder(out)
        if not (folder / IDENTITY).is_file():
            return False
        beside = read_json(folder / IDENTITY).get("beside", [])
        files = [self.file(out, name) for name in self.files(out)]
        return all(path.is_file() for path in [*files, *(folder / name for name in beside)])


def mark(folder: Path, identity: Identity) -> None:
    """Write into a new part's folder what it was made from, and the names of its files; when all of them are there."""
    files = sorted(path.name for path in folder.glob(f"{FILES}/*"))
    beside = sorted(path.name for path in folder.iterdir() if path.name != FILES)
    write_json(folder / IDENTITY, {"parts": dict(identity), "files": files, "beside": beside})


def move_up(out: Path, place: Place) -> None:
    """Move the result files of a finished part into the row's folder; again after a kill, what a first move left."""
    folder = place.folder(out) / FILES
    for path in sorted(folder.glob("*")):
        os.replace(path, out / place.row / path.name)
    remove(folder)


def settle(out: Path, parts: Mapping[Place, Identity]) -> None:
    """Keep the finished parts below `out` that are asked for and would be made from the same things again.

    Parts that are asked for no more, and those of which only OWN has changed, are moved to a folder beside `out`; the
    latter are then made anew. Of a part whose files are incomplete nothing is kept.

    Raises UserError for a part that is asked for and was made from other things.
    """
    finished = _finished(out)
    changed = [place for place in finished if place in parts and _changed(out, place, parts[place])]
    rows = {place.row for place in parts}
    gone = [place for place in finished if place not in parts]
    for place in parts:
        if place not in changed and place.folder(out).exists() and not place.is_whole(out):
            remove(place.folder(out))
    _set_aside(out, {place.row for place in gone} - rows, [place for place in [*gone, *changed] if place.row in rows])


def _finished(out: Path) -> list[Place]:
    """Every finished part below `out`. Raises UserError for rows of an earlier version, which have no parts."""
    for path in sorted(out.glob(f"*/{ABOUT}/{IDENTITY}")):
        problem = f"the row {path.parents[1].name} was made by an earlier version of this step"
        raise UserError(problem, str(path.parents[1]), f"run the recipe with {fresh_flag()}")
    return [
        Place(path.parents[3].name, f"{path.parents[1].name}/{path.parent.name}")
        for path in sorted(out.glob(f"*/{ABOUT}/*/*/{IDENTITY}"))
    ]


def _changed(out: Path, place: Place, now: Identity) -> bool:
    """True if OWN has changed, and with it perhaps which things there are. Raises UserError for any other change."""
    was = read_json(place.folder(out) / IDENTITY)["parts"]
    changed = [name for name in now if name in was and was[name] != now[name]]  # other names follow from OWN
    if set(changed) - {OWN}:
        names = ", ".join(name for name in changed if name != OWN)
        problem = f"{place.part.split('/')[0]} of the row {place.row} was made from something else (changed: {names})"
        raise UserError(problem, str(out / place.row), f"run the recipe with {fresh_flag()}")
    return bool(was != dict(now))


def _set_aside(out: Path, rows: Iterable[str], parts: Iterable[Place]) -> None:
    """Move whole rows and parts of others to a new folder beside `out`.

    A part's own folder goes last: after a kill it is known to be there, and the rest is moved by the next run.
    """
    rows, parts = sorted(rows), sorted(parts)
    if not rows and not parts:
        return
    to = Path(aside(str(out)))
    to.mkdir()
    for row in rows:
        shutil.move(out / row, to / row)
    for place in parts:
        folder = place.folder(to)
        folder.parent.mkdir(parents=True, exist_ok=True)
        for name in place.files(out):
            if (path := place.file(out, name)).is_file():
                shutil.move(path, to / place.row / name)
        shutil.move(place.folder(out), folder)
    names = [*rows, *(f"{place.row} {place.part.removesuffix('/whole')}" for place in parts)]
    print(f"moved {', '.join(names)} to {to}: asked for no more, or with other settings", flush=True)
