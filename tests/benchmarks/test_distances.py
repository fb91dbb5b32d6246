"""Inertia and disagreement against sums written out."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks import distances


def test_inertia_is_that_of_all_pairs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distances, "CHUNK", 7)  # does not divide the frames
    rng = np.random.default_rng(0)
    x_ND, centroids_KD = (rng.normal(size=(n, 5)).astype(np.float32) for n in (40, 6))
    np.save(tmp_path / "x.npy", x_ND)
    expected = np.mean([min(np.sum((x_D - c_D.astype(float)) ** 2) for c_D in centroids_KD) for x_D in x_ND])
    assert distances.inertia(tmp_path / "x.npy", centroids_KD) == pytest.approx(expected, rel=1e-12)


def test_disagreement_counts_labels_and_measures_how_far_from_a_tie_they_are(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.array([[1.0], [0.0], [3.0]], np.float32))
    np.save(tmp_path / "c.npy", np.array([[0.0], [2.0], [5.0]], np.float32))

    def distance_of(ours: list[int], theirs: list[int]) -> tuple[int, float]:
        return distances.disagreement(tmp_path / "x.npy", tmp_path / "c.npy", np.array(ours), np.array(theirs))

    assert distance_of([0, 0, 1], [0, 0, 1]) == (0, 0.0)
    assert distance_of([0, 0, 1], [1, 0, 1]) == (1, 0.0)  # 1 is as far from 0 as from 2
    assert distance_of([0, 0, 1], [1, 0, 2]) == (2, 3.0)  # 3: squared 1 from 2, 4 from 5
