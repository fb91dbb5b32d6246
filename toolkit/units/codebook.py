"""A codebook: centroids in codebook.safetensors, and in codebook.json what they are centroids of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json
from ..core.record import digest
from .features import FeatureInfo

ABOUT, WEIGHTS, CENTROIDS = "codebook.json", "codebook.safetensors", "centroids"


@dataclass(frozen=True)
class Codebook:
    """centroids_KD float32; `hash` is that of the file's bytes, and travels with all labels made by it."""

    centroids_KD: Tensor
    info: FeatureInfo
    hash: str

    @property
    def k(self) -> int:
        return len(self.centroids_KD)

    @classmethod
    def read(cls, folder: Path) -> Codebook:
        """Raises UserError where there is none, or one that is not what its codebook.json says."""
        missing = [name for name in (ABOUT, WEIGHTS) if not (folder / name).is_file()]
        if missing:
            raise UserError(f"no codebook here: {', '.join(missing)} missing", str(folder), "run units.kmeans")
        said, data = read_json(folder / ABOUT), (folder / WEIGHTS).read_bytes()
        try:
            info, wanted = FeatureInfo.of(said), (said["hash"], (said["k"], said["dim"]))
            centroids_KD = safetensors.torch.load(data)[CENTROIDS]
        except (KeyError, TypeError, safetensors.SafetensorError) as e:
            raise UserError(f"not a codebook: {e}", str(folder), "make it again with units.kmeans") from None
        if wanted != (digest(data), tuple(centroids_KD.shape)) or not torch.isfinite(centroids_KD).all():
            raise UserError(
                f"{WEIGHTS} is not the one that {ABOUT} describes", str(folder), "make it again with units.kmeans"
            )
        return cls(centroids_KD, info, wanted[0])


def write_codebook(folder: Path, centroids_KD: Tensor, info: FeatureInfo, more: Mapping[str, Any]) -> str:
    """Write both files, codebook.json (with `more` in it) last; returns the hash."""
    data = safetensors.torch.save({CENTROIDS: centroids_KD.float().cpu().contiguous()})
    with atomic(folder / WEIGHTS) as path:
        path.write_bytes(data)
    about = {**info.tree(), **more, "k": len(centroids_KD), "hash": digest(data)}
    write_json(folder / ABOUT, about)
    return digest(data)
