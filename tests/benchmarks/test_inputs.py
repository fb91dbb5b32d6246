"""What the races are run on, made small."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.arrays import read_waves, write_waves
from benchmarks.inputs import BenchInputs


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> BenchInputs:
    return BenchInputs(tmp_path_factory.mktemp("inputs"), 0.02)


def test_waves_come_back_as_they_were(tmp_path: Path) -> None:
    waves = [np.arange(n, dtype=np.float32) for n in (3, 1, 7)]
    write_waves(tmp_path / "waves.npz", waves)
    assert [wave_N.tolist() for wave_N in read_waves(tmp_path / "waves.npz")] == [w.tolist() for w in waves]


def test_frames_and_latents_are_as_many_as_was_said(inputs: BenchInputs) -> None:
    assert np.load(inputs.frames()).shape == (20_000, 39)
    latents_ND = np.load(inputs.latents())
    assert latents_ND.shape == (4_000, 768) and latents_ND.dtype == np.float32
    assert np.isfinite(latents_ND).all() and np.abs(latents_ND).max() <= 1


def test_centroids_are_k_of_the_frames_they_are_for(inputs: BenchInputs) -> None:
    assert np.load(inputs.centroids(inputs.frames())).shape == (inputs.k, 39)
    assert np.load(inputs.centroids(inputs.latents())).shape == (inputs.k, 768)


def test_waves_are_as_long_as_was_said(inputs: BenchInputs) -> None:
    assert sum(map(len, read_waves(inputs.waves()))) / 16000 == pytest.approx(1200 * 0.02, abs=8)
    lengths = [len(wave_N) / 16000 for wave_N in read_waves(inputs.ragged())]
    assert len(lengths) == 24 and 0.2 * 3 <= min(lengths) < max(lengths) <= 0.2 * 15


def test_what_is_made_is_kept_and_made_anew_to_the_same_bytes(inputs: BenchInputs) -> None:
    path = inputs.waves()
    before, bytes_before = path.stat().st_mtime_ns, path.read_bytes()
    assert inputs.waves().stat().st_mtime_ns == before
    path.unlink()
    assert inputs.waves().read_bytes() == bytes_before


def test_scales_do_not_share_a_folder(tmp_path: Path) -> None:
    assert BenchInputs(tmp_path).folder == tmp_path != BenchInputs(tmp_path, 0.5).folder
    whole = BenchInputs(tmp_path)
    assert whole.k == 500 and not whole.small_network and not whole.small_peer
