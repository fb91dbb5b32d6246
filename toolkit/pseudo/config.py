"""How a Whisper transcribes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..core.config import check_threads

AUTO = "auto"  # a language that is detected
Compute = Literal["auto", "float32", "float16", "bfloat16", "int8"]


@dataclass(frozen=True)
class DecodeConfig:
    """Settings that decide the text of a transcription."""

    language: str = "ar"
    """Whisper's code of the spoken language, e.g. ar; auto: detected for each utterance, in its first window with
    speech"""
    languages: dict[str, str] = field(default_factory=dict)
    "Whisper's code for each label of utt2lang that is not in `language`, e.g. ENG: en (as a flag ENG=en)"
    timestamps: bool = False
    "true: also write start and end of each segment; always done for audio longer than a window"
    beam: int = 1
    "hypotheses kept in beam search; larger is slower and may lower the WER; 1: greedy"
    max_new_tokens: int = 225
    """largest number of tokens written per window; text beyond it is cut off; at most 444, as a decoder has 448
    positions and the prompt takes up to 4 of them"""
    window_seconds: float = 0.0
    "audio that the encoder reads at once, seconds; 0: the length that the model was trained on (30 if it does not say)"
    silent_dbfs: float = -80.0
    """audio whose samples are never louder than this is not decoded, dB of full scale (0 is the loudest); a larger
    value leaves out more"""
    context: Literal["window", "audio"] = "window"
    """window: the encoder computes the whole window, as published; audio: it computes the audio and 0.5 s after it, and
    the rest of the window gets encoder outputs of silence (ours, not published), faster for short audio; if the text
    does not end or repeats itself, the utterance is decoded again with the whole window"""
    packed: bool = False
    """true: decode several utterances of a speaker in one window, which is faster, and separate their texts by
    timestamps; those that cannot be separated are decoded alone; false: one utterance per window"""
    packed_gap: float = 1.5
    "for packed: silence between two utterances of a window, seconds; larger separates them better and fits fewer"
    backend: Literal["torch", "ctranslate2"] = "torch"
    "program that computes; torch: this toolkit's own; ctranslate2: faster on CPUs (int8), but gives no entropy scores"
    compute: Compute = "auto"
    """number format of the computation: float32, float16, bfloat16, or int8 (ctranslate2 only); auto: bfloat16 on a GPU
    that supports it (ctranslate2: float16), else float32"""

    def __post_init__(self) -> None:
        if self.beam < 1 or self.max_new_tokens < 1:
            raise ValueError("decode.beam and decode.max_new_tokens must be at least 1")
        if self.window_seconds and not 1 <= self.window_seconds <= 30:
            raise ValueError("decode.window_seconds must be 0, or 1 to 30")
        if not -200 <= self.silent_dbfs < 0:
            raise ValueError("decode.silent_dbfs must be below 0, and -200 or more")
        if self.packed and AUTO in (self.language, *self.languages.values()):
            raise ValueError("decode.packed needs a language: utterances that share a window share it")
        if self.packed_gap < 0:
            raise ValueError("decode.packed_gap must not be below 0")
        if self.backend == "ctranslate2" and self.context != "window":
            raise ValueError("decode.context audio needs decode.backend torch")
        if self.backend == "torch" and self.compute == "int8":
            raise ValueError("decode.compute int8 needs decode.backend ctranslate2")


@dataclass(frozen=True)
class SpeedConfig:
    """Settings that decide speed alone and are not part of an output's identity."""

    batch: int = 16
    "windows decoded together; more are faster and take more memory"
    threads: int = 1
    "CPU threads of each worker; more are faster"

    def __post_init__(self) -> None:
        if self.batch < 1:
            raise ValueError("speed.batch must be at least 1")
        check_threads("speed.threads", self.threads)


@dataclass(frozen=True)
class TranscribeConfig:
    """A transcription."""

    decode: DecodeConfig = field(default_factory=DecodeConfig)
    speed: SpeedConfig = field(default_factory=SpeedConfig)
