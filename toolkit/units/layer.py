"""Features from a layer of a speech encoder, the teacher.

Shapes: N samples at 16 kHz, T frames, D dimensions.
"""

from __future__ import annotations

import hashlib
from bisect import bisect_left
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from ..core.device import exact_float32
from ..core.errors import UserError
from ..data.audio import SAMPLE_RATE
from ..models import encoder as encoders
from .features import FeatureInfo, FeatureSource


class LayerSource(FeatureSource):
    """Layer L of the encoder in `folder`, at the encoder's rate.

    Utterances longer than `window_seconds` are processed in equal pieces cut on the frame grid: the number of frames is
    the same, but there is no context across a cut (attention over an hour would exceed any memory).

    Raises UserError for a layer that the encoder does not have.
    """

    def __init__(self, folder: Path, layer: int, window_seconds: float, device: str = "cpu") -> None:
        if device != "cpu":
            exact_float32()
        encoder = encoders.load_encoder(folder, device)
        if layer > encoder.layers:
            raise UserError(
                f"layer {layer} of an encoder with {encoder.layers}",
                "features.layer",
                f"choose a layer from 0 to {encoder.layers}",
            )
        blocks = cast(Any, encoder.model).encoder.layers
        del blocks[max(layer, 1) :]  # layers after L are never computed
        self.encoder, self.layer, self.device = encoder, layer, device
        self.window = int(window_seconds * encoder.rate)  # frames
        self.field = bisect_left(range(SAMPLE_RATE), 1, key=encoder.frames)  # samples under one frame
        source, weights = f"layer {layer} of {encoder.name}", _weights_id(encoder)
        super().__init__(
            FeatureInfo(
                "layer",
                source,
                encoder.rate,
                encoder.dim,
                layer,
                encoders.CONVENTION,
                window_seconds,
                weights,
                encoder.parameter_count,
            )
        )

    def frames(self, samples: int) -> int:
        return self.encoder.frames(samples)

    @torch.inference_mode()
    def __call__(self, wave_N: np.ndarray) -> Tensor:
        T = self.frames(len(wave_N))
        n = -(-T // self.window)
        wave = self.encoder.normalized(torch.from_numpy(wave_N))  # as a whole, as in training
        pieces = [self._states(wave, T * i // n, T * (i + 1) // n) for i in range(n)]
        return torch.cat(pieces) if pieces else torch.empty(0, self.dim)

    def _states(self, wave_N: Tensor, first: int, last: int) -> Tensor:
        """Frames first..last (exclusive) from the samples under them; the whole waveform if it is all of them."""
        whole = first == 0 and last == self.frames(len(wave_N))
        piece = wave_N if whole else wave_N[first * self.encoder.hop : (last - 1) * self.encoder.hop + self.field]
        return self.encoder.states(piece[None].to(self.device), normalize=False)[self.layer][0].float()


def _weights_id(encoder: torch.nn.Module) -> str:
    state = hashlib.sha256()
    for name, tensor in sorted(encoder.state_dict().items()):
        state.update(f"{name} {tuple(tensor.shape)} ".encode())
        state.update(tensor.detach().float().cpu().contiguous().numpy().tobytes())
    return state.hexdigest()[:16]
