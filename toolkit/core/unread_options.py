"""Options of the command line that name a folder which no stage of the call reads: a user means it to be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from .errors import UserError
from .table import Table

OF_RECIPE = ("conf", "data", "dump", "exp")
_FOLDER = re.compile(r"(optional: )?folder (of|with|which)\b|.*\bnot used here\b")


def unread(table: Table) -> Iterator[UserError]:
    """A mistake for each option whose meaning is a folder to read, that is given, and that is in no command."""
    words = {word for stage in table.stages for run in stage.runs for word in run.argv}
    for option in table.options:
        if option.name in OF_RECIPE or not option.is_given(table.words) or not _FOLDER.match(option.meaning):
            continue
        name = str(Path(option.value))
        if option.value and not any(word == name or word.startswith(f"{name}/") for word in words):
            meaning = f"leave {option.flag} out, or have it read: {option.meaning}"
            yield UserError(f"no stage of this call reads {option.flag}", option.flag, meaning)
