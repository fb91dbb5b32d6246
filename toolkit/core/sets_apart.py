"""Sets that the options --train, --dev and --test of a recipe name: none of them may have two of these parts."""

from __future__ import annotations

import posixpath
from fnmatch import fnmatchcase
from itertools import combinations, product

from .errors import UserError
from .table import Option, Table

PARTS = ("train", "dev", "test")


def overlaps(table: Table) -> list[UserError]:
    """A mistake for each two of the options that have a set in common; names may be patterns (`*train*`).

    What is learnt shows nothing on the set it was learnt on. Only a recipe itself may choose on the set that it tests
    on, as of a corpus that has no other; the command line may not. Of two patterns only equal ones are told: which
    sets there are is not known before the data stage.
    """
    options = {o.name: o for o in table.options if o.name in PARTS}
    mistakes = []
    for one, second in combinations([options[name] for name in PARTS if name in options], 2):
        if one.name == "dev" and not any(o.is_given(table.words) for o in (one, second)):
            continue
        if common := _common(one, second):
            problem = f"{one.flag} and {second.flag} both name {', '.join(common)}"
            where = f"{one.flag} {one.value}, {second.flag} {second.value}"
            mistakes.append(UserError(problem, where, "name sets that have no utterance in common"))
    return mistakes


def _common(one: Option, second: Option) -> list[str]:
    """Names, or patterns, of `one` that fit a name of `second`, or the other way round."""
    pairs = product(*([posixpath.normpath(word) for word in o.value.split()] for o in (one, second)))
    return list(
        dict.fromkeys(b if fnmatchcase(b, a) else a for a, b in pairs if fnmatchcase(b, a) or fnmatchcase(a, b))
    )
