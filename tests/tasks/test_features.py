from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from toolkit.core.errors import UserError
from toolkit.data.kaldi import Utterance
from toolkit.tasks.cost import measure
from toolkit.tasks.features import SetFeatures, compute
from toolkit.tasks.spelt import neighbours
from toolkit.tasks.upstream import Fbank, Upstream, rows_of
from toolkit.units.mfcc import fbank

CPU = torch.device("cpu")


class Counting(Upstream):
    """Three states of width 2 that can be computed by hand; counts its calls."""

    dim, layers = 2, 2

    def __init__(self) -> None:
        self.calls = 0

    def frames(self, samples: int) -> int:
        return samples // 320

    def states(self, wave_N: torch.Tensor) -> torch.Tensor:
        self.calls += 1
        base = wave_N[: self.frames(len(wave_N)) * 320].view(-1, 320)[:, :2]
        return torch.stack([base, base + 1, base * 2], 1)


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    rng = np.random.default_rng(0)
    waves = {
        "a": rng.uniform(-0.5, 0.5, 3200),
        "b": rng.uniform(-0.5, 0.5, 6400),
        "c-short": np.zeros(10),
        "d-nan": np.array([np.nan] * 3200),
    }
    for name, wave in waves.items():
        soundfile.write(tmp_path / f"{name}.wav", wave.astype(np.float32), 16000, "FLOAT")
    (tmp_path / "e-empty.wav").touch()
    names = [*waves, "e-empty", "f-missing"]
    return [Utterance(n, str(tmp_path / f"{n}.wav"), 0.0, None, n, 0.3) for n in names]


@given(st.integers(0, 20000))
@settings(max_examples=40)
def test_filter_bank_rows_have_the_frames_of_a_hubert(samples: int) -> None:
    row = Fbank()
    count = row.frames(samples)
    assert count == max(0, (samples - 400) // 320 + 1)
    if samples % 97 == 0:
        assert len(row.states(torch.zeros(samples))) == count


def test_the_filter_bank_row_is_every_second_frame() -> None:
    wave = torch.randn(8000, generator=torch.Generator().manual_seed(0))
    states = Fbank().states(wave)
    assert states.shape == (24, 1, 40)
    assert torch.equal(states[:, 0], fbank(wave, 40)[::2])


def test_stacking_puts_three_frames_on_either_side_and_repeats_the_edges() -> None:
    wave = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    plain, stacked = Fbank().states(wave)[:, 0], Fbank(3).states(wave)[:, 0]
    assert stacked.shape == (12, 280)
    for t in range(12):
        wanted = torch.cat([plain[min(max(t + k, 0), 11)] for k in range(-3, 4)])
        assert torch.equal(stacked[t], wanted)


def test_cached_features_are_those_of_each_utterance(utterances: list[Utterance], tmp_path: Path) -> None:
    result = compute(Counting(), utterances, tmp_path / "cache", True, CPU, "test")
    assert result.ids == ["a", "b"]
    for u, utterance in enumerate(utterances[:2]):
        wanted = Counting().states(torch.from_numpy(utterance.audio()))
        assert torch.allclose(torch.from_numpy(result.states(u).astype(np.float32)), wanted, atol=1e-3)
        assert torch.allclose(torch.from_numpy(result.means([u])[0]), wanted.mean(0), atol=1e-3)
    everything = np.concatenate([result.states(0), result.states(1)]).astype(np.float64)
    mean, std = result.moments()
    assert np.allclose(mean, everything.mean(0))
    assert np.allclose(std, everything.std(0))


def test_what_cannot_be_used_is_dropped_with_its_reason(utterances: list[Utterance], tmp_path: Path) -> None:
    result = compute(Counting(), utterances, tmp_path / "cache", True, CPU, "test")
    assert [(id, reason) for id, reason, _ in result.dropped] == [
        ("c-short", "too short"),
        ("d-nan", "non-finite"),
        ("e-empty", "empty"),
        ("f-missing", "missing"),
    ]


def test_features_that_are_not_finite_in_half_precision_are_dropped(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    class Huge(Counting):
        def states(self, wave_N: torch.Tensor) -> torch.Tensor:
            return super().states(wave_N) + (1e5 if len(wave_N) == 3200 else 0.0)

    result = compute(Huge(), utterances[:2], tmp_path / "cache", True, CPU, "test")
    assert [(id, reason) for id, reason, _ in result.dropped] == [("a", "non-finite features")]


def test_features_are_computed_once(utterances: list[Utterance], tmp_path: Path) -> None:
    upstream = Counting()
    first = compute(upstream, utterances, tmp_path / "cache", True, CPU, "test")
    again = compute(upstream, utterances, tmp_path / "cache", True, CPU, "test")
    assert upstream.calls == 2
    assert again == first == SetFeatures.open(tmp_path / "cache")


def test_half_written_features_are_made_again(utterances: list[Utterance], tmp_path: Path) -> None:
    (tmp_path / "cache.tmp").mkdir()
    (tmp_path / "cache.tmp" / "frames.f16").write_bytes(b"half")
    result = compute(Counting(), utterances, tmp_path / "cache", True, CPU, "test")
    assert result.states(0).shape == (10, 3, 2)


def test_a_set_without_usable_audio_is_a_users_mistake(utterances: list[Utterance], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no utterance of test can be used: c-short: too short"):
        compute(Counting(), utterances[2:], tmp_path / "cache", True, CPU, "test")


def test_a_random_row_needs_a_model_and_rows_need_different_names(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="random are made of a model"):
        rows_of(["random"], [])
    models = [tmp_path / "x" / "S", tmp_path / "y" / "S"]
    with pytest.raises(UserError, match="two rows would be called S"):
        rows_of(["fbank", "models"], models)
    result = rows_of(["fbank", "random", "models"], [Path("S"), Path("ST")])
    assert [row.row for row in result] == ["fbank", "random.S", "random.ST", "S", "ST"]


@pytest.mark.parametrize(
    ("models", "freeze", "rows"),
    [
        ([], True, {"fbank": "FBANK 40", "fbank_stacked": "FBANK 40 stacked ±3"}),
        (["S"], True, {"random.S": "S, random", "S": "S"}),
        (["it3-pca.ST"], False, {"it3-pca.ST.tuned": "it3-pca.ST, fine-tuned"}),
    ],
)
def test_rows_that_are_not_named_follow_from_the_models(models: list[str], freeze: bool, rows: dict[str, str]) -> None:
    result = rows_of((), [Path(model) for model in models], freeze)
    assert {row.row: row.title for row in result} == rows
    assert all(row.frozen is freeze for row in result)


def test_batches_of_neighbours_hold_every_utterance_once_and_pad_less_the_more_are_sorted() -> None:
    rng = np.random.default_rng(0)
    seconds, order = rng.uniform(1, 10, 203).tolist(), rng.permutation(203).tolist()
    padding = []
    for batches in (1, 2, 8):
        result = neighbours(order, seconds, 8, batches, np.random.default_rng(1))
        assert sorted(result) == list(range(203))
        groups = [[seconds[i] for i in result[k : k + 8]] for k in range(0, 203, 8)]
        padding.append(sum(max(group) * len(group) - sum(group) for group in groups))
    assert padding[1] < 0.8 * padding[0] and padding[2] < 0.6 * padding[1]


def test_cost_is_measured_per_second_of_audio(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]

    class Slow(Counting):
        def states(self, wave_N: torch.Tensor) -> torch.Tensor:
            self.kept = torch.ones(25_000_000)  # 100 MB
            clock[0] += 0.02 * len(wave_N) / 16000
            return torch.zeros(1)

    monkeypatch.setattr("toolkit.tasks.cost.time.perf_counter", lambda: clock[0])
    result = measure(Slow, [torch.zeros(8000), torch.zeros(16000), torch.zeros(32000)], 2.0, CPU, 1)
    assert result.rtf == pytest.approx(0.02) and result.latency_ms == pytest.approx(40)
    assert result.peak_mb is None or result.peak_mb >= 90
    assert (result.threads, result.seconds_of_audio, result.clip_seconds) == (1, 3.5, 2.0)


def test_a_network_runs_over_all_lengths_before_its_memory_and_time_are_taken() -> None:
    """Else the first row of a table, which loads libraries, costs other than the same network further down."""
    opened: list[Lengths] = []

    class Lengths(Counting):
        def __init__(self) -> None:
            self.seen: list[int] = []
            opened.append(self)

        def states(self, wave_N: torch.Tensor) -> torch.Tensor:
            self.seen.append(len(wave_N))
            return torch.zeros(1)

    measure(Lengths, [torch.zeros(8000), torch.zeros(16000)], 2.0, CPU, 1)
    assert [o.seen for o in opened] == [[32000, 8000, 16000], 4 * [32000] + 4 * [8000] + 4 * [16000]]
