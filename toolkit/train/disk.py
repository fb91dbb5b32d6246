"""Disk of trainings, for --plan. Imports no torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..core.plan import Disk, Planned
from ..models import omni_sizes
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


def instruct_training(planned: Planned) -> Disk | None:
    """Disk of train.instruct: of adapters, or of the whole audio LLM; None if the shape of its base is not known."""
    sizes, adapt, loop = _thinker(planned), planned.config.adapt, planned.config.loop
    if sizes is None or adapt.tower:
        return None
    if adapt.how == "lora":
        weights = sizes.adapter(adapt.rank, adapt.mlp)
        return training_disk(weights, BYTES * weights / MB, loop)
    return training_disk(sizes.weights - sizes.towers, BYTES * sizes.weights / MB, loop)


def _thinker(planned: Planned) -> omni_sizes.ThinkerSizes | None:
    """Sizes of the base among the inputs: one that is there, that is published, or that a stage will make."""
    if base := omni_sizes.known(planned):
        return base[1]
    for step, maker in filter(None, map(planned.made_by, planned.ins)):
        if step == "train.instruct":
            return _thinker(maker)
        if step == "models.fetch":
            return omni_sizes.PUBLISHED.get(Path(maker.config.model).name)
        if step == "models.small_omni" and (heard := whisper_input(maker)):
            return omni_sizes.sizes_of({"text_config": _text_config(maker.config), "audio_config": vars(heard)})
    return None


def _text_config(config: Any) -> dict[str, int]:
    """The text model of a SmallOmniConfig, in the names of a config.json."""
    return {
        "hidden_size": config.hidden_size,
        "num_hidden_layers": config.layers,
        "intermediate_size": config.intermediate_size,
        "num_attention_heads": config.heads,
        "num_key_value_heads": config.key_heads,
        "vocab_size": config.vocabulary,
    }
