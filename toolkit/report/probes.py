"""The rows of a probe folder: one system, what it costs, and its figure on each task."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from .resultfile import ResultFile, broken
from .tables import Estimate

BASELINES = {"fbank": "FBANK", "fbank_stacked": "stacked FBANK", "random": "random initialisation, same shape"}
ROW_FILE, COST_FILE = "row.json", "cost.json"
TRIED = "dev_percent_by_lr"
TASKS = {"phone": "phone", "asr": "ASR", "dialect": "dialect", "language": "language", "emotion": "emotion"}
"""known tasks in the order of the tables, and what they are called"""
BEAM = "_beam"
"""how the names of figures by beam search end; those without it are greedy"""
LOWER_IS_BETTER = re.compile(r"\b(cer|wer|mr-?wer|per|mer|eer|der|error)\b", re.I)


@dataclass(frozen=True)
class Confusion:
    labels: list[str]
    counts: list[list[float]]
    """counts[true][predicted]"""


@dataclass(frozen=True)
class Task:
    """One row's figure on one task.

    Attributes:
        estimate: percent, with its interval at `confidence` percent over `blocks` (speakers, utterances).
        layer_weights: weight of each layer in the sum that the probe sees, from the block input to the last.
        others: further figures by name ("wer", "macro_f1"), percent.
        paired: by row, the interval of (this row - that row) in points, where the two were tested in pairs.
        decoding: how the beam decoder of `others` was set, and over what tokens; empty where there was none.
        frozen: whether only the head was trained.
        tried: learning rates of which dev chose one; None where the file does not say.
        conditions: the classes, the sets and the tokens of the head; figures are compared under the same only.
    """

    task: str
    metric: str
    estimate: Estimate
    n: int
    unit_of_n: str
    blocks: str
    confidence: float
    layer_weights: list[float] | None
    confusion: Confusion | None
    others: dict[str, Estimate]
    best_lr: float | None
    steps: float | None
    chance: float | None
    paired: dict[str, Estimate]
    block_count: float | None = None
    decoding: str = ""
    frozen: bool = True
    tried: int | None = None
    conditions: tuple[object, ...] = ()

    @property
    def drawn(self) -> str:
        """What the bootstrap draws: 6 speakers."""
        return drawn(self.blocks, self.block_count)

    @property
    def lower_is_better(self) -> bool:
        return bool(LOWER_IS_BETTER.search(self.metric))


@dataclass(frozen=True)
class Cost:
    """Measured on one machine: real-time factor, ms for the first answer, peak MB; None where not measured."""

    rtf: float | None
    latency_ms: float | None
    peak_mb: float | None
    how: str


@dataclass(frozen=True)
class Row:
    """A system under the probes: a baseline or a model.

    Attributes:
        kind: fbank, fbank_stacked, random or model.
        of: the model whose shape a random network has, or that was fine-tuned; None for others.
        frozen: whether it was left as it was; False: fine-tuned together with the head.
    """

    name: str
    title: str
    parameters: int | None
    layers: int | None
    cost: Cost | None
    tasks: dict[str, Task]
    kind: str = "model"
    of: str | None = None
    frozen: bool = True

    @property
    def group(self) -> str:
        """The model that a row belongs to: random twin, model and its fine-tuned self stand together."""
        return self.of or self.name


def is_row(folder: Path) -> bool:
    return (folder / ROW_FILE).is_file() or (folder / COST_FILE).is_file()


def read_row(folder: Path) -> Row:
    """Row of a folder with row.json, and cost.json and <task>.json where they are there. Raises UserError."""
    file = ResultFile.read(folder / ROW_FILE)
    tasks = [_task(path) for path in sorted(folder.glob("*.json")) if _is_task(path)]
    name, kind, of = file.text("row"), _kind(file), file.text("of") if file.has("of") else None
    frozen = file.flag("frozen") if file.has("frozen") else all(task.frozen for task in tasks)
    title = file.text("title")
    if kind == "random" and of:
        title = f"{of}, random"
    elif not frozen:
        title = f"{of or name}, fine-tuned"
    return Row(
        name=name,
        title=title,
        parameters=file.whole("parameters") if file.has("parameters") else None,
        layers=file.whole("layers") if file.has("layers") else None,
        cost=_cost(folder / COST_FILE) if (folder / COST_FILE).is_file() else None,
        tasks={task.task: task for task in sorted(tasks, key=_order)},
        kind=kind,
        of=of,
        frozen=frozen,
    )


def _kind(file: ResultFile) -> str:
    """As row.json says; where it does not, by the name: fbank, random, random.S and so on, else a model."""
    kind = file.text("kind") if file.has("kind") else file.text("row").split(".")[0]
    if kind not in (*BASELINES, "model") and file.has("kind"):
        raise broken(file.path, f"kind is {kind!r}, not one of {', '.join([*BASELINES, 'model'])}")
    return kind if kind in BASELINES else "model"


def task_name(task: str) -> str:
    return TASKS.get(task, task)


def heading(task: str, metric: str) -> str:
    """Title of a column: `Dialect acc. % ↑`; the arrow says which way is better."""
    name, said = task_name(task), metric_name(metric)
    said = "acc." if said.endswith("accuracy") else said
    return f"{name[:1].upper()}{name[1:]} {said} % {'↓' if LOWER_IS_BETTER.search(metric) else '↑'}"


def drawn(blocks: str, count: float | None) -> str:
    """What the bootstrap draws: `6 speakers`, or `speakers` where it is not said how many."""
    return f"{count:,.0f} {blocks}s" if count else f"{blocks}s"


def metric_name(metric: str) -> str:
    """`cer` -> CER, `cer_beam` -> CER by beam, `frame_accuracy` -> frame accuracy."""
    if metric.endswith(BEAM):
        return f"{metric_name(metric.removesuffix(BEAM))} by beam"
    return metric.upper() if LOWER_IS_BETTER.fullmatch(metric) else metric.replace("_", " ").replace("f1", "F1")


def _order(task: Task) -> int:
    return list(TASKS).index(task.task) if task.task in TASKS else len(TASKS)


def _is_task(path: Path) -> bool:
    return path.name not in (ROW_FILE, COST_FILE, "layers.json", "record.json", "times.json")


def _cost(path: Path) -> Cost:
    file = ResultFile.read(path)
    device = file.text("device") if file.has("device") else "an unnamed device"
    n = file.whole("threads") if file.has("threads") else 0
    threads = f", {n} thread{'s' if n > 1 else ''}" if n else ""
    heard = f", {file.number('seconds_of_audio'):,.0f} s of audio" if file.has("seconds_of_audio") else ""
    clip = f", latency of a clip of {file.number('clip_seconds'):g} s" if file.has("clip_seconds") else ""
    return Cost(file.maybe("rtf"), file.maybe("latency_ms"), file.maybe("peak_mb"), device + threads + heard + clip)


def _task(path: Path) -> Task:
    file = ResultFile.read(path)
    others = file.section("others") if file.has("others") else None
    paired = file.section("paired") if file.has("paired") else None
    confusion = _confusion(file.section("confusion")) if file.has("confusion") else None
    return Task(
        task=file.text("task"),
        metric=file.text("metric"),
        estimate=estimate_of(file),
        n=file.whole("n"),
        unit_of_n=file.text("unit_of_n"),
        blocks=file.text("blocks"),
        block_count=file.maybe("block_count"),
        confidence=file.number("confidence"),
        layer_weights=file.numbers("layer_weights") if file.has("layer_weights") else None,
        confusion=confusion,
        others={name: estimate_of(others.section(name)) for name in sorted(others.tree)} if others else {},
        best_lr=file.maybe("best_lr"),
        steps=file.maybe("steps"),
        chance=file.maybe("chance_percent"),
        paired={name: estimate_of(paired.section(name)) for name in sorted(paired.tree)} if paired else {},
        decoding=_decoding(file),
        frozen=file.flag("frozen") if file.has("frozen") else True,
        tried=max(1, len(file.section(TRIED).tree)) if file.has(TRIED) else None,
        conditions=(confusion and confusion.labels, file.tree.get("sets"), file.tree.get("tokens")),
    )


def _decoding(file: ResultFile) -> str:
    """`beam 16, order 4, lm weight 0.5 over characters`; empty where there is no beam decoder."""
    if not file.has("decoding"):
        return ""
    settings = file.section("decoding")
    named = ("beam", "order", "lm_weight", "insertion")
    said = ", ".join(f"{name.replace('_', ' ')} {settings.number(name):g}" for name in named)
    return f"{said} over {file.text('tokens')}" if file.has("tokens") else said


def estimate_of(file: ResultFile) -> Estimate:
    """percent, low and high of a section. Raises UserError where low is above high."""
    agreeing = file.has("agreeing") and file.flag("agreeing")
    estimate = Estimate(file.number("percent"), file.maybe("low"), file.maybe("high"), agreeing=agreeing)
    if estimate.low is not None and estimate.high is not None and estimate.low > estimate.high:
        raise broken(file.path, f"{file.prefix}low is above {file.prefix}high")
    return estimate


def _confusion(file: ResultFile) -> Confusion:
    labels = [str(label) for label in file.listed("labels")]
    rows = file.listed("counts")
    counts = [
        ResultFile(file.path, {"row": row}, f"{file.prefix}counts[{i}].").numbers("row") for i, row in enumerate(rows)
    ]
    if len(counts) != len(labels) or any(len(row) != len(labels) for row in counts):
        raise broken(file.path, f"{file.prefix}counts is not a square of the {len(labels)} labels")
    return Confusion(labels, counts)
