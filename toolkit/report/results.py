"""Everything the report was given, recognised by what lies in a folder, never by its name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..core.record import RECORD, read_record
from .datasets import DataSet, read_set
from .probes import BASELINES, Row, is_row, read_row
from .resultfile import maker
from .training import Training, is_training, read_training
from .units import Codebook, Quality, read_codebook, read_quality

SET_ORDER = ("train", "dev", "test")
WANTED = "wav.scp, codebook.json, quality.json, loss.tsv with hf/config.json, or folders with row.json"


@dataclass
class Results:
    """What was found in the inputs, in their order; probe rows: baselines, then models as they were trained."""

    sets: list[DataSet] = field(default_factory=list)
    codebooks: list[Codebook] = field(default_factory=list)
    qualities: list[Quality] = field(default_factory=list)
    trainings: list[Training] = field(default_factory=list)
    rows: list[Row] = field(default_factory=list)

    @property
    def models(self) -> list[Row]:
        return [row for row in self.rows if row.kind == "model"]

    def baseline(self, kind: str, like: Row) -> Row | None:
        """The row of that kind to hold against `like`: of as many parameters where there are several."""
        found = [row for row in self.rows if row.kind == kind]
        return next((row for row in found if row.parameters == like.parameters), found[0] if found else None)


def collect(paths: Sequence[Path]) -> Results:
    """Results of all inputs. Raises UserError for an unknown or unfinished folder and for a broken file."""
    results = Results()
    for path in paths:
        if (path / RECORD).is_file() and read_record(path)["state"] != "done":
            raise UserError(f"{path} is not finished", str(path / RECORD), f"run the stage of {maker(path)} to its end")
        if not _take(path, results):
            remedy = f"rerun the stage that runs {maker(path)}, or give a folder with {WANTED}"
            raise UserError(f"{path} holds no result that the report knows", str(path), remedy)
    results.sets.sort(key=lambda s: SET_ORDER.index(s.name) if s.name in SET_ORDER else len(SET_ORDER))
    order = [*BASELINES, "model"]
    trained = [training.name for training in results.trainings]
    place = {name: n for n, name in enumerate(trained)}  # models in the order of the chain that trained them
    results.rows.sort(key=lambda row: (order.index(row.kind), place.get(row.name, len(place)), row.name))
    twice = [name for name, n in Counter(row.name for row in results.rows).items() if n > 1]
    if twice:
        raise UserError(f"probe rows given twice: {', '.join(twice)}", "--in", "give each probe folder once")
    return results


def _take(path: Path, results: Results) -> bool:
    """Add what lies in `path` to `results`; False if nothing is known."""
    folders = [path, *sorted(p for p in path.iterdir() if p.is_dir())] if path.is_dir() else []
    sets = [read_set(f) for f in folders if (f / "wav.scp").is_file()]
    rows = [read_row(f) for f in folders if is_row(f)]
    codebooks = [read_codebook(path)] if (path / "codebook.json").is_file() else []
    qualities = [read_quality(path)] if (path / "quality.json").is_file() else []
    trainings = [read_training(path)] if is_training(path) else []
    results.sets += sets
    results.rows += rows
    results.codebooks += codebooks
    results.qualities += qualities
    results.trainings += trainings
    return bool(sets or rows or codebooks or qualities or trainings)
