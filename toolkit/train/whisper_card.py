"""The model card of a Whisper that was trained here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..models.whisper import Whisper
from ..models.whisper_files import model_name
from .card import compression, parameters
from .engine.loop import Trained

if TYPE_CHECKING:
    from .whisper_config import WhisperTraining
    from .whisper_inputs import WhisperInputs
    from .whisper_speech import Hearing


def card(config: WhisperTraining, inputs: WhisperInputs, heard: Hearing, student: Whisper, trained: Trained) -> str:
    """What the network is, what it learnt from, how well it writes."""
    shape, count = student.config, parameters(student)
    ce, kl = config.objective.weights
    teacher = ""
    if inputs.taught_by:
        name, theirs = inputs.taught_by
        smaller, top = compression(count, theirs, f"its teacher {name}"), config.objective.top
        of = f", of the teacher's {top} likeliest tokens" if top else ""
        teacher = (
            f"- {smaller}; KL weight {kl:g} at temperature {config.objective.temperature:g}{of}, label weight {ce:g}\n"
        )
    losses = "".join(
        f"- {part}: " + ", ".join(f"{name} {value:.4g}" for name, value in row.items()) + "\n"
        for part, row in (("training", trained.train), ("dev", trained.dev))
        if row
    )
    best = ""
    if trained.best:
        best = f"- weights of step {trained.best['step']:,}, the best of dev ({trained.best['value']:.4g})\n"
    short = ""
    if config.data.window_seconds < 30:
        short = (
            f"It was trained on windows of {config.data.window_seconds:g} s and wants its audio in such: "
            "`toolkit.pseudo.transcribe` gives it those.\n\n"
        )
    return f"""---
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags: [speech, whisper]
---
A Whisper of {shape.encoder_layers} encoder and {shape.decoder_layers} decoder blocks (d {shape.d_model};
{count:,} parameters), trained with Sawt from {model_name(inputs.start)}.

{short}- {len(heard.train):,} windows, {heard.train.seconds / 3600:.2f} h, {trained.step:,} steps of \
{heard.step_seconds:.0f} s
{teacher}{losses}{best}
`transformers.WhisperForConditionalGeneration.from_pretrained` loads this folder.
"""
