"""Read tasks off speech features: heads on frozen (or fine-tuned) upstreams and on baselines.

Inputs: the folders that hold the data directories (one, or as many as `folders` says), then the models. `rows` says
what is made of them. First the features of all rows are computed, then every unit is trained and scored: a task of a
row, of a task with folds each fold, with layer_wise each layer. Workers share both halves. What is done is never done
again, and what was interrupted goes on from its checkpoint. One more model makes its own row, and a changed task
section its own results in each row; all others stay. A fine-tuned row's cost is that of the network as it came: weights
do not change it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from ..core.device import device_of, exact_float32
from ..core.files import remove
from ..core.rows import settle
from ..core.shards import run_shards
from ..core.step import Step, main
from .config import TasksConfig
from .gather import gather, score_folds, write_costs
from .grid import Grid, Unit
from .hear import WORK, Hearing
from .served import serve
from .sets import Folders
from .work import Work


def run(step: Step[TasksConfig]) -> None:
    inputs = [step.input(i, "the folders that hold the data directories") for i in range(step.config.folders)]
    served = serve(step.config, Folders(tuple(inputs)))
    grid = Grid.of(step, served)
    exact_float32()
    torch.set_num_threads(served.config.threads)
    hearing = Hearing(grid, torch.device(device_of(step)))
    if not step.worker:
        served.tell(step)
        identities = grid.identities()
        settle(step.out, identities)
        if not served.config.layer_wise:  # first: what a row costs is then not measured in a used-up process
            write_costs(grid, hearing, identities)
    work = Work(grid, hearing)
    if step.worker:
        _make_group(grid, hearing, work)
    while units := grid.wanting():
        hearing.choose(units)
        _make_group(grid, hearing, work)
    gather(grid)
    remove(step.out / WORK)


def _make_group(grid: Grid, hearing: Hearing, work: Work) -> None:
    """Features, units and common scores of folds of the rows that are at work. In a worker: its part of one of them."""
    hearing.run()
    make_units(grid, work, hearing.group)
    score_folds(grid, work, hearing.group)


def make_units(grid: Grid, work: Work, units: Sequence[Unit]) -> None:
    """Train and score every one of `units` that is not finished, among the workers of the step.

    One that fails (training diverges, memory is full) leaves its reason, and the others go on.
    """

    def make(k: int, path: Path) -> None:
        work.make(units[k], path)

    def give_up(k: int, path: Path, reason: str) -> None:
        work.give_up(units[k], path, reason)

    places, costs = [unit.place.folder(grid.step.out) for unit in units], [grid.cost_of(unit) for unit in units]
    run_shards(grid.step, costs, make, "steps", on_device=True, places=places, failed=give_up)


if __name__ == "__main__":
    main(run)
