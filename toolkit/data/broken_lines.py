"""Lines of a table of a data directory that begin with no id: each may be the rest of the line above it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from ..text.invisible import excerpt, name_of, shown
from .ids import id_form
from .malformed import MALFORMED
from .names import is_of_speakers
from .tables import BOM, OF_UTTERANCES, Problem

_REMEDY = "put the two lines together, or take both out"


def rests(
    folder: Path, tables: Mapping[str, dict[str, str]], problems: Collection[Problem], place: str
) -> list[Problem]:
    """Fatal problems of lines that begin with no id, which leave their tables, and of the lines above them.

    Only those of tables that have strange lines are looked for.

    Args:
        place: the table of all utterances.
    """
    speakers = dict.fromkeys(tables["utt2spk"].values() if "utt2spk" in tables else tables[place], "")
    more: list[Problem] = []
    for name, table in tables.items():
        if name == place or not (OF_UTTERANCES.fullmatch(name) or is_of_speakers(name)):
            continue
        own = speakers if is_of_speakers(name) else tables[place]
        strange = any(p.file == name and p.fatal and p.id not in own for p in problems)
        if strange or not table.keys() <= own.keys():
            ids = own.keys() | {p.id for p in problems if p.file == place and p.id}
            lines = _broken(folder / name, ids)
            more += lines
            for p in lines:
                if p.id not in ids:
                    table.pop(p.id, None)
    return more


def _broken(path: Path, ids: Collection[str]) -> list[Problem]:
    """Problems of the lines of a file that begin with no id, and of the nearest line above that does."""
    known = {*ids, *map(name_of, ids)}
    is_id = id_form(known)
    problems: list[Problem] = []
    above, spoilt = (0, ""), {""}
    with open(path, "rb") as f:
        for i, raw in enumerate(f, 1):
            line = raw.removeprefix(BOM).decode("utf-8", "replace").strip(" \t\r\n")
            key = line.replace("\t", " ").partition(" ")[0]
            if not key or key in known or name_of(key) in known or is_id(key):
                above = (i, key) if key else above
                continue
            number, id = above
            place = f": it may be the rest of line {number}" if number else ""
            message = f"it begins with no id, but with {shown(key)[:40]!r}{place}: {excerpt(line)}"
            problems.append(Problem(path.name, i, MALFORMED, message, _REMEDY, fatal=True, id=key))
            if id not in spoilt:
                spoilt.add(id)
                message = f"{id}: line {i} begins with no id, and may be the rest of this one"
                problems.append(Problem(path.name, number, MALFORMED, message, _REMEDY, fatal=True, id=id))
    return problems
