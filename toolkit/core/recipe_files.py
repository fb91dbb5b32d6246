"""A recipe folder egs/<corpus>/<kind>/: its files, the options that run.sh declares, and the files that runs made."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

HOUSE = Path(__file__).resolve().parents[2]
EGS = HOUSE / "egs"
TEMPLATE = "TEMPLATE"
OWN = ("run.sh", "conf", "local", "RESULTS.md")  # files of a recipe; everything else was made by a run

_OPTION = re.compile(r"^([a-z][a-z0-9_]*)=(.*?)(?:\s+# (.+))?$", re.M)


@dataclass(frozen=True)
class Option:
    """A line `name=value  # meaning` of run.sh, value in bash's spelling."""

    name: str
    value: str
    meaning: str


def options(text: str) -> list[Option]:
    """Options that the text of a run.sh or a template declares or sets."""
    return [Option(name, value.strip(), meaning or "") for name, value, meaning in _OPTION.findall(text)]


def with_value(text: str, name: str, value: str) -> str:
    """The text of a run.sh with another value, as bash has it, on the line of option `name`."""

    def changed(line: re.Match[str]) -> str:
        return line[0] if line[1] != name else f"{name}={value}" + (f" # {line[3]}" if line[3] else "")

    return _OPTION.sub(changed, text)


def recipes(corpus: Path) -> list[Path]:
    """Folders of a corpus that hold a run.sh, one for each kind."""
    return sorted(run.parent for run in corpus.glob("*/run.sh"))


def corpora() -> list[Path]:
    """All corpora of egs/."""
    return sorted(p for p in EGS.iterdir() if p.is_dir() and p.name != TEMPLATE and recipes(p))
