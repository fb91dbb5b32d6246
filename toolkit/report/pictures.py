"""What the page draws, each picture with its title and what must be read with it."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from . import plots
from .ablation import Ablation
from .layers import LayerProbe
from .model_table import task_columns
from .results import Results
from .tables import listed


@dataclass(frozen=True)
class Picture:
    title: str
    svg: Markup
    under: str = ""


def intervals(results: Results) -> list[Picture]:
    """A picture per task: every row's figure with its interval."""
    made = []
    for i, column in enumerate(task_columns(results)):
        rows = [(row.title, e, row.kind == "model") for row in results.rows if (e := column.of(row))]
        if rows:
            tasks = [row.tasks[column.task] for row in results.rows if column.task in row.tasks]
            chances = {task.chance for task in tasks} - {None}
            chance = chances.pop() if len(chances) == 1 and not column.other else None
            under = f"n {listed(dict.fromkeys(f'{task.n:,} {task.unit_of_n}' for task in tasks))}"
            under += f"; dashed: chance, {chance:.1f} %" if chance is not None else ""
            better = "lower is better" if column.title.endswith("↓") else "higher is better"
            svg = plots.interval_plot(f"interval{i}", rows, chance, column.title[:-2])
            made.append(Picture(f"{column.title[:-2]}, {better}", svg, under))
    return made


def losses(results: Results) -> list[Picture]:
    """The losses of each training, then the accuracies where loss.tsv has any; the training set's curve first."""
    made = []
    for word, wanted in (("loss", ("loss",)), ("accuracy", ("accuracy", "accuracy masked"))):
        for i, training in enumerate(results.trainings):
            names = [name for name in training.curves if name.removeprefix("dev ") in wanted]
            names.sort(key=lambda name: name.startswith("dev"))
            curves = [(n if n.startswith("dev") else f"train {n}", *training.curves[n]) for n in names]
            if curves:
                made.append(Picture(f"{training.name}: {word}", plots.loss_plot(f"{word}{i}", curves, word)))
    return made


def units(results: Results) -> list[Picture]:
    """The measures of all units, and how often each unit of a codebook occurs."""
    measures = {"PNMI": "pnmi", "phone purity": "phone_purity", "cluster purity": "cluster_purity"}
    rows = []
    for q in results.qualities:
        values = {name: value for name, key in measures.items() if (value := getattr(q, key)) is not None}
        if values:
            rows.append((f"{q.tag}, K {q.k}", values))
    made = (
        [Picture("Units against phones", plots.quality_plot("quality", rows), "compare at equal K and frame rate only")]
        if rows
        else []
    )
    for i, q in enumerate(results.qualities):
        under = f"dashed: all {q.k} units alike; {q.clusters_used} used"
        made.append(
            Picture(f"{q.tag}: how often each unit occurs", plots.histogram_plot(f"histogram{i}", q.histogram), under)
        )
    return made


def layers(number: int, probe: LayerProbe) -> list[Picture]:
    """A picture per task of a network that was probed layer by layer."""
    made = []
    for i, task in enumerate(probe.tasks):
        svg = plots.layer_plot(f"layer{number}-{i}", task.test, task.best, task.chance, task.title[:-2])
        said = [f"n {task.n}", f"band: {task.confidence:g} % over {task.drawn}"]
        said += [f"ring: layer {task.best}, best on dev"] if task.best is not None else []
        said += [f"dashed: chance, {task.chance:.1f} %"] if task.chance is not None else []
        better = "lower is better" if task.lower_is_better else "higher is better"
        made.append(Picture(f"{probe.name}: {task.title[:-2]}, {better}", svg, "; ".join(said)))
    return made


def ablation(number: int, found: Ablation) -> list[Picture]:
    """Loss as it is, and over the entropy of the units where that is known."""
    made = []
    for relative, label, under in (
        (False, "loss", "cross-entropies of two codebooks: not on one scale"),
        (True, "loss / entropy of units", "1: a guess by how often each unit occurs; on one scale"),
    ):
        arms = []
        for arm in found.arms:
            curves = [(kind, arm.curve(kind == "dev", relative)) for kind in ("train", "dev")]
            arms.append((arm.name, [(kind, *curve) for kind, curve in curves if curve]))
        arms = [(name, curves) for name, curves in arms if curves]
        if arms:
            svg = plots.arms_plot(f"ablation{number}-{int(relative)}", arms, label)
            made.append(Picture(f"{found.model}: {label}", svg, under))
    return made
