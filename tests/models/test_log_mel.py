"""Log-mel spectrograms against transformers.WhisperFeatureExtractor."""

import numpy as np
import pytest
import torch
from transformers import WhisperFeatureExtractor

from toolkit.models.log_mel import RATE, log_mel, slaney_filters

LENGTHS = [1, 80, 159, 160, 399, 400, 401, 800, 16000, 16001, 29 * RATE + 7, 30 * RATE - 1, 30 * RATE, 31 * RATE]


def speech_like(samples: int) -> np.ndarray:
    """A tone that comes and goes, and a little noise: its spectrum has peaks and silence far below them."""
    time = np.arange(samples) / RATE
    noise = np.random.default_rng(samples).standard_normal(samples)
    return (0.3 * np.sin(2 * np.pi * 220 * time) * np.sin(2 * np.pi * time) ** 2 + 1e-3 * noise).astype(np.float32)


def theirs(waves: list[np.ndarray], mels: int) -> torch.Tensor:
    extractor = WhisperFeatureExtractor(feature_size=mels)
    return extractor(waves, sampling_rate=RATE, return_tensors="pt").input_features


@pytest.mark.parametrize("mels", [80, 128])
def test_filters_are_those_of_transformers(mels: int) -> None:
    wanted = WhisperFeatureExtractor(feature_size=mels).mel_filters
    np.testing.assert_allclose(slaney_filters(mels).numpy(), wanted, atol=1e-6)


@pytest.mark.parametrize("mels", [80, 128])
def test_features_of_any_length_are_those_of_transformers(mels: int) -> None:
    waves = [speech_like(n) for n in LENGTHS]
    ours = log_mel(waves, 3000, mels)
    assert ours.shape == (len(LENGTHS), mels, 3000)
    torch.testing.assert_close(ours, theirs(waves, mels), atol=2e-4, rtol=0)


@pytest.mark.parametrize("samples", [1, RATE, 30 * RATE])
def test_features_of_silence_are_those_of_transformers(samples: int) -> None:
    silence = np.zeros(samples, np.float32)
    ours = log_mel([silence], 3000, 80)
    torch.testing.assert_close(ours, theirs([silence], 80))
    assert ours.unique().tolist() == [-1.5]  # (log10(1e-10) + 4) / 4


def test_of_no_sample_at_all_silence_is_made() -> None:
    assert log_mel([np.zeros(0, np.float32)], 3000, 80).unique().tolist() == [-1.5]


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_shorter_window_has_the_first_frames_of_the_window_of_30_s(seconds: int) -> None:
    """But the last two, where the end of the shorter window is mirrored and the longer one has silence."""
    wave = speech_like(seconds * RATE)
    whole, short = log_mel([wave], 3000, 80)[0], log_mel([wave], seconds * 100, 80)[0]
    torch.testing.assert_close(short[:, :-2], whole[:, : seconds * 100 - 2], atol=1e-5, rtol=0)


def test_each_wave_is_treated_as_if_it_were_alone() -> None:
    waves = [speech_like(n) for n in (1000, 50_000, 16_000)]
    together = log_mel(waves, 3000, 80)
    for i, wave in enumerate(waves):
        assert torch.equal(together[i], log_mel([wave], 3000, 80)[0])
