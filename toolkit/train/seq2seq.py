"""Train a Whisper on packed windows: adapt a teacher to transcripts, or distil it into a student; gives a Whisper.

Inputs, recognised by what they hold: windows of pseudo.pack to train on, others for validation (optional), the Whisper
to begin with, and a teacher (optional): a Whisper, or what train.soft_labels kept of one.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from ..core import slurm
from ..core.errors import UserError
from ..core.record import identity, identity_id
from ..core.seed import seed_of
from ..core.step import Step, main
from ..models.hearing import Ears, frames_of
from ..models.vocabulary import Vocabulary
from ..models.whisper import Whisper, parameter_count
from ..models.whisper_files import (
    find_model,
    load_whisper,
    model_name,
    read_whisper_config,
    refuse_unlike,
    said_of,
    save_whisper,
)
from ..pseudo.decode import greedy
from ..pseudo.windows import is_pack, read_header, refuse_other_vocabulary
from ..score.edits import word_edits
from ..text.normalise import profile
from .launch import launch, processes
from .loop import Batch, LoopConfig, Trained, train
from .objectives.seq2seq import IGNORED, Seq2Seq, Seq2SeqConfig
from .outcome import outcome
from .ranks import World
from .schedule import OptimConfig
from .soft_store import SoftLabels, is_soft
from .totals import Pair
from .whisper_card import card
from .window_speech import Shuffled, WindowConfig, WindowSpeech

LEAST_WRITTEN = 10  # tokens that a window of the dev set may have, beside twice as many as the longest label beside it


@dataclass(frozen=True)
class Seq2SeqTraining:
    """A training of a Whisper."""

    objective: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    data: WindowConfig = field(default_factory=WindowConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(peak_lr=1e-4, warmup=50, schedule="constant"))
    loop: LoopConfig = field(default_factory=LoopConfig)
    profile: str = "sawt"
    "normalisation of the dev set's WER"

    def __post_init__(self) -> None:
        try:
            profile(self.profile)
        except UserError as e:
            raise ValueError(f"profile: {e.what}") from None


@dataclass(frozen=True)
class Inputs:
    """The inputs by what they are."""

    train: Path
    dev: Path | None
    start: Path
    teacher: Path | None
    soft: SoftLabels | None = None

    @staticmethod
    def read(paths: list[Path]) -> Inputs:
        """Raises UserError where windows or a Whisper are missing, or do not go together."""
        packs, kept = [p for p in paths if is_pack(p)], [p for p in paths if is_soft(p)]
        models = [find_model(p) for p in paths if p not in (*packs, *kept)]
        if len(packs) not in (1, 2) or len(models) not in (1, 2) or len(models) + len(kept) > 2:
            what = f"inputs: {len(packs)} folders of windows, {len(models)} models, {len(kept)} of soft labels"
            remedy = (
                "give windows to train on, perhaps some for validation, the Whisper to begin with, perhaps a teacher, "
                "or soft labels in its place"
            )
            raise UserError(what, "--in", remedy)
        for pack in packs:
            refuse_other_vocabulary(pack, models[0])
        teacher = models[1] if len(models) > 1 else None
        if teacher:
            refuse_unlike(read_whisper_config(teacher), read_whisper_config(models[0]), f"{teacher}, {models[0]}")
            refuse_other_tokens(teacher, models[0])
        soft = SoftLabels(kept[0]) if kept else None
        if soft:
            soft.refuse_others(packs[0])
        return Inputs(packs[0], packs[1] if len(packs) > 1 else None, models[0], teacher, soft)

    @property
    def taught_by(self) -> tuple[str, int] | None:
        """Name and number of parameters of the teacher, where there is one."""
        if self.soft:
            return self.soft.header.teacher, self.soft.header.parameters
        if self.teacher:
            return model_name(self.teacher), parameter_count(read_whisper_config(self.teacher))
        return None


def refuse_other_tokens(teacher: Path, student: Path) -> None:
    """Raise UserError where the same number is another token to teacher and student."""
    theirs, ours = (Vocabulary.read(folder).tokenizer.get_vocab(True) for folder in (teacher, student))
    if theirs != ours:
        what = f"a teacher and a student of other tokens: {len(theirs.items() ^ ours.items())} differ"
        raise UserError(what, f"{teacher}, {student}", "make the student from this teacher")


def refuse_unmet(config: Seq2SeqTraining, inputs: Inputs) -> None:
    """Raise UserError where the config needs an input that is not there, or another one than is there."""
    _refuse_other_soft(config, inputs.soft)
    if not (inputs.teacher or inputs.soft) and (config.objective.weights[1] or config.objective.mse):
        what = f"objective.preset {config.objective.preset} learns from a teacher, and there is none"
        raise UserError(
            what, "--in", "name the teacher after the Whisper to begin with, or set objective.preset labels"
        )
    if inputs.dev is None and config.loop.best:
        what = f"loop.best {config.loop.best} picks weights by a dev set, and there is none"
        raise UserError(what, "--in", "name windows for validation after those to train on, or leave loop.best empty")


def _refuse_other_soft(config: Seq2SeqTraining, soft: SoftLabels | None) -> None:
    """Raise UserError where soft labels are wanted and not there, or are made otherwise than the config says."""
    objective, data = config.objective, config.data
    if (soft is None) != (objective.top == 0):
        there = "soft labels" if soft else "no soft labels"
        remedy = "give what train.soft_labels made in the teacher's place, and objective.top as it was made with"
        raise UserError(f"objective.top is {objective.top}, and there are {there}", "--in, objective.top", remedy)
    if soft is None:
        return
    header = soft.header
    asked = {"objective.top": objective.top, "objective.temperature": objective.temperature}
    made = {"objective.top": header.top, "objective.temperature": header.temperature}
    asked |= {"data.timestamps": header.timestamps or data.timestamps > 0}
    asked |= {"data.previous": header.previous or data.previous > 0}
    made |= {"data.timestamps": header.timestamps, "data.previous": header.previous}
    if other := [name for name in asked if asked[name] != made[name]]:
        what = f"soft labels made with another {', '.join(other)}"
        raise UserError(what, str(soft.folder), "make them with the config that is trained with")
    if data.time_masks or data.mel_masks:
        what = "SpecAugment hides from the student what the kept teacher has heard"
        raise UserError(what, "data.time_masks, data.mel_masks", "set both to 0, or let the teacher listen")


class Hearing:
    """What the run trains on and is validated on."""

    def __init__(self, config: Seq2SeqTraining, inputs: Inputs) -> None:
        shape = read_whisper_config(inputs.start)
        if frames_of(config.data.window_seconds) > 2 * shape.max_source_positions:
            what = (
                f"windows of {config.data.window_seconds:g} s, and positions for {shape.max_source_positions / 50:g} s"
            )
            raise UserError(
                what, f"{inputs.start}, data.window_seconds", "shorten the windows, and pack to that length"
            )
        self.vocabulary = Vocabulary.read(inputs.start)
        sizes = (self.vocabulary, config.data, shape.num_mel_bins, shape.max_target_positions)
        self.train = WindowSpeech(inputs.train, *sizes)
        self.train.soft = inputs.soft
        self.dev = WindowSpeech(inputs.dev, *sizes) if inputs.dev else None
        self.dev_rows = self.dev.once(config.data.windows) if self.dev else []
        self.order = Shuffled(len(self.train), config.data, config.loop.seed)
        self.seed = config.loop.seed
        self.step_seconds = self.train.seconds / len(self.train) * config.data.windows * config.data.micro_batches

    def batch(self, step: int, number: int) -> dict[str, Any]:
        """Micro-batch `number` of step `step`."""
        random = np.random.default_rng(seed_of(self.seed, "window", step, number))
        return self.train.batch(self.order.rows(step, number), random)

    def remember(self, objective: Seq2Seq, config: Seq2SeqTraining) -> None:
        """Hear all windows once, where the encoder is frozen (and the teacher's) and there is room for what it says."""
        if objective.hears_once and config.data.states_mb:
            ears = Ears(objective.student, config.data.window_seconds, config.data.states_context)
            self.train.hear(ears, "hear")
            if self.dev and self.train.states is not None:
                self.dev.hear(ears, "hear dev")
        heard = all(speech.states is not None for speech in (self.train, self.dev) if speech)
        if config.data.states_context == "audio" and not heard:
            what = "data.states_context is audio, but not all windows are heard beforehand, which it is for"
            remedy = "raise data.states_mb, with the teacher's encoder frozen, or leave data.states_context at window"
            raise UserError(what, "data.states_context", remedy)


class DevScore:
    """WER of what the student writes for the windows of the dev set, words counted over all of them."""

    def __init__(self, vocabulary: Vocabulary, profile_name: str) -> None:
        self.vocabulary, self.normalise = vocabulary, profile(profile_name)

    def __call__(self, student: Whisper, states_BSD: Tensor, batch: Batch) -> dict[str, Pair]:
        prompt = self.vocabulary.prompt(batch["language"], False)
        labels = [[t for t in row if t != IGNORED] for row in batch["labels_BL"].tolist()]
        limit = LEAST_WRITTEN + 2 * max(map(len, labels))  # one that rambles on is wrong long before
        written = greedy(student, states_BSD, prompt, self.vocabulary, False, limit)
        references = [self.normalise(self.vocabulary.decode(row)) for row in labels]
        hypotheses = [self.normalise(self.vocabulary.decode(w.tokens)) for w in written]
        edits = word_edits(references, hypotheses)
        errors = edits.substitutions + edits.deletions + edits.insertions
        return {"wer": (float(errors.sum()), float(edits.lengths.sum()))}


def learn(config: Seq2SeqTraining, inputs: Inputs, heard: Hearing, out: Path, world: World, name: str) -> Trained:
    """Train on this rank, and on the first one export to out/hf."""
    student = load_whisper(inputs.start)
    said = said_of(inputs.start)
    picks = (said.get("encoder_blocks", ()), said.get("decoder_blocks", ()))
    wanted = config.objective.weights[1] or config.objective.mse
    teacher = load_whisper(inputs.teacher) if inputs.teacher and wanted else None
    try:
        scorer = DevScore(heard.vocabulary, config.profile)
        objective = Seq2Seq(student, config.objective, teacher, picks, scorer)
    except ValueError as e:
        raise UserError(str(e), f"{inputs.start}, objective", "mend the config, or give the inputs it needs") from None
    objective.to(world.device)
    with world.computing(config.loop.threads):
        heard.remember(objective, config)
    dev, rows = heard.dev, heard.dev_rows
    trained = train(
        objective,
        heard.batch,
        config.optim,
        config.loop,
        out,
        micro_batches=config.data.micro_batches,
        dev=(lambda i: dev.batch(rows[i])) if dev else None,
        dev_batches=len(rows),
        step_seconds=heard.step_seconds,
        identity=name,
        world=world,
        smaller="halve data.windows and double data.micro_batches, or set objective.recompute",
    )
    if world.first:
        about = {**said, "window_seconds": config.data.window_seconds, "steps": trained.step}
        about["labels"] = read_header(inputs.train).labels
        if inputs.taught_by:
            about["teacher"] = inputs.taught_by[0]
        save_whisper(student.cpu(), out / "hf", inputs.start, card(config, inputs, heard, student, trained), about)
    return trained


def run(step: Step[Seq2SeqTraining]) -> None:
    """Train here, or in several processes that share the work."""
    config, inputs = step.config, Inputs.read(step.ins)
    refuse_unmet(config, inputs)
    heard, name = Hearing(config, inputs), identity_id(identity(step.argv))
    if config.data.epochs:
        config = replace(config, loop=replace(config.loop, total_steps=heard.order.steps(config.data.epochs)))
    if step.worker:
        with World.joined(step.ngpu) as world:
            learn(config, inputs, heard, step.out, world, name)
            world.leave()
    count = processes(step, config.data.micro_batches, heard.step_seconds * config.loop.total_steps)
    if count > 1 or slurm.chosen():
        launch(step, count)
    else:
        learn(config, inputs, heard, step.out, World.choose(step.ngpu), name)
    step.counts |= {"windows": len(heard.train), "hours": round(heard.train.seconds / 3600, 4), **outcome(step.out)}


if __name__ == "__main__":
    main(run)
