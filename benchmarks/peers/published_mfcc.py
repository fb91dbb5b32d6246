"""The features of HuBERT's published script (arXiv 2106.07447), written anew after what it does."""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before torchaudio

import numpy as np
import torch
import torchaudio
from torch import Tensor


def mfcc(wave_N: np.ndarray) -> Tensor:
    """13 cepstra of torchaudio's Kaldi MFCC without the energy, their deltas and double deltas [T, 39].

    Computed, and returned, in the precision of the waveform.
    """
    wave_1N = torch.from_numpy(wave_N).view(1, -1)
    static_DT = torchaudio.compliance.kaldi.mfcc(wave_1N, sample_frequency=16000, use_energy=False).T
    delta_DT = torchaudio.functional.compute_deltas(static_DT)
    double_DT = torchaudio.functional.compute_deltas(delta_DT)
    return torch.cat([static_DT, delta_DT, double_DT]).T.contiguous()
