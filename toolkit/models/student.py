"""A student Whisper from a larger one: evenly spaced blocks, or named ones; all other weights are copied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.step import Step, main
from .config import StudentConfig
from .whisper import Whisper, pick_layers
from .whisper_files import find_model, load_whisper, model_name, read_whisper_config, said_of, save_whisper
from .whisper_shape import WhisperConfig, parameter_count


def picks_of(config: StudentConfig, teacher: WhisperConfig) -> tuple[list[int], list[int]]:
    """Blocks of the teacher's encoder and decoder, 0-based. Raises UserError if it has no such blocks."""
    chosen = []
    for part in ("encoder", "decoder"):
        have, wanted = getattr(teacher, f"{part}_layers"), getattr(config, f"{part}_layers")
        picks = list(getattr(config, f"{part}_picks"))
        if wanted > have:
            message = f"a student of {wanted} {part} blocks is deeper than its teacher, which has {have}"
            raise UserError(message, f"{part}_layers", f"ask for {have} at most")
        if strange := [p for p in picks if not 0 <= p < have]:
            message = f"the teacher has no {part} block {strange[0]}"
            raise UserError(message, f"{part}_picks", f"its blocks are 0 to {have - 1}")
        chosen.append(picks or pick_layers(have, wanted))
    return chosen[0], chosen[1]


def make_student(teacher: Whisper, encoder: list[int], decoder: list[int]) -> Whisper:
    """A Whisper of these blocks of the teacher, in this order, and of all its other weights."""
    config = replace(teacher.config, encoder_layers=len(encoder), decoder_layers=len(decoder))
    weights: dict[str, Any] = {}
    for name, tensor in teacher.state_dict().items():
        part, _, rest = name.partition(".layers.")
        if not rest:
            weights[name] = tensor
            continue
        number, _, inner = rest.partition(".")
        picks = encoder if part == "encoder" else decoder
        weights |= {f"{part}.layers.{new}.{inner}": tensor for new, old in enumerate(picks) if old == int(number)}
    student = Whisper(config)
    student.load_state_dict(weights)
    return student.eval()


def run(step: Step[StudentConfig]) -> None:
    """Write the student into hf/."""
    folder = find_model(step.input(0, "the teacher: a Whisper"))
    shape = read_whisper_config(folder)
    encoder, decoder = picks_of(step.config, shape)
    teacher = load_whisper(folder)
    student = make_student(teacher, encoder, decoder)
    ours, theirs = parameter_count(student.config), parameter_count(shape)
    name = f"DW-{len(encoder)}-{len(decoder)}"
    about = {**said_of(folder), "encoder_blocks": encoder, "decoder_blocks": decoder, "made_from": model_name(folder)}
    smaller = f"{ours:,} parameters, {100 * (1 - ours / theirs):.1f} % fewer than the teacher"
    save_whisper(student, step.out / "hf", folder, _card(name, folder, encoder, decoder, smaller), about)
    step.counts |= {"parameters": ours, "teacher_parameters": theirs}
    print(f"{name} of {model_name(folder)}: encoder blocks {encoder}, decoder blocks {decoder}")
    print(f"{smaller}'s {theirs:,}")


def _card(name: str, folder: Path, encoder: list[int], decoder: list[int], smaller: str) -> str:
    return f"""---
library_name: transformers
pipeline_tag: automatic-speech-recognition
tags: [speech, whisper]
---
{name}: encoder blocks {", ".join(map(str, encoder))} and decoder blocks {", ".join(map(str, decoder))} (from 0) of \
{model_name(folder)}.
{smaller}. NOT trained yet.
"""


if __name__ == "__main__":
    main(run)
