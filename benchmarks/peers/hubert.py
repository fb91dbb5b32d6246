"""The peers of a pre-training step of HuBERT base: transformers' network under fairseq's loss, and torchaudio's.

Both skip no layer and score masked frames only, so that all compute the same; the rest is as published for base. The
optimiser is AdamW in one kernel, faster than the one that either brings.
"""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before torchaudio

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn
from transformers import HubertConfig, HubertModel

from ..arrays import RATE, cropped_batches, read_waves

HOP, FIELD = 320, 400
MASK_PROB, SPAN, TEMPERATURE, PENALTY, FINAL_DIM = 0.8, 10, 0.1, 10.0, 256


class _Pretraining:
    """A round is an update on the next of the batches."""

    model: Any

    def __init__(self, waves: str, units: int, seconds: float, threads: int) -> None:
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        self.units, self.rng = units, np.random.default_rng(1)
        cropped = map(torch.from_numpy, cropped_batches(read_waves(Path(waves)), seconds))
        self.batches = [(wave_BN, self.labels(wave_BN)) for wave_BN in cropped]
        self.done = 0

    def begin(self, model: nn.Module) -> None:
        self.model = model.train()
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=5e-4, betas=(0.9, 0.98), eps=1e-6, weight_decay=0.01, fused=True
        )

    def labels(self, wave_BN: Tensor) -> Tensor:
        """Random units [B, T]."""
        frames = (wave_BN.shape[1] - FIELD) // HOP + 1
        return torch.from_numpy(self.rng.integers(0, self.units, (len(wave_BN), frames)))

    def run(self) -> dict[str, Any]:
        wave_BN, labels_BT = self.batches[self.done % len(self.batches)]
        self.done += 1
        loss, weight = self.loss(wave_BN, labels_BT)
        loss.backward()
        for p in self.model.parameters():
            if p.grad is not None:
                p.grad /= weight
        nn.utils.clip_grad_norm_(self.model.parameters(), 10.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return {"audio_seconds": wave_BN.numel() / RATE, "loss": loss.item() / weight}

    def loss(self, wave_BN: Tensor, labels_BT: Tensor) -> tuple[Tensor, int]:
        """Summed over the masked frames, and how many they are."""
        raise NotImplementedError

    def output(self) -> np.ndarray:
        return np.empty(0)


class FairseqWay(_Pretraining):
    """transformers' HubertModel, and fairseq's head: each masked frame against a tensor (K + 1, masked, dim)."""

    def __init__(self, waves: str, units: int, seconds: float, threads: int, **shape: Any) -> None:
        super().__init__(waves, units, seconds, threads)
        config = HubertConfig(layerdrop=0.0, activation_dropout=0.0, **shape)
        hubert = HubertModel(config)
        head = nn.ModuleDict({"hubert": hubert, "final_proj": nn.Linear(config.hidden_size, FINAL_DIM)})
        head.embeddings = nn.Parameter(torch.rand(units, FINAL_DIM))
        self.begin(head)

    def mask(self, rows: int, frames: int) -> Tensor:
        """Starts drawn without replacement, spans of ten, every row cut to as many masked frames as the least."""
        mask_BT = np.zeros((rows, frames), bool)
        for row in mask_BT:
            n = max(2, int(MASK_PROB * frames / SPAN + self.rng.random()))
            for start in self.rng.choice(frames - SPAN, n, replace=False):
                row[start : start + SPAN] = True
        least = mask_BT.sum(1).min()
        for row in mask_BT:
            row[self.rng.choice(np.flatnonzero(row), row.sum() - least, replace=False)] = False
        return torch.from_numpy(mask_BT)

    def loss(self, wave_BN: Tensor, labels_BT: Tensor) -> tuple[Tensor, int]:
        hubert, final_proj, embeddings_KP = self.model["hubert"], self.model["final_proj"], self.model.embeddings
        mask_BT = self.mask(*labels_BT.shape)
        features_BTC = hubert.feature_extractor(wave_BN).transpose(1, 2)
        features_BTC.register_hook(lambda gradient: gradient * 0.1)
        x_BTD = hubert.feature_projection(features_BTC)
        x_BTD = hubert._mask_hidden_states(x_BTD, mask_time_indices=mask_BT)
        x_BTD = hubert.encoder(x_BTD).last_hidden_state
        predicted_MP, right_M = final_proj(x_BTD[mask_BT]), labels_BT[mask_BT]
        right_MP = embeddings_KP.index_select(0, right_M)
        every_KMP = embeddings_KP[:, None].expand(-1, len(right_M), -1)
        is_right_KM = (right_MP == every_KMP).all(-1)
        targets = torch.cat([right_MP[None], every_KMP])
        logits = F.cosine_similarity(predicted_MP.float(), targets.float(), dim=-1) / TEMPERATURE
        logits[1:][is_right_KM] = -torch.inf
        loss = F.cross_entropy(logits.T, torch.zeros(len(right_M), dtype=torch.long), reduction="sum")
        return loss + PENALTY * features_BTC.float().pow(2).mean() * len(right_M), len(right_M)


class Torchaudio(_Pretraining):
    """torchaudio's hubert_pretrain_base, and the loss of its recipe."""

    def __init__(self, waves: str, units: int, seconds: float, threads: int) -> None:
        super().__init__(waves, units, seconds, threads)
        model = torchaudio.models.hubert_pretrain_base(encoder_layer_drop=0.0, num_classes=units)
        model.logit_generator.skip_nomask = True
        self.begin(model)

    def loss(self, wave_BN: Tensor, labels_BT: Tensor) -> tuple[Tensor, int]:
        lengths_B = torch.full((len(wave_BN),), wave_BN.shape[1])
        logits_MK, _, penalty = self.model(wave_BN, labels_BT, lengths_B)
        loss = F.cross_entropy(logits_MK, torch.zeros(len(logits_MK), dtype=torch.long), reduction="sum")
        return loss + PENALTY * penalty * len(logits_MK), len(logits_MK)
