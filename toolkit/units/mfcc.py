"""Kaldi's MFCC (39 with deltas) and log mel filter bank at 100 Hz, in torch.

Shapes: B utterances of equal length, N samples at 16 kHz, T frames, 400 samples a frame, D coefficients.

A frame is made in as few passes as possible. With x its 400 samples, m their mean and w the Povey window,
Kaldi computes w * preemphasis(x - m), where preemphasis(x)[i] = x[i] - 0.97 x[i-1]. That is
w * (d + 0.03 (p - m)), p being the samples one earlier and d = x - p: the differences d are made once for the
whole waveform, nothing cancels where x stands on a large offset, and sample 0, the only one without a
predecessor, does not matter, since w is 0 there. The means come from sums of 80 samples; the rest is one real
FFT, one product with the mel matrix and one with the cosine matrix.

Source: Kaldi feat/feature-window.cc, mel-computations.cc, feature-mfcc.cc; the settings are those of
HuBERT's first iteration (arXiv 2106.07447): 13 coefficients with C0, no dither, no mean normalisation.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from ..data.audio import SAMPLE_RATE
from .framing import CEPSTRA, FRAME, HOP, frame_count

FFT = 512  # samples: a frame rounded up to a power of two
MEL_BINS, LOWEST_HZ, LIFTER = 23, 20.0, 22.0
PREEMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps  # Kaldi's floor below the logarithm
BLOCK = 512  # frames at a time: the buffers (2 MB) stay in the cache, and hours of audio cost no memory


def mfcc(wave_N: Tensor) -> Tensor:
    """13 cepstra, their deltas and double deltas, [..., N] in ±1 -> [..., T, 39] at 100 Hz.

    T = (N - 400) // 160 + 1, and 0 below 400 samples. Frame t covers samples 160 t to 160 t + 399, so
    frame 2t covers exactly the samples of frame t of a HuBERT front-end ((N - 400) // 320 + 1 frames).
    """
    logmel = _log_mel(wave_N, MEL_BINS)
    static = logmel @ _cosines(wave_N.dtype, wave_N.device)
    first = deltas(static)
    return torch.cat([static, first, deltas(first)], dim=-1)


def fbank(wave_N: Tensor, bins: int = 40) -> Tensor:
    """Log mel filter bank energies, [..., N] in ±1 -> [..., T, bins] at 100 Hz; frames as in `mfcc`."""
    return _log_mel(wave_N, bins)[..., :bins]


def deltas(x_TD: Tensor) -> Tensor:
    """d_t = (x_{t+1} - x_{t-1} + 2 (x_{t+2} - x_{t-2})) / 10, edge frames repeated; [..., T, D] -> the same.

    Double deltas are the deltas of the deltas, as HuBERT takes them. Kaldi's add-deltas convolves the
    two filters first: the same number everywhere but in the first and the last two frames.
    """
    T = x_TD.shape[-2]
    if T == 0:
        return x_TD.clone()
    first, last = x_TD[..., :1, :], x_TD[..., -1:, :]
    p = torch.cat([first, first, x_TD, last, last], dim=-2)
    near = p[..., 3 : T + 3, :] - p[..., 1 : T + 1, :]
    far = p[..., 4 : T + 4, :] - p[..., :T, :]
    return far.mul_(2.0).add_(near).div_(10.0)


def _log_mel(wave_N: Tensor, bins: int) -> Tensor:
    """Log mel energies [..., T, bins rounded up to 8]; the surplus columns hold the floor."""
    shape, N = wave_N.shape[:-1], wave_N.shape[-1]
    T, dtype, device = frame_count(N), wave_N.dtype, wave_N.device
    window, mel = _window(dtype, device), _mel(bins, dtype, device)
    if not T:
        return torch.empty(*shape, 0, mel.shape[1], dtype=dtype, device=device)
    wave_BN = wave_N.reshape(-1, N).contiguous()
    B = len(wave_BN)
    past_BN = torch.cat([wave_BN[:, :1], wave_BN[:, :-1]], dim=1)
    step_BN = wave_BN - past_BN
    past, step = (x_BN.as_strided((B, T, FRAME), (N, HOP, 1)) for x_BN in (past_BN, step_BN))
    mean = _frame_means(wave_BN, T)[..., None]
    out = torch.empty(B, T, mel.shape[1], dtype=dtype, device=device)
    buffer = torch.zeros(B, min(T, BLOCK), FFT, dtype=dtype, device=device)
    for t in range(0, T, BLOCK):
        n = min(BLOCK, T - t)
        inside, here = buffer[:, :n, :FRAME], (slice(None), slice(t, t + n))
        torch.sub(past[here], mean[here], out=inside)
        torch.add(step[here], inside, alpha=1.0 - PREEMPHASIS, out=inside)
        inside.mul_(window)
        spectrum = torch.view_as_real(torch.fft.rfft(buffer[:, :n])).view(B, n, FFT + 2)
        out[here] = spectrum.square_() @ mel
    return out.clamp_(min=FLOOR).log_().view(*shape, T, -1)


def _frame_means(wave_BN: Tensor, T: int) -> Tensor:
    """Mean of the 400 samples of each frame [B, T], from sums of 80 (a frame is five, a hop is two)."""
    step = FRAME // 5
    sums = wave_BN[:, : (2 * T + 3) * step].unfold(1, step, step).sum(-1)
    return sums.unfold(1, 5, 2).sum(-1).div_(FRAME)


@lru_cache(8)
def _window(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Povey window [400]: a Hann window (symmetric) to the power 0.85."""
    return torch.hann_window(FRAME, periodic=False, dtype=torch.float64).pow(0.85).to(device, dtype)


@lru_cache(8)
def _mel(bins: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Triangles in mel [514, bins rounded up to 8].

    The rows of bin f stand twice, for the squares of the real and of the imaginary part, so that the
    power spectrum needs no pass of its own; the width is what matrix kernels like.
    """

    def to_mel(hz: float) -> float:
        return 1127.0 * math.log(1.0 + hz / 700.0)

    low, high = to_mel(LOWEST_HZ), to_mel(SAMPLE_RATE / 2)
    width = (high - low) / (bins + 1)
    left = low + width * torch.arange(bins, dtype=torch.float64)
    mel = torch.tensor([to_mel(f * SAMPLE_RATE / FFT) for f in range(FFT // 2)], dtype=torch.float64)[:, None]
    triangles = torch.minimum((mel - left) / width, (left + 2 * width - mel) / width).clamp(min=0.0)
    matrix = torch.zeros(FFT // 2 + 1, -(-bins // 8) * 8, dtype=torch.float64)  # Kaldi leaves out the bin at 8 kHz
    matrix[:-1, :bins] = triangles
    return matrix.repeat_interleave(2, dim=0).to(device, dtype)


@lru_cache(8)
def _cosines(dtype: torch.dtype, device: torch.device) -> Tensor:
    """Orthonormal DCT-II of 23 log energies, liftered [24, 13]; the surplus row is 0."""
    n, k = torch.arange(MEL_BINS, dtype=torch.float64)[:, None], torch.arange(CEPSTRA, dtype=torch.float64)
    matrix = torch.cos(math.pi / MEL_BINS * (n + 0.5) * k) * math.sqrt(2.0 / MEL_BINS)
    matrix[:, 0] = math.sqrt(1.0 / MEL_BINS)
    matrix *= 1.0 + 0.5 * LIFTER * torch.sin(math.pi * k / LIFTER)
    return torch.cat([matrix, matrix.new_zeros(1, CEPSTRA)]).to(device, dtype)
