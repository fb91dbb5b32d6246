"""Named selections of utterances, as pseudo.select writes them: kept/NAME.txt, an id per line, sorted."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError
from ..data.ids import fault

KEPT = "kept"
SELECT_AGAIN = "select again: --fresh of the stage that selects"


def is_selection(folder: Path) -> bool:
    return (folder / KEPT).is_dir()


def read_kept(folder: Path, name: str) -> list[str]:
    """Ids of the selection `name`, sorted; empty if nothing is kept.

    Raises UserError if there is no selection of that name, and for a line that is no id.
    """
    path = folder / KEPT / f"{name}.txt"
    if fault(name) or not path.is_file():
        existing = ", ".join(sorted(p.stem for p in (folder / KEPT).glob("*.txt"))) or "none"
        raise UserError(
            f"no selection is called {name}",
            str(folder / KEPT),
            f"there: {existing}; `keep` of pseudo.select names them",
        )
    ids: list[str] = []
    with open(path, encoding="utf-8", errors="replace", newline="\n") as f:
        for number, line in enumerate(f, 1):
            id = line.removesuffix("\n")
            if fault(id) or not line.endswith("\n"):
                message = f"no id in a line of its own: {id[:80]!r}"
                raise UserError(message, f"{path}, line {number}", SELECT_AGAIN)
            if ids and id <= ids[-1]:
                raise UserError(f"{id} after {ids[-1]}: ids out of order", f"{path}, line {number}", SELECT_AGAIN)
            ids.append(id)
    return ids
