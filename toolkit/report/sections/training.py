"""Networks that were trained, or that trainings began with."""

from __future__ import annotations

from pathlib import Path

from ..render import plots
from ..section import Block, Cell, Picture, Pictures, Section, Table
from ..section import Column as Heading
from ..sources.collect import Run
from ..sources.training import Training
from ..sources.units import Targets
from ..value import ABSENT, fixed
from .systems import count

DEV_WER = "dev wer"  # column of loss.tsv, a fraction
PLAIN = (("loss", ("loss",)), ("accuracy", ("accuracy", "accuracy masked")))  # picture -> columns of loss.tsv


def training(run: Run) -> Section | None:
    """Curves, and a table with a row for each network."""
    if not run.trainings and not run.networks:
        return None
    drawn = curves(run)
    blocks: list[Block] = [Pictures(drawn)] if drawn else []
    return Section("training", "Training", [*blocks, training_table(run)])


def training_table(run: Run) -> Table:
    """What each network learnt from, its size, and its first and last losses."""
    rows: list[list[Cell]] = []
    for network in run.networks:
        size = network.parameters or _size(run, network.name)
        rows.append([network.name, _shape(network.shape), count(size), "not trained here", *[None] * 5])
    for trained in run.trainings:
        losses = [trained.first("loss"), trained.last("loss"), trained.last("dev loss")]
        figures: list[Cell] = [f"{trained.steps:,}", *(None if x is None else f"{x:.3f}" for x in losses)]
        minutes = None if trained.seconds is None else fixed(trained.seconds / 60)
        learnt = [_shape(trained.shape), count(_size(run, trained.name)), learnt_from(run, trained)]
        rows.append([trained.name, *learnt, *figures, minutes])
    wers = [_best_wer(trained) for trained in run.trainings]
    notes = []
    if any(None in row for row in rows):
        notes.append(
            f"{ABSENT}: the parameters of a network that was not scored; labels or windows that are gone; a loss.tsv "
            "without dev losses."
        )
    if len([t for t in run.trainings if t.targets]) > 1:
        notes.append("Losses of different units are not on one scale.")
    if any(t.losses for t in run.trainings):
        notes.append("Losses of different ways are not on one scale.")
    if gaps := [f"{t.name}: {t.gaps}" for t in run.trainings if t.gaps]:
        notes.append(f"Values of loss.tsv that are not finite: {', '.join(gaps)}.")
    words = [Heading(title, "left") for title in ("Network", "Shape")]
    titles = ["Steps", "First loss", "Last loss", "Last dev loss", "Minutes"]
    headings = [*words, Heading("Parameters"), Heading("Learnt from", "left"), *map(Heading, titles)]
    if any(wers):
        headings.append(Heading("Best dev WER % ↓"))
        rows = [[*row, wer] for row, wer in zip(rows, [None] * len(run.networks) + wers, strict=True)]
    return Table("Training", headings, rows, notes, "this run")


def _size(run: Run, name: str) -> int | None:
    system = run.board.system(name)
    return system.parameters if system else None


def _shape(shape: dict[str, str]) -> str | None:
    return ", ".join(f"{name} {value}" for name, value in shape.items()) or None


def learnt_from(run: Run, trained: Training) -> str | None:
    """Units, windows with texts, or the inside of a teacher; None if its record names none of them."""
    if trained.pack:
        return Path(trained.pack).name
    targets = run.targets(trained)
    if targets:
        return units_of(targets)
    return f"{trained.losses} of {trained.teacher}" if trained.losses else None


def units_of(targets: Targets) -> str:
    """`layer 3 of it2.L, PCA to 16`."""
    return f"{targets.layer}, PCA to {targets.pca}" if targets.pca else targets.source


def _best_wer(trained: Training) -> str | None:
    """The lowest WER on the dev set in percent."""
    _, values = trained.curves.get(DEV_WER, ([], []))
    return fixed(100 * min(values)) if values else None


def terms(trained: Training) -> list[str]:
    """Columns of the losses whose weighted sum a distilled network learnt."""
    if not trained.losses:
        return []
    return [name for name in trained.curves if f"dev {name}" in trained.curves and name != "loss"]


def curves(run: Run) -> list[Picture]:
    """The losses of each training, then the accuracies and the WER on dev; the training set's curve first."""
    made = []
    for word, wanted in PLAIN:
        for i, trained in enumerate(run.trainings):
            names = [name for name in trained.curves if name.removeprefix("dev ") in wanted]
            names.sort(key=lambda name: name.startswith("dev"))
            lines = [(n if n.startswith("dev") else f"train {n}", *trained.curves[n]) for n in names]
            if lines:
                made.append(Picture(f"{trained.name}: {word}", plots.loss_plot(f"{word}{i}", lines, word)))
    for i, trained in enumerate(run.trainings):
        if len(parts := terms(trained)) > 1:
            lines = [(name, *trained.curves[name]) for name in parts]
            made.append(Picture(f"{trained.name}: its losses", plots.loss_plot(f"terms{i}", lines, "loss")))
    for i, trained in enumerate(run.trainings):
        if DEV_WER in trained.curves:
            steps, fractions = trained.curves[DEV_WER]
            percent = [(DEV_WER, steps, [100 * x for x in fractions])]
            made.append(Picture(f"{trained.name}: dev WER %", plots.loss_plot(f"devwer{i}", percent, "WER %")))
    return made
