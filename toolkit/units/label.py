"""Audio to units in one pass: features, nearest centroid, uint16; nothing else is stored."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..core.config import check_threads
from ..core.device import device_of_shards
from ..core.errors import UserError
from ..core.record import DROPPED, Ledger
from ..core.shards import run_shards, split
from ..core.step import Step, main
from ..data.labels import LabelHeader, Labels, join_labels, write_labels
from ..data.listen import settle
from .codebook import Codebook
from .config import FeatureConfig
from .features import FeatureSource, features_of, open_source, preload
from .inputs import recognise

if TYPE_CHECKING:
    from .nearest import Nearest


@dataclass(frozen=True)
class LabelConfig:
    """How fast labels are made; the features and centroids come from the codebook."""

    threads: int = 1
    """CPU threads of each worker; more are faster; the number may change the last digits of the features, so labels may
    differ"""

    def __post_init__(self) -> None:
        check_threads("threads", self.threads)


def source_for(codebook: Codebook, teacher: Path | None, device: str, threads: int = 1) -> FeatureSource:
    """The features that a codebook was learnt from. Raises UserError if the teacher is another one."""
    info = codebook.info
    config = FeatureConfig("mfcc" if info.kind == "mfcc" else "layer", info.layer, info.window_seconds or 60.0, threads)
    source = open_source(config, teacher, device)
    if source.info.teacher != info.teacher or (source.rate, source.dim) != (info.rate, info.dim):
        raise UserError(
            f"a codebook of {info.source} ({info.teacher}), but this is {source.name} ({source.info.teacher})",
            str(teacher),
            "name the teacher that the sample was made with",
        )
    return source


def run(step: Step[LabelConfig]) -> None:
    """Label every shard, join the shards, refuse degenerate labels."""
    inputs = recognise(step.ins)
    if inputs.codebook is None:
        raise UserError("no codebook among the inputs", "--in", "name the output of units.kmeans")
    codebook = Codebook.read(inputs.codebook)
    utterances, _, listener = inputs.read()
    device = device_of_shards(step, inputs.teacher)
    source = source_for(codebook, inputs.teacher, device, step.config.threads)
    info = codebook.info
    header = LabelHeader(
        info.rate, codebook.k, codebook.hash, info.source, info.convention, info.parameters, codebook.pca
    )
    parts = split([u.seconds for u in utterances])

    @cache
    def nearest() -> Nearest:
        import torch

        from .nearest import Nearest

        torch.set_num_threads(step.config.threads)
        return Nearest(codebook.centroids_KP.to(device), codebook.projection)

    def work(k: int, folder: Path) -> None:
        ledger, ears, find = Ledger(step.name), listener.anew(), nearest()
        features = features_of([utterances[i] for i in parts[k]], source, ledger, ears)
        made = {u.id: find(x_TD)[0].cpu().numpy().astype(np.uint16) for u, x_TD in features}
        write_labels(folder, header, list(made), list(made.values()), check=False)
        ledger.write(folder / DROPPED)
        ears.write_warned(folder, step.name)

    def imports() -> None:
        from . import nearest  # noqa: F401

        preload(inputs.teacher)

    costs = [sum(utterances[i].seconds for i in part) for part in parts]
    shards = run_shards(step, costs, work, on_device=inputs.teacher is not None, preload=imports)
    settle(step, shards, len(utterances))
    if not any(map(len, map(Labels.open, shards))):
        raise UserError(
            "not one utterance could be labelled", str(step.out), f"reasons: {step.ledger.reasons()}; mend the data"
        )
    join_labels(step.out, header, shards)
    labels = Labels.open(step.out)
    step.counts.update(utterances=len(labels), frames=labels.frames, hours=round(labels.frames / info.rate / 3600, 4))


if __name__ == "__main__":
    main(run)
