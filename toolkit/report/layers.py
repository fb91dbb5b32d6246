"""Layer-wise probing: what each layer of a network says about each task, one head per layer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from .probes import LOWER_IS_BETTER, drawn, estimate_of, heading, task_name
from .resultfile import ResultFile, broken
from .tables import ABSENT, THIS_RUN, Cell, Column, Estimate, Table, listed

LAYERS_FILE = "layers.json"


@dataclass(frozen=True)
class LayerTask:
    """Figures by layer, percent; layer 0 is the input of the first block.

    Attributes:
        test: on the test set, with intervals at `confidence` percent over `drawn` (6 speakers).
        dev: on the dev set, by which a layer would be chosen; None where it was not measured.
    """

    task: str
    metric: str
    test: dict[int, Estimate]
    dev: dict[int, float | None]
    n: str
    drawn: str
    confidence: float
    chance: float | None

    @property
    def lower_is_better(self) -> bool:
        return bool(LOWER_IS_BETTER.search(self.metric))

    @property
    def best(self) -> int | None:
        """The layer that dev chooses, the lowest of equals; None where dev was not measured."""
        sign = -1 if self.lower_is_better else 1
        known = {layer: sign * percent for layer, percent in self.dev.items() if percent is not None}
        return min(known, key=lambda layer: (-known[layer], layer), default=None)

    @property
    def title(self) -> str:
        return heading(self.task, self.metric)


@dataclass(frozen=True)
class LayerProbe:
    """A network, probed layer by layer."""

    name: str
    title: str
    tasks: list[LayerTask]


def read_layers(folder: Path) -> LayerProbe:
    """Of layers.json. Raises UserError."""
    file = ResultFile.read(folder / LAYERS_FILE)
    tasks = file.section("tasks")
    return LayerProbe(file.text("row"), file.text("title"), [_task(name, tasks.section(name)) for name in tasks.tree])


def _task(name: str, file: ResultFile) -> LayerTask:
    test: dict[int, Estimate] = {}
    dev: dict[int, float | None] = {}
    for i, entry in enumerate(file.listed("layers")):
        if not isinstance(entry, dict):
            raise broken(file.path, f"{file.prefix}layers[{i}] is no mapping")
        found = ResultFile(file.path, entry, f"{file.prefix}layers[{i}].")
        layer = found.whole("layer")
        if layer in test:
            raise broken(file.path, f"{file.prefix}layers has layer {layer} twice")
        test[layer], dev[layer] = estimate_of(found), found.maybe("dev_percent")
    return LayerTask(
        task=name,
        metric=file.text("metric"),
        test=dict(sorted(test.items())),
        dev=dict(sorted(dev.items())),
        n=f"{file.whole('n'):,} {file.text('unit_of_n')}",
        drawn=drawn(file.text("blocks"), file.maybe("block_count")),
        confidence=file.number("confidence"),
        chance=file.maybe("chance_percent"),
    )


def layer_table(probe: LayerProbe) -> Table:
    """A row per layer, a column per task; the layer that dev chooses is marked."""
    layers = sorted({layer for task in probe.tasks for layer in task.test})
    rows: list[list[Cell]] = []
    for layer in layers:
        name = f"{layer} (input of block 1)" if layer == 0 else str(layer)
        rows.append([name, *(task.test.get(layer) for task in probe.tasks)])
    chances = [None if task.chance is None else f"{task.chance:.1f}" for task in probe.tasks]
    if any(chances):
        rows.append(["chance", *chances])
    chosen = [f"layer {t.best} for {task_name(t.task)}" for t in probe.tasks if t.best is not None]
    notes = [f"Best on dev: {listed(chosen)}."] if chosen else []
    notes.append("n: " + "; ".join(f"{task_name(t.task)} {t.n}" for t in probe.tasks) + ".")
    spans = sorted({f"{t.confidence:g} % over {t.drawn}" for t in probe.tasks})
    notes.append(f"Brackets: intervals, {listed(spans)}. Layers are chosen by dev, never by these test figures.")
    if any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not measured, or without chance.")
    columns = [Column("Layer", "left"), *(Column(task.title) for task in probe.tasks)]
    return Table(f"Layer by layer: {probe.title}", columns, rows, notes, THIS_RUN)
