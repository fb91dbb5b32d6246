"""MFCC and filter banks against kaldi-native-fbank and the closed forms."""

import kaldi_native_fbank as knf
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.data.frames import frames_of
from toolkit.units.framing import frame_count
from toolkit.units.mfcc import FLOOR, MEL_BINS, deltas, fbank, mfcc

N = 16000 + 123
T = np.arange(N)


def oracle(wave: np.ndarray, bins: int = MEL_BINS, cepstra: bool = True) -> np.ndarray:
    options = knf.MfccOptions() if cepstra else knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.snip_edges = True
    options.mel_opts.num_bins = bins
    options.use_energy = False
    if cepstra:
        options.num_ceps = 13
    computer = (knf.OnlineMfcc if cepstra else knf.OnlineFbank)(options)
    computer.accept_waveform(16000, wave.tolist())
    computer.input_finished()
    return np.stack([computer.get_frame(i) for i in range(computer.num_frames_ready)])


def noise(scale: float, seed: int = 0) -> np.ndarray:
    return scale * np.random.default_rng(seed).standard_normal(N)


WAVES = {
    "noise": noise(0.1),
    "loud clipped noise": np.clip(noise(2.0), -1, 1),
    "one bit of noise": noise(3e-5),
    "tones over noise": 0.3 * np.sin(T * 0.3) + 0.2 * np.sin(T * 0.05) + noise(1e-3),
    "noise on a large offset": 0.5 + noise(0.01),
    "digital silence": np.zeros(N),
    "an offset alone": np.full(N, 0.3),
    "silence, then noise": np.where(T > 8000, noise(0.1), 0.0),
    "16-bit steps": np.round(noise(0.01) * 32768) / 32768,
}


@pytest.mark.parametrize("name", WAVES)
def test_mfcc_and_fbank_are_those_of_kaldi(name: str) -> None:
    wave = WAVES[name].astype(np.float32)
    features = mfcc(torch.from_numpy(wave))
    assert features.shape == (frame_count(N), 39)
    np.testing.assert_allclose(features[:, :13], oracle(wave), atol=2e-3, rtol=0)
    for bins in (40, 80):
        np.testing.assert_allclose(
            fbank(torch.from_numpy(wave), bins), oracle(wave, bins, cepstra=False), atol=2e-3, rtol=0
        )


def test_a_pure_tone_differs_from_float64_no_more_than_kaldi_does_twice_over() -> None:
    """Between the harmonics of a pure tone float32 leaves only rounding, in Kaldi as here."""
    wave = (0.5 * np.sin(T * 0.3)).astype(np.float32)
    exact = mfcc(torch.from_numpy(wave).double())[:, :13].numpy()
    ours, kaldis = (abs(x - exact).max() for x in (mfcc(torch.from_numpy(wave))[:, :13].numpy(), oracle(wave)))
    assert ours < 2 * kaldis < 0.02


def test_silence_gives_the_floor_and_no_infinity() -> None:
    assert torch.equal(fbank(torch.zeros(4000)), torch.full((23, 40), float(np.log(np.float32(FLOOR)))))
    assert torch.isfinite(mfcc(torch.zeros(4000))).all()


def naive_deltas(x: np.ndarray) -> np.ndarray:
    """d_t = sum_n n (x_{t+n} - x_{t-n}) / (2 sum_n n^2), n = 1, 2, in float64, edges repeated."""
    p = np.pad(x.astype(np.float64), ((2, 2), (0, 0)), mode="edge")
    return np.stack([sum(n * (p[t + 2 + n] - p[t + 2 - n]) for n in (1, 2)) / (2 * (1 + 4)) for t in range(len(x))])


@pytest.mark.parametrize("frames", [1, 2, 5, 60])
def test_deltas_follow_the_formula_of_kaldi(frames: int) -> None:
    wave = torch.from_numpy(noise(0.1)[: 400 + 160 * (frames - 1)].astype(np.float32))
    x = mfcc(wave).numpy()
    first = naive_deltas(x[:, :13])
    np.testing.assert_allclose(x[:, 13:26], first, atol=1e-4)
    np.testing.assert_allclose(x[:, 26:], naive_deltas(first), atol=1e-4)


def test_inside_double_deltas_are_the_nine_point_filter_of_add_deltas() -> None:
    x = torch.randn(40, 13, dtype=torch.float64)
    once = np.array([-2, -1, 0, 1, 2]) / 10
    taps = np.convolve(once, once)
    twice = np.stack([sum(taps[i] * x[t - 4 + i].numpy() for i in range(9)) for t in range(4, 36)])
    np.testing.assert_allclose(deltas(deltas(x))[4:36], twice, atol=1e-12)


def test_equal_lengths_in_a_batch_give_what_each_gives_alone() -> None:
    waves = torch.from_numpy(np.stack([noise(0.1, i) for i in range(6)]).astype(np.float32)).view(2, 3, N)
    together = mfcc(waves)
    for i in range(2):
        for j in range(3):
            torch.testing.assert_close(together[i, j], mfcc(waves[i, j]), atol=1e-3, rtol=0)


def test_blocks_leave_no_seam() -> None:
    wave = torch.from_numpy(np.tile(noise(0.1), 12).astype(np.float32))
    short = wave[160 * 500 : 160 * 500 + 400 + 160 * 39]
    torch.testing.assert_close(fbank(wave)[500:540], fbank(short), atol=1e-4, rtol=0)


@pytest.mark.parametrize("samples", [0, 1, 399])
def test_less_than_a_frame_gives_no_frame(samples: int) -> None:
    assert mfcc(torch.zeros(samples)).shape == (0, 39) and fbank(torch.zeros(samples)).shape == (0, 40)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 20000))
def test_every_second_label_is_one_frame_of_the_network(samples: int) -> None:
    rates = frame_count(samples), frames_of(samples)
    assert frame_count(samples) == (max(0, (samples - 400) // 160 + 1) if samples >= 400 else 0)
    assert len(range(rates[0])[::2]) == rates[1]


def changed_frames(x: torch.Tensor, y: torch.Tensor) -> set[int]:
    return set(torch.nonzero((x != y).any(1))[:, 0].tolist())


@settings(max_examples=20, deadline=None)
@given(st.integers(400, 4000), st.data())
def test_static_mfcc_of_frame_2t_sees_exactly_the_samples_of_network_frame_t(samples: int, data: st.DataObject) -> None:
    """A convolution of stride 320 and field 400 and every second MFCC frame change by the same changed samples."""
    at = data.draw(st.integers(0, samples - 1))
    rng = np.random.default_rng(samples)
    wave = torch.from_numpy(rng.standard_normal(samples).astype(np.float32))
    changed = wave.clone()
    changed[at] += 1.0
    kernel = torch.ones(1, 1, 400)
    network = [torch.conv1d(w[None, None], kernel, stride=320)[0].T for w in (wave.double().float(), changed)]
    labels = [mfcc(w)[:, :13][::2] for w in (wave, changed)]
    assert len(labels[0]) == len(network[0])
    seen = {t for t in range(len(labels[0])) if 320 * t <= at < 320 * t + 400}
    assert changed_frames(*network) == seen
    inside = {t for t in seen if 0 < at - 320 * t < 399}  # the window is 0 on the first and the last sample
    assert inside <= changed_frames(*labels) <= seen


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 40), st.integers(0, 30), st.integers(0, 319))
def test_a_crop_on_the_grid_of_320_commutes_with_labelling(frames: int, start: int, tail: int) -> None:
    """Static coefficients; deltas look two frames beyond a crop, which labels of the whole utterance have seen."""
    length = 400 + 320 * (start + frames - 1) + tail
    wave = torch.from_numpy(noise(0.1)[:1].repeat(length).astype(np.float32) * 0)
    wave += torch.from_numpy(np.random.default_rng(start).standard_normal(length).astype(np.float32))
    whole = mfcc(wave)[:, :13][::2]
    crop = mfcc(wave[320 * start : 320 * start + 400 + 320 * (frames - 1)])[:, :13][::2]
    torch.testing.assert_close(crop, whole[start : start + frames], atol=2e-4, rtol=0)
