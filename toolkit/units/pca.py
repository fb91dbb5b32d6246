"""Principal components of frames: exact, from one streaming pass, in float64.

Mean and covariance are summed chunk by chunk, so a sample is never in memory at full width: of 20 million frames of
1024 numbers (82 GB) k-means sees the 64 it asked for (5 GB).

Shapes: N frames, D dimensions, P principal components.

Source: HArnESS (arXiv 2509.14689) clusters principal components of the teacher's layer 23, and does not say how many.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..core.errors import UserError
from .config import PcaConfig

ROWS = 8192  # of a product in float64


@dataclass(frozen=True)
class Projection:
    """x -> (x - mean_D) @ components_DP, in float32.

    Attributes:
        components_DP: orthonormal columns, the greatest variance first; divided by its standard deviation if whitened.
        kept: share of the variance in the P components.
    """

    mean_D: Tensor
    components_DP: Tensor
    kept: float

    @property
    def dim(self) -> int:
        return self.components_DP.shape[1]

    def __call__(self, x_ND: Tensor) -> Tensor:
        """Principal components [N, P], where x is."""
        return (x_ND - self.mean_D) @ self.components_DP

    def to(self, device: torch.device | str) -> Projection:
        return Projection(self.mean_D.to(device), self.components_DP.to(device), self.kept)


class Moments:
    """Mean and covariance of frames that come in parts [N, D] of any size; the same parts in the same order, same bits.

    Frames are summed as differences from the first chunk's mean: a mean far from 0 costs no digits of the covariance.
    """

    def __init__(self, dim: int, device: torch.device | str = "cpu") -> None:
        self.device = torch.device(device)
        self.frames = 0
        self._waiting: list[Tensor] = []
        self._rows = 0
        self._origin_D: Tensor | None = None
        self._sum_D = torch.zeros(dim, dtype=torch.float64, device=self.device)
        self._products_DD = torch.zeros(dim, dim, dtype=torch.float64, device=self.device)

    def add(self, x_ND: Tensor) -> None:
        """Add frames, float32; small parts are joined before they are multiplied."""
        self._waiting.append(x_ND)
        self._rows += len(x_ND)
        if self._rows >= ROWS:
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        x_ND = torch.cat(self._waiting).to(self.device).double()
        self._waiting, self._rows = [], 0
        if self._origin_D is None:
            self._origin_D = x_ND.mean(0)
        x_ND -= self._origin_D
        self._sum_D += x_ND.sum(0)
        self._products_DD.addmm_(x_ND.T, x_ND)
        self.frames += len(x_ND)

    def mean_and_covariance(self) -> tuple[Tensor, Tensor]:
        """[D] and [D, D], float64, with N - 1 below the covariance. Raises UserError for fewer than two frames."""
        self._flush()
        if self.frames < 2 or self._origin_D is None:
            raise UserError(f"principal components of {self.frames} frames", "pca.dim", "enlarge the sample")
        shift_D = self._sum_D / self.frames
        covariance_DD = (self._products_DD - self.frames * torch.outer(shift_D, shift_D)) / (self.frames - 1)
        return self._origin_D + shift_D, covariance_DD


def principal_components(moments: Moments, config: PcaConfig) -> Projection:
    """The projection on the `config.dim` directions of greatest variance, on the CPU.

    A direction's sign is free: here its coordinate of greatest size is positive.
    Raises UserError if there are fewer dimensions, or frames, than components.
    """
    mean_D, covariance_DD = moments.mean_and_covariance()
    most = min(len(mean_D), moments.frames - 1)
    if config.dim > most:
        raise UserError(
            f"{config.dim} principal components of {moments.frames:,} frames of {len(mean_D)} numbers",
            "pca.dim",
            f"ask for {most} at most",
        )
    values_D, vectors_DD = torch.linalg.eigh(covariance_DD.cpu())  # ascending
    values_D = values_D.clamp(min=0).flip(0)
    components_DP = vectors_DD.flip(1)[:, : config.dim]
    largest_P = components_DP.abs().argmax(0)
    components_DP = components_DP * components_DP.gather(0, largest_P[None]).sign()
    if config.whiten:
        if values_D[config.dim - 1] <= 1e-9 * values_D[0]:
            raise UserError(
                f"component {config.dim} has no variance to be divided by", "pca.whiten", "lower pca.dim, or leave it"
            )
        components_DP = components_DP / values_D[: config.dim].sqrt()
    total = float(values_D.sum())
    kept = float(values_D[: config.dim].sum()) / total if total > 0 else 1.0
    return Projection(mean_D.cpu().float(), components_DP.float().contiguous(), kept)
