"""Inputs of a training of a Whisper, recognised by what they hold, and refused where they do not go together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..core.errors import UserError
from ..models.vocabulary import Vocabulary
from ..models.whisper_files import find_model, model_name, read_whisper_config, refuse_unlike
from ..models.whisper_shape import parameter_count
from ..pseudo.windows import is_pack, refuse_other_vocabulary
from .soft_store import SoftLabels, is_soft
from .whisper_config import WhisperTraining


@dataclass(frozen=True)
class WhisperInputs:
    """The inputs by what they are."""

    train: Path
    dev: Path | None
    start: Path
    teacher: Path | None
    soft: SoftLabels | None = None

    @staticmethod
    def read(paths: list[Path]) -> WhisperInputs:
        """Raises UserError if windows or a Whisper are missing, or do not go together."""
        packs, kept = [p for p in paths if is_pack(p)], [p for p in paths if is_soft(p)]
        models = [find_model(p) for p in paths if p not in (*packs, *kept)]
        if len(packs) not in (1, 2) or len(models) not in (1, 2) or len(models) + len(kept) > 2:
            problem = f"inputs: {len(packs)} folders of windows, {len(models)} models, {len(kept)} of soft labels"
            remedy = (
                "give windows to train on, perhaps some for validation, the Whisper to begin with, perhaps a teacher, "
                "or soft labels in its place"
            )
            raise UserError(problem, "--in", remedy)
        for pack in packs:
            refuse_other_vocabulary(pack, models[0])
        teacher = models[1] if len(models) > 1 else None
        if teacher:
            refuse_unlike(read_whisper_config(teacher), read_whisper_config(models[0]), f"{teacher}, {models[0]}")
            refuse_other_tokens(teacher, models[0])
        soft = SoftLabels(kept[0]) if kept else None
        if soft:
            soft.refuse_others(packs[0])
        return WhisperInputs(packs[0], packs[1] if len(packs) > 1 else None, models[0], teacher, soft)

    @property
    def taught_by(self) -> tuple[str, int] | None:
        """Name and number of parameters of the teacher, where there is one."""
        if self.soft:
            return self.soft.header.teacher, self.soft.header.parameters
        if self.teacher:
            return model_name(self.teacher), parameter_count(read_whisper_config(self.teacher))
        return None


def refuse_other_tokens(teacher: Path, student: Path) -> None:
    """Raise UserError if the same number is another token to teacher and student."""
    theirs, ours = (Vocabulary.read(folder).tokenizer.get_vocab(True) for folder in (teacher, student))
    if theirs != ours:
        problem = f"a teacher and a student of other tokens: {len(theirs.items() ^ ours.items())} differ"
        raise UserError(problem, f"{teacher}, {student}", "make the student from this teacher")


def refuse_unmet(config: WhisperTraining, inputs: WhisperInputs) -> None:
    """Raise UserError if the config needs an input that is not there, or another one than is there."""
    _refuse_other_soft(config, inputs.soft)
    if not (inputs.teacher or inputs.soft) and (config.objective.weights[1] or config.objective.mse):
        problem = f"objective.preset {config.objective.preset} learns from a teacher, and there is none"
        raise UserError(
            problem, "--in", "name the teacher after the Whisper to begin with, or set objective.preset labels"
        )
    if inputs.dev is None and config.loop.best:
        problem = f"loop.best {config.loop.best} picks weights by a dev set, and there is none"
        raise UserError(
            problem, "--in", "name windows for validation after those to train on, or leave loop.best empty"
        )


def _refuse_other_soft(config: WhisperTraining, soft: SoftLabels | None) -> None:
    """Raise UserError if soft labels are wanted and not there, or are made otherwise than the config says."""
    objective, data = config.objective, config.data
    if (soft is None) != (objective.top == 0):
        given = "soft labels" if soft else "no soft labels"
        remedy = "give what train.soft_labels made in the teacher's place, and objective.top as it was made with"
        raise UserError(f"objective.top is {objective.top}, and there are {given}", "--in, objective.top", remedy)
    if soft is None:
        return
    header = soft.header
    asked = {"objective.top": objective.top, "objective.temperature": objective.temperature}
    made = {"objective.top": header.top, "objective.temperature": header.temperature}
    asked |= {"data.timestamps": header.timestamps or data.timestamps > 0}
    asked |= {"data.previous": header.previous or data.previous > 0}
    made |= {"data.timestamps": header.timestamps, "data.previous": header.previous}
    if differing := [name for name in asked if asked[name] != made[name]]:
        problem = f"soft labels made with another {', '.join(differing)}"
        raise UserError(problem, str(soft.folder), "make them with the config that is trained with")
    if data.time_masks or data.mel_masks:
        problem = "SpecAugment hides from the student what the kept teacher has heard"
        raise UserError(problem, "data.time_masks, data.mel_masks", "set both to 0, or let the teacher listen")
