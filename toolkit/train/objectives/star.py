"""STaR and its rivals: a student learns from the inside of its teacher, under one or several losses.

Weights of losses may change with the step: one loss hands over to another, or follows it. With `uncertainty`, each
is weighted by exp(-s), and s is added, where s is learnt (Kendall et al., "Multi-task learning using uncertainty",
CVPR 2018; the factor 1/2 of both is left out).

Shapes: B utterances, N samples, T frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...core.errors import UserError
from ...core.results import Metric
from ...core.seed import seed_of
from ...models.encoder import Encoder
from ...models.hubert import Hubert, Inside, own_frames
from ..augment import kept_in
from ..engine.objective import At, Batch, Objective, Term
from .config import MaskedConfig, StarConfig
from .losses import Heard, Loss, Sizes, loss_of
from .masked import draw_mask
from .teacher_states import TeacherStates


def paired(student: int, teacher: int, chosen: Sequence[int] = ()) -> tuple[int, ...]:
    """The teacher's layer for each of the student's layers 0 to `student`; layer 0 for layer 0.

    Without a choice layer l has layer round(l · teacher / student), halves up: evenly spaced, the last for the last.
    Raises UserError if the teacher has fewer layers, or not those that are chosen.
    """
    if student > teacher and not chosen:
        raise UserError(
            f"a student of {student} layers is deeper than its teacher, which has {teacher}",
            "model.num_hidden_layers",
            "give the student at most as many, or name objective.teacher_layers",
        )
    if chosen and (len(chosen) != student or max(chosen) > teacher):
        raise UserError(
            f"{len(chosen)} layers of the teacher, up to {max(chosen)}, for a student of {student} layers and a "
            f"teacher of {teacher}",
            "objective.teacher_layers",
            f"name {student} layers from 1 to {teacher}",
        )
    return (0, *(chosen or [(2 * layer * teacher + student) // (2 * student) for layer in range(1, student + 1)]))


class Star(Objective):
    """A student and its teacher (`frozen["teacher"]`)."""

    def __init__(self, student: Hubert, teacher: Encoder, config: StarConfig, seed: int) -> None:
        """Initialises heads from `seed`. Raises UserError for losses that do not fit student or teacher."""
        super().__init__()
        self.config, self.student, self.frozen = config, student, {"teacher": teacher}
        self.leaves_out = True  # of the student: the mask embedding, and what lies above the last layer compared
        shape = student.config
        pairs = paired(shape.num_hidden_layers, teacher.layers, config.teacher_layers)
        sizes = Sizes(shape.hidden_size, teacher.dim, pairs, teacher.layers)
        mean = config.scaling == "code-mean"
        made = {name: loss_of(name, loss, sizes, mean) for name, loss in config.losses.items()}
        self.losses = nn.ModuleDict(made)
        self.metrics = tuple(Metric(name, "a unit of its own", "low") for name in ("loss", *made))
        self.maps = any(loss.maps for loss in made.values())
        if config.states_mb and self.maps:
            remedy = "set it to 0, or leave out the losses of attention maps"
            raise UserError("attention maps are not kept", "objective.states_mb", remedy)
        if self.maps and shape.layerdrop:
            remedy = "set it to 0, or leave out the losses of attention maps"
            raise UserError("a block that is skipped has no attention map", "model.layerdrop", remedy)
        self._kept = TeacherStates(teacher, config.states_mb) if config.states_mb else None
        generator = torch.Generator().manual_seed(seed_of(seed, "heads"))
        for part in self.losses.modules():
            if isinstance(part, nn.Linear):
                nn.init.normal_(part.weight, 0, part.in_features**-0.5, generator=generator)
                nn.init.zeros_(part.bias)
        self.log_variances = nn.ParameterDict({n: nn.Parameter(torch.zeros(())) for n in made if config.uncertainty})

    def weights(self, batch: Batch, at: At) -> dict[str, float]:
        frames = self._frames(batch)
        return {name: self._loss(name).units(frames) for name in self.losses if self._scale(name, at)}

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        """Terms of waveforms wave_BN [B, N], of which `samples` (a list; all, if there is none) are not padding.

        The teacher hears clean_BN, if there is one. `keys`: of the waveforms, if what it makes of them is kept.
        """
        student, teacher = self.heard(batch, at)
        terms, frames = {}, self._frames(batch)
        for name in self.losses:
            loss, scale = self._loss(name), self._scale(name, at)
            if not scale:
                continue
            units, total = loss.units(frames), loss(student, teacher)
            if name in self.log_variances:
                terms[f"{name}_bare"] = Term(total.detach(), units, 0.0)
                total = (-self.log_variances[name]).exp() * total + self.log_variances[name] * units
            terms[name] = Term(total, units, scale)
        return terms

    def heard(self, batch: Batch, at: At) -> tuple[Heard, Heard]:
        """One pass of the student, and one or two of the teacher without gradients."""
        wave_BN, samples, mask_BT = batch["wave_BN"], batch.get("samples"), self._mask(batch, at)
        clean_BN = batch.get("clean_BN", wave_BN)
        teacher: Any = self.frozen["teacher"]
        with torch.no_grad():
            if self._kept:
                theirs = self._kept.inside(clean_BN, samples, batch["keys"])
            else:
                theirs = teacher.inside(clean_BN, samples, maps=self.maps, normalize=False)
            if mask_BT is not None:
                masked = teacher.inside(clean_BN, samples, mask_BT=mask_BT, maps=self.maps, normalize=False)
                theirs = _chosen(mask_BT, theirs, masked)
        ours = Inside(maps=[] if self.maps else None)
        self.student(wave_BN, mask_BT, inside=ours, samples=samples, kept=kept_in(batch))
        if samples is None:
            return Heard(ours, None), Heard(theirs, None)
        own_B = torch.tensor(self._frames(batch), device=wave_BN.device)
        own_BT = own_frames(own_B, ours.states[0].shape[1])
        return Heard(ours, own_BT), Heard(theirs, own_BT)

    def _mask(self, batch: Batch, at: At) -> Tensor | None:
        """True [B, T] at frames that are hidden from the student; None if none are."""
        if not self.config.mask_prob:
            return None
        left = batch.get("left")
        frames = self._frames_of(left.samples) if left else self._frames(batch)
        mask_BT = np.zeros((len(frames), max(frames)), bool)
        masks = MaskedConfig(mask_prob=self.config.mask_prob, span=self.config.mask_span, min_masks=1, trim=False)
        random = np.random.default_rng(at.seed)
        for row, count in zip(mask_BT, frames, strict=True):
            if count > 1:
                row[:count] = draw_mask(masks, 1, count, random)[0]
        mask_BT = mask_BT[left.kept] if left else mask_BT
        return torch.from_numpy(mask_BT).to(batch["wave_BN"].device)

    def _frames(self, batch: Batch) -> list[int]:
        """Frames of each utterance that are not padding."""
        wave_BN, samples = batch["wave_BN"], batch.get("samples")
        return self._frames_of(samples or [wave_BN.shape[1]] * len(wave_BN))

    def _frames_of(self, samples: Sequence[int]) -> list[int]:
        return [self.student.config.frames(int(n)) for n in samples]

    def _loss(self, name: str) -> Loss:
        loss = self.losses[name]
        assert isinstance(loss, Loss)
        return loss

    def _scale(self, name: str, at: At) -> float:
        return self.config.losses[name].weight_at(at.step, at.of)


def _chosen(mask_BT: Tensor, first: Inside, second: Inside) -> Inside:
    """What the first pass notes at frames of the mask, and the second at all others."""

    def either(one_BTX: Tensor, other_BTX: Tensor) -> Tensor:
        return torch.where(mask_BT[..., None], one_BTX, other_BTX)

    states = [either(*pair) for pair in zip(first.states, second.states, strict=True)]
    maps = [either(*pair) for pair in zip(first.maps, second.maps, strict=True)] if first.maps and second.maps else None
    return Inside(first.projected, states, maps)
