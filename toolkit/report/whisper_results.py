"""Everything the report of a distillation was given, recognised by what lies in a folder, never by its name."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ..core.errors import UserError
from ..core.record import RECORD, TIMES, flag, read_record
from .datasets import read_set
from .resultfile import ResultFile, maker
from .results import SET_ORDER, Results, refuse_unfinished
from .training import Training, network_name, read_training
from .whisper_selection import SURVIVAL, Selection, read_selection
from .whisper_systems import SYSTEMS, Scores, read_scores

HYPOTHESES, HEADER, SPEED = "hypotheses.jsonl", "header.json", "speed.json"
WINDOWS, LOSS = "windows.jsonl", "loss.tsv"
WANTED = f"wav.scp, {HYPOTHESES}, {SURVIVAL}, {WINDOWS}, {SYSTEMS}, {LOSS}, or a network's config.json"
OURS = "sawt"  # key of what the steps that write a network note in its config
SHAPE = {  # keys of a Whisper's config -> what the report calls them
    "model_type": "type",
    "encoder_layers": "encoder layers",
    "decoder_layers": "decoder layers",
    "d_model": "d",
    "encoder_ffn_dim": "ff",
    "encoder_attention_heads": "heads",
    "num_mel_bins": "mels",
    "vocab_size": "vocabulary",
}


@dataclass(frozen=True)
class Labels:
    """A folder of pseudo-labels: whose they are, of which set, what its record counts; `rtf` where it was measured."""

    folder: Path
    model: str
    parameters: int
    set: str
    counts: dict[str, float]
    rtf: float | None


@dataclass(frozen=True)
class Pack:
    """A folder of windows: pseudo or true labels, of which selection, and what its record counts."""

    folder: Path
    labels: str
    keep: str
    counts: dict[str, float]

    @property
    def name(self) -> str:
        return self.folder.name


@dataclass(frozen=True)
class Network:
    """A network that is an input: a student before its training, say. `parameters`, where its record counts them."""

    name: str
    shape: dict[str, str]
    parameters: int | None = None


@dataclass(frozen=True)
class Trained:
    """A training with what it learnt from. `pack`: name of its windows, None where its record names none.

    Of several folders of windows the first is learnt from, as train.whisper has it.
    """

    training: Training
    pack: str | None
    seconds: float | None


@dataclass
class Distillation:
    """What was found in the inputs, in their order; `common` holds the sets and trainings, as other reports have them.

    One scoring and one selection belong to a report.
    """

    common: Results = field(default_factory=Results)
    labels: list[Labels] = field(default_factory=list)
    selection: Selection | None = None
    packs: list[Pack] = field(default_factory=list)
    trained: list[Trained] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)
    scores: Scores | None = None


def collect(paths: Sequence[Path]) -> Distillation:
    """Results of all inputs. Raises UserError for an unknown or unfinished folder and for a broken file."""
    results = Distillation()
    for path in paths:
        refuse_unfinished(path)
        if not _take(path, results):
            remedy = f"rerun the stage that runs {maker(path)}, or give a folder with {WANTED}"
            raise UserError(f"{path} holds no result that the report knows", str(path), remedy)
    results.common.sets.sort(key=lambda s: SET_ORDER.index(s.name) if s.name in SET_ORDER else len(SET_ORDER))
    results.common.trainings = [t.training for t in results.trained]
    return results


def _take(path: Path, results: Distillation) -> bool:
    """Add the results in `path` to `results`; False if there are none that the report knows."""
    inner = sorted(p for p in path.iterdir() if p.is_dir()) if path.is_dir() else []
    sets = [read_set(f) for f in (path, *inner) if (f / "wav.scp").is_file()]
    results.common.sets += sets
    if (path / SYSTEMS).is_file():
        _refuse_second("scores", results.scores, path)
        results.scores = read_scores(path)
    elif (path / SURVIVAL).is_file():
        _refuse_second("selections", results.selection, path)
        results.selection = read_selection(path)
    elif (path / WINDOWS).is_file():
        header = ResultFile.read(path / HEADER)
        results.packs.append(Pack(path, header.text("labels"), str(header.tree.get("keep") or ""), _counts(path)))
    elif (path / HYPOTHESES).is_file():
        header = ResultFile.read(path / HEADER)
        about = header.text("model"), header.whole("parameters"), header.text("set")
        results.labels.append(Labels(path, *about, _counts(path), _rtf(path / SPEED)))
    elif (path / LOSS).is_file():
        results.trained.append(_trained(path))
    elif config := _config(path):
        parameters = _counts(path).get("parameters")
        size = None if parameters is None else int(parameters)
        results.networks.append(Network(network_name(path), _shape(ResultFile.read(config)), size))
    elif not sets:
        return False
    return True


def _refuse_second(kind: str, first: object, path: Path) -> None:
    if first is not None:
        raise UserError(f"two {kind} in one report", f"--in {path}", "give one of them")


def _config(folder: Path) -> Path | None:
    """A network's config: of a step's hf/, or of a plain Hugging Face folder."""
    return next((p for p in (folder / "hf/config.json", folder / "config.json") if p.is_file()), None)


def _trained(folder: Path) -> Trained:
    training = read_training(folder, of_units=False)
    training = replace(training, shape=_shape(ResultFile.read(folder / "hf" / "config.json")))
    pack = next((p.name for p in _inputs(folder) if (p / WINDOWS).is_file()), None)
    times = folder / TIMES
    return Trained(training, pack, ResultFile.read(times).maybe("seconds") if times.is_file() else None)


def _rtf(path: Path) -> float | None:
    """Seconds of decoding over seconds of audio; None where nobody measured them."""
    if not path.is_file():
        return None
    speed = ResultFile.read(path)
    audio = speed.number("audio_seconds")
    return speed.number("decode_seconds") / audio if audio else None


def _shape(config: ResultFile) -> dict[str, str]:
    shape = {title: str(config.tree[key]) for key, title in SHAPE.items() if config.has(key)}
    ours = config.section(OURS) if config.has(OURS) else None
    for part in ("encoder", "decoder"):
        if ours and ours.has(f"{part}_blocks"):
            shape[f"{part} blocks"] = " ".join(map(str, ours.listed(f"{part}_blocks")))
    return shape


def _inputs(folder: Path) -> list[Path]:
    """The inputs of the step that made a folder, in the order of its command; none where it has no record."""
    if not (folder / RECORD).is_file():
        return []
    return [Path(name) for name in flag(json.loads(read_record(folder)["parts"]["command"]), "--in")]


def _counts(folder: Path) -> dict[str, float]:
    """What the record of a folder counts; nothing where it has none."""
    if not (folder / RECORD).is_file():
        return {}
    record = ResultFile(folder / RECORD, read_record(folder))
    counts = record.section("counts") if record.has("counts") else None
    return {name: counts.number(name) for name in counts.tree} if counts else {}
