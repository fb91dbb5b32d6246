"""Raw against PCA units: the same network trained on units of the same layer, made with and without PCA."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import get_args

from .compare import Contest, contest, measured
from .model_table import task_columns
from .probes import Row, task_name
from .results import Results
from .run_tables import run_length_ms
from .tables import ABSENT, THIS_RUN, UNPAIRED, Cell, Column, Outcome, Table, listed
from .training import Training
from .units import Codebook, Quality

LOSSES = ("loss masked", "loss")
"""columns of loss.tsv that hold the cross-entropy, the purer first: `loss` has a penalty in it"""
ACCURACIES = ("accuracy masked", "accuracy")
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
Curve = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Arm:
    """One side: how it is called, its training, its units, and its row under the probes where it has one."""

    name: str
    training: Training
    codebook: Codebook | None
    quality: Quality | None
    row: Row | None

    @property
    def loss(self) -> str:
        return next((name for name in LOSSES if name in self.training.curves), LOSSES[-1])

    def last(self, names: tuple[str, ...], dev: bool) -> float | None:
        found = (self.training.last(f"dev {name}" if dev else name) for name in names)
        return next((value for value in found if value is not None), None)

    @property
    def nats(self) -> float | None:
        """Entropy of the units in the unit of the loss: what a guess by their frequencies alone would score."""
        bits = self.quality.entropy_bits if self.quality else None
        return bits * math.log(2) if bits else None

    def curve(self, dev: bool, relative: bool) -> Curve | None:
        """Loss over steps, where `relative` as a share of `nats`; None where one of them is not known."""
        found = self.training.curves.get(f"dev {self.loss}" if dev else self.loss)
        if found is None or (relative and self.nats is None):
            return None
        scale = self.nats if relative and self.nats else 1.0
        return found[0], [value / scale for value in found[1]]

    def relative(self, dev: bool) -> float | None:
        curve = self.curve(dev, relative=True)
        return curve[1][-1] if curve else None


@dataclass(frozen=True)
class Ablation:
    """`pca` and `raw` of the network called `model`, on units of `source`."""

    model: str
    source: str
    pca: Arm
    raw: Arm

    @property
    def arms(self) -> tuple[Arm, Arm]:
        return self.pca, self.raw


def ablations(results: Results) -> list[Ablation]:
    """Every pair of trainings that differ in the PCA of their units, whether or not they were probed."""
    found = []
    for pca, raw in results.pca_arms:
        targets = results.targets(pca)
        assert targets
        arms = (_arm(f"PCA {targets.pca}", pca, results), _arm("raw", raw, results))
        found.append(Ablation(pca.model, targets.layer, *arms))
    return found


def _arm(name: str, training: Training, results: Results) -> Arm:
    codebook = next((c for c in results.codebooks if c.tag == training.tag), None)
    qualities = [q for q in results.qualities if q.tag == training.tag]
    quality = next((q for q in qualities if q.set == "dev"), qualities[0] if qualities else None)
    return Arm(name, training, codebook, quality, results.row(training.name))


def ablation_table(ablation: Ablation, results: Results) -> Table:
    """A row per measure: of the units, of the training, and of the probes with paired differences."""
    rows: list[list[Cell]] = [*_unit_rows(ablation), *_training_rows(ablation)]
    held = _held(ablation, results)
    for column in task_columns(results):
        cells = [column.of(arm.row) if arm.row else None for arm in ablation.arms]
        if any(cells):
            rows.append([column.title, *cells, held.verdicts[column.task] if held and not column.other else ""])
    notes = [
        "Relative loss: cross-entropy over the entropy of the units (entropy bits x ln 2), 1 being a guess by how "
        "often each unit occurs. Losses of two codebooks are on one scale only so."
    ]
    if any(arm.nats is None for arm in ablation.arms):
        notes.append(f"{ABSENT} under relative loss: the entropy of these units was not measured (units.quality).")
    if held and any(v.difference and not v.paired for v in held.verdicts.values()):
        notes.append(f"{UNPAIRED}: no paired test; judged by the intervals of the two figures.")
    if any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not among the inputs, or not measured.")
    columns = [Column("Measure", "left"), *(Column(arm.name) for arm in ablation.arms), Column("PCA − raw, points")]
    return Table(f"{ablation.model} on units of {ablation.source}", columns, rows, notes, THIS_RUN)


def _unit_rows(ablation: Ablation) -> list[list[Cell]]:
    def of(write: Callable[[Arm], str | None]) -> list[Cell]:
        return [*map(write, ablation.arms), ""]

    return [
        ["K", *of(lambda a: str(a.codebook.k) if a.codebook else None)],
        ["PCA dimensions", *of(lambda a: None if a.codebook is None else f"{a.codebook.pca or 'none'}")],
        ["PNMI", *of(lambda a: _written(a.quality.pnmi if a.quality else None, ".3f"))],
        ["Entropy bits", *of(lambda a: _written(a.quality.entropy_bits if a.quality else None, ".2f"))],
        ["Run length ms", *of(lambda a: _written(run_length_ms(a.quality, a.codebook) if a.quality else None, ".1f"))],
    ]


def _training_rows(ablation: Ablation) -> list[list[Cell]]:
    rows: list[list[Cell]] = []
    for title, dev in (("", False), (", dev", True)):
        losses = [arm.last(LOSSES, dev) for arm in ablation.arms]
        rows.append([f"Last loss{title}", *(_written(value, ".3f") for value in losses), ""])
        shares = [arm.relative(dev) for arm in ablation.arms]
        rows.append([f"Last relative loss{title}", *(_written(value, ".3f") for value in shares), ""])
        right = [arm.last(ACCURACIES, dev) for arm in ablation.arms]
        rows.append([f"Last masked accuracy{title}", *(_written(value, ".3f") for value in right), ""])
    return rows


def _written(value: float | None, form: str) -> str | None:
    return None if value is None else format(value, form)


def _held(ablation: Ablation, results: Results) -> Contest | None:
    pca, raw = (arm.row for arm in ablation.arms)
    return contest(pca, raw, measured(results)) if pca and raw else None


def verdict(ablation: Ablation, results: Results) -> str:
    """What the two trainings show, in two sentences."""
    dev = all(arm.relative(True) is not None for arm in ablation.arms)
    ends = [arm.relative(dev) for arm in ablation.arms]
    said = f"{ablation.model}, trained on units of {ablation.source}: "
    if ends[0] is None or ends[1] is None:
        said += "the losses cannot be compared, for the entropy of one of the codebooks' units is not known."
    else:
        where = "dev" if dev else "training"
        easier = "PCA" if ends[0] < ends[1] else "raw"
        said += f"the last {where} loss is {ends[0]:.3f} of the units' entropy with PCA and {ends[1]:.3f} without, "
        if min(ends[0], ends[1]) >= 1:
            said += (
                "no better than a guess by how often each unit occurs: neither network learnt to predict its units. "
            )
        else:
            said += f"so the {easier} units were the easier to predict. " if ends[0] != ends[1] else "the same. "
        said += "One run of each, without an interval."
    held = _held(ablation, results)
    if held is None:
        return f"{said} Not both were probed, so nothing can be said of which student is the better one."
    words = [f"{outcome} on {listed(map(task_name, found))}" for outcome in OUTCOMES if (found := held.on(outcome))]
    return f"{said} Under the probes the student of PCA units is {'; '.join(words) or 'not measured'}."
