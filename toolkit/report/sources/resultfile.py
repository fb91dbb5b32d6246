"""One JSON result file, read with types: what is missing or broken is named with the stage that makes it."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.files import read_json
from ...core.record import RECORD, flag, holder, read_record

MAKERS = {  # who makes a result file, for folders without a record
    "codebook.json": "units.kmeans",
    "quality.json": "units.quality",
    "examples.json": "units.quality",
    "loss.tsv": "train.pretrain",
    "config.json": "train.pretrain",
    "header.json": "units.label",
    "row.json": "tasks.fit",
    "tasks.json": "tasks.fit",
    "cost.json": "tasks.fit",
    "layers.json": "tasks.fit",
    "pairs.json": "score.compare_probes",
    "hypotheses.jsonl": "pseudo.transcribe",
    "windows.jsonl": "pseudo.pack",
    "survival.json": "pseudo.select",
    "systems.json": "score.systems",
    "wav.scp": "data.corpora",
}


def maker(path: Path) -> str:
    """The step that made the result at `path`: of its record, else by the name of the file."""
    folder = holder(path)
    if folder:
        command = read_record(folder)["parts"].get("command", "[]")
        argv = json.loads(command) if isinstance(command, str) else []
        if argv:
            return str(argv[0])
    return MAKERS.get(path.name, "tasks.fit" if path.suffix == ".json" else "its maker")


def recorded_inputs(folder: Path) -> list[tuple[str, str]]:
    """(path, id) of what the record of `folder` says it was made from; nothing where it has no record."""
    if not (folder / RECORD).is_file():
        return []
    parts = read_record(folder)["parts"]
    return [(key.removeprefix("input "), str(id)) for key, id in parts.items() if key.startswith("input ")]


def inputs_of(folder: Path) -> list[str]:
    """Inputs of the step that made `folder`, in the order of its command; none if it has no record."""
    if not (folder / RECORD).is_file():
        return []
    return flag(json.loads(str(read_record(folder)["parts"].get("command", "[]"))), "--in")


def broken(path: Path, why: str) -> UserError:
    """The error for a result file that cannot be read, with the stage to rerun."""
    folder = holder(path) or path.parent
    remedy = f"rerun the stage that runs {maker(path)} and writes {folder}: --list names it, --fresh STAGE redoes it"
    return UserError(f"a result file cannot be used: {why}", str(path), remedy)


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except FileNotFoundError:
        raise broken(path, "it is missing") from None
    except (UserError, OSError) as e:
        raise broken(path, e.what if isinstance(e, UserError) else str(e)) from None


@dataclass(frozen=True)
class ResultFile:
    """A JSON mapping of the file at `path`; `prefix` names the part of it that this is.

    Every reader raises UserError naming file, key and the stage to rerun when the value does not fit.
    """

    path: Path
    tree: Mapping[str, Any]
    prefix: str = ""

    @classmethod
    def read(cls, path: Path) -> ResultFile:
        tree = _json(path)
        if not isinstance(tree, dict):
            raise broken(path, "it holds no mapping of names to values")
        return cls(path, tree)

    @classmethod
    def read_list(cls, path: Path) -> list[ResultFile]:
        """The mappings of a file that holds a list of them."""
        tree = _json(path)
        if not isinstance(tree, list) or not all(isinstance(entry, dict) for entry in tree):
            raise broken(path, "it holds no list of mappings")
        return [cls(path, entry, f"[{i}].") for i, entry in enumerate(tree)]

    def has(self, key: str) -> bool:
        return self.tree.get(key) is not None

    def text(self, key: str) -> str:
        return str(self._get(key, (str,), "a string"))

    def number(self, key: str) -> float:
        value = float(self._get(key, (int, float), "a number"))
        if not math.isfinite(value):
            raise broken(self.path, f"{self.prefix}{key} is {value}, not a finite number")
        return value

    def maybe(self, key: str) -> float | None:
        """The number at `key`; None where it is null or absent."""
        return self.number(key) if self.has(key) else None

    def whole(self, key: str) -> int:
        value = self.number(key)
        if value != int(value) or value < 0:
            raise broken(self.path, f"{self.prefix}{key} is {value}, not a whole number")
        return int(value)

    def listed(self, key: str) -> list[Any]:
        values: list[Any] = self._get(key, (list,), "a list")
        return values

    def numbers(self, key: str) -> list[float]:
        values = self.listed(key)
        good = [isinstance(v, (int, float)) and not isinstance(v, bool) and math.isfinite(v) for v in values]
        if not all(good):
            raise broken(self.path, f"{self.prefix}{key}[{good.index(False)}] is not a finite number")
        return [float(v) for v in values]

    def sections(self, key: str) -> list[ResultFile]:
        """The mappings of a list."""
        values = self.listed(key)
        if bad := [i for i, value in enumerate(values) if not isinstance(value, dict)]:
            raise broken(self.path, f"{self.prefix}{key}[{bad[0]}] is no section")
        return [ResultFile(self.path, value, f"{self.prefix}{key}[{i}].") for i, value in enumerate(values)]

    def section(self, key: str) -> ResultFile:
        return ResultFile(self.path, self._get(key, (dict,), "a section"), f"{self.prefix}{key}.")

    def _get(self, key: str, kinds: tuple[type, ...], wanted: str) -> Any:
        value = self.tree.get(key)
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            shown = "missing" if key not in self.tree else f"{value!r}"[:60]
            raise broken(self.path, f"{self.prefix}{key} is {shown}, not {wanted}")
        return value
