"""Clipping: samples at full scale, of either sign, count by their share."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from toolkit.data.check import check_audio
from toolkit.data.judge import Limits


@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize(("share", "reason"), [(0.0, ""), (0.04, ""), (0.06, "clipped")])
def test_clipping_of_either_sign_counts_by_its_share(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray], sign: float, share: float, reason: str
) -> None:
    wave = np.clip(make_noise(2), -0.9, 0.9)
    wave[: int(share * len(wave))] = sign
    verdict = check_audio(record("c.wav", wave, subtype="FLOAT"), Limits(max_clipped=0.05))
    assert (verdict.reason, verdict.clipped) == (reason, pytest.approx(share, abs=1e-4))


@pytest.mark.parametrize(("peak", "share"), [(0.998, 0.0), (-0.998, 0.0), (0.9995, 0.25), (-1.0, 0.25)])
def test_a_sample_is_clipped_from_a_thousandth_below_full_scale_on(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray], peak: float, share: float
) -> None:
    wave = np.clip(make_noise(2), -0.9, 0.9)
    wave[:8000] = peak
    assert check_audio(record("c.wav", wave, subtype="FLOAT")).clipped == pytest.approx(share, abs=1e-4)


def test_the_largest_number_of_16_bits_is_full_scale(
    record: Callable[..., Path], make_noise: Callable[..., np.ndarray]
) -> None:
    """It is 32767 / 32768, below 1."""
    wave = np.clip(make_noise(2), -0.9, 0.9)
    wave[:8000] = 1.0
    assert check_audio(record("c.wav", wave, subtype="PCM_16")).clipped == pytest.approx(0.25, abs=1e-4)
