"""Check that recipes keep the rules of egs/README.md: a recipe is a folder that can be copied, not a copied pipeline.

utils/check-recipe [egs/NAME...]; without a name, all recipes.
"""

from __future__ import annotations

import argparse
import difflib
import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from .config import read_yaml
from .errors import UserError, told
from .recipe_files import EGS, HOUSE, OWN, TEMPLATE, corpora, options, recipes

LONGEST = 40  # lines of run.sh; a longer one holds a pipeline of its own
_TEMPLATE = re.compile(r"^\. \.\./\.\./TEMPLATE/(\w+)\.sh$", re.M)
_SOURCED = re.compile(r'^\. "\$\{BASH_SOURCE\[0\]%/\*\}/(\w+\.sh)"$', re.M)
_ABSOLUTE = re.compile(
    r"(?<![\w$}.~*)\]/:])/(?:home|data|mnt|corpora|scratch|work|tmp|root|Users|export|nfs)\b[^\s\"']*"
)
_CONFIG = re.compile(r"\$\(config \"?(\$?\w+)\"?\)|(?:pretrain \S+|units|probe|corpus) (\w+)")
_CORPUS = re.compile(r'run "?data\.corpora\.[^\n;]*--out "\$\w+/(\$?\w+)"')  # its config is called as its output
_LOOP = re.compile(r"\bfor (\w+) in \$(\w+); do")  # over the words of an option: students="DW-16-16 DW-8-8"


def faults(recipe: Path) -> Iterator[str]:
    """Faults of the recipe egs/<corpus>/<kind>, as sentences that begin with a file of it."""
    run = recipe / "run.sh"
    text = run.read_text(encoding="utf-8", errors="replace")
    yield from _of_run(recipe, text)
    yield from _of_files(recipe)
    yield from _of_configs(recipe, text)
    listed = subprocess.run(
        ["bash", "./run.sh", "--list"], cwd=recipe, capture_output=True, text=True, errors="replace"
    )
    if listed.returncode:
        yield f"run.sh --list ends with {listed.returncode}: {(listed.stderr or listed.stdout).strip()[-300:]}"


def _of_run(recipe: Path, text: str) -> Iterator[str]:
    lines = text.rstrip("\n").split("\n")
    if not os.access(recipe / "run.sh", os.X_OK):
        yield "run.sh: not executable: chmod +x"
    if lines[0] != "#!/usr/bin/env bash":
        yield "run.sh:1: its first line is not #!/usr/bin/env bash"
    if 'cd "$(dirname "$0")" || exit 1' not in lines:
        yield 'run.sh: it does not begin in its own folder: cd "$(dirname "$0")" || exit 1'
    if not (sourced := _TEMPLATE.search(text)):
        if "\n. ../../../utils/recipe.sh\n" not in text or "\nstages() {" not in text:
            yield "run.sh: no `. ../../TEMPLATE/<kind>.sh`, nor stages() of its own and `. ../../../utils/recipe.sh`"
    elif not (EGS / TEMPLATE / f"{sourced[1]}.sh").is_file():
        yield f"run.sh: there is no template {sourced[1]}.sh"
    if lines[-1] != 'recipe "$@"':
        yield 'run.sh: its last line is not recipe "$@"'
    if len(lines) > LONGEST:
        yield f"run.sh: {len(lines)} lines, more than {LONGEST}: what recipes share belongs into the template"
    syntax = subprocess.run(["bash", "-n", "run.sh"], cwd=recipe, capture_output=True, text=True)
    if syntax.returncode:
        yield f"run.sh: {syntax.stderr.strip()}"


def _of_files(recipe: Path) -> Iterator[str]:
    """Links, absolute paths and the folder's own name: with these a copy would not work."""
    if strange := sorted(p.name for p in recipe.iterdir() if p.name not in OWN and not _is_made(p)):
        yield f"{strange[0]}: a recipe is run.sh, conf/, perhaps local/, and what runs make"
    own = re.compile(rf"egs/{re.escape(recipe.parent.name)}\b|\.\./{re.escape(recipe.parent.name)}/")
    for top in ("run.sh", "conf", "local"):
        for path in [recipe / top, *sorted((recipe / top).rglob("*"))]:
            name = path.relative_to(recipe)
            if path.is_symlink():
                yield f"{name}: a link: copy the file, or leave it to the template"
            if not path.is_file() or path.is_symlink():
                continue
            for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
                code = re.sub(r"(^|\s)#.*", "", line)
                if (absolute := _ABSOLUTE.search(code)) and not (top == "run.sh" and _is_option(line)):
                    yield f"{name}:{number}: an absolute path, {absolute[0]}: make it an option"
                if own.search(code):
                    yield f"{name}:{number}: it names its own folder, which a copy does not have"


def _is_option(line: str) -> bool:
    """True if a line of run.sh is an option with a meaning: its value may be the path of a lab's corpus."""
    return any(option.meaning for option in options(line))


def _is_made(path: Path) -> bool:
    ignored = subprocess.run(["git", "check-ignore", "-q", str(path)], cwd=HOUSE, capture_output=True)
    return ignored.returncode == 0 or ".aside-" in path.name or path.name in ("data", "dump", "exp", "downloads")


def _of_configs(recipe: Path, text: str) -> Iterator[str]:
    """Configs that cannot be read, and configs whose name no stage asks for, e.g. a misspelt one."""
    sourced = _TEMPLATE.search(text)
    pipeline = _with_sourced(EGS / TEMPLATE / f"{sourced[1]}.sh") if sourced else []
    parts = sorted((recipe / "local").glob("*.sh"))  # of run.sh, which sources them
    text += "".join(path.read_text(encoding="utf-8", errors="replace") for path in parts)
    code = text + "".join(path.read_text(encoding="utf-8") for path in pipeline)
    asked = {a or b for a, b in _CONFIG.findall(code)} | {*_CORPUS.findall(code), "data", "slurm"}
    looped = {option for name, option in _LOOP.findall(code) if f"${name}" in asked}
    asked |= {
        word
        for name in looped
        for value in re.findall(rf'\b{name}=("[^"]*"|\S+)', code)
        for word in value.strip('"').split()
    }
    for template in pipeline:
        asked |= {p.stem for p in (template.with_suffix("") / "conf").glob("*.yaml")}
    for path in sorted((recipe / "conf").rglob("*.yaml")):
        name = path.relative_to(recipe)
        try:
            read_yaml(path)
        except UserError as e:
            yield f"{name}: {e.what}"
        if path.stem not in asked:
            near = difflib.get_close_matches(path.stem, asked, 1)
            yield f"{name}: no stage asks for a config of this name" + (f"; did you mean {near[0]}?" if near else "")
    for option in options(text):
        if option.name not in {o.name for o in options(code.removeprefix(text))} and not option.meaning:
            yield f"run.sh: {option.name}= is no option of the template, and no comment says what it means"


def _with_sourced(template: Path) -> list[Path]:
    """The file of a template, and those of the templates that it sources; without those that do not exist."""
    if not template.is_file():
        return []
    names = _SOURCED.findall(template.read_text(encoding="utf-8"))
    return [template, *(path for name in names for path in _with_sourced(template.with_name(name)))]


def main() -> int:
    parser = argparse.ArgumentParser("utils/check-recipe", description=__doc__, allow_abbrev=False)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("folders", nargs="*", metavar="egs/NAME")
    names = [Path(name) for name in parser.parse_args().folders]
    folders = [
        EGS / path.parts[path.parts.index("egs") + 1] if "egs" in path.parts[:-1] else EGS / path for path in names
    ]
    for folder in folders:
        if not folder.is_dir() or not recipes(folder):
            raise UserError(f"no recipe: {folder}", "command line", "name a folder of egs/ with a <kind>/run.sh")
    wrong, kinds = 0, [kind for folder in folders or corpora() for kind in recipes(folder)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # most of the time is that of `run.sh --list`
        for recipe, problems in zip(kinds, pool.map(lambda kind: list(faults(kind)), kinds), strict=True):
            wrong += len(problems)
            end = "\n  " if problems else ""
            print(f"{recipe.relative_to(HOUSE)}:{'' if problems else ' good'}", *problems, sep=end)
    return 1 if wrong else 0


if __name__ == "__main__":
    with told(2, "the recipes"):
        raise SystemExit(main())
