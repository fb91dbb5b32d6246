"""Augmentation against closed forms: no delay, the SNR asked for, the slope asked for, the level asked for."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.augment import (
    PEAK,
    AugmentConfig,
    _fft_size,
    augment,
    coloured_noise,
    mix,
    reverberate,
    rms,
    tilt,
    to_level,
)

RATE = 16000


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def click(n: int = 8000, at: int = 1000) -> np.ndarray:
    wave_N = np.zeros(n, np.float32)
    wave_N[at] = 1.0
    return wave_N


def test_nothing_is_delayed() -> None:
    assert np.abs(tilt(click(), RATE, 3.0)).argmax() == 1000
    wet_N = reverberate(click(), RATE, 0.3, 3.0, rng())
    assert np.abs(wet_N).argmax() == 1000
    assert np.abs(wet_N[:1000]).max() < 1e-6  # a room answers after the sound, never before


def test_direct_sound_keeps_its_level_and_the_tail_has_the_energy_asked_for() -> None:
    wet_N = reverberate(click(), RATE, 0.2, 6.0, rng()).astype(np.float64)
    assert wet_N[1000] == pytest.approx(1.0, abs=1e-6)
    assert -10 * np.log10((wet_N[1001:] ** 2).sum()) == pytest.approx(6.0, abs=0.01)


def test_the_tail_falls_by_60_db_in_the_reverberation_time() -> None:
    wet_N = reverberate(click(40000, 0), RATE, 1.0, 0.0, rng()).astype(np.float64)
    early, late = (10 * np.log10((wet_N[a : a + 800] ** 2).mean()) for a in (1600, 9600))  # half a second apart
    assert early - late == pytest.approx(30.0, abs=2.0)


@pytest.mark.parametrize("slope", [-3.0, 0.0, 2.5])
def test_tilt_has_the_slope_asked_for(slope: float) -> None:
    t_N = np.arange(RATE) / RATE
    gains = []
    for hertz in (500, 1000, 2000, 4000):
        tone_N = np.sin(2 * np.pi * hertz * t_N).astype(np.float32)
        inside = slice(4000, -4000)
        gains.append(20 * np.log10(rms(tilt(tone_N, RATE, slope)[inside]) / rms(tone_N[inside])))
    assert gains == pytest.approx([-slope, 0.0, slope, 2 * slope], abs=0.05)


@given(st.floats(-5, 40), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_the_signal_to_noise_ratio_is_the_one_asked_for(snr_db: float, seed: int) -> None:
    wave_N = rng(seed).standard_normal(4000).astype(np.float32) * np.float32(0.1)
    noise_N = coloured_noise(4000, RATE, 1.0, rng(seed + 1))
    added_N = mix(wave_N, noise_N, snr_db).astype(np.float64) - wave_N
    assert 20 * np.log10(rms(wave_N) / rms(added_N)) == pytest.approx(snr_db, abs=0.05)


@pytest.mark.parametrize("colour", [0.0, 1.0, 2.0])
def test_noise_falls_with_frequency_as_its_colour_says(colour: float) -> None:
    noise_N = coloured_noise(1 << 17, RATE, colour, rng())
    power_F = np.abs(np.fft.rfft(noise_N)) ** 2
    hertz_F = np.fft.rfftfreq(1 << 17, 1 / RATE)
    low, high = (10 * np.log10(power_F[(hertz_F > f) & (hertz_F < 2 * f)].mean()) for f in (300, 2400))
    assert low - high == pytest.approx(10 * colour * np.log10(8), abs=0.5)  # three octaves
    assert rms(noise_N) == pytest.approx(1.0, abs=1e-4)


def test_level_is_the_one_asked_for_unless_a_peak_would_clip() -> None:
    wave_N = rng().standard_normal(16000).astype(np.float32)
    assert 20 * np.log10(rms(to_level(wave_N, -26.0))) == pytest.approx(-26.0, abs=0.01)
    assert np.abs(to_level(wave_N, 0.0)).max() == pytest.approx(PEAK, abs=1e-5)
    assert not to_level(np.zeros(10, np.float32), -20.0).any()


@given(st.integers(1, 3000), st.integers(0, 9))
@settings(max_examples=25, deadline=None)
def test_any_wave_keeps_its_length_and_never_clips(n: int, seed: int) -> None:
    wave_N = (rng(seed).standard_normal(n) * 0.3).astype(np.float32)
    out_N = augment(wave_N, RATE, AugmentConfig(), rng(seed))
    assert out_N.shape == (n,) and out_N.dtype == np.float32
    assert np.isfinite(out_N).all() and np.abs(out_N).max() <= PEAK + 1e-6


def test_augmentation_follows_from_its_generator_alone() -> None:
    wave_N = rng(7).standard_normal(5000).astype(np.float32)
    one, again, different = (augment(wave_N, RATE, AugmentConfig(), rng(s)) for s in (3, 3, 4))
    assert one.tobytes() == again.tobytes() != different.tobytes()


@given(st.integers(1, 200000))
def test_fft_sizes_are_large_enough_and_have_small_factors(n: int) -> None:
    size = _fft_size(n)
    assert n <= size <= 2 * n
    for factor in (2, 3, 5):
        while size % factor == 0:
            size //= factor
    assert size == 1


def test_ranges_the_wrong_way_round_are_refused() -> None:
    with pytest.raises(ValueError, match="snr_db"):
        AugmentConfig(snr_db=(25.0, 8.0))
