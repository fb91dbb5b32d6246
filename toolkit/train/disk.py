"""Disk of trainings, for --plan. Imports no torch."""

from __future__ import annotations

from ..core.plan import Disk, Planned
from ..models.config import hubert_parameters
from ..models.planned import BYTES, MB, whisper_input, whisper_mb
from ..models.whisper_shape import parameter_count
from .engine.config import LoopConfig

OWN_MB = 0.05  # logs, curves, record
CHECKPOINT = 3 * BYTES  # of a weight: itself and Adam's two moments


def training_disk(weights: int, model_mb: float, loop: LoopConfig) -> Disk:
    """What a training leaves: the model, those of `keep_at` and `best`, and its newest checkpoints.

    While one more checkpoint is written, the oldest is still there.

    Args:
        weights: of the network, as if all of them were trained.
        model_mb: of the folder of the model.
    """
    models = model_mb * (1 + len(loop.keep_at)) + BYTES * weights / MB * bool(loop.best)
    checkpoint = CHECKPOINT * weights / MB if loop.checkpoint_every else 0.0
    return Disk(OWN_MB + models + loop.keep * checkpoint, checkpoint, by_audio=False)


def encoder_training(planned: Planned) -> Disk:
    """Disk of train.pretrain and train.star: of a network of the shape that the config has."""
    weights = sum(hubert_parameters(planned.config.model).values())
    return training_disk(weights, BYTES * weights / MB, planned.config.loop)


def whisper_training(planned: Planned) -> Disk | None:
    """Disk of train.whisper; None if the Whisper that it begins with is not known yet."""
    shape = whisper_input(planned)
    return training_disk(parameter_count(shape), whisper_mb(shape), planned.config.loop) if shape else None
