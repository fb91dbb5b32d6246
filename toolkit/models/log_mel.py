"""Whisper's input: log-mel spectrograms, computed from the waveform when needed (never stored).

As published (Radford et al. 2022, the released code): 25 ms Hann windows every 10 ms, Slaney mels, log10 floored at
1e-10, cut to 8 below the highest value of the window, (x + 4) / 4. The frames after the audio of a padded window
are all at the floor; they are filled in, not computed.

Shapes: B windows, N samples, F frequencies, M mels, T frames at 100 Hz.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

RATE, FFT, HOP = 16000, 400, 160
FRAMES_PER_SECOND = RATE // HOP
FLOOR = 1e-10
RANGE = 8.0  # below the highest value of the window, in decades

Wave = np.ndarray[Any, np.dtype[np.float32]]


def slaney_filters(mels: int) -> Tensor:
    """Triangles of unit area on Slaney's mel scale, 0 to 8 kHz, [F, M]; the transpose of librosa.filters.mel."""
    frequencies = np.linspace(0, RATE / 2, FFT // 2 + 1)
    edges = _hertz(np.linspace(0, _mel(RATE / 2), mels + 2))
    rising = (frequencies[:, None] - edges[:-2]) / np.diff(edges)[:-1]
    falling = (edges[2:] - frequencies[:, None]) / np.diff(edges)[1:]
    triangles = np.maximum(0, np.minimum(rising, falling))
    return torch.from_numpy((triangles * (2 / (edges[2:] - edges[:-2]))).astype(np.float32))


BREAK_HERTZ, BREAK_MEL, LOG_STEP = 1000.0, 15.0, np.log(6.4) / 27  # linear below 1 kHz, logarithmic above


def _mel(hertz: float) -> float:
    return float(BREAK_MEL + np.log(hertz / BREAK_HERTZ) / LOG_STEP) if hertz >= BREAK_HERTZ else hertz * 3 / 200


def _hertz(mel: np.ndarray[Any, np.dtype[np.float64]]) -> np.ndarray[Any, np.dtype[np.float64]]:
    high = BREAK_HERTZ * np.exp(LOG_STEP * (np.maximum(mel, BREAK_MEL) - BREAK_MEL))
    return np.where(mel >= BREAK_MEL, high, mel * 200 / 3)


@cache
def _filters(mels: int, device: torch.device) -> tuple[Tensor, Tensor]:
    return slaney_filters(mels).to(device), torch.hann_window(FFT, device=device)


def log_mel(waves: Sequence[Wave | Tensor], frames: int, mels: int, device: str | torch.device = "cpu") -> Tensor:
    """Features [B, M, frames] float32 of waveforms at 16 kHz, each padded with silence or cut to frames / 100 s."""
    place = torch.device(device)
    filters_FM, window = _filters(mels, place)
    out_BMT = torch.empty(len(waves), mels, frames, device=place)
    for mel_MT, wave in zip(out_BMT, waves, strict=True):
        wave_N = torch.as_tensor(wave, dtype=torch.float32, device=place)[: frames * HOP]
        # One frame of silence after the last frame of audio: the same samples as in a fully padded window.
        heard = min(frames, (len(wave_N) + FFT // 2 + HOP - 1) // HOP)
        samples = heard * HOP + (FFT // 2 if heard < frames else 0)
        padded_N = torch.nn.functional.pad(wave_N, (0, samples - len(wave_N)))
        power_FT = torch.stft(padded_N, FFT, HOP, window=window, return_complex=True)[:, :heard].abs().square()
        log_MT = (filters_FM.T @ power_FT).clamp(min=FLOOR).log10()
        lowest = log_MT.max() - RANGE
        mel_MT[:, :heard] = (torch.maximum(log_MT, lowest) + 4) / 4
        mel_MT[:, heard:] = (torch.clamp(lowest, min=np.log10(FLOOR)) + 4) / 4
    return out_BMT
