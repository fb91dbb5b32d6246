"""Files in a recipe's folder of configs that no stage reads, called nearly as one: L.yml, It2.yaml."""

from __future__ import annotations

import os
from pathlib import Path

from .errors import UserError
from .table import Table

ENDING = ".yaml"


def strays(table: Table) -> list[UserError]:
    """A warning for each file beside the configs whose name differs from one that is read in its ending or case.

    Other names are no mistake for sure: a config may be that of an option's value which this call does not have.
    """
    folders = dict.fromkeys(Path(name) for name in ("conf", *(o.value for o in table.options if o.name == "conf")))
    configs = [Path(word) for stage in table.stages for run in stage.runs for word in run.configs]
    read = {path.name.casefold(): path.name for path in configs}
    # A config that an option names and that is not there: the option is to be mended, and its mistake is told.
    asked = {path.name for path in configs if path.stem in _words(table) and not os.path.lexists(path)}
    warnings = []
    for path in sorted(path for folder in folders if folder.is_dir() for path in folder.iterdir()):
        name = path.stem + ENDING if path.suffix.lower() in (ENDING, ".yml") else path.name
        name = read.get(name.casefold(), name)
        if name != path.name and name not in asked:
            warnings.append(UserError("no stage reads a config of this name", str(path), f"call it {name}"))
    return warnings


def _words(table: Table) -> set[str]:
    """Words of the options of the command line."""
    return {word for option in table.options if option.is_given(table.words) for word in option.value.split()}
