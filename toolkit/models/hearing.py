"""Waveforms to encoder states: of whole silence-padded windows, or of the audio alone followed by states of silence.

A Whisper was trained on windows of 30 s, which are mostly silence for a short utterance. Context `window` computes the
whole window, as released code does. Context `audio` (ours) computes the audio and half a second, and appends the states
of a silent window: a decoder without silence at the end does not know where to stop, and repeats itself. The texts are
not always the same; a recipe must measure how much they differ.

Shapes: B windows, S states (50 a second), D width.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from .config import Context
from .log_mel import FRAMES_PER_SECOND, RATE, Wave, log_mel
from .whisper import Whisper

MARGIN_SECONDS = 0.5
GRID_SECONDS = 1.0  # audio is rounded up to this, so that its states do not depend on its batch
STATES_PER_SECOND = FRAMES_PER_SECOND // 2
WHOLE_SECONDS = 30.0


class Ears:
    """A Whisper's encoder for audio of up to `seconds`."""

    def __init__(self, model: Whisper, seconds: float = WHOLE_SECONDS, context: Context = "window") -> None:
        self.model, self.seconds, self.context = model, seconds, context
        self.frames = frames_of(seconds, model.config.max_source_positions)
        self.device = model.encoder.conv1.weight.device
        self.dtype = model.encoder.conv1.weight.dtype
        self._silence_SD: Tensor | None = None

    def length(self, seconds: float) -> int:
        """Number of mel frames that are computed for audio of that length."""
        if self.context == "window":
            return self.frames
        grid = GRID_SECONDS * FRAMES_PER_SECOND
        return min(self.frames, math.ceil((seconds + MARGIN_SECONDS) * FRAMES_PER_SECOND / grid - 1e-9) * int(grid))

    @torch.inference_mode()
    def states(self, waves: Sequence[Wave]) -> Tensor:
        """States [B, S, D] of waveforms at 16 kHz; audio after `seconds` is ignored."""
        lengths = [self.length(len(wave) / RATE) for wave in waves]
        states = [Tensor()] * len(waves)
        for length in sorted(set(lengths)):
            rows = [i for i, own in enumerate(lengths) if own == length]
            heard = self._encode([waves[i] for i in rows], length)
            for i, states_SD in zip(rows, heard, strict=True):
                states[i] = states_SD
        return torch.stack(states)

    def _encode(self, waves: Sequence[Wave], frames: int) -> Tensor:
        mel_BMT = log_mel(waves, frames, self.model.config.num_mel_bins, self.device).to(self.dtype)
        # One by one on a CPU, so that activations stay in the cache.
        parts = mel_BMT.split(1 if self.device.type == "cpu" else len(waves))
        states_BSD = torch.cat([self.model.encoder(part) for part in parts])
        if frames == self.frames:
            return states_BSD
        rest_SD = self._silence()[states_BSD.shape[1] :]
        return torch.cat([states_BSD, rest_SD.expand(len(waves), -1, -1)], 1)

    def _silence(self) -> Tensor:
        if self._silence_SD is None:
            silent = log_mel([torch.zeros(RATE)], self.frames, self.model.config.num_mel_bins, self.device)
            self._silence_SD = self.model.encoder(silent.to(self.dtype))[0]
        return self._silence_SD


def frames_of(seconds: float, positions: int = 1500) -> int:
    """Mel frames of a window: an even number, no more than the encoder has positions for."""
    return min(2 * round(seconds * STATES_PER_SECOND), 2 * positions)
