"""Systems by name. Of several students each system is <student>.<what it learnt from>, DW-16-16.filtered, and is held
against those of its own student: a name of the config without a student means that system of every student.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence

from ..core.errors import UserError

TYPED = 0.8  # as alike as a name and what somebody meant to type


def known(system: str, systems: Collection[str], field: str) -> str:
    """`system`, which a field of the config names. Raises UserError, naming the nearest, where there is none such."""
    if system not in systems:
        near = difflib.get_close_matches(system, systems, 1, 0.5)
        remedy = f"did you mean {near[0]}?" if near else f"there are {', '.join(systems)}"
        raise UserError(f"no hypotheses of the system {system}", f"config field {field}", remedy)
    return system


def checked_names(names: Sequence[str], systems: Collection[str], field: str) -> list[str]:
    """Those of `names` that this run has; of the others, which another run may have, it is printed that they are not.

    Raises UserError for one that is nearly the name of a system.
    """
    for name in names:
        if name not in systems:
            if difflib.get_close_matches(name, systems, 1, TYPED):
                known(name, systems, field)
            print(f"{field}: there is no system {name} in this run")
    return [name for name in names if name in systems]


def of_students(name: str, systems: Sequence[str], field: str) -> dict[str, str]:
    """System -> what stands before `name` in it: "" for that very name, `DW-16-16.` for a student's.

    Raises UserError where there is none.
    """
    students = {
        system: system.removesuffix(name) for system in systems if system == name or system.endswith(f".{name}")
    }
    return students or {known(name, systems, field): ""}


def floors(name: str, systems: Sequence[str], others: Collection[str]) -> dict[str, str]:
    """System -> the undistilled student that it began as; none for that itself, and for `others`. Raises UserError."""
    bare = of_students(name, systems, "floor")
    chosen = {}
    for system in systems:
        mine = [floor for floor, student in bare.items() if system.startswith(student)]
        if mine and system not in bare and system not in others:
            chosen[system] = max(mine, key=len)
    return chosen


def contests(pairs: Mapping[str, str], systems: Sequence[str]) -> list[tuple[str, str]]:
    """(system, the one it is held against) of `pairs`, where possible of the same student.

    Where systems are of students, a name that none of them has is one that no student learnt from in this run: it is
    printed, and passed over. Raises UserError for any other that there is not.
    """
    chosen = []
    for name, against in pairs.items():
        if _not_learnt(name, systems):
            continue
        for system, student in of_students(name, systems, "pairs").items():
            for word in against.split():
                mine = student + word
                if mine in systems or not _not_learnt(word, systems):
                    chosen.append((system, mine if mine in systems else known(word, systems, "pairs")))
    return chosen


def _not_learnt(name: str, systems: Sequence[str]) -> bool:
    """Whether it could be what students learn from, and none of them has."""
    present = any(system == name or system.endswith(f".{name}") for system in systems)
    if present or "." in name or not any("." in system for system in systems):
        return False
    print(f"pairs: no student learnt from {name}, so it is held against nothing")
    return True
