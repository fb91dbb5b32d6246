"""Configs of the steps of this room. Imports no torch, so that a call is checked before torch is imported."""

from __future__ import annotations

from dataclasses import dataclass

QUANTIZATIONS = ("float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16")


@dataclass(frozen=True)
class StudentConfig:
    """Which blocks a student begins with: DW-16-16 has 16 and 16 of a teacher's 32 and 32."""

    encoder_layers: int = 16
    "blocks of the encoder"
    decoder_layers: int = 16
    "blocks of the decoder"
    encoder_picks: tuple[int, ...] = ()
    "the teacher's blocks, 0-based, one for each; empty: as far apart as can be, as published"
    decoder_picks: tuple[int, ...] = ()
    "the same of the decoder"

    def __post_init__(self) -> None:
        for part in ("encoder", "decoder"):
            layers, picks = getattr(self, f"{part}_layers"), getattr(self, f"{part}_picks")
            if layers < 1:
                raise ValueError(f"{part}_layers must be at least 1")
            if picks and len(picks) != layers:
                raise ValueError(f"{part}_picks names {len(picks)} blocks, {part}_layers is {layers}")


@dataclass(frozen=True)
class ExportConfig:
    """How the weights are kept."""

    quantization: str = "float16"
    "of the weights: float32 (exact), float16, bfloat16, int16, int8, or int8 with the type of the rest: int8_float16"

    def __post_init__(self) -> None:
        if self.quantization not in QUANTIZATIONS:
            raise ValueError(f"quantization must be one of {', '.join(QUANTIZATIONS)}, not {self.quantization}")


@dataclass(frozen=True)
class FetchConfig:
    """What to fetch."""

    model: str = "openai/whisper-large-v2"
    "id of the hub, or a folder"
