"""Features of a frozen upstream that are computed anew for each batch: of crops, or of utterances padded together.

Shapes: N samples or frames of a batch, B utterances, T frames of one, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..core.errors import UserError
from ..train.engine.objective import Batch
from ..train.objectives.classify import Features
from .upstream import Upstream


class Live(Features):
    """States of the waveforms `wave_N` of a batch, one after another, of `samples_B` samples each.

    Without `padded`, each waveform is computed alone and averaged: its mean is row `live_B` of the batch's means
    `states_NLD`, of which the others were computed before. With `padded`, the batch has waveforms alone, which are
    padded to one length; heads get all of their frames.

    Args:
        means: give the mean of each utterance, not its frames.
    """

    def __init__(self, upstream: Upstream, padded: bool, means: bool) -> None:
        super().__init__()
        self._upstream = (upstream,)  # in a tuple it is no submodule: no checkpoint holds it
        self.padded, self.means = padded, means

    @torch.no_grad()
    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        if "wave_N" not in batch:
            return super().forward(batch)
        upstream = self._upstream[0]
        waves = batch["wave_N"].split(batch["samples_B"].tolist())
        of_each = upstream.padded_states(waves) if self.padded else [upstream.states(wave_N) for wave_N in waves]
        if not self.padded:
            of_each = [states_TLD.half().float() for states_TLD in of_each]  # as those that were computed before
        if not all(states_TLD.isfinite().all() for states_TLD in of_each):
            ids = ", ".join(example.id for example in batch.get("examples", [])[:3])
            raise UserError("a hidden state is not finite", f"batch of {ids}, ...", "look at the weights and the audio")
        if self.means:
            return self._with_means(batch, of_each)
        frames = torch.tensor([len(states_TLD) for states_TLD in of_each], device=batch["wave_N"].device)
        return torch.cat(of_each), frames

    def ready(self, batch: Batch) -> Batch:
        if "wave_N" not in batch:
            return batch
        states_NLD, lengths_B = self(batch)
        rest = {name: value for name, value in batch.items() if name not in ("wave_N", "samples_B")}
        return {**rest, "states_NLD": states_NLD, "lengths_B": lengths_B}

    def _with_means(self, batch: Batch, of_each: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
        means_BLD = torch.stack([states_TLD.double().mean(0).float() for states_TLD in of_each])
        if "states_NLD" in batch:
            means_BLD = batch["states_NLD"].index_copy(0, batch["live_B"], means_BLD)
        return means_BLD, torch.ones(len(means_BLD), dtype=torch.int64, device=means_BLD.device)
