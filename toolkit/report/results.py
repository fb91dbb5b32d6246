"""Everything the report was given, recognised by what lies in a folder, never by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..core.record import RECORD, read_record
from .datasets import DataSet, read_set
from .layers import LAYERS_FILE, LayerProbe, read_layers
from .pairs import PAIRS, Pair, pair, read_pairs
from .probes import BASELINES, Row, is_row, read_row
from .resultfile import maker
from .training import Training, is_training, read_training
from .units import Codebook, Quality, Targets, read_codebook, read_quality

SET_ORDER = ("train", "dev", "test")
WANTED = "wav.scp, codebook.json, quality.json, pairs.json, loss.tsv with hf/config.json, or folders with row.json"


@dataclass
class Results:
    """What was found in the inputs, in their order.

    Attributes:
        rows: probe rows: filter banks, then each model in the order of training after its random twin and before its
            fine-tuned self.
        pairs: paired differences that were given, entered into the rows' tasks; `strange` are those of no row here.
    """

    sets: list[DataSet] = field(default_factory=list)
    codebooks: list[Codebook] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)
    layers: list[LayerProbe] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    strange: list[Pair] = field(default_factory=list)

    @property
    def models(self) -> list[Row]:
        """Networks that were frozen under their probes."""
        return [row for row in self.rows if row.kind == "model" and row.frozen]

    @property
    def tuned(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "model" and not row.frozen]

    def row(self, name: str | None) -> Row | None:
        return next((row for row in self.rows if row.name == name), None)

    def twin(self, model: Row) -> Row | None:
        """The random network of the shape of `model`; where no row says of whose shape it is, one of as many weights.

        If there is none of as many, any that does not say of whose shape it is.
        """
        found = [row for row in self.rows if row.kind == "random" and row.of in (None, model.group)]
        order = sorted(found, key=lambda row: (row.of is None, row.parameters != model.parameters))
        return order[0] if order else None

    def training(self, model: Row) -> Training | None:
        return next((training for training in self.trainings if training.name == model.group), None)

    def targets(self, training: Training) -> Targets | None:
        """What it was trained to predict: as its labels say, the codebook filling in what they leave open."""
        said = training.targets
        books = [b for b in self.codebooks if (b.hash == said.codebook if said and b.hash else b.tag == training.tag)]
        if not books:
            return said
        pca = said.pca if said and said.pca is not None else books[0].pca
        return Targets(said.source if said else books[0].source, books[0].hash, pca)

    def teacher(self, model: Row) -> Row | None:
        """The network whose layer the units of `model` were made of, as it stands under the probes."""
        training = self.training(model)
        targets = self.targets(training) if training else None
        return self.row(targets.teacher) if targets and targets.teacher else None

    @property
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


def collect(paths: Sequence[Path]) -> Results:
    """Results of all inputs. Raises UserError for an unknown or unfinished folder and for a broken file."""
    results = Results()
    for path in paths:
        refuse_unfinished(path)
        if not _take(path, results):
            remedy = f"rerun the stage that runs {maker(path)}, or give a folder with {WANTED}"
            raise UserError(f"{path} holds no result that the report knows", str(path), remedy)
    results.sets.sort(key=lambda s: SET_ORDER.index(s.name) if s.name in SET_ORDER else len(SET_ORDER))
    results.rows = _ordered(results)
    _refuse_twice("probe rows", [row.name for row in results.rows])
    _refuse_twice("layer-wise probes", [probe.name for probe in results.layers])
    results.strange = pair(results.rows, results.pairs)
    return results


def refuse_unfinished(path: Path) -> None:
    """Raise UserError for an input whose step did not come to its end."""
    if (path / RECORD).is_file() and read_record(path)["state"] != "done":
        raise UserError(f"{path} is not finished", str(path / RECORD), f"run the stage of {maker(path)} to its end")


def _refuse_twice(what: str, names: Sequence[str]) -> None:
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise UserError(f"{what} given twice: {', '.join(twice)}", "--in", "give each probe folder once")


def _ordered(results: Results) -> list[Row]:
    place = {training.name: n for n, training in enumerate(results.trainings)}

    def key(row: Row) -> tuple[int, int, str, int, str]:
        if row.kind != "model" and row.of is None:  # shared by all models
            return list(BASELINES).index(row.kind), 0, "", 0, row.name
        within = 0 if row.kind == "random" else 1 if row.frozen else 2
        return len(BASELINES), place.get(row.group, len(place)), row.group, within, row.name

    return sorted(results.rows, key=key)


def _take(path: Path, results: Results) -> bool:
    """Add what lies in `path` to `results`; False if nothing is known."""
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())] if path.is_dir() else []
    sets = [read_set(f) for f in folders if (f / "wav.scp").is_file()]
    rows = [read_row(f) for f in folders if is_row(f)]
    layers = [read_layers(f) for f in folders if (f / LAYERS_FILE).is_file()]
    pairs = (path / PAIRS).is_file()
    codebooks = [read_codebook(path)] if (path / "codebook.json").is_file() else []
    qualities = [read_quality(path)] if (path / "quality.json").is_file() else []
    trainings = [read_training(path)] if is_training(path) else []
    results.sets += sets
    results.rows += rows
    results.layers += layers
    results.pairs += read_pairs(path) if pairs else []
    results.codebooks += codebooks
    results.qualities += qualities
    results.trainings += trainings
    return bool(sets or rows or layers or pairs or codebooks or qualities or trainings)
