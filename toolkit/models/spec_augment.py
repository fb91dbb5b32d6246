"""SpecAugment (Park et al., Interspeech 2019) on the features that a head sees: a bent time axis, masks of 0.

SUPERB's ASR head is trained so on mixed hidden states. Random choices come from torch's generator, which the training
loop seeds for every batch. In eval mode features are left as they are.

Shapes: T frames of an utterance, D dimensions.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate


class SpecAugment(nn.Module):
    """Bends the time of an utterance, then masks spans of dimensions, then spans of frames.

    Args:
        warp: largest shift of the bending point, frames; 0: time is not bent.
        time_masks, time_width: masks over frames, each shorter than `time_width`.
        feature_masks, feature_width: masks over dimensions, each narrower than `feature_width`.
    """

    def __init__(self, warp: int, time_masks: int, time_width: int, feature_masks: int, feature_width: int) -> None:
        super().__init__()
        self.warp = warp
        self.time_masks, self.time_width = time_masks, time_width
        self.feature_masks, self.feature_width = feature_masks, feature_width

    def forward(self, x_TD: Tensor) -> Tensor:
        if not self.training:
            return x_TD
        x_TD = self._bent(x_TD)
        features_D = kept(x_TD.shape[1], self.feature_masks, self.feature_width)
        frames_T = kept(len(x_TD), self.time_masks, self.time_width)
        return x_TD * features_D.to(x_TD) * frames_T.to(x_TD)[:, None]

    def _bent(self, x_TD: Tensor) -> Tensor:
        """What is before a random frame takes up to `warp` frames more or less, what is after it the others."""
        T, D = x_TD.shape
        if not self.warp or 2 * self.warp >= T:
            return x_TD
        centre = int(torch.randint(self.warp, T - self.warp, ()))
        moved = int(torch.randint(centre - self.warp + 1, centre + self.warp + 1, ()))
        halves = [(x_TD[:centre], moved), (x_TD[centre:], T - moved)]
        bent = [interpolate(half[None, None], (length, D), mode="bicubic")[0, 0] for half, length in halves]
        return torch.cat(bent)


def kept(size: int, masks: int, width: int) -> Tensor:
    """False [size] where one of `masks` spans lies, each of 0 to `width` - 1 places."""
    places = torch.arange(size)
    kept_S = torch.ones(size, dtype=torch.bool)
    for _ in range(masks):
        length = int(torch.randint(0, width, ()))
        start = int(torch.randint(0, max(size - length, 1), ()))
        kept_S &= (places < start) | (places >= start + length)
    return kept_S
