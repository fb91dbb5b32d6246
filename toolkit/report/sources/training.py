"""How a network was trained: its shape from hf/config.json, its losses from loss.tsv."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from ...core.record import RECORD, TIMES, read_record
from .resultfile import ResultFile, broken, inputs_of, maker, recorded_inputs
from .units import Targets, read_targets

SHAPE = {  # keys of a Hugging Face config -> what the report calls them
    "model_type": "type",
    "num_hidden_layers": "layers",
    "hidden_size": "d",
    "intermediate_size": "ff",
    "num_attention_heads": "heads",
    "conv_dim": "conv channels",
    "feat_extract_norm": "conv norm",
    "encoder_layers": "encoder layers",
    "decoder_layers": "decoder layers",
    "d_model": "d",
    "encoder_ffn_dim": "ff",
    "encoder_attention_heads": "heads",
    "num_mel_bins": "mels",
    "vocab_size": "vocabulary",
}
OURS = "sawt"  # key of a network's config for what the steps that write one note there
WINDOWS = "windows.jsonl"
LOSS = "loss.tsv"
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
        targets: the units that it was trained to predict; None if its labels are gone, or are texts.
        losses: what it learnt of its teacher's inside; None if it learnt something else.
        teacher: whose inside that was, as its row is called.
        pack: folder of the windows with texts that it learnt from, the first of its inputs; None if there is none.
        seconds: that the training took; None if it was not measured.
    """

    name: str
    shape: dict[str, str]
    hours: float | None
    curves: dict[str, tuple[list[float], list[float]]]
    gaps: int
    tag: str = ""
    model: str = ""
    targets: Targets | None = None
    losses: str | None = None
    teacher: str | None = None
    pack: str | None = None
    seconds: float | None = None

    def last(self, name: str) -> float | None:
        return self.curves[name][1][-1] if self.curves.get(name, ([], []))[1] else None

    def first(self, name: str) -> float | None:
        return self.curves[name][1][0] if self.curves.get(name, ([], []))[1] else None

    @property
    def steps(self) -> int:
        return int(max((steps[-1] for steps, _ in self.curves.values() if steps), default=0))


def is_training(folder: Path) -> bool:
    """True for what a training left, its losses gone or not."""
    return (folder / LOSS).is_file() or ((folder / "hf").is_dir() and maker(folder).startswith("train."))


def network_name(folder: Path) -> str:
    """exp/it1/base -> it1.base, exp/base -> base: the same rule as `encoder_name`, which names the probe rows."""
    if not (folder / "hf").is_dir():
        return folder.name
    folder = folder.resolve()
    return folder.name if folder.parent.name in ("", "exp") else f"{folder.parent.name}.{folder.name}"


def read_training(folder: Path) -> Training:
    """Training of a folder with loss.tsv and hf/config.json. Raises UserError."""
    config = ResultFile.read(folder / "hf" / "config.json")
    curves, gaps = read_curves(folder / LOSS)
    whole = folder.absolute()
    return Training(
        name=network_name(folder),
        shape=network_shape(config),
        hours=_hours(folder),
        curves=curves,
        gaps=gaps,
        tag=whole.parent.name,
        model=whole.name,
        targets=_targets(folder),
        losses=_told(config, "losses"),
        teacher=_told(config, "teacher"),
        pack=next((name for name in inputs_of(folder) if (Path(name) / WINDOWS).is_file()), None),
        seconds=ResultFile.read(folder / TIMES).maybe("seconds") if (folder / TIMES).is_file() else None,
    )


def network_shape(config: ResultFile) -> dict[str, str]:
    """What the report tells of a network, by its heading, from a Hugging Face config."""
    whisper = "d_model" in config.tree  # whose config has the keys of other models too, as aliases
    keys = {key: title for key, title in SHAPE.items() if config.has(key)}
    if whisper:
        keys = {key: title for key, title in keys.items() if key not in ("num_hidden_layers", "hidden_size")}
    shape = {title: _words(config.tree[key]) for key, title in keys.items()}
    ours = config.section(OURS) if config.has(OURS) else None
    for part in ("encoder", "decoder"):
        if ours and ours.has(f"{part}_blocks"):
            shape[f"{part} blocks"] = " ".join(map(str, ours.listed(f"{part}_blocks")))
    return shape


def _targets(folder: Path) -> Targets | None:
    """Of the labels that the record of the training names among its inputs."""
    targets = [read_targets(Path(name)) for name, _ in recorded_inputs(folder)]
    return next((t for t in targets if t), None)


def _told(config: ResultFile, key: str) -> str | None:
    """What the step that distilled the network noted."""
    ours = config.section(OURS) if config.has(OURS) else None
    return ours.text(key) if ours and ours.has("losses") else None


def _hours(folder: Path) -> float | None:
    if not (folder / RECORD).is_file():
        return None
    record = ResultFile(folder / RECORD, read_record(folder))
    return record.section("counts").maybe("hours") if record.has("counts") else None


def _words(value: object) -> str:
    if not isinstance(value, list):
        return str(value)
    return str(value[0]) if len({str(v) for v in value}) == 1 else ", ".join(map(str, value))


def read_curves(path: Path) -> tuple[dict[str, tuple[list[float], list[float]]], int]:
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
