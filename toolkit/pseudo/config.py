"""How a Whisper transcribes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..core.config import check_threads

Compute = Literal["auto", "float32", "float16", "bfloat16", "int8"]


@dataclass(frozen=True)
class DecodeConfig:
    """What decides what is written."""

    language: str = "ar"
    "code of the language that is spoken"
    languages: dict[str, str] = field(default_factory=dict)
    "label of utt2lang -> code, for utterances in another language, e.g. ENG: en (as a flag ENG=en)"
    timestamps: bool = False
    "write when each segment begins and ends; of audio longer than a window that is done anyway"
    beam: int = 1
    "hypotheses kept at a time; 1 = greedy"
    max_new_tokens: int = 225
    "tokens written for a window at most"
    window_seconds: float = 0.0
    "what the encoder hears at once; 0 = what the model was trained on (30 s where it does not say)"
    context: Literal["window", "audio"] = "window"
    """window: the whole window, as published; audio: the audio and half a second, then the states of silence (ours); a
    text that then does not end, or repeats itself, is heard again in the whole window"""
    packed: bool = False
    "several utterances of a speaker in one window, told apart by timestamps; those that cannot be are heard alone"
    packed_gap: float = 1.5
    "silence between them, seconds"
    backend: Literal["torch", "ctranslate2"] = "torch"
    "torch: ours; ctranslate2: int8 on CPUs, and no entropy"
    compute: Compute = "auto"
    "precision; auto: on a GPU bfloat16 where it computes in it (ctranslate2: float16), else float32"

    def __post_init__(self) -> None:
        if self.beam < 1 or self.max_new_tokens < 1:
            raise ValueError("decode.beam and decode.max_new_tokens must be at least 1")
        if self.window_seconds and not 1 <= self.window_seconds <= 30:
            raise ValueError("decode.window_seconds must be 0, or 1 to 30")
        if self.packed_gap < 0:
            raise ValueError("decode.packed_gap must not be below 0")
        if self.backend == "ctranslate2" and self.context != "window":
            raise ValueError("decode.context audio needs decode.backend torch")
        if self.backend == "torch" and self.compute == "int8":
            raise ValueError("decode.compute int8 needs decode.backend ctranslate2")


@dataclass(frozen=True)
class SpeedConfig:
    """What decides how fast, and is no part of an output's identity."""

    batch: int = 16
    "windows decoded together"
    threads: int = 1
    "CPU threads of a worker"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("speed.batch must be at least 1")
        check_threads("speed.threads", self.threads)


@dataclass(frozen=True)
class TranscribeConfig:
    """A transcription."""

    decode: DecodeConfig = field(default_factory=DecodeConfig)
    speed: SpeedConfig = field(default_factory=SpeedConfig)
