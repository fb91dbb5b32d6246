"""A codebook: centroids, and the projection before them, in codebook.safetensors; what they are of in codebook.json.

Shapes: K centroids, D dimensions of a feature, P of what is clustered: D, or the principal components kept.
"""

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
from .pca import Projection

ABOUT, WEIGHTS = "codebook.json", "codebook.safetensors"
CENTROIDS, MEAN, COMPONENTS = "centroids", "mean", "components"


@dataclass(frozen=True)
class Codebook:
    """centroids_KP float32; `hash` is that of the file's bytes, and travels with all labels made by it."""

    centroids_KP: Tensor
    info: FeatureInfo
    hash: str
    projection: Projection | None = None

    @property
    def k(self) -> int:
        return len(self.centroids_KP)

    @classmethod
    def read(cls, folder: Path) -> Codebook:
        """Raises UserError where there is none, or one that is not what its codebook.json says."""
        missing = [name for name in (ABOUT, WEIGHTS) if not (folder / name).is_file()]
        if missing:
            raise UserError(f"no codebook here: {', '.join(missing)} missing", str(folder), "run units.kmeans")
        said, data = read_json(folder / ABOUT), (folder / WEIGHTS).read_bytes()
        try:
            info, wanted = FeatureInfo.of(said), (said["hash"], said["k"], said["dim"], said["pca"])
            tensors = safetensors.torch.load(data)
            centroids_KP = tensors[CENTROIDS]
            projection = Projection(tensors[MEAN], tensors[COMPONENTS], said["variance_kept"]) if said["pca"] else None
        except (KeyError, TypeError, safetensors.SafetensorError) as e:
            raise UserError(f"not a codebook: {e}", str(folder), "make it again with units.kmeans") from None
        width = len(projection.mean_D) if projection else centroids_KP.shape[1]
        found = (digest(data), len(centroids_KP), width, projection.dim if projection else 0)
        clustered = centroids_KP.shape[1] == (said["pca"] or said["dim"])
        if wanted != found or not clustered or not all(torch.isfinite(t).all() for t in tensors.values()):
            raise UserError(
                f"{WEIGHTS} is not the one that {ABOUT} describes", str(folder), "make it again with units.kmeans"
            )
        return cls(centroids_KP, info, said["hash"], projection)


def write_codebook(
    folder: Path, centroids_KP: Tensor, projection: Projection | None, info: FeatureInfo, more: Mapping[str, Any]
) -> str:
    """Write both files, codebook.json (with `more` in it) last; returns the hash."""
    tensors = {CENTROIDS: centroids_KP}
    about = {**info.tree(), **more, "k": len(centroids_KP), "pca": 0}
    if projection:
        tensors |= {MEAN: projection.mean_D, COMPONENTS: projection.components_DP}
        about |= {"pca": projection.dim, "variance_kept": projection.kept}
    data = safetensors.torch.save({name: t.float().cpu().contiguous() for name, t in tensors.items()})
    with atomic(folder / WEIGHTS) as path:
        path.write_bytes(data)
    write_json(folder / ABOUT, {**about, "hash": digest(data)})
    return digest(data)
