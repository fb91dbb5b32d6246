"""Raw against PCA units: the same network trained on units of the same layer, made with and without PCA."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..render import plots
from ..section import Block, Cell, Picture, Pictures, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..sources.training import Training
from ..sources.units import Codebook, Quality
from ..value import ABSENT, difference, shown
from .units import run_length_ms

LOSSES = ("loss masked", "loss")
"""columns of loss.tsv that hold the cross-entropy, the purer first: `loss` has a penalty in it"""
ACCURACIES = ("accuracy masked", "accuracy")
Curve = tuple[list[float], list[float]]


@dataclass(frozen=True)
class Arm:
    """One side: how it is called, its training and its units."""

    name: str
    training: Training
    codebook: Codebook | None
    quality: Quality | None

    @property
    def loss(self) -> str:
        return next((name for name in LOSSES if name in self.training.curves), LOSSES[-1])

    def last(self, names: tuple[str, ...], dev: bool) -> float | None:
        last = (self.training.last(f"dev {name}" if dev else name) for name in names)
        return next((value for value in last if value is not None), None)

    @property
    def nats(self) -> float | None:
        """Entropy of the units in the unit of the loss: what a guess by their frequencies alone would score."""
        bits = self.quality.entropy_bits if self.quality else None
        return bits * math.log(2) if bits else None

    def curve(self, dev: bool, relative: bool) -> Curve | None:
        """Loss over steps, where `relative` as a share of `nats`; None where one of them is not known."""
        curve = self.training.curves.get(f"dev {self.loss}" if dev else self.loss)
        if curve is None or (relative and self.nats is None):
            return None
        scale = self.nats if relative and self.nats else 1.0
        return curve[0], [value / scale for value in curve[1]]

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


def ablations(run: Run) -> list[Ablation]:
    """Every pair of trainings that differ in the PCA of their units."""
    pairs = []
    for pca, raw in run.pca_arms():
        targets = run.targets(pca)
        assert targets
        arms = (_arm(f"PCA {targets.pca}", pca, run), _arm("raw", raw, run))
        pairs.append(Ablation(pca.model, targets.layer, *arms))
    return pairs


def _arm(name: str, training: Training, run: Run) -> Arm:
    codebook = next((c for c in run.codebooks if c.tag == training.tag), None)
    qualities = [q for q in run.qualities if q.tag == training.tag]
    quality = next((q for q in qualities if q.set == "dev"), qualities[0] if qualities else None)
    return Arm(name, training, codebook, quality)


def ablation(run: Run) -> Section | None:
    """Pictures of the losses and a table, for every pair of trainings."""
    blocks: list[Block] = []
    for number, pair in enumerate(ablations(run)):
        drawn = pictures(number, pair)
        blocks += [*([Pictures(drawn)] if drawn else []), ablation_table(pair, run)]
    return Section("ablation", "Units with PCA, and without", blocks) if blocks else None


def ablation_table(ablation: Ablation, run: Run) -> Table:
    """A row for each measure: of the units, of the training, and of the tasks with paired differences."""
    rows: list[list[Cell]] = [*_unit_rows(ablation), *_training_rows(ablation)]
    pca, raw = (arm.training.name for arm in ablation.arms)
    for column in run.board.columns:
        cells = [shown(run.board.figure(name, column)) for name in (pca, raw)]
        if any(cells):
            rows.append([column.heading, *cells, difference(run.board.pair(pca, raw, column))])
    notes = [
        "Relative loss: cross-entropy over the entropy of the units (entropy bits x ln 2); 1: a guess by how often "
        "each unit occurs. Only so are losses of two codebooks on one scale. One training of each."
    ]
    if any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not measured, not tested, or not among the inputs.")
    headings = [Heading("Measure", "left"), *(Heading(arm.name) for arm in ablation.arms), Heading("PCA − raw, points")]
    return Table(f"{ablation.model} on units of {ablation.source}", headings, rows, notes, "this run")


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


def pictures(number: int, pair: Ablation) -> list[Picture]:
    """Loss as it is, and over the entropy of the units if that is known."""
    made = []
    for relative, label, under in (
        (False, "loss", "cross-entropies of two codebooks: not on one scale"),
        (True, "loss / entropy of units", "1: a guess by how often each unit occurs; on one scale"),
    ):
        arms = []
        for arm in pair.arms:
            curves = [(kind, arm.curve(kind == "dev", relative)) for kind in ("train", "dev")]
            arms.append((arm.name, [(kind, *curve) for kind, curve in curves if curve]))
        arms = [(name, curves) for name, curves in arms if curves]
        if arms:
            svg = plots.arms_plot(f"ablation{number}-{int(relative)}", arms, label)
            made.append(Picture(f"{pair.model}: {label}", svg, under))
    return made
