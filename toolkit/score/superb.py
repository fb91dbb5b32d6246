"""The SUPERB benchmark's scores of encoders: Overall, Generalizability and Ranking: superb.json.

Inputs: folders of task runs. The config says which of their tasks are tasks of the benchmark, and has published rows,
whose scores are computed anew and held against those that were printed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..core.errors import UserError
from ..core.files import write_json
from ..core.schema import dump
from ..core.step import Step, main
from ..core.superb_results import SUPERB, SuperbResult, SuperbRow
from .compare_probes import Compared, read_systems
from .config import SuperbConfig
from .superb_scores import MEASURES, doubts, generalizability, overall, rankings


def published_rows(config: SuperbConfig) -> tuple[SuperbRow, ...]:
    """Published rows with their scores as printed, and what is doubtful about them."""
    rows = config.published
    ranks, banks = rankings({name: row.values for name, row in rows.items()}), rows.get(config.banks)
    return tuple(
        SuperbRow(
            name,
            row.values,
            row.overall,
            row.generalizability,
            ranks.get(name),
            tuple(doubts(row, rows.get(row.teacher), banks)),
            row.note,
            row.parameters,
            row.gmacs,
        )
        for name, row in rows.items()
    )


def own_rows(systems: Sequence[Compared], config: SuperbConfig) -> tuple[SuperbRow, ...]:
    """The systems of this run, with the tasks that the config calls tasks of the benchmark."""
    values = {s.system.name: _values(s, config.measures) for s in systems}
    ranks = rankings(values)
    return tuple(
        SuperbRow(
            system.name,
            values[system.name],
            overall(values[system.name]),
            generalizability(values[system.name]),
            ranks.get(system.name),
            parameters=_scaled(system.parameters, 1e6),
            gmacs=_scaled(system.macs_benchmark, 1e9),
        )
        for system in (compared.system for compared in systems)
    )


def _scaled(count: int | None, unit: float) -> float | None:
    return None if count is None else count / unit


def _values(compared: Compared, measures: Mapping[str, str]) -> dict[str, float]:
    values = {}
    for name in MEASURES:
        task, _, metric = measures.get(name, "").partition(" ")
        if task not in compared.tasks:
            continue
        result = compared.tasks[task].result
        figure = result.figure(metric) if metric else result.decides
        if figure is None:
            known = ", ".join(dict.fromkeys(f.metric.name for f in result.figures))
            raise UserError(f"task {task} has no figure {metric}", f"measures.{name}", f"it has {known}")
        if figure.metric.better != MEASURES[name].better:
            ways = {"high": "larger", "low": "smaller"}
            problem = f"{figure.metric.name} of task {task} is better when {ways[figure.metric.better]}, {name} is not"
            raise UserError(problem, f"measures.{name}", f"name another figure: `{name}: {task} METRIC`")
        values[name] = figure.value / 100 if MEASURES[name].kind == "fraction" else figure.value
    return values


def run(step: Step[SuperbConfig]) -> None:
    step.input(0, "a folder that tasks.fit made")
    systems = read_systems(step.ins)
    for name, words in step.config.measures.items():
        if words and not any(words.split()[0] in system.tasks for system in systems):
            print(f"{name} has no figure: no system has a task {words.split()[0]}", flush=True)
    rows = own_rows(systems, step.config)
    if not any(row.values for row in rows):
        tasks = sorted({task for system in systems for task in system.tasks})
        problem = f"no task of this run is one of the benchmark: it has {', '.join(tasks) or 'none'}"
        if not (tasks and step.config.measures):
            raise UserError(problem, "measures", "say which is which, e.g. `ASR: asr wer`")
        print(f"{problem}; there are no scores")  # the corpora that were given have others
    published = published_rows(step.config)
    measures, of_published = (
        tuple(name for name in MEASURES if any(name in row.values for row in kind)) for kind in (rows, published)
    )
    protocols = sorted({scored.result.protocol for system in systems for scored in system.tasks.values()})
    result = SuperbResult(measures, of_published, rows, published, ", ".join(protocols))
    write_json(step.out / SUPERB, dump(result))
    step.counts |= {"rows": len(rows), "published": len(published)}


if __name__ == "__main__":
    main(run)
