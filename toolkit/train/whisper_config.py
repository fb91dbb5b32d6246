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
    """What goes into a step."""

    windows: int = 16
    "windows that go through the network at once"
    micro_batches: int = 8
    "micro-batches in a step, shared by all GPUs, whose number must divide it"
    epochs: float = 0.0
    """passes over the windows, rounded up to whole steps, in place of loop.total_steps: as many steps as the number of
    windows that were packed asks for, however many segments were drawn or kept; 0: loop.total_steps"""
    window_seconds: float = 30.0
    "what the encoder hears at once; shorter than 30 s (ours) only for a model that is then used so"
    timestamps: float = 0.2
    "share of the windows whose labels have timestamps"
    previous: float = 0.2
    "share of the windows that are told the text before them, where there is one"
    cache_mb: float = 1000.0
    "decoded audio kept in memory by each process, MB"
    states_mb: float = 0.0
    "memory for the states of a frozen encoder, MB: where all windows fit, each is heard once in the whole training"
    states_context: Context = "window"
    """what of a window such an encoder computes: all of it, or the audio and half a second before the states of silence
    (models/hearing.py), several times faster where audio is short; transcribe with the same decode.context"""
    time_masks: int = 0
    "SpecAugment: stretches of a spectrogram that are hidden"
    time_mask_seconds: float = 1.0
    "longest of them"
    mel_masks: int = 0
    "SpecAugment: bands that are hidden"
    mel_mask_width: int = 16
    "widest of them, mels"

    def __post_init__(self) -> None:
        if min(self.windows, self.micro_batches) < 1:
            raise ValueError("data.windows and data.micro_batches must be at least 1")
        if not 0 <= self.epochs < float("inf"):
            raise ValueError("data.epochs must be a number of passes, or 0")
        if not 0.1 <= self.window_seconds <= 30:
            raise ValueError("data.window_seconds must be 0.1 to 30, which is what a Whisper has positions for")
        if not (0 <= self.timestamps <= 1 and 0 <= self.previous <= 1):
            raise ValueError("data.timestamps and data.previous are shares: 0 to 1")
        if min(self.cache_mb, self.states_mb, self.time_masks, self.mel_masks) < 0:
            raise ValueError("data.cache_mb, states_mb, time_masks and mel_masks must not be below 0")
        if self.states_mb and (self.time_masks or self.mel_masks):
            raise ValueError("data.states_mb and SpecAugment exclude each other: a window is then never the same twice")


@dataclass(frozen=True)
class WhisperTraining:
    """A training of a Whisper."""

    objective: Seq2SeqConfig = field(default_factory=Seq2SeqConfig)
    data: WindowConfig = field(default_factory=WindowConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(peak_lr=1e-4, warmup=50, schedule="constant"))
    loop: LoopConfig = field(default_factory=LoopConfig)
    profile: str = "sawt"
    "normalisation of the dev set's WER"

    def __post_init__(self) -> None:
        try:
            profile(self.profile)
        except UserError as e:
            raise ValueError(f"profile: {e.what}") from None
