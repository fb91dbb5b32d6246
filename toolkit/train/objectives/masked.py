"""Masked prediction of units: HuBERT's objective.

Source: Hsu et al., "HuBERT", TASLP 2021, and its published code in fairseq: masks of
`compute_mask_indices(mask_type="static", min_masks=2)`, loss of `HubertCriterion`.

Shapes: B utterances, N samples, T frames, D width, P dimension of the prediction, K units, M masked frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...core.seed import seed_of
from ...models.hubert import Hubert, initialise
from ...models.linear import Linear
from ..loop import Batch, Losses, Objective
from ..totals import Pair

Mask = np.ndarray[Any, np.dtype[np.bool_]]


@dataclass(frozen=True)
class MaskedConfig:
    """Masks and loss. Defaults: as published for base."""

    mask_prob: float = 0.8
    "starts of masks per utterance: int(mask_prob · frames / span + U(0, 1)); overlaps leave about 57 % masked"
    span: int = 10
    "frames under one mask"
    min_masks: int = 2
    "fewest masks per utterance"
    trim: bool = True
    "let frames go until every utterance of a micro-batch has as many masked as the one with fewest (as published)"
    temperature: float = 0.1
    "cosine similarities are divided by this"
    penalty: float = 10.0
    "weight of the mean square of the convolutional features"
    unmasked_weight: float = 0.0
    "weight of the loss at frames that are not masked"
    final_dim: int = 256
    "dimension in which predictions and unit embeddings are compared (256 base, 768 large)"

    def __post_init__(self) -> None:
        if not 0 < self.mask_prob <= 1 or self.span < 1 or self.min_masks < 1:
            raise ValueError("objective.mask_prob must be in (0, 1], span and min_masks at least 1")
        if self.temperature <= 0 or self.final_dim < 1:
            raise ValueError("objective.temperature and final_dim must be above 0")
        if self.unmasked_weight < 0 or self.penalty < 0:
            raise ValueError("objective.unmasked_weight and penalty must not be below 0")


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

    def __init__(self, hubert: Hubert, config: MaskedConfig, units: int, seed: int) -> None:
        """Initialises head and unit embeddings (U(0, 1)) from `seed`; `hubert` is left as it is."""
        super().__init__()
        self.config, self.hubert = config, hubert
        self.leaves_out = hubert.config.layerdrop > 0 or hubert.config.feature_grad_mult == 0
        self.final_proj = Linear(hubert.config.hidden_size, config.final_dim)
        self.unit_embeddings = nn.Parameter(torch.empty(units, config.final_dim))
        generator = torch.Generator().manual_seed(seed_of(seed, "head"))
        initialise(self.final_proj, hubert.config, generator)
        nn.init.uniform_(self.unit_embeddings, generator=generator)

    def forward(self, batch: Batch, seed: int) -> Losses:
        """Loss of wave_BN [B, N] against labels_BT [B, T], in nats per predicted frame.

        Σ cross-entropy at masked frames (+ unmasked_weight · Σ at the others) + penalty · mean(conv²) · weight,
        where weight is the number of frames predicted: masked ones, and the others too if they count.
        """
        config, labels_BT = self.config, batch["labels_BT"]
        rows, frames = labels_BT.shape
        mask = draw_mask(config, rows, frames, np.random.default_rng(seed))
        mask_BT = torch.from_numpy(mask).to(labels_BT.device)
        hidden_BTD, conv_BTC = self.hubert(batch["wave_BN"], mask_BT)
        frames_MD, labels_M, hidden_M = hidden_BTD.flatten(0, 1), labels_BT.flatten(), mask_BT.flatten()
        masked = weight = int(mask.sum())
        if not config.unmasked_weight:  # places found on the CPU: asking a GPU for them would wait for it
            places = torch.from_numpy(np.flatnonzero(mask)).to(labels_BT.device)
            frames_MD, labels_M, hidden_M = (x.index_select(0, places) for x in (frames_MD, labels_M, hidden_M))
        loss_M, right_M = self.predict(frames_MD, labels_M)
        loss = loss_masked = _over(hidden_M, loss_M)
        sums: dict[str, Pair] = {
            "loss_masked": (loss_masked, masked),
            "accuracy_masked": (_over(hidden_M, right_M), masked),
        }
        if config.unmasked_weight:
            weight, seen = mask.size, mask.size - masked
            loss_unmasked = _over(~hidden_M, loss_M)
            loss = loss_masked + config.unmasked_weight * loss_unmasked
            sums |= {
                "loss_unmasked": (loss_unmasked, seen),
                "accuracy_unmasked": (_over(~hidden_M, right_M), seen),
            }
        square = conv_BTC.float().pow(2).mean()
        sums["conv_square"] = (square * weight, weight)
        return Losses(loss + config.penalty * weight * square, weight, sums)

    def predict(self, hidden_MD: Tensor, labels_M: Tensor) -> tuple[Tensor, Tensor]:
        """Cross-entropy of each frame, and whether its likeliest unit is the right one.

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
    """Sum of the values at some frames."""
    return torch.where(where_M, values_M, torch.zeros_like(values_M)).sum()
