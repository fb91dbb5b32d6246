"""Descriptions of a distilled encoder: printed before training, in its config.json, on its model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..models.config import hubert_parameters
from ..models.encoder import Encoder, encoder_name
from .card import compression, heard_by, shape_of
from .engine.loop import Trained
from .speech import Speech
from .star_config import StarTraining

LOADED_BY_OURS = """Every second block takes the attention weights of the block before it, which no HubertConfig
describes: this folder is in Sawt's own format, which its recipes read, and transformers does not."""


def learnt(config: StarTraining) -> str:
    """The losses in words: `layer_wise of cosines + 0.5 mse through heads (code-mean, masks 0.5)`."""
    objective, how = config.objective, config.data.augment.how
    parts = []
    for name, loss in objective.losses.items():
        weights = " to ".join(f"{weight:g}" for weight in loss.weight)
        ways = " of cosines" * loss.normalise + " through heads" * loss.heads
        parts.append(f"{'' if weights == '1' else weights + ' '}{name}{ways}")
    about: list[str] = [objective.scaling]
    about += ["uncertainty"] if objective.uncertainty else []
    about += [f"masks {objective.mask_prob:g}"] if objective.mask_prob else []
    about += ["attention reused"] if config.model.reuse_attention else []
    about += [] if how == "none" else [how]
    return f"{' + '.join(parts)} ({', '.join(about)})"


def described(config: StarTraining, teacher: Path) -> str:
    """The student's shape and size, and what it learns from whom."""
    count = sum(hubert_parameters(config.model).values())
    return f"{shape_of(config.model)}: {count:,} parameters; learns {learnt(config)} of {encoder_name(teacher)}"


def about(config: StarTraining, teacher: Encoder, speech: Speech, trained: Trained) -> dict[str, Any]:
    """Fields for config.json."""
    told = {"teacher": teacher.name, "losses": learnt(config), "seed": config.loop.seed}
    return {**told, "steps": trained.step, "hours": speech.counts["hours"]}


def card(config: StarTraining, teacher: Encoder, speech: Speech, trained: Trained) -> str:
    """The model card: network, teacher, losses, training audio."""
    model = config.model
    count = sum(hubert_parameters(model).values())
    size = ", ".join(filter(None, [f"{count:,} parameters", compression(count, teacher.parameter_count)]))
    losses = "".join(
        f"- {part} loss {row['loss']:.4g}\n" for part, row in (("training", trained.train), ("dev", trained.dev)) if row
    )
    identity = "" if model.projection else _identity(model.hidden_size)
    return f"""---
library_name: transformers
tags: [speech, hubert, distillation]
---
A HuBERT of {shape_of(model)} ({size}), 16 kHz in, 50 frames a second out, distilled with Sawt from {teacher.name} by
{learnt(config)}.

{heard_by(speech, trained)}
{identity}{losses}
{LOADED_BY_OURS if model.reuse_attention else "`transformers.HubertModel.from_pretrained` loads this folder."}
"""


def _identity(width: int) -> str:
    weights = f"{width * width + width:,}"
    return f"""- {weights} of the weights in this folder are an identity, which the network has not: the format has a
  linear layer between convolutions and blocks
"""
