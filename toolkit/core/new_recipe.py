"""A recipe for another corpus or dialect: a copy of an existing one, without the outputs of its runs.

utils/new-recipe NAME --like egs/dialect_alg [--kind whisper] [--option value]...
A corpus has recipes of some kinds (ssl, whisper, superb). All are copied, or the one that --kind names; egs/NAME may
already have another kind. Further options set lines `option=value` of run.sh. On a terminal, the options that are not
given are asked for, once for all kinds.
"""

from __future__ import annotations

import argparse
import difflib
import re
import shlex
import shutil
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

from .errors import UserError, told
from .files import atomic
from .recipe_files import EGS, HOUSE, Option, corpora, options, recipes, with_value

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def source(like: str) -> Path:
    """The corpus folder to copy. Raises UserError naming the nearest one if it does not exist."""
    path = EGS / like.removeprefix("egs/").strip("/")
    if path not in corpora():
        near = difflib.get_close_matches(path.name, [p.name for p in corpora()], 1)
        remedy = f"did you mean egs/{near[0]}?" if near else f"there are {', '.join(p.name for p in corpora())}"
        raise UserError(f"no recipe at {like}", "--like", remedy)
    return path


def asked(option: Option) -> str:
    """A value for an option, asked for on the terminal; an empty answer keeps the old value."""
    answer = input(f"{option.name} ({option.meaning}) [{option.value}]: ").strip()
    return shlex.quote(answer) if answer else option.value


def filled(text: str, given: dict[str, str], ask: Callable[[Option], str] | None) -> str:
    """The text of run.sh with the given values; `ask` is called for the other options that have a meaning."""
    for option in options(text):
        if option.name in given:
            text = with_value(text, option.name, shlex.quote(given[option.name]))
        elif ask and option.meaning:
            text = with_value(text, option.name, ask(option))
    return text


def of_kind(like: Path, kind: str) -> list[Path]:
    """The recipes of a corpus, or only that of `kind`. Raises UserError naming its kinds if it has no such recipe."""
    existing = recipes(like)
    if kind and kind not in [path.name for path in existing]:
        message = f"{like.relative_to(HOUSE)} has no recipe of the kind {kind}"
        raise UserError(message, "--kind", f"it has {', '.join(path.name for path in existing)}")
    return [path for path in existing if kind in ("", path.name)]


def copy_recipe(
    name: str, like: Path, given: dict[str, str], ask: Callable[[Option], str] | None = None, only: str = ""
) -> list[Path]:
    """Make egs/<name>, and return its new recipes: all kinds of `like`, or the kind `only`.

    Raises UserError for an invalid name, a name that exists, an unknown kind or an unknown option.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"{name!r} cannot name a recipe", "NAME", "letters, digits and _ alone, a letter first")
    kinds = of_kind(like, only)
    new = EGS / name / only
    if new.exists():
        raise UserError(f"{new.relative_to(HOUSE)} is there already", str(new), "choose another name")
    known = {o.name for kind in kinds for o in options((kind / "run.sh").read_text(encoding="utf-8"))}
    if strange := sorted(set(given) - known):
        where = f"{like.relative_to(HOUSE)}/*/run.sh"
        raise UserError(f"no line {strange[0]}= in it", where, f"its lines are {', '.join(sorted(known))}")
    for option, value in given.items():
        if "#" in value or not value.isprintable():  # of which a line `option=value  # meaning` could hold none
            message = f"--{option} {value!r}: a value with a # or with characters that cannot be printed"
            raise UserError(message, "command line", "give run.sh this value each time")
    ask = cache(ask) if ask else None
    with atomic(new) as temporary:
        for kind in kinds:
            copy = temporary if only else temporary / kind.name
            for part in ("run.sh", "conf", "local"):
                if (kind / part).is_dir():
                    shutil.copytree(kind / part, copy / part)
                elif (kind / part).is_file():
                    copy.mkdir(parents=True, exist_ok=True)
                    shutil.copy(kind / part, copy / part)
            run = copy / "run.sh"
            run.write_text(filled(run.read_text(encoding="utf-8"), given, ask), encoding="utf-8")
    return [EGS / name / kind.name for kind in kinds]


def told_of(new: list[Path]) -> str:
    """A message with the lines of the new recipes that should be checked."""
    folder = new[0].parent.relative_to(HOUSE)
    lines = [f"made {folder}. Look at these lines, and change those that are wrong for it:"]
    for kind in new:
        for number, line in enumerate((kind / "run.sh").read_text(encoding="utf-8").splitlines(), 1):
            if re.match(r"# (?!shellcheck)|[a-z][a-z0-9_]*=|prepare\(\)|  run ", line):
                lines.append(f"  {kind.relative_to(HOUSE)}/run.sh:{number}: {line}")
    enter = " or ".join(f"cd {kind.relative_to(HOUSE)}" for kind in new)
    return "\n".join([*lines, f"then: utils/check-recipe {folder}; {enter}; ./run.sh --list"])


def main() -> None:
    parser = argparse.ArgumentParser("utils/new-recipe", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("name", metavar="NAME", help="of the new folder below egs/")
    parser.add_argument("--like", required=True, metavar="egs/CORPUS", help="the recipe to copy")
    parser.add_argument("--kind", default="", help="copy this kind alone: ssl, whisper, superb; all without it")
    call, rest = parser.parse_known_args()
    words = [part for word in rest for part in (word.split("=", 1) if word.startswith("--") else [word])]
    if len(words) % 2 or any(not key.startswith("--") for key in words[::2]):
        raise UserError(f"not understood: {' '.join(rest)}", "command line", "write --option value")
    given = {key[2:].replace("-", "_"): value for key, value in zip(words[::2], words[1::2])}
    new = copy_recipe(call.name, source(call.like), given, asked if sys.stdin.isatty() else None, call.kind)
    print(told_of(new))


if __name__ == "__main__":
    with told(2, "the recipe"):
        main()
