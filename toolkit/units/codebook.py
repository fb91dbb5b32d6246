"""A codebook: centroids and the projection before them in codebook.safetensors; a description in codebook.json.

Shapes: K centroids, D dimensions of a feature, P clustered dimensions (D, or the number of principal components).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import safetensors
import safetensors.numpy

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json
from ..core.record import digest
from .features import FeatureInfo

if TYPE_CHECKING:
    from torch import Tensor

    from .pca import Projection

ABOUT, WEIGHTS = "codebook.json", "codebook.safetensors"
CENTROIDS, MEAN, COMPONENTS = "centroids", "mean", "components"


@dataclass(frozen=True)
class Codebook:
    """A codebook on disk: its description, and the tensors to compute with.

    Attributes:
        info: the features it was learnt from.
        hash: hash of the file, stored with all labels made by it.
        arrays: float32 arrays by their names in the file.
        kept: share of the variance that the projection keeps; 0 without one.
    """

    info: FeatureInfo
    hash: str
    arrays: Mapping[str, np.ndarray]
    kept: float = 0.0

    @property
    def k(self) -> int:
        return len(self.arrays[CENTROIDS])

    @property
    def pca(self) -> int:
        """Number of clustered principal components; 0 if the features themselves are clustered."""
        return int(self.arrays[COMPONENTS].shape[1]) if COMPONENTS in self.arrays else 0

    @property
    def centroids_KP(self) -> Tensor:
        import torch

        return torch.from_numpy(self.arrays[CENTROIDS])

    @property
    def projection(self) -> Projection | None:
        import torch

        from .pca import Projection

        if not self.pca:
            return None
        return Projection(torch.from_numpy(self.arrays[MEAN]), torch.from_numpy(self.arrays[COMPONENTS]), self.kept)

    @classmethod
    def read(cls, folder: Path) -> Codebook:
        """The codebook of a folder. Raises UserError if it is missing or does not match its codebook.json."""
        missing = [name for name in (ABOUT, WEIGHTS) if not (folder / name).is_file()]
        if missing:
            raise UserError(f"no codebook here: {', '.join(missing)} missing", str(folder), "run units.kmeans")
        about, data = read_json(folder / ABOUT), (folder / WEIGHTS).read_bytes()
        try:
            info, wanted = FeatureInfo.of(about), (about["hash"], about["k"], about["dim"], about["pca"])
            arrays = safetensors.numpy.load(data)
            names = {CENTROIDS, MEAN, COMPONENTS} if about["pca"] else {CENTROIDS}
            made = cls(
                info, about["hash"], {n: arrays[n] for n in names}, about["variance_kept"] if about["pca"] else 0.0
            )
        except (KeyError, TypeError, safetensors.SafetensorError) as e:
            raise UserError(f"not a codebook: {e}", str(folder), "make it again with units.kmeans") from None
        clustered_dim = arrays[CENTROIDS].shape[1]
        actual = (digest(data), made.k, len(arrays[MEAN]) if made.pca else clustered_dim, made.pca)
        clustered = clustered_dim == (about["pca"] or about["dim"])
        if wanted != actual or not clustered or not all(np.isfinite(array).all() for array in arrays.values()):
            raise UserError(
                f"{WEIGHTS} is not the one that {ABOUT} describes", str(folder), "make it again with units.kmeans"
            )
        return made


def write_codebook(
    folder: Path, centroids_KP: Tensor, projection: Projection | None, info: FeatureInfo, more: Mapping[str, Any]
) -> str:
    """Write both files, codebook.json (with `more` in it) last; returns the hash."""
    tensors = {CENTROIDS: centroids_KP}
    about = {**info.tree(), **more, "k": len(centroids_KP), "pca": 0}
    if projection:
        tensors |= {MEAN: projection.mean_D, COMPONENTS: projection.components_DP}
        about |= {"pca": projection.dim, "variance_kept": projection.kept}
    data = safetensors.numpy.save({name: t.float().cpu().contiguous().numpy() for name, t in tensors.items()})
    with atomic(folder / WEIGHTS) as path:
        path.write_bytes(data)
    write_json(folder / ABOUT, {**about, "hash": digest(data)})
    return digest(data)
