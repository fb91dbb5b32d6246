"""Descriptions of a pre-trained network: printed before training, in its config.json, on its model card."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import nn

from ..data.labels import LabelHeader
from ..models.config import HubertConfig, hubert_parameters
from ..models.encoder import encoder_name
from .config import PretrainConfig
from .engine.loop import Trained
from .speech import Speech
from .subset import hours_of


def parameters(module: nn.Module) -> int:
    """Number of weights."""
    return sum(p.numel() for p in module.parameters())


def compression(student: int, teacher: int, name: str = "the teacher") -> str:
    """`79.5 % fewer than the teacher (315,434,880)`; empty if there is no teacher, as under MFCC units."""
    if not teacher:
        return ""
    share = 100 * (1 - student / teacher)
    return f"{abs(share):.1f} % {'fewer' if share >= 0 else 'more'} than {name} ({teacher:,})"


def shape_of(model: HubertConfig) -> str:
    """`12 blocks of d 432, ff 976`."""
    blocks = model.num_hidden_layers
    return f"{blocks} block{'s' * (blocks != 1)} of d {model.hidden_size}, ff {model.intermediate_size}"


def heard_by(speech: Speech, trained: Trained) -> str:
    """The line of a card on the training audio."""
    utterances, hours = f"{speech.counts['utterances']:,.0f} utterances", hours_of(3600 * speech.counts["hours"])
    return f"- heard {utterances}, {hours}, in {trained.step:,} steps of {speech.sampler.seconds:.1f} s"


def described(config: PretrainConfig, labels: LabelHeader) -> str:
    """Parameters by part, and against the network that made the units, a teacher or the iteration before."""
    c, dim = config.model, config.objective.final_dim
    parts = hubert_parameters(c)
    count, head = sum(parts.values()), (c.hidden_size + 1) * dim + labels.k * dim
    smaller = compression(count, labels.parameters, f"{labels.layer.split(' of ')[-1]}, whose units it learns")
    return (
        f"{shape_of(c)}: {count:,} parameters{smaller and '; ' + smaller}\n"
        f"  {', '.join(f'{name} {n:,}' for name, n in parts.items())}\n"
        f"  with what predicts {labels.k} units, in training: {count + head:,}"
    )


def about(labels: LabelHeader, speech: Speech, steps: int) -> dict[str, Any]:
    """Fields for config.json: the units, and the amount of training audio."""
    units = {"k": labels.k, "codebook": labels.codebook, "layer": labels.layer, "pca": labels.pca}
    return {"units": units, "steps": steps, "hours": speech.counts["hours"]}


def card(
    config: PretrainConfig, labels: LabelHeader, speech: Speech, trained: Trained, start: Path | None = None
) -> str:
    """The model card: network, initial weights, training audio, accuracy."""
    c = config.model
    count = sum(hubert_parameters(c).values())
    size = ", ".join(filter(None, [f"{count:,} parameters", compression(count, labels.parameters)]))
    losses = "".join(
        f"- {part} loss {row['loss']:.3f} nats per frame, accuracy at masked frames {row['accuracy_masked']:.1%}\n"
        for part, row in (("training", trained.train), ("dev", trained.dev))
        if row
    )
    pca = f", {labels.pca} dimensions left by PCA" if labels.pca else ""
    choice = "".join(f"- {line}\n" for line in speech.summary.splitlines())
    begun = f"with blocks {', '.join(map(str, config.start_layers))} of" if config.start_layers else "as"
    began = f"- begun {begun} {encoder_name(start)}\n" if start else ""
    return f"""---
library_name: transformers
tags: [speech, hubert, self-supervised]
---
A HuBERT of {c.num_hidden_layers} blocks (d {c.hidden_size}, ff {c.intermediate_size}; {size}), 16 kHz in, 50 frames a
second out, pre-trained with Sawt by masked prediction of {labels.k} units of {labels.layer}{pca}
(codebook {labels.codebook}).

{heard_by(speech, trained)}
{choice}{began}{losses}
`transformers.HubertModel.from_pretrained` loads this folder.
"""
