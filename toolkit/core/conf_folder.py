"""Files in a recipe's folder of configs that no stage reads, called nearly as one: L.yml, It2.yaml."""

from __future__ import annotations

from pathlib import Path

from .errors import UserError
from .table import Table

ENDING = ".yaml"


def strays(table: Table) -> list[UserError]:
    """A warning for each file beside the configs whose name differs from one that is read in its ending or case.

    Other names are no mistake for sure: a config may be that of an option's value which this call does not have.
    """
    folders = dict.fromkeys(Path(name) for name in ("conf", *(o.value for o in table.options if o.name == "conf")))
    read = {Path(word).name.casefold(): Path(word).name for s in table.stages for r in s.runs for word in r.configs}
    warnings = []
    for path in sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        name = path.stem + ENDING if path.suffix.lower() in (ENDING, ".yml") else path.name
        name = read.get(name.casefold(), name)
        if name != path.name:
            warnings.append(UserError("no stage reads a config of this name", str(path), f"call it {name}"))
    return warnings
