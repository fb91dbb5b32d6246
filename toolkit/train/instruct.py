"""Tune a Qwen2.5-Omni thinker on instructions of several tasks under a schedule; gives an adapter, or a model.

Inputs, recognised by what they hold: items to train on (a part of data.instruct), items for validation (optional), the
base, and what models.hear has kept of its tower (unless data.cache is false).
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ..core.errors import UserError
from ..core.files import read_json, write_json
from ..core.schedule_results import SCHEDULE
from ..core.schema import dump
from ..core.step import Step, main
from ..data.bad_clips import FOLDER, BadClips, BadClipsOfRun, NoBadClips
from ..data.instruct_items import ItemTable, is_items, read_part
from ..data.provenance import rules_of
from ..models.adapters import add_adapter, save_adapter
from ..models.heard import Heard, is_heard
from ..models.omni import Omni, load_omni, refuse_other_tower, save_omni
from ..models.omni_answers import write
from ..models.omni_files import find_omni
from .engine.checkpoint import steps_saved
from .engine.gradient import computes_in_bf16
from .engine.kept import export_kept
from .engine.launch import share
from .engine.loop import Trained, ended_at, train
from .engine.ranks import World
from .engine.validation import Validation
from .instruct_card import about, card
from .instruct_config import InstructTraining
from .instruct_schedule import schedule_of, told
from .instructed import Batches, Dev, FromCache, Hears, Live, Row, Scheduled, rows_of
from .objectives.answers import Answers
from .outcome import outcome
from .samplers.instructions import Schedule

SAMPLES = "samples.json"  # training items that are answered before and after
DRAWS = "draws.json"  # digest of what diverse sampling chooses by


@dataclass(frozen=True)
class InstructInputs:
    """The inputs by what they are."""

    train: ItemTable
    dev: ItemTable | None
    heard: Heard | None
    base: Path

    @staticmethod
    def read(paths: list[Path]) -> InstructInputs:
        """Raises UserError if items or base are missing, or there is one of them too many."""
        items = [path for path in paths if is_items(path)]
        heard = [path for path in paths if is_heard(path)]
        models = [path for path in paths if path not in (*items, *heard)]
        if len(items) not in (1, 2) or len(heard) > 1 or len(models) != 1:
            given = f"{len(items)} parts of items, {len(heard)} kept states, {len(models)} models"
            remedy = "give items to train on, perhaps others for validation, kept states, and the base"
            raise UserError(f"inputs: {given}", "--in", remedy)
        tables = [read_part(path) for path in items]
        return InstructInputs(
            tables[0],
            tables[1] if tables[1:] and len(tables[1]) else None,
            Heard(heard[0]) if heard else None,
            find_omni(models[0]),
        )


def hears_of(
    config: InstructTraining, inputs: InstructInputs, omni: Omni, bad_clips: NoBadClips | None = None
) -> Hears:
    """Where states come from. Raises UserError for kept states of another tower, or for none.

    Args:
        bad_clips: remembers them where the tower hears anew; None: the first one raises AudioError.
    """
    if inputs.heard is not None:
        refuse_other_tower(inputs.heard, omni)  # diverse sampling reads them even where the tower hears anew
    if not config.data.cache:
        return Live(omni, bad_clips)
    if inputs.heard is None:
        remedy = "give the output of models.hear, or set data.cache: false: the tower then hears in every step"
        if any(item.audio for item in inputs.train):
            raise UserError("no kept states among the inputs", "--in", remedy)
        return Live(omni)
    return FromCache(inputs.heard)


def bad_clips_of(items: ItemTable, run_clips: BadClipsOfRun, trained: bool) -> BadClips:
    """What remembers the bad clips of a part."""
    size = len({audio for audio in items.column("audio") if audio})
    return run_clips.of("train" if trained else "dev", size, rules_of(items.folder, trained), str(items.folder))


def refuse_other_draws(schedule: Schedule, out: Path, world: World) -> None:
    """Raise UserError if ranks, or a run that is resumed here, see other embeddings: they would draw other items."""
    own = schedule.pool.digest
    if any(theirs != own for theirs in world.gather(own)):
        problem = "processes of this training compute different embeddings of the same clips"
        raise UserError(problem, str(out), "run them on machines of one kind")
    if world.first:
        if steps_saved(out) and (out / DRAWS).is_file() and read_json(out / DRAWS)["embeddings"] != own:
            problem = "this machine computes other embeddings of the clips than the one that began this training"
            raise UserError(problem, str(out / DRAWS), "go on on a machine of that kind, or run with --fresh STAGE")
        write_json(out / DRAWS, {"embeddings": own})


def trainable(omni: Omni, config: InstructTraining) -> Any:
    """Freeze all but what is trained; returns peft's adapter, or the model itself for full tuning."""
    omni.model.requires_grad_(False)
    adapt = config.adapt
    if adapt.how == "lora":
        return add_adapter(
            omni, adapt.rank, adapt.alpha, adapt.dropout, config.loop.seed, mlp=adapt.mlp, tower=adapt.tower
        )
    for part in (omni.text, omni.head, omni.tower.proj):
        part.requires_grad_(True)
    return omni.model


def learn(
    config: InstructTraining, inputs: InstructInputs, step: Step[InstructTraining], world: World, name: str
) -> None:
    """Train on this rank; the first one exports to out/hf, and to out/at/*/hf as loop.keep_at says."""
    out = step.out
    torch.manual_seed(config.loop.seed)
    low = config.adapt.how == "lora" and computes_in_bf16(config.loop, world.device)
    omni = load_omni(inputs.base, torch.bfloat16 if low and world.device.type == "cuda" else torch.float32)
    run_clips = BadClipsOfRun(step.out / FOLDER)
    hears = hears_of(config, inputs, omni, bad_clips_of(inputs.train, run_clips, trained=True))
    dev_clips = bad_clips_of(inputs.dev, run_clips, trained=False) if inputs.dev else None
    dev_hears = hears_of(config, inputs, omni, dev_clips)
    drop = step.ledger.drop if world.first else (lambda id, reason, detail: None)
    tasks, most = config.data.tasks, config.data.max_tokens
    rows = rows_of(inputs.train, omni, hears, most, drop, tasks)
    if not rows:
        problem = "not one item can be learnt"
        raise UserError(problem, str(inputs.train.folder), "see dropped.tsv; hear the items again, or name other tasks")
    dev_rows = rows_of(inputs.dev, omni, dev_hears, most, drop, tasks) if inputs.dev else []
    schedule = schedule_of(rows, omni, inputs.heard, config, world.size)
    refuse_other_draws(schedule, out, world)
    batches = Batches(rows, omni, hears, config.objective.normalise)
    dev = Dev(Batches(dev_rows, omni, dev_hears, "sample"), config.data.micro_items, config.data.dev_items)
    trained = trainable(omni, config)
    objective = Answers(omni, trained, config.objective.recompute, not config.data.cache, config.adapt.tower)
    objective.to(world.device)
    if world.first:
        weights = sum(p.numel() for p in objective.parameters() if p.requires_grad)
        every = sum(p.numel() for p in objective.parameters())
        print(f"{weights:,} of {every:,} weights are trained; {len(rows):,} items", flush=True)
        if not steps_saved(out):
            sample(rows, omni, hears, out, "start", config.data.samples)
    ended = train(
        objective,
        Scheduled(batches, schedule),
        config.optim,
        config.loop,
        out,
        micro_batches=schedule.count,
        validation=Validation(dev, len(dev)) if len(dev) else None,
        identity=name,
        world=world,
        smaller="halve data.micro_items, or set objective.recompute",
    )
    if not world.first:
        return

    def export(folder: Path, trained_to: Trained) -> None:
        origin = about(config, inputs.base, inputs.train, trained_to)
        words = card(config, inputs.train, trained_to)
        if config.adapt.how == "full":
            save_omni(omni, folder, words, origin)
        else:
            here = os.path.relpath(inputs.base.resolve(), folder.resolve())
            save_adapter(trained, folder, words, {**origin, "base_from_here": here})

    refuse_silent(sample(rows, omni, hears, out, "end", config.data.samples), out)
    write_json(out / SCHEDULE, dump(told(out.name, schedule, config, out)))
    export(out / "hf", ended)
    export_kept(out, config.loop, objective, lambda folder, step: export(folder, ended_at(ended, step)))


def sample(rows: list[Row], omni: Omni, hears: Hears, out: Path, when: str, count: int) -> list[str]:
    """Answers to so many training items, printed and noted in samples.json."""
    chosen = [rows[len(rows) * i // count] for i in range(count)]
    was = omni.model.training
    omni.model.eval()
    noted = []
    for row in chosen:
        given = hears.given([row.item])
        if given["lost"]:
            continue
        states = omni.states(given["mels"]) if given["mels"] else torch.from_numpy(given["states_SD"])
        question = omni.prompts.question(row.item.instruction, row.states, row.item.text)
        answer = write(omni, [question], states, max(16, 2 * row.answered))[0]
        noted.append({"item": row.item.key, "wanted": row.item.answer, "answer": answer.text, "ended": answer.ended})
        print(f"  {row.item.key}, at the {when}: {answer.text or '(nothing)'} | wanted: {row.item.answer}", flush=True)
    omni.model.train(was)
    before = read_json(out / SAMPLES) if (out / SAMPLES).is_file() else {}
    write_json(out / SAMPLES, {**before, when: noted})
    return [str(entry["answer"]) for entry in noted]


def refuse_silent(answers: list[str], out: Path) -> None:
    """Raise UserError if the trained model answers most of its own training items with nothing."""
    if 2 * sum(not answer for answer in answers) > len(answers):
        problem = "the trained model answers its own training items with nothing"
        raise UserError(problem, str(out / SAMPLES), "train longer, or with another optim.peak_lr: see loss.tsv")


def shortened(config: InstructTraining, items: ItemTable) -> InstructTraining:
    """With data.share_of_steps: the steps that natural mixing would give the tasks that are trained."""
    if not (config.data.share_of_steps and config.data.tasks):
        return config
    every = items.column("task")
    own = sum(task in config.data.tasks for task in every)
    steps = max(1, round(config.loop.total_steps * own / len(every)))
    return replace(config, loop=replace(config.loop, total_steps=steps))


def run(step: Step[InstructTraining]) -> None:
    """Train here, or in several processes that share the work."""
    inputs = InstructInputs.read(step.ins)
    config = shortened(step.config, inputs.train)
    name = step.id
    run_clips = BadClipsOfRun.of_step(step)
    share(step, 0, 0.0, lambda world: learn(config, inputs, step, world, name))
    seconds = sum(inputs.train.column("seconds"))
    step.counts |= {"items": len(inputs.train), "hours": round(seconds / 3600, 4), **outcome(step.out)}
    step.counts |= run_clips.settle(step.ledger)


if __name__ == "__main__":
    main(run)
