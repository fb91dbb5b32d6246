"""What the heads of tasks chose and mistook: layer weights, single layers, confusions."""

from __future__ import annotations

from ...core.results import LayerFigures, LayerResults, System
from ..board import Column as Figures
from ..render import plots
from ..section import Block, Cell, Folded, Heats, Picture, Pictures, Section, Table, Text, listed
from ..section import Column as Heading
from ..sources.collect import Run
from ..value import ABSENT, shown
from .heat import Heat, confusion_heat, layer_heats


def layer_weights(run: Run) -> Section | None:
    """The share of each layer in the mix that a head reads, of untrained networks apart."""
    trained = layer_heats(run.board, [s for s in run.board.systems if s.arm != "random"])
    random = layer_heats(run.board, [s for s in run.board.systems if s.arm == "random"])
    blocks: list[Block] = [Text("Share of each layer in the sum that a head reads, in percent; 0: input of block 1.")]
    blocks += [Heats(trained)] if trained else []
    blocks += [Folded("Layer weights of untrained networks", [Heats(random)])] if random else []
    return Section("weights", "Layer weights", blocks) if trained or random else None


def confusions(run: Run) -> Section | None:
    """Of the largest trained system at once, of the others on a click."""
    leading = run.reference()
    shown_first = [leading] if leading else []
    models = [s for s in run.board.systems if s.arm == "trained" and s is not leading]
    baselines = [s for s in run.board.systems if s.arm != "trained" and s is not leading]
    first = _heats(run, shown_first)
    blocks: list[Block] = [Heats(first)] if first else []
    for title, systems in (("the other models", models), ("the baselines", baselines)):
        if heats := _heats(run, systems):
            blocks.append(Folded(f"Confusions of {title}", [Heats(heats)]))
    return Section("confusions", "Confusions", blocks) if blocks else None


def _heats(run: Run, systems: list[System]) -> list[Heat]:
    """Heat maps of all tasks, those with figures in their squares first."""
    heats = [
        confusion_heat(f"{result.title}, {system.title}", result.confusion)
        for system in systems
        for (name, _), result in run.board.results.items()
        if name == system.name and result.confusion
    ]
    return sorted(heats, key=lambda heat: not heat.numbered)


def layer_by_layer(run: Run) -> Section | None:
    """Systems whose tasks were read off each layer alone."""
    blocks: list[Block] = []
    for i, probe in enumerate(run.layers):
        blocks += [Pictures(_pictures(i, probe)), layer_table(probe)]
    lead = Text("One head for each layer, on that layer alone.")
    return Section("depth", "Layer by layer", [lead, *blocks]) if blocks else None


def layer_table(probe: LayerResults) -> Table:
    """A row for each layer, a column for each task; the notes tell which layer dev chooses."""
    tasks = probe.tasks
    rows: list[list[Cell]] = []
    for layer in sorted({layer for task in tasks for layer in task.test}):
        name = f"{layer} (input of block 1)" if layer == 0 else str(layer)
        rows.append([name, *(shown(task.test.get(layer)) for task in tasks)])
    chances = [None if task.chance is None else f"{task.chance:.1f}" for task in tasks]
    rows += [["chance", *chances]] if any(chances) else []
    chosen = listed(f"layer {task.best} for {task.title}" for task in tasks)
    drawn = listed(dict.fromkeys(_drawn(task) for task in tasks))
    notes = [f"Best on dev: {chosen}. Brackets: {drawn}. Layers are chosen by dev, never by these test figures."]
    if any(cell is None for row in rows for cell in row):
        notes.append(f"{ABSENT}: not measured, or without chance.")
    headings = [Heading("Layer", "left"), *(Heading(_figures(task).heading) for task in tasks)]
    return Table(f"Layer by layer: {probe.system.title}", headings, rows, notes, "this run")


def _figures(task: LayerFigures) -> Figures:
    return Figures(task.task, task.title, task.metric)


def _drawn(task: LayerFigures) -> str:
    figure = next(iter(task.test.values()))
    return f"{figure.confidence:g} % over {figure.block_count:,} {figure.blocks}s"


def _pictures(number: int, probe: LayerResults) -> list[Picture]:
    """A picture for each task."""
    made = []
    for i, task in enumerate(probe.tasks):
        column = _figures(task)
        values = {layer: value for layer, figure in sorted(task.test.items()) if (value := shown(figure))}
        svg = plots.layer_plot(f"layer{number}-{i}", values, task.best, task.chance, column.measure)
        figure = next(iter(task.test.values()))
        under = f"n {figure.n:,} {figure.unit_of_n}; band: {_drawn(task)}; ring: layer {task.best}, best on dev"
        under += f"; dashed: chance, {task.chance:.1f} %" if task.chance is not None else ""
        made.append(Picture(f"{probe.system.name}: {column.caption}", svg, under))
    return made
