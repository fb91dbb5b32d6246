"""Sets that the options --train, --dev and --test of a recipe name: none of them may have two of these parts.

An option whose sets are read as folders names each by its name, and not by a pattern.
"""

from __future__ import annotations

import posixpath
import re
from fnmatch import fnmatchcase
from itertools import combinations, product
from pathlib import Path

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


def patterns(table: Table) -> list[UserError]:
    """A mistake for each option whose value is read as the folder of one set, and is a pattern or several names."""
    inputs = [Path(name) for stage in table.stages for run in stage.runs for name in run.ins if name]
    makers = {path: made for path in inputs if (made := table.maker(path))}
    below = {str(path.relative_to(made[1].out)) for path, made in makers.items()}
    wrong = [o for o in table.options if o.value and re.search(r"[*?[\s]", o.value)]
    return [
        UserError(
            f"{o.flag} names one set here, by its name", f"{o.flag} {o.value}", "no pattern, and no list of names"
        )
        for o in wrong
        if below & {o.value, *(word for word in o.value.split() if re.search(r"[*?[]", word))}
    ]


def _common(one: Option, second: Option) -> list[str]:
    """Names, or patterns, of `one` that fit a name of `second`, or the other way round."""
    pairs = product(*([posixpath.normpath(word) for word in o.value.split()] for o in (one, second)))
    return list(
        dict.fromkeys(b if fnmatchcase(b, a) else a for a, b in pairs if fnmatchcase(b, a) or fnmatchcase(a, b))
    )
