"""Read tasks off speech features: heads on frozen (or fine-tuned) upstreams and on baselines.

Inputs: the folder that holds the data directories, then the models. `rows` says what is made of them. Work unit: a
row. A row computes its features once, then trains its tasks one by one, with layer_wise its tasks layer by layer. What
is done is never done again, and what was interrupted goes on from its checkpoint. One more model makes its own rows and
leaves the others as they are. A fine-tuned row's cost is that of the network as it came: weights do not change it.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..core.config import to_dict
from ..core.errors import UserError
from ..core.files import atomic, read_json, remove, write_json
from ..core.progress import Progress
from ..core.record import DROPPED, Ledger, digest, identity_id, input_id
from ..core.registry import declared
from ..core.results import COST, LAYERS, ROW, Cost, LayerResults
from ..core.rows import ABOUT, mark, settle
from ..core.schema import dump
from ..core.shards import run_shards
from ..core.step import Step, main
from ..data.audio import AudioError
from ..data.kaldi import DataDir
from ..train.objectives.classify import Features
from ..train.subset import within_hours
from ..units.features import device_of, exact_float32
from .base import OUT, Notes, TaskData
from .config import SETS, TasksConfig
from .cost import measure
from .examples import build, unusable
from .features import SetFeatures, compute
from .results import by_layer, system_of, write_results
from .room import WORK, check_room
from .sets import read_sets, refuse_misspelt, refuse_shared, shared_speakers, with_labels
from .unit import Fit, Source
from .upstream import Network, Row, Tuned, Upstream, rows_of

SHORTEST = 1600  # samples of a recording whose time is worth measuring: 0.1 s
LEFT_OUT = "task left out"  # reason of a ledger's row that names a task, not an utterance
COUNTS = "counts.json"


@dataclass(frozen=True)
class Probes:
    """What all rows share."""

    config: TasksConfig
    sets: Mapping[str, DataDir]
    device: torch.device

    def open(self, row: Row) -> Upstream:
        return row.open(self.config.random_seed, self.device, self.config.cache_layers)

    def probe(self, row: Row, work: Path, out: Path) -> None:
        """Every task of a row: result files, ledger and counts into the new folder `out`.

        `work` keeps what a rerun after a kill goes on from.
        """
        torch.set_num_threads(self.config.threads)
        upstream = self.open(row)
        features = self._features(row, upstream, work / "cache")
        source = Source(features, None if row.frozen else lambda: self._tuned(row))
        notes = Notes(Ledger("tasks.fit"))
        for of_set in features.values():
            for dropped in of_set.dropped:
                notes.ledger.drop(*dropped)
        out.mkdir(parents=True)
        system = system_of(row, upstream, self.config.random_seed)
        each = {name: self._each(name, row, upstream, source, work, notes) for name in self.config.tasks}
        if self.config.layer_wise:
            tasks = tuple(by_layer(name, done) for name, done in each.items())
            write_json(out / LAYERS, dump(LayerResults(system, tasks)))
        else:
            for done in each.values():
                shutil.copytree(done[-1], out, dirs_exist_ok=True)
            write_json(out / ROW, dump(system))
        write_json(out / ABOUT / COUNTS, notes.counts)
        notes.ledger.write(out / ABOUT / DROPPED)
        remove(work / "cache")

    def _each(
        self, name: str, row: Row, upstream: Upstream, source: Source, work: Path, notes: Notes
    ) -> dict[int, Path]:
        """Folders with the result files of a task: of the heads on each state, or of one on their mix, which is -1."""
        data = build(name, self.config.tasks[name], self.sets, source.sets, upstream.rate, notes)
        label = f"{row.row} {name}"
        if not self.config.layer_wise:
            return {-1: self._task(row, data, source, work / name, label)}
        alone = {
            layer: Source({name: of_set.state(place) for name, of_set in source.sets.items()})
            for place, layer in enumerate(upstream.chosen)
        }
        return {
            layer: self._task(row, data, state, work / name / f"layer{layer}", f"{label} layer {layer}")
            for layer, state in alone.items()
        }

    def _task(self, row: Row, data: TaskData, source: Source, work: Path, label: str) -> Path:
        """Train and score, where that is not done yet; the folder with the result files."""
        fit = Fit(self.config, data, source, work / "training", label, self.device)
        if not (work / "done").is_dir():
            fitted = fit.run()
            with atomic(work / "done") as temporary:
                temporary.mkdir(parents=True)
                write_results(temporary, row, self.config, data, fitted)
                save_file(fitted.weights, temporary / f"{data.name}.safetensors")
        fit.forget()
        return work / "done"

    def _features(self, row: Row, upstream: Upstream, cache: Path) -> dict[str, SetFeatures]:
        """Features of every set; whole frames only where a head on a frozen upstream needs them."""
        framed = self.config.framed
        return {
            name: compute(
                upstream,
                data.utterances,
                cache / name,
                row.frozen and name in framed,
                self.device,
                f"{row.row} features of {name}",
            )
            for name, data in self.sets.items()
        }

    def _tuned(self, row: Row) -> Features:
        upstream = self.open(row)
        assert isinstance(upstream, Network)
        return Tuned(upstream.encoder, upstream.chosen, self.config.freeze_convolutions)


def run(step: Step[TasksConfig]) -> None:
    data = step.input(0, "the folder that holds the data directories")
    config, sets, left_out = _served(step.config, data)
    for name, why in left_out.items() if not step.worker else ():
        print(f"{name} is left out: {why}", flush=True)
        step.ledger.drop(name, LEFT_OUT, why)
    for line in shared_speakers(config.tasks, sets) if not step.worker else ():
        print(line, flush=True)
    rows = rows_of(config.rows, step.ins[1:], config.freeze)
    shapes = [row.shape(config.cache_layers) for row in rows]
    identities = {row.row: _identity(step, config, row, data, sets) for row in rows}
    if not step.worker:
        check_room(step, config, sets, rows, shapes)
        settle(step.out, identities)
    exact_float32()
    probes = Probes(config, sets, torch.device(device_of(step)))

    def work(k: int, path: Path) -> None:
        name = rows[k].row
        probes.probe(rows[k], step.out / WORK / f"{name}.{identity_id(identities[name])}", path)
        mark(path, identities[name])

    torch.set_num_threads(config.threads)
    measured: dict[str, Cost] = {}
    if not config.layer_wise and not step.worker:  # first: what a row costs is then not measured in a used-up process
        named = [task.sets.test for task in config.tasks.values()] or [config.sets.test]
        lacking = [row for row in rows if not (step.out / row.row / COST).is_file()]
        measured = _costs(step, probes, lacking, DataDir.read(data / named[0]))
    steps = float(sum(task.steps * len(task.lr) for task in config.tasks.values()) or 1)
    costs = [steps * (shape[0] if config.layer_wise else 1) for shape in shapes]
    folders = run_shards(step, costs, work, "steps", on_device=True, places=[step.out / row.row for row in rows])
    for row, folder in zip(rows, folders, strict=True):
        if row.row in measured:
            write_json(folder / COST, dump(measured[row.row]))
        step.counts.update(read_json(folder / ABOUT / COUNTS))
        step.ledger.merge(folder / ABOUT / DROPPED)
    step.ledger.rows = sorted(set(step.ledger.rows))  # every row of the table drops the same utterance
    remove(step.out / WORK)


def _identity(
    step: Step[TasksConfig], config: TasksConfig, row: Row, data: Path, sets: Mapping[str, DataDir]
) -> dict[str, str]:
    """What a row is made from, by name."""
    asked = json.dumps(to_dict(replace(config, rows=())), sort_keys=True, ensure_ascii=False)
    return {
        "step": f"{step.name} {declared(step.name).version}",
        "config": digest(asked.encode()),
        "upstream": input_id(row.model, step.out) if row.model else "",
        **{f"input {data / name}": input_id(data / name, step.out) for name in sets},
    }


def _served(config: TasksConfig, data: Path) -> tuple[TasksConfig, dict[str, DataDir], dict[str, str]]:
    """The config with the tasks that the data can serve, the sets of those, and why the others are left out.

    Raises UserError where there are labels, but for no task enough of them, and where a task would be scored on what
    it trains on or excludes a label that is not there.
    """
    labelled = with_labels(config.tasks, data)
    sets = read_sets(data, labelled)
    why = {name: f"no set has {task.table}" for name, task in config.tasks.items() if name not in labelled}
    why |= unusable(labelled, sets)
    tasks = {name: task for name, task in labelled.items() if name not in why}
    if labelled and not tasks:
        told = "".join(f"\n  {name}: {why[name]}" for name in labelled)
        raise UserError(f"no task can be done with these labels:{told}", str(data), OUT)
    for name, task in tasks.items():
        refuse_shared(name, task, sets)
        refuse_misspelt(name, task, sets)
    used = {task.sets.of(part) for task in tasks.values() for part in SETS}
    served = replace(config, tasks=tasks)
    return served, _within_hours(served, {name: data for name, data in sets.items() if name in used}), why


def _within_hours(config: TasksConfig, sets: Mapping[str, DataDir]) -> dict[str, DataDir]:
    """The sets, of those that are only trained on as much as the config says."""
    if not config.max_hours:
        return dict(sets)
    chosen = dict(sets)
    tasks = config.tasks.values()
    for name in {t.sets.train for t in tasks} - {s for t in tasks for s in (t.sets.dev, t.sets.test)}:
        utterances = sets[name].utterances
        ids = within_hours({u.id: u.seconds for u in utterances}, {}, config.max_hours, config.seed, "max_hours")
        chosen[name] = replace(sets[name], utterances=[u for u in utterances if u.id in ids])
    return chosen


def _costs(step: Step[TasksConfig], probes: Probes, rows: Sequence[Row], test: DataDir) -> dict[str, Cost]:
    """Figures of `measure` by row."""
    config = step.config
    waves = _waves(test, config.cost_utterances)
    costs = {}
    with Progress(f"{step.name} cost", len(rows), "rows") as bar:
        for row in rows:
            costs[row.row] = measure(
                partial(probes.open, row), waves, config.cost_seconds, probes.device, config.threads
            )
            bar.add(1)
    return costs


def _waves(data: DataDir, count: int) -> list[Tensor]:
    """Up to `count` usable utterances of a test set, from all over it; the others are in the ledger.

    Raises UserError where none can be used.
    """
    waves: list[Tensor] = []
    order = [u for k in range(max(len(data) // count, 1)) for u in data.utterances[k :: max(len(data) // count, 1)]]
    for utterance in order:
        try:
            wave_N = torch.from_numpy(utterance.audio())
        except AudioError:
            continue
        if len(wave_N) >= SHORTEST:
            waves.append(wave_N)
        if len(waves) == count:
            return waves
    if not waves:
        raise UserError("no recording of the test set can be used", str(data.path), "see dropped.tsv of the data stage")
    return waves


if __name__ == "__main__":
    main(run)
