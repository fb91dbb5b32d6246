"""The frames of a sample in memory, which k-means learns from: the features, or their principal components.

Shapes: N frames, D dimensions, P clustered dimensions (D, or the number of principal components).
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from ..core.progress import Progress
from ..core.seed import seed_of
from ..data.ark import Features
from .clustering import SUM_ROWS
from .config import PcaConfig
from .pca import Moments, Projection, principal_components


class Sample:
    """A sample on disk, the output of units.sample. Raises UserError if it is missing or incomplete.

    Attributes:
        frames, dim: number of frames N and of dimensions D.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lengths = read_lengths(folder)
        self.features = Features(folder / "feats.scp")
        if (existing := set(self.features)) != set(self.lengths):
            raise UserError(
                f"a sample of {len(self.lengths)} utterances, {len(existing & set(self.lengths))} of them in feats.scp",
                str(folder / "feats.scp"),
                "run units.sample again (--fresh of its stage)",
            )
        self.frames = sum(self.lengths.values())
        if not self.frames:
            raise UserError("a sample without a frame", str(folder), "run units.sample again on data with usable audio")
        self.dim = next(iter(self.features.values())).shape[-1]

    def parts(self) -> Iterator[np.ndarray]:
        """Frames of each utterance [T, D], in the order of feats.scp. Raises UserError for a broken matrix."""
        for id, matrix in self.features.items():
            if matrix.shape != (self.lengths[id], self.dim):
                message = f"{id} has {matrix.shape} numbers, not {(self.lengths[id], self.dim)}"
                raise UserError(message, str(self.folder), "run units.sample again")
            yield matrix

    def project(self, config: PcaConfig, label: str, device: str) -> Projection:
        """The principal components of all frames; reads the sample once."""
        moments = Moments(self.dim, device)
        with Progress(label, self.frames, "frames") as bar:
            for x_TD in self.parts():
                moments.add(torch.from_numpy(np.array(x_TD)))
                bar.add(len(x_TD))
        return principal_components(moments, config)

    def load(self, seed: int, projection: Projection | None = None) -> Tensor:
        """All frames [N, P] float32, in an order that depends on the seed alone.

        Raises UserError if they do not fit into memory, and for an ark that is not as it was written.
        """
        for ark in sorted(self.folder.glob("*.ark")):
            refuse_damaged(ark)
        dim = projection.dim if projection else self.dim
        need, have = self.frames * dim * 4, memory_bytes()
        if need > 0.8 * have:
            raise UserError(
                f"{self.frames:,} frames of {dim} numbers take {need / 1e9:.1f} GB, "
                f"this process may have {have / 1e9:.1f}",
                str(self.folder),
                "lower sample.frames or set pca.dim, give the job more memory, or use a larger machine",
            )
        order = torch.Generator().manual_seed(seed_of(seed, "order"))
        place, x_NP, start = (
            torch.randperm(self.frames, generator=order).numpy(),
            np.empty((self.frames, dim), np.float32),
            0,
        )
        for x_TD in self.parts():
            x_TP = projection(torch.from_numpy(np.array(x_TD))).numpy() if projection else x_TD
            x_NP[place[start : start + len(x_TP)]] = x_TP
            start += len(x_TP)
        return torch.from_numpy(x_NP)


def read_lengths(folder: Path) -> dict[str, int]:
    """Utterance id -> its number of frames in the sample. Raises UserError if the sample is missing or damaged."""
    table = folder / "utt2num_frames"
    if not table.is_file():
        raise UserError("no sample of features here", str(folder), "name the output of units.sample")
    try:
        return {id: int(n) for id, n in (line.split() for line in table.read_text(encoding="utf-8").splitlines())}
    except ValueError as e:
        raise UserError(f"a line that is not `utterance frames`: {e}", str(table), "run units.sample again") from None


def mean_frame(x_ND: Tensor) -> Tensor:
    """Mean of all frames [D] float32, summed in float64, chunk by chunk: no float64 copy of the whole."""
    sums_D = torch.zeros(x_ND.shape[1], dtype=torch.float64)
    for x in x_ND.split(SUM_ROWS):
        sums_D += x.sum(0, dtype=torch.float64)
    return (sums_D / len(x_ND)).float()


def memory_bytes(groups: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int:
    """Memory that this process may use, bytes: the machine's, or less if a container or a job has a limit.

    Args:
        groups: where control groups are mounted.
        own: the groups of this process, lines `number:controllers:path`; version 2 names no controller.
    """
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for line in own.read_text().splitlines() if own.is_file() else ():
        _, controllers, path = line.split(":", 2)
        mount = groups / "memory" if "memory" in controllers.split(",") else groups
        place = Path(path.lstrip("/"))
        for group in (place, *place.parents):  # a limit binds all groups below it
            for name in ("memory.max", "memory.limit_in_bytes"):
                limit = mount / group / name
                if limit.is_file() and (text := limit.read_text().strip()).isdigit():  # not `max`
                    limits.append(int(text))
    return min(limits)
