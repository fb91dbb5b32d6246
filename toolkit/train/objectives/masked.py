"""Masked prediction of units: HuBERT's objective.

Source: Hsu et al., "HuBERT", TASLP 2021, and its published code in fairseq: masks of
`compute_mask_indices(mask_type="static", min_masks=2)`, loss of `HubertCriterion`.

Shapes: B utterances, N samples, T frames, D width, P dimension of the prediction, K units, M masked frames.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.results import Metric
from ...core.seed import seed_of
from ...models.hubert import Hubert, initialise
from ...models.linear import Linear
from ..augment import kept_in
from ..engine.objective import At, Batch, Objective, Term
from .config import MaskedConfig

Mask = np.ndarray[Any, np.dtype[np.bool_]]


def draw_mask(config: MaskedConfig, rows: int, frames: int, random: np.random.Generator) -> Mask:
    """Mask [rows, frames], True where a frame is hidden.

    Per row n = max(min_masks, int(mask_prob·T/span + U)) starts are drawn without replacement from
    [0, T − span); masks may overlap. An utterance too short for that gets shorter masks, as published.
    """
    mask_BT = np.zeros((rows, frames), bool)
    for row in mask_BT:
        n = max(config.min_masks, int(config.mask_prob * frames / config.span + random.random()))
        n = min(n, frames - 1)
        shortest = config.span if frames - config.span > n else frames - n - 1
        starts = random.choice(frames - shortest, n, replace=False)
        hidden = (starts[:, None] + np.arange(config.span)).ravel()
        row[hidden[hidden < frames]] = True
    if config.trim:
        fewest = mask_BT.sum(1).min()
        for row in mask_BT:
            hidden = np.flatnonzero(row)
            row[random.choice(hidden, len(hidden) - fewest, replace=False)] = False
    return mask_BT


class MaskedPrediction(Objective):
    """A Hubert with a prediction head and one embedding per unit."""

    metrics = (
        Metric("loss", "nats per predicted frame", "low"),
        Metric("loss_masked", "nats per masked frame", "low"),
        Metric("accuracy_masked", "share of masked frames", "high"),
    )

    def __init__(self, hubert: Hubert, config: MaskedConfig, units: int, seed: int) -> None:
        """Initialises head and unit embeddings (U(0, 1)) from `seed`; `hubert` is not changed."""
        super().__init__()
        self.config, self.hubert = config, hubert
        self.leaves_out = hubert.config.layerdrop > 0 or hubert.config.feature_grad_mult == 0
        self.final_proj = Linear(hubert.config.hidden_size, config.final_dim)
        self.unit_embeddings = nn.Parameter(torch.empty(units, config.final_dim))
        generator = torch.Generator().manual_seed(seed_of(seed, "head"))
        initialise(self.final_proj, hubert.config, generator)
        nn.init.uniform_(self.unit_embeddings, generator=generator)

    def forward(self, batch: Batch, at: At) -> dict[str, Term]:
        """Loss of wave_BN [B, N] against labels_BT [B, T], in nats per predicted frame.

        Σ cross-entropy at masked frames (+ unmasked_weight · Σ at the others) + penalty · mean(conv²) · weight,
        where weight is the number of predicted frames: masked ones, and the others too if they count.
        """
        config, labels_BT = self.config, batch["labels_BT"]
        rows, frames = labels_BT.shape
        left = batch.get("left")
        mask = draw_mask(config, len(left.samples) if left else rows, frames, np.random.default_rng(at.seed))
        mask = mask[left.kept] if left else mask
        mask_BT = torch.from_numpy(mask).to(labels_BT.device)
        hidden_BTD, conv_BTC = self.hubert(batch["wave_BN"], mask_BT, kept=kept_in(batch))
        frames_MD, labels_M, hidden_M = hidden_BTD.flatten(0, 1), labels_BT.flatten(), mask_BT.flatten()
        masked = weight = int(mask.sum())
        if not config.unmasked_weight:  # indices are computed on the CPU: on a GPU this would wait for it
            places = torch.from_numpy(np.flatnonzero(mask)).to(labels_BT.device)
            frames_MD, labels_M, hidden_M = (x.index_select(0, places) for x in (frames_MD, labels_M, hidden_M))
        loss_M, right_M = self.frame_losses(frames_MD, labels_M)
        loss = loss_masked = _over(hidden_M, loss_M)
        logged = {
            "loss_masked": Term(loss_masked, masked, 0),
            "accuracy_masked": Term(_over(hidden_M, right_M), masked, 0),
        }
        if config.unmasked_weight:
            weight, seen = mask.size, mask.size - masked
            loss_unmasked = _over(~hidden_M, loss_M)
            loss = loss_masked + config.unmasked_weight * loss_unmasked
            logged |= {
                "loss_unmasked": Term(loss_unmasked, seen, 0),
                "accuracy_unmasked": Term(_over(~hidden_M, right_M), seen, 0),
            }
        square = conv_BTC.float().pow(2).mean()
        logged["conv_square"] = Term(square * weight, weight, 0)
        return {"loss": Term(loss + config.penalty * weight * square, weight), **logged}

    def frame_losses(self, hidden_MD: Tensor, labels_M: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each frame, and True where its likeliest unit is the right one.

        One matrix product of unit vectors: the same numbers as the published cosine over a tensor
        (K + 1, M, P), without that tensor.
        """
        logits_MK = self.logits(hidden_MD).float()
        right_M = logits_MK.detach().argmax(1) == labels_M
        return F.cross_entropy(logits_MK, labels_M, reduction="none"), right_M

    def logits(self, hidden_MD: Tensor) -> Tensor:
        """cos(W h_t, e_k) / temperature, [M, K], in float32 always: bf16 has three digits, and 0.1 takes one."""
        predicted_MP = self.final_proj(hidden_MD)
        with torch.autocast(hidden_MD.device.type, enabled=False):
            units_KP = F.normalize(self.unit_embeddings.float(), dim=-1)
            return F.normalize(predicted_MP.float(), dim=-1) @ units_KP.T / self.config.temperature


def _over(where_M: Tensor, values_M: Tensor) -> Tensor:
    """Sum of the values at the frames of a mask."""
    return torch.where(where_M, values_M, torch.zeros_like(values_M)).sum()
