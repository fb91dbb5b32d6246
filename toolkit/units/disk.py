"""Disk of samples and codebooks, for --plan. Imports no torch."""

from __future__ import annotations

from ..core.plan import Disk, Planned
from ..models.planned import BYTES, MB, encoder_shape
from .config import UnitsConfig

MFCC, MFCC_RATE, LAYER_RATE = 39, 100.0, 50.0  # coefficients; frames per second
WIDEST = 1024  # numbers of a frame of a large network
OWN_MB = 0.1  # tables, logs, record


def sample_disk(planned: Planned) -> Disk | None:
    """Disk of units.sample: as many frames as the config asks for, or as the audio has, if that is known.

    None if the teacher whose states are sampled is not known yet.
    """
    config: UnitsConfig = planned.config
    frames, rate, width = float(config.sample.frames), MFCC_RATE, MFCC
    if config.features.kind == "layer":
        shapes = [shape for name in planned.ins[1:] if (shape := encoder_shape(planned, name))]
        if not shapes:
            return None
        rate, width = LAYER_RATE, shapes[0][1]
    if planned.hours is not None:
        frames = min(frames, config.sample.utterances * 3600 * planned.hours * rate)
    return Disk(OWN_MB + frames * width * BYTES / MB, by_audio=False)


def codebook_disk(planned: Planned) -> Disk:
    """Disk of units.kmeans: centroids and principal components of frames that are as wide as a large network's."""
    config: UnitsConfig = planned.config
    numbers = config.kmeans.k * (config.pca.dim or WIDEST) + config.pca.dim * WIDEST
    return Disk(OWN_MB + numbers * BYTES / MB, by_audio=False)
