"""Train a Whisper on packed windows: adapt a teacher to transcripts, or distil it into a student; gives a Whisper.

Inputs, recognised by what they hold: windows of pseudo.pack to train on, others for validation (optional), the Whisper
to begin with, and a teacher (optional): a Whisper, or what train.soft_labels kept of one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..core.errors import UserError
from ..core.step import Step, main
from ..data.bad_clips import BadClipsOfRun
from ..models.whisper import Whisper
from ..models.whisper_files import (
    load_whisper,
    said_of,
    save_whisper,
)
from ..pseudo.windows import read_header
from .engine.kept import export_kept
from .engine.launch import share
from .engine.loop import Trained, ended_at, train
from .engine.ranks import World
from .objectives.seq2seq import Seq2Seq
from .outcome import outcome
from .whisper_card import card
from .whisper_config import WhisperTraining
from .whisper_dev import DevScore
from .whisper_inputs import WhisperInputs, refuse_unmet
from .whisper_speech import Hearing


def learn(
    config: WhisperTraining, inputs: WhisperInputs, heard: Hearing, out: Path, world: World, name: str
) -> Trained:
    """Train on this rank, and on the first one export to out/hf, and to out/at/*/hf as loop.keep_at says."""
    student = load_whisper(inputs.start)
    about_start = said_of(inputs.start)
    picks = (about_start.get("encoder_blocks", ()), about_start.get("decoder_blocks", ()))
    wanted = config.objective.weights[1] or config.objective.mse
    teacher = load_whisper(inputs.teacher) if inputs.teacher and wanted else None
    scorer = DevScore(heard.vocabulary, config.profile)
    try:
        objective = Seq2Seq(student, config.objective, teacher, picks, scorer.transcribe)
    except ValueError as e:
        raise UserError(str(e), f"{inputs.start}, objective", "mend the config, or give the inputs it needs") from None
    objective.to(world.device)
    with world.computing(config.loop.threads):
        heard.remember(objective, config)
    trained = train(
        objective,
        heard.batch,
        config.optim,
        config.loop,
        out,
        micro_batches=config.data.micro_batches,
        validation=heard.validation(scorer),
        step_seconds=heard.step_seconds,
        identity=name,
        world=world,
        smaller="halve data.windows and double data.micro_batches, or set objective.recompute",
    )
    if world.first:
        export = Export(config, inputs, heard, student)
        export(out / "hf", trained)
        export_kept(out, config.loop, objective, lambda folder, step: export(folder, ended_at(trained, step)))
    return trained


class Export:
    """Writes the student as a Hugging Face folder with its card."""

    def __init__(self, config: WhisperTraining, inputs: WhisperInputs, heard: Hearing, student: Whisper) -> None:
        self.config, self.inputs, self.heard, self.student = config, inputs, heard, student

    def __call__(self, folder: Path, trained: Trained) -> None:
        inputs, student = self.inputs, self.student.cpu()
        about = {**said_of(inputs.start), "window_seconds": self.config.data.window_seconds, "steps": trained.step}
        about["labels"] = read_header(inputs.train).labels
        if inputs.taught_by:
            about["teacher"] = inputs.taught_by[0]
        save_whisper(student, folder, inputs.start, card(self.config, inputs, self.heard, student, trained), about)


def run(step: Step[WhisperTraining]) -> None:
    """Train here, or in several processes that share the work."""
    config, inputs = step.config, WhisperInputs.read(step.ins)
    refuse_unmet(config, inputs)
    bad_clips = BadClipsOfRun.of_step(step)
    heard, name = Hearing(config, inputs, bad_clips), step.id
    for id in heard.without_soft:
        step.ledger.drop(id, "no soft labels", "see dropped.tsv of the soft labels")
    if config.data.epochs:
        config = replace(config, loop=replace(config.loop, total_steps=heard.order.steps(config.data.epochs)))
    seconds = heard.step_seconds * config.loop.total_steps
    share(step, config.data.micro_batches, seconds, lambda world: learn(config, inputs, heard, step.out, world, name))
    step.counts |= {"windows": len(heard.train), "hours": round(heard.train.seconds / 3600, 4), **outcome(step.out)}
    step.counts |= bad_clips.settle(step.ledger)


if __name__ == "__main__":
    main(run)
