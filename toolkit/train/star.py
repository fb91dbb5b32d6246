"""Distil a speech encoder into a smaller one by STaR's losses or those of its rivals; gives a Hugging Face model.

Inputs, recognised by what they hold: a data directory to train on, one for validation (optional), and the teacher: a
folder of ours, a Hugging Face folder, or the name of a model on the hub that was fetched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ..core.errors import UserError
from ..core.step import Step, main
from ..data.bad_clips import BadClipsOfRun
from ..data.frames import RATE
from ..data.kaldi import DataDir
from ..models.encoder import Encoder, hears_normalized, load_encoder
from ..models.hugging_face import save_pretrained
from ..units.inputs import recognise
from .engine.launch import share
from .engine.loop import Trained
from .engine.ranks import World
from .objectives.star import Star
from .outcome import outcome
from .speech import Speech, sets_of
from .speech_training import train_on
from .star_card import about, card, described
from .star_config import StarTraining
from .start import build


@dataclass(frozen=True)
class StarInputs:
    """The inputs by what they are."""

    train: DataDir
    dev: DataDir | None
    teacher: Path
    labels: None = None

    @staticmethod
    def read(paths: list[Path]) -> StarInputs:
        """Raises UserError if the data or the teacher are missing, or there is one of them too many."""
        inputs = recognise(paths)
        if inputs.teacher is None or len(inputs.data) not in (1, 2) or inputs.labels or inputs.codebook:
            given = f"{len(inputs.data)} data directories, {'a' if inputs.teacher else 'no'} teacher"
            more = f", and {inputs.labels or inputs.codebook}" if inputs.labels or inputs.codebook else ""
            remedy = "give the set to train on, perhaps one for validation, and the teacher"
            raise UserError(f"inputs: {given}{more}", "--in", remedy)
        return StarInputs(*sets_of(inputs.data), inputs.teacher)


def refuse_unlike(config: StarTraining, teacher: Encoder, where: Path) -> None:
    """Raise UserError for a broken teacher, or a student with other frames, or data that do not fit."""
    with torch.no_grad():
        states = teacher.states(torch.randn(1, RATE, generator=torch.Generator().manual_seed(1)))
    if not all(bool(x.isfinite().all()) for x in states):
        raise UserError(f"states of {teacher.name} are not finite: its weights are broken", str(where), "copy it again")
    shape = config.model
    ours, theirs = (shape.hop, shape.field), (teacher.hop, teacher.field)
    if ours != theirs:
        raise UserError(
            f"the student's frames are of {ours[1]} samples every {ours[0]}, those of {teacher.name} of {theirs[1]} "
            f"every {theirs[0]}: they are not the same moments",
            "model.conv_kernel, model.conv_stride",
            "give the student convolutions with the teacher's frames",
        )
    if not (config.data.lengths or config.objective.states_mb or teacher.takes_padding):
        raise UserError(
            f"{teacher.name} takes waveforms of one length only, and whole utterances are padded",
            "data.lengths",
            "name lengths, of which crops are heard; or set objective.states_mb: then it hears each utterance alone",
        )


def distil(config: StarTraining, inputs: StarInputs, speech: Speech, out: Path, world: World, name: str) -> Trained:
    """Train on this rank, and on the first one export to out/hf, and to out/at/*/hf as loop.keep_at says.

    Raises UserError for a teacher, losses or checkpoints (of another identity than `name`) that do not fit.
    """
    teacher = load_encoder(inputs.teacher)
    refuse_unlike(config, teacher, inputs.teacher)
    student = build(config.model, config.loop.seed)
    objective = Star(student, teacher, config.objective, config.loop.seed)

    def export(folder: Path, ended: Trained) -> None:
        save_pretrained(student, folder, card(config, teacher, speech, ended), about(config, teacher, speech, ended))

    return train_on(speech, objective, config, out, world, name, export)


def run(step: Step[StarTraining]) -> None:
    """Train here, or in several processes that share the work."""
    inputs = StarInputs.read(step.ins)
    shape = replace(step.config.model, normalize_waveform=hears_normalized(inputs.teacher))  # both hear the same
    config = replace(step.config, model=shape)
    bad_clips = BadClipsOfRun.of_step(step)
    speech = Speech(config, inputs, step.ledger.drop, bad_clips)
    name = step.id
    if not step.worker:
        print(speech.summary + described(config, inputs.teacher), flush=True)
    seconds = speech.sampler.seconds * config.loop.total_steps
    share(step, config.data.micro_batches, seconds, lambda world: distil(config, inputs, speech, step.out, world, name))
    step.counts |= {**speech.counts, **outcome(step.out), **bad_clips.settle(step.ledger)}


if __name__ == "__main__":
    main(run)
