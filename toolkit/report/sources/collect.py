"""Everything the report was given, recognised by what lies in a folder, never by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ...core.errors import UserError
from ...core.record import RECORD, read_record
from ...core.results import Cost, LayerResults, Pair, System, TaskResult
from ...core.structure_results import Structure
from ...core.superb_results import SuperbResult
from ...core.systems_results import SystemCost, SystemsResult
from ...core.ways_results import WaysResult
from ..board import Board, arranged
from .datasets import DataSet, read_set
from .funnel import Stage, chain
from .packs import Labels, Network, Pack, read_labels, read_network, read_pack
from .resultfile import maker
from .schedules import ScheduledRun, read_schedule
from .selection import SURVIVAL, Selection, read_selection
from .structure import read_structure
from .superb import read_superb
from .systems import board_of, read_costs, read_scores
from .tasks import is_system, read_layers, read_order, read_pairs, read_system
from .training import Training, is_training, read_training
from .units import Codebook, Quality, Targets, read_codebook, read_quality
from .ways import read_ways

SET_ORDER = ("train", "dev", "test")
WANTED = (
    "wav.scp, codebook.json, quality.json, pairs.json, loss.tsv with hf/config.json, folders with row.json, "
    "hypotheses.jsonl, survival.json, windows.jsonl, systems.json, superb.json, ways.json, structure.json, "
    "schedule.json, or a network's config.json"
)


@dataclass
class Run:
    """What a run left, in the order of the inputs.

    Attributes:
        stages: every output behind the inputs, each after those that it was made from.
        board: systems, results, paired tests and costs.
        strange: paired tests of which a system or a task is not among the inputs.
        folders: of the systems of task runs, by name.
        teachers: student -> teacher, as the config names them.
        worst: utterances with the most errors that are shown of a task.
        scores: of systems that transcribed test sets; None if none were scored. `set_costs`: what those took.
    """

    stages: list[Stage] = field(default_factory=list)
    sets: list[DataSet] = field(default_factory=list)
    codebooks: list[Codebook] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    board: Board = field(default_factory=Board)
    strange: list[Pair] = field(default_factory=list)
    layers: list[LayerResults] = field(default_factory=list)
    labels: list[Labels] = field(default_factory=list)
    packs: list[Pack] = field(default_factory=list)
    networks: list[Network] = field(default_factory=list)
    selection: Selection | None = None
    scores: SystemsResult | None = None
    set_costs: list[SystemCost] = field(default_factory=list)
    superb: SuperbResult | None = None
    ways: WaysResult | None = None
    structure: Structure | None = None
    schedules: list[ScheduledRun] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)
    teachers: dict[str, str] = field(default_factory=dict)
    worst: int = 5

    @property
    def models(self) -> list[System]:
        """Trained systems that were frozen under their tasks."""
        return [s for s in self.board.systems if s.arm == "trained" and s.frozen]

    def training(self, system: System) -> Training | None:
        return next((training for training in self.trainings if training.name == system.group), None)

    def targets(self, training: Training) -> Targets | None:
        """The units that a network was trained to predict; the codebook fills in what its labels leave open."""
        known = training.targets
        books = [b for b in self.codebooks if (b.hash == known.codebook if known and b.hash else b.tag == training.tag)]
        if not books:
            return known
        pca = known.pca if known and known.pca is not None else books[0].pca
        return Targets(known.source if known else books[0].source, books[0].hash, pca)

    def teacher(self, system: System) -> System | None:
        """The system whose inside `system` learnt, or whose layer its units were made of."""
        training = self.training(system)
        if training and training.teacher:
            return self.board.system(training.teacher)
        targets = self.targets(training) if training else None
        return self.board.system(targets.teacher) if targets and targets.teacher else None

    def pca_arms(self) -> list[tuple[Training, Training]]:
        """(PCA, raw): trainings of one model name on units of one layer, with and without PCA before k-means."""
        known = [(t, targets) for t in self.trainings if (targets := self.targets(t))]
        return [
            (pca, raw)
            for raw, raw_targets in known
            for pca, targets in known
            if pca.model == raw.model and targets.layer == raw_targets.layer
            if targets.pca and raw_targets.pca == 0
        ]

    def reference(self) -> System | None:
        """What sizes are told against: the largest network trained here, else the largest of all."""
        sized = [system for system in self.board.systems if system.parameters]
        trained = {training.name for training in self.trainings}
        return max([s for s in sized if s.name in trained] or sized, key=lambda s: s.parameters or 0, default=None)


@dataclass
class _Tasks:
    """What the folders of task runs hold."""

    systems: list[System] = field(default_factory=list)
    results: list[TaskResult] = field(default_factory=list)
    costs: dict[str, Cost] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    orders: list[list[str]] = field(default_factory=list)
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def order(self) -> list[str]:
        """Of all tasks: that of the run with the most of them, then those that only smaller runs have."""
        return list(dict.fromkeys(name for of in sorted(self.orders, key=lambda of: (-len(of), of)) for name in of))


def collect(
    paths: Sequence[Path], baseline: str = "", teachers: Mapping[str, str] | None = None, worst: int = 5
) -> Run:
    """Results of all inputs.

    Args:
        baseline: system that the marks of the table are against; empty: features without a network, the last of them,
            or what transcriptions were scored against.
        teachers: student -> its teacher.
        worst: utterances with the most errors that are shown of a task.

    Raises UserError for an unknown or unfinished folder, for a broken file, and for a baseline, a student or a teacher
    that is no system here.
    """
    run, tasks = Run(stages=chain(paths), teachers=dict(teachers or {}), worst=worst), _Tasks()
    for path in paths:
        refuse_unfinished(path)
        if not _take(path, run, tasks):
            remedy = f"rerun the stage that runs {maker(path)}, or give a folder with {WANTED}"
            raise UserError(f"{path} holds no result that the report knows", str(path), remedy)
    run.sets.sort(key=lambda s: SET_ORDER.index(s.name) if s.name in SET_ORDER else len(SET_ORDER))
    _refuse_twice("systems", [system.name for system in tasks.systems])
    _refuse_twice("systems layer by layer", [probe.system.name for probe in run.layers])
    run.board, run.strange = _board(run, tasks, baseline)
    run.folders = tasks.folders
    for student, teacher in run.teachers.items():
        _refuse_unknown(run.board, student, f"teachers.{student}")
        _refuse_unknown(run.board, teacher, f"teachers.{student}")
        if student == teacher:
            raise UserError(f"{student} is its own teacher", f"teachers.{student}", "name another system, or none")
    return run


def _board(run: Run, tasks: _Tasks, baseline: str) -> tuple[Board, list[Pair]]:
    if run.scores:
        board = board_of(run.scores)
    else:
        scheduled = [".".join(s.name.split(".")[:2]) for s in run.schedules]  # without the task of an adapter for one
        systems = arranged(tasks.systems, [*(training.name for training in run.trainings), *scheduled])
        results = {(r.system, r.task): r for r in tasks.results}
        known = [p for p in tasks.pairs if {(p.system, p.task), (p.against, p.task)} <= results.keys()]
        features = [system.name for system in systems if system.arm == "features"]
        board = Board(systems, results, known, tasks.costs, features[-1] if features else "", order=tasks.order)
    if baseline:
        _refuse_unknown(board, baseline, "baseline")
        board.baseline = baseline
    return board, [p for p in tasks.pairs if p not in board.pairs]


def _refuse_unknown(board: Board, name: str, place: str) -> None:
    if board.system(name) is None:
        names = ", ".join(system.name for system in board.systems) or "none"
        raise UserError(f"no system {name} here", place, f"name one of {names}")


def refuse_unfinished(path: Path) -> None:
    """Raise UserError for an input whose step did not come to its end."""
    if (path / RECORD).is_file() and read_record(path)["state"] != "done":
        raise UserError(f"{path} is not finished", str(path / RECORD), f"run the stage of {maker(path)} to its end")


def _refuse_twice(noun: str, names: Sequence[str]) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise UserError(f"{noun} given twice: {', '.join(twice)}", "--in", "give each folder once")


def _take(path: Path, run: Run, tasks: _Tasks) -> bool:
    """Add the results in `path`; False if there are none that the report knows."""
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())] if path.is_dir() else []
    before = _count(run, tasks)
    run.sets += [read_set(f) for f in folders if (f / "wav.scp").is_file()]
    run.layers += [probe for f in folders if (probe := read_layers(f))]
    for folder in filter(is_system, folders):
        system, results, cost = read_system(folder)
        tasks.systems.append(system)
        tasks.results += results
        tasks.costs |= {system.name: cost} if cost else {}
        tasks.folders[system.name] = folder
    tasks.pairs += read_pairs(path)
    tasks.orders.append(read_order(path))
    run.codebooks += [read_codebook(path)] if (path / "codebook.json").is_file() else []
    run.qualities += [read_quality(path)] if (path / "quality.json").is_file() else []
    if scores := read_scores(path):
        _refuse_second("scores", run.scores, path)
        run.scores, run.set_costs = scores, read_costs(path)
    elif superb := read_superb(path):
        _refuse_second("scores of the benchmark", run.superb, path)
        run.superb = superb
    elif ways := read_ways(path):
        _refuse_second("comparisons of ways", run.ways, path)
        run.ways = ways
    elif structure := read_structure(path):
        _refuse_second("comparisons of structure", run.structure, path)
        run.structure = structure
    elif (path / SURVIVAL).is_file():
        _refuse_second("selections", run.selection, path)
        run.selection = read_selection(path)
    elif pack := read_pack(path):
        run.packs.append(pack)
    elif labels := read_labels(path):
        run.labels.append(labels)
    elif scheduled := read_schedule(path):
        run.schedules.append(scheduled)
    elif is_training(path):
        run.trainings.append(read_training(path))
    elif _count(run, tasks) == before and (network := read_network(path)):
        run.networks.append(network)
    return _count(run, tasks) > before or (path / "pairs.json").is_file()


def _count(run: Run, tasks: _Tasks) -> int:
    """How many results were taken so far."""
    units = len(run.codebooks) + len(run.qualities) + len(run.trainings) + len(run.networks)
    labels = len(run.packs) + len(run.labels)
    return (
        len(run.sets)
        + len(run.layers)
        + units
        + labels
        + len(tasks.systems)
        + len(tasks.pairs)
        + bool(run.scores)
        + bool(run.superb)
        + bool(run.ways)
        + bool(run.structure)
        + len(run.schedules)
        + bool(run.selection)
    )


def _refuse_second(noun: str, first: object, path: Path) -> None:
    if first is not None:
        raise UserError(f"two {noun} in one report", f"--in {path}", "give one of them")
