"""What a student hears of an utterance, where it shall hear worse than its teacher: noise, or hidden spans.

SpecAugment (Park et al., Interspeech 2019) hides spans of frames and of dimensions of a spectrogram; a network that
hears waveforms has it on its features before positions are added. Teachers and labels are of the clean waveform.

Shapes: B utterances, N samples, T frames, D width of the student.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..data.augment import coloured_noise, mix, rms
from ..data.frames import RATE, frames_of
from .config import AugmentConfig

Kept = np.ndarray[Any, np.dtype[np.bool_]]


def augmented(batch: dict[str, Any], config: AugmentConfig, width: int, seed: int) -> dict[str, Any]:
    """A micro-batch of wave_BN, and perhaps `samples` [B], as the student shall hear it; a pure function of `seed`.

    With noise, wave_BN is noisy and clean_BN is what it was. With SpecAugment, kept_BT and kept_BD are False where
    features are hidden. `width` is D.
    """
    random = np.random.default_rng(seed)
    wave_BN = batch["wave_BN"]
    samples = batch.get("samples") or [wave_BN.shape[1]] * len(wave_BN)
    if config.how == "noise":
        return {**batch, "wave_BN": _noisy(wave_BN, samples, config, random), "clean_BN": wave_BN}
    if config.how == "specaugment":
        own = [frames_of(n) for n in samples]
        kept_BT = np.ones((len(own), frames_of(wave_BN.shape[1])), bool)
        for row, frames in zip(kept_BT, own, strict=True):
            row[:frames] = kept(frames, config.time_masks, config.time_share, random)
        kept_BD = np.stack([kept(width, config.feature_masks, config.feature_share, random) for _ in own])
        return {**batch, "kept_BT": kept_BT, "kept_BD": kept_BD}
    return batch


def kept_in(batch: Mapping[str, Any]) -> tuple[Any, Any] | None:
    """(kept_BT, kept_BD) of a micro-batch with SpecAugment."""
    return (batch["kept_BT"], batch["kept_BD"]) if "kept_BT" in batch else None


def _noisy(wave_BN: Any, samples: Sequence[int], config: AugmentConfig, random: np.random.Generator) -> Any:
    """Each waveform with coloured noise over its own samples, at its own level; padding and silence stay 0."""
    noisy_BN = np.zeros_like(wave_BN)
    for noisy_N, wave_N, n in zip(noisy_BN, wave_BN, samples, strict=True):
        noise_N = coloured_noise(n, RATE, random.uniform(*config.noise_colour), random)
        mixed_N = mix(wave_N[:n], noise_N, random.uniform(*config.snr_db))
        noisy_N[:n] = mixed_N * np.float32(rms(wave_N[:n]) / max(rms(mixed_N), 1e-12))
    return noisy_BN


def kept(size: int, masks: int, share: float, random: np.random.Generator) -> Kept:
    """False [size] where one of `masks` spans lies, each of up to `share` of all places; one place stays at least."""
    kept_S = np.ones(size, bool)
    longest = min(int(share * size), (size - 1) // masks if masks else 0)
    for _ in range(masks):
        length = random.integers(0, longest + 1)
        start = random.integers(0, size - length + 1)
        kept_S[start : start + length] = False
    return kept_S
