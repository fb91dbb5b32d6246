"""The peer of STaR's step: what its public re-implementation computes, written anew on transformers' networks.

As there, the student's attention gives its weights out in every layer, which the loss does not read, all Gram matrices
are whole, and each is compared by the mean square error. The teacher's attention is the fused one.
"""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before transformers, which imports torchaudio

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import HubertModel

from ..arrays import RATE, read_waves


class PublishedWay:
    """Updates of the student; a round is one on the next of the batches. Output: loss of the first [1]."""

    def __init__(self, waves: str, teacher: str, student: str, threads: int, clips: int) -> None:
        torch.set_num_threads(threads)
        self.teacher = HubertModel.from_pretrained(teacher, attn_implementation="sdpa").eval().requires_grad_(False)
        self.student = HubertModel.from_pretrained(student, attn_implementation="eager").train()
        self.student.config.apply_spec_augment = False
        all_BN = torch.from_numpy(np.stack(read_waves(Path(waves))))
        self.batches = all_BN.split(clips)
        self.optimiser = torch.optim.AdamW(self.student.parameters(), lr=1e-5, betas=(0.9, 0.98), fused=True)
        self.done = 0
        with torch.no_grad():
            self.first = self.loss(self.batches[0]).item()

    def layers(self, model: Any, wave_BN: Tensor, weights: bool) -> list[Tensor]:
        """Features before positions are added, and the output of every block."""
        features: list[Tensor] = []
        hook = model.feature_projection.register_forward_hook(lambda module, args, output: features.append(output))
        seen = model(wave_BN, output_hidden_states=True, output_attentions=weights)
        hook.remove()
        return [features[0], *seen.hidden_states[1:]]

    def loss(self, wave_BN: Tensor) -> Tensor:
        with torch.no_grad():
            theirs = self.layers(self.teacher, wave_BN, weights=False)
        ours = self.layers(self.student, wave_BN, weights=True)
        return compared(ours, ours, theirs, theirs) + compared(ours[:-1], ours[1:], theirs[:-1], theirs[1:])

    def run(self) -> dict[str, Any]:
        wave_BN = self.batches[self.done % len(self.batches)]
        self.done += 1
        loss = self.loss(wave_BN)
        loss.backward()
        nn.utils.clip_grad_norm_(self.student.parameters(), 10.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return {"audio_seconds": wave_BN.numel() / RATE, "loss": loss.item()}

    def output(self) -> np.ndarray:
        return np.array([self.first])


def compared(p: Sequence[Tensor], q: Sequence[Tensor], r: Sequence[Tensor], s: Sequence[Tensor]) -> Tensor:
    """Mean over layers of the mean square error between P Qᵀ and R Sᵀ."""
    errors = [F.mse_loss(a @ b.transpose(1, 2), c @ d.transpose(1, 2)) for a, b, c, d in zip(p, q, r, s, strict=True)]
    return torch.stack(errors).mean()
