"""How a network was trained: its shape from hf/config.json, its losses from loss.tsv."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ..core.record import RECORD, read_record
from .resultfile import ResultFile, broken, recorded_inputs
from .units import Targets, read_targets

SHAPE = {  # keys of a Hugging Face config -> what the report calls them
    "model_type": "type",
    "num_hidden_layers": "layers",
    "hidden_size": "d",
    "intermediate_size": "ff",
    "num_attention_heads": "heads",
    "conv_dim": "conv channels",
    "feat_extract_norm": "conv norm",
}
ABSENT = "-"  # of loss.tsv, where nothing was validated


@dataclass(frozen=True)
class Training:
    """A trained network.

    Attributes:
        name: as its probe row is called.
        hours: audio that it was trained on; None where its record does not say.
        curves: (steps, values) of each column of loss.tsv, e.g. "loss" and "dev loss"; finite values only.
        gaps: how many values were not finite.
        tag, model: names of the folder above and of its own: exp/it3-pca/S -> it3-pca, S.
        targets: the units that it was trained to predict; None where its labels are not to be found.
    """

    name: str
    shape: dict[str, str]
    hours: float | None
    curves: dict[str, tuple[list[float], list[float]]]
    gaps: int
    tag: str = ""
    model: str = ""
    targets: Targets | None = None

    def last(self, name: str) -> float | None:
        return self.curves[name][1][-1] if self.curves.get(name, ([], []))[1] else None

    def first(self, name: str) -> float | None:
        return self.curves[name][1][0] if self.curves.get(name, ([], []))[1] else None

    @property
    def steps(self) -> int:
        return int(max((steps[-1] for steps, _ in self.curves.values() if steps), default=0))


def is_training(folder: Path) -> bool:
    return (folder / "loss.tsv").is_file() or (folder / "hf").is_dir()


def network_name(folder: Path) -> str:
    """exp/it1/base -> it1.base, exp/base -> base: the same rule as `encoder_name`, which names the probe rows."""
    if not (folder / "hf").is_dir():
        return folder.name
    folder = folder.resolve()
    return folder.name if folder.parent.name in ("", "exp") else f"{folder.parent.name}.{folder.name}"


def read_training(folder: Path, of_units: bool = True) -> Training:
    """Training of a folder with loss.tsv and hf/config.json. Raises UserError.

    Args:
        of_units: whether the labels among its inputs are units, which are then looked for.
    """
    config = ResultFile.read(folder / "hf" / "config.json")
    shape = {title: _said(config.tree[key]) for key, title in SHAPE.items() if config.has(key)}
    curves, gaps = _curves(folder / "loss.tsv")
    whole = folder.absolute()
    return Training(
        name=network_name(folder),
        shape=shape,
        hours=_hours(folder),
        curves=curves,
        gaps=gaps,
        tag=whole.parent.name,
        model=whole.name,
        targets=_targets(folder) if of_units else None,
    )


def _targets(folder: Path) -> Targets | None:
    """Of the labels that the record of the training names among its inputs."""
    found = [read_targets(Path(name)) for name, _ in recorded_inputs(folder)]
    return next((targets for targets in found if targets), None)


def _hours(folder: Path) -> float | None:
    if not (folder / RECORD).is_file():
        return None
    record = ResultFile(folder / RECORD, read_record(folder))
    return record.section("counts").maybe("hours") if record.has("counts") else None


def _said(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return str(value[0]) if len({str(v) for v in value}) == 1 else ", ".join(map(str, value))


def _curves(path: Path) -> tuple[dict[str, tuple[list[float], list[float]]], int]:
    """Columns of loss.tsv by name, and how many of its values are not finite (steps that were skipped)."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (FileNotFoundError, UnicodeDecodeError) as e:
        raise broken(path, "it is missing" if isinstance(e, FileNotFoundError) else f"it is not UTF-8 ({e})") from None
    header = lines[0].split("\t") if lines else []
    if "step" not in header or len(header) < 2:
        raise broken(path, "its first line does not name `step` and at least one loss")
    curves: dict[str, tuple[list[float], list[float]]] = {}
    gaps = 0
    for number, line in enumerate(lines[1:], 2):
        cells = line.split("\t")
        if len(cells) != len(header):
            raise broken(path, f"line {number} has {len(cells)} fields, the header {len(header)}")
        row = dict(zip(header, cells))
        step = _number(path, number, row.pop("step"))
        for name, cell in row.items():
            if cell == ABSENT:
                continue
            value = _number(path, number, cell)
            if not math.isfinite(value):
                gaps += 1
                continue
            steps, values = curves.setdefault(name.replace("_", " "), ([], []))
            steps.append(step)
            values.append(value)
    return curves, gaps


def _number(path: Path, line: int, cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        raise broken(path, f"line {line}: {cell[:30]!r} is not a number") from None
