"""Pseudo-labels, the windows they were packed into, and networks that were not trained here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ...core.record import RECORD, read_record
from .resultfile import ResultFile
from .training import WINDOWS, network_name, network_shape

HYPOTHESES, HEADER, SPEED = "hypotheses.jsonl", "header.json", "speed.json"


@dataclass(frozen=True)
class Labels:
    """A folder of pseudo-labels: by which model, of which set, what its record counts.

    Attributes:
        rtf: seconds of decoding per second of audio; None if it was not measured.
    """

    folder: Path
    model: str
    parameters: int
    set: str
    counts: dict[str, float]
    rtf: float | None


@dataclass(frozen=True)
class Pack:
    """A folder of windows: "pseudo" or "truth" labels, of which selection, what its record counts."""

    folder: Path
    labels: str
    keep: str
    counts: dict[str, float]

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class Network:
    """A network that was an input, e.g. a student before its training."""

    name: str
    shape: dict[str, str]
    parameters: int | None


def read_labels(folder: Path) -> Labels | None:
    """None for a folder without pseudo-labels. Raises UserError for a broken one."""
    if not (folder / HYPOTHESES).is_file():
        return None
    header = ResultFile.read(folder / HEADER)
    about = header.text("model"), header.whole("parameters"), header.text("set")
    return Labels(folder, *about, counts_of(folder), _rtf(folder / SPEED))


def read_pack(folder: Path) -> Pack | None:
    """None for a folder without windows. Raises UserError for a broken one."""
    if not (folder / WINDOWS).is_file():
        return None
    header = ResultFile.read(folder / HEADER)
    return Pack(folder, header.text("labels"), str(header.tree.get("keep") or ""), counts_of(folder))


def read_network(folder: Path) -> Network | None:
    """None for a folder without a network's config. Raises UserError for a broken one."""
    config = next((p for p in (folder / "hf/config.json", folder / "config.json") if p.is_file()), None)
    if config is None:
        return None
    parameters = counts_of(folder).get("parameters")
    size = None if parameters is None else int(parameters)
    return Network(network_name(folder), network_shape(ResultFile.read(config)), size)


def counts_of(folder: Path) -> dict[str, float]:
    """What the record of a folder counts; empty if it has none."""
    if not (folder / RECORD).is_file():
        return {}
    record = ResultFile(folder / RECORD, read_record(folder))
    counts = record.section("counts") if record.has("counts") else None
    return {name: counts.number(name) for name in counts.tree} if counts else {}


def _rtf(path: Path) -> float | None:
    if not path.is_file():
        return None
    speed = ResultFile.read(path)
    audio = speed.number("audio_seconds")
    return speed.number("decode_seconds") / audio if audio else None
