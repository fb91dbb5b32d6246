"""Config of a training of a Whisper, and of the soft labels that it may learn from; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.errors import UserError
from ..models.config import Context
from ..text.normalise import profile
from .engine.config import LoopConfig, OptimConfig
from .objectives.config import Seq2SeqConfig


@dataclass(frozen=True)
class WindowConfig:
    """The windows that are trained on, and the size of a step."""

    windows: int = 16
    "windows of audio per micro-batch; more are faster and take more memory"
    micro_batches: int = 8
    """micro-batches per optimiser step, divided among the GPUs, whose number must divide it; more make larger, slower
    steps"""
    epochs: float = 0.0
    """passes over all windows, rounded up to whole steps; replaces loop.total_steps, so the number of steps follows the
    amount of data; 0: use loop.total_steps"""
    window_seconds: float = 30.0
    """audio that the encoder reads at once, seconds, up to 30; shorter than 30 (ours) is faster, but the model must
    then be used with the same length"""
    timestamps: float = 0.2
    "share of the windows whose labels include timestamps, 0 to 1; drawn anew in each step"
    previous: float = 0.2
    """share of the windows whose decoder is given the text of the window before, if it exists, 0 to 1; drawn anew in
    each step"""
    cache_mb: float = 1000.0
    "memory for decoded audio, MB per process; larger avoids decoding the same audio again"
    states_mb: float = 0.0
    """memory for the outputs of a frozen encoder, MB: if all windows fit, each is encoded once for the whole training;
    else in every step"""
    states_context: Context = "window"
    """what a frozen encoder computes if states_mb is used; window: the whole window; audio: the audio and half a
    second, followed by the states of silence (models/hearing.py), several times faster for short audio; transcribe with
    the same decode.context"""
    time_masks: int = 0
    "SpecAugment: number of time stretches hidden in each spectrogram; more regularise more; 0: none"
    time_mask_seconds: float = 1.0
    "SpecAugment: longest stretch of time that a mask hides, seconds; used if time_masks is above 0; larger hides more"
    mel_masks: int = 0
    "SpecAugment: number of frequency bands hidden in each spectrogram; more regularise more; 0: none"
    mel_mask_width: int = 16
    "SpecAugment: widest hidden frequency band, mel bins"

    def __post_init__(self) -> None:
        if min(self.windows, self.micro_batches) < 1:
            raise ValueError("data.windows and data.micro_batches must be at least 1")
        if not 0 <= self.epochs < float("inf"):
            raise ValueError("data.epochs must be a number of passes, or 0")
        if not 0.1 <= self.window_seconds <= 30:
            raise ValueError("data.window_seconds must be 0.1 to 30: a Whisper has no positions for more")
        if not (0 <= self.timestamps <= 1 and 0 <= self.previous <= 1):
            raise ValueError("data.timestamps and data.previous are shares: 0 to 1")
        if min(self.cache_mb, self.states_mb, self.time_masks, self.mel_masks) < 0:
            raise ValueError("data.cache_mb, states_mb, time_masks and mel_masks must not be below 0")
        if self.states_mb and (self.time_masks or self.mel_masks):
            raise ValueError(
                "data.states_mb and SpecAugment exclude each other: set states_mb to 0, or both masks to 0"
            )


@dataclass(frozen=True)
class WhisperTraining:
    """A training of a Whisper."""

    objective: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    data: WindowConfig = field(default_factory=WindowConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(peak_lr=1e-4, warmup=50, schedule="constant"))
    loop: LoopConfig = field(default_factory=LoopConfig)
    profile: str = "sawt"
    """text normalisation under which the WER of the dev set is computed; python3 -m toolkit.text.normalise --list shows
    all"""

    def __post_init__(self) -> None:
        try:
            profile(self.profile)
        except UserError as e:
            raise ValueError(f"profile: {e.what}") from None
