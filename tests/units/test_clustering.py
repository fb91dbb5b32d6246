"""k-means against scikit-learn, and the promises of its docstrings."""

import dataclasses
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import KMeans, kmeans_plusplus

from toolkit.core.errors import UserError
from toolkit.units.clustering import GROWTH, State, cluster_sums, fit, lloyd_iteration, plan, plus_plus
from toolkit.units.config import KmeansConfig
from toolkit.units.kmeans import load_state, save_state
from toolkit.units.nearest import Nearest, in_threads

CONFIG = KmeansConfig(k=20, tolerance=0.0, max_iterations=30)


@pytest.fixture(scope="module")
def frames() -> torch.Tensor:
    """Overlapping Gaussians, 39-dimensional, in random order, mean 0."""
    rng = np.random.default_rng(0)
    centres, scales = rng.normal(0, 3, (40, 39)), rng.uniform(0.5, 3, (40, 1))
    which = rng.integers(0, 40, 6000)
    x = torch.from_numpy(centres[which] + scales[which] * rng.standard_normal((6000, 39))).float()
    return x - x.mean(0)


def exact_inertia(x: torch.Tensor, centroids: torch.Tensor) -> float:
    """Mean squared distance to the nearest centroid, in float64, the plain way."""
    d = torch.cdist(x.double(), centroids.double(), compute_mode="donot_use_mm_for_euclid_dist")
    return d.min(1).values.square().mean().item()


def test_from_the_same_start_lloyd_arrives_where_scikit_learn_does(frames: torch.Tensor) -> None:
    first = frames[:20].clone()
    centroids = first
    for _ in range(15):
        centroids, _ = lloyd_iteration(frames, centroids)
    peer = KMeans(20, init=first.numpy(), n_init=1, max_iter=15, tol=0, algorithm="lloyd").fit(frames.numpy())
    ours, theirs = exact_inertia(frames, centroids), peer.inertia_ / len(frames)
    assert abs(ours - theirs) < 0.001 * theirs


def test_a_fit_is_within_one_per_cent_of_scikit_learn_with_its_own_starts(frames: torch.Tensor) -> None:
    peer = KMeans(20, init="k-means++", n_init=5, max_iter=100, random_state=0).fit(frames.numpy())
    best = fit(frames, dataclasses.replace(CONFIG, restarts=5), 0).best
    assert best is not None
    assert exact_inertia(frames, best) < 1.01 * peer.inertia_ / len(frames)


def test_mini_batch_is_within_two_per_cent_of_full(frames: torch.Tensor) -> None:
    config = dataclasses.replace(CONFIG, start_frames_per_cluster=20, batch_frames=500, max_iterations=12)
    full, batches = (
        exact_inertia(frames, fit(frames, dataclasses.replace(config, method=m), 0).best)
        for m in ("full", "mini-batch")
    )
    assert batches < 1.02 * full


def test_plus_plus_starts_no_worse_than_scikit_learns_and_better_than_random(frames: torch.Tensor) -> None:
    ours = np.mean([exact_inertia(frames, plus_plus(frames, 20, s)) for s in range(5)])
    theirs = np.mean(
        [
            exact_inertia(frames, torch.from_numpy(kmeans_plusplus(frames.numpy(), 20, random_state=s)[0]))
            for s in range(5)
        ]
    )
    assert ours < 1.05 * theirs
    assert ours < exact_inertia(frames, frames[:20])


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 12), st.integers(1, 5))
def test_the_inertia_of_lloyd_never_grows(seed: int, k: int, dim: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(60, dim, generator=generator).round(decimals=1)  # with ties and equal frames
    centroids, values = x[:k].clone(), []
    for _ in range(12):
        centroids, inertia = lloyd_iteration(x, centroids)
        values.append(inertia)
    assert all(b <= a + 1e-5 for a, b in pairwise(values))


def test_the_inertia_reported_is_that_of_the_centroids_given(frames: torch.Tensor) -> None:
    _, inertia = lloyd_iteration(frames, frames[:20])
    assert inertia == pytest.approx(exact_inertia(frames, frames[:20]), rel=1e-5)


def test_a_dead_cluster_moves_to_the_farthest_frame_and_lives() -> None:
    x = torch.cat([torch.randn(50, 2, generator=torch.Generator().manual_seed(0)), torch.tensor([[100.0, 100.0]])])
    start = torch.tensor([[0.0, 0.0], [-900.0, -900.0]])
    centroids, _ = lloyd_iteration(x, start)
    assert torch.equal(centroids[1], x[50])
    units, _ = Nearest(centroids)(x)
    assert torch.bincount(units, minlength=2).min() > 0


def test_fewer_different_frames_than_clusters_is_no_error() -> None:
    x = torch.tensor([[0.0, 0.0], [1.0, 1.0]]).repeat(20, 1)
    state = fit(x, KmeansConfig(k=5), 0)
    assert state.best is not None and torch.isfinite(state.best).all()
    assert state.history[-1][-1] == pytest.approx(0.0, abs=1e-6)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(1, 6), st.integers(0, 99))
def test_the_nearest_centroid_is_the_first_of_the_nearest(n: int, k: int, dim: int, seed: int) -> None:
    """Small whole numbers: the arithmetic is exact, and ties are many."""
    rng = np.random.default_rng(seed)
    x, c = rng.integers(-2, 3, (n, dim)), rng.integers(-2, 3, (k, dim))
    distances = ((x[:, None] - c[None]) ** 2).sum(2)
    units, scores = Nearest(torch.from_numpy(c).float())(torch.from_numpy(x).float())
    assert units.tolist() == distances.argmin(1).tolist()
    assert scores.tolist() == (distances.min(1) - (x**2).sum(1)).tolist()


def test_chunks_do_not_change_the_units(frames: torch.Tensor) -> None:
    nearest = Nearest(frames[:20])
    whole, _ = nearest(frames)
    nearest.chunk = 7
    assert torch.equal(nearest(frames)[0], whole)


@pytest.mark.parametrize("frames_more", [0, 1, 7])
def test_threads_do_not_change_the_units_nor_their_scores(frames: torch.Tensor, frames_more: int) -> None:
    """Each takes whole chunks of its own; afterwards the process has the threads that it had."""
    nearest = Nearest(frames[:20])
    nearest.chunk = 64
    x = frames[: 640 + frames_more]
    one = nearest(x)
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        many = nearest(x)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert torch.equal(one[0], many[0]) and torch.equal(one[1], many[1])


@pytest.mark.parametrize(("items", "threads"), [(0, 2), (1, 2), (64, 2), (65, 2), (1000, 3), (130, 8)])
def test_threads_share_all_items_once_in_whole_chunks(items: int, threads: int) -> None:
    parts: list[tuple[int, int]] = []
    in_threads(lambda first, last: parts.append((first, last)), items, 64, threads)
    parts.sort()
    assert [i for first, last in parts for i in range(first, last)] == list(range(items))
    assert all(first % 64 == 0 for first, _ in parts) and len(parts) <= threads


def test_an_error_in_a_thread_is_raised_and_the_threads_are_given_back() -> None:

    def fail(first: int, last: int) -> None:
        raise ValueError(f"{first}")

    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        with pytest.raises(ValueError, match="0"):
            in_threads(fail, 100, 10, 3)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_threads_find_units_for_a_teacher_in_inference_mode(frames: torch.Tensor) -> None:
    nearest = Nearest(frames[:20])
    expected = nearest(frames)[0]
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        nearest.chunk = 64
        with torch.inference_mode():
            assert torch.equal(nearest(frames)[0], expected)
    finally:
        torch.set_num_threads(before)


def test_cluster_sums_are_those_of_float64(frames: torch.Tensor) -> None:
    units = torch.arange(len(frames)) % 7
    sums, counts = cluster_sums(frames, units, 8)
    for k in range(7):
        torch.testing.assert_close(sums[k], frames[units == k].double().sum(0), atol=1e-2, rtol=1e-5)
    assert counts.tolist() == torch.bincount(units, minlength=8).tolist() and counts[7] == 0


@pytest.mark.parametrize("init", ["k-means++", "random"])
@pytest.mark.parametrize("method", ["full", "mini-batch"])
def test_the_same_seed_gives_the_same_bits_and_another_gives_others(
    frames: torch.Tensor, init: Any, method: Any
) -> None:
    config = KmeansConfig(k=20, init=init, method=method, start_iterations=3, max_iterations=3, batch_frames=1000)
    one, two, different = (fit(frames, config, seed).best for seed in (3, 3, 4))
    assert one is not None and two is not None and different is not None
    assert torch.equal(one, two) and not torch.equal(one, different)


@pytest.mark.parametrize("tolerance", [0.0, 0.2])  # 0.2: runs end by convergence
@pytest.mark.parametrize("method", ["full", "mini-batch"])
def test_a_fit_stopped_after_any_iteration_goes_on_to_the_same_bits(
    frames: torch.Tensor, method: Any, tolerance: float, tmp_path: Path
) -> None:
    config = KmeansConfig(
        k=20,
        method=method,
        restarts=2,
        start_frames_per_cluster=30,
        start_iterations=3,
        max_iterations=3,
        batch_frames=999,
        tolerance=tolerance,
    )
    whole = fit(frames, config, 0)
    longest = sum(run.iterations for run in plan(len(frames), config))
    assert len(whole.history) < longest if tolerance else len(whole.history) == longest

    class StoppedError(Exception):
        pass

    for stop in range(1, len(whole.history)):
        state, path = State(), tmp_path / "state.safetensors"

        def after(now: State, _: int, stop: int = stop, path=path) -> None:
            if len(now.history) == stop:
                save_state(path, now)
                raise StoppedError

        with pytest.raises(StoppedError):
            fit(frames, config, 0, state, after)
        resumed = fit(frames, config, 0, load_state(path, "cpu"))
        assert torch.equal(resumed.best, whole.best) and resumed.history == whole.history


def test_the_inertia_says_when_to_stop(frames: torch.Tensor) -> None:
    state = fit(frames, KmeansConfig(k=20, tolerance=0.01, max_iterations=50), 0)
    last = [v for run, _, _, v in state.history if run == state.run - 1]
    assert 2 <= len(last) < 50
    drops = [(a - b) / a for a, b in pairwise(last)]
    assert all(d >= 0.01 for d in drops[:-1]) and drops[-1] < 0.01


def test_subsamples_grow_up_to_all_frames() -> None:
    config = KmeansConfig(k=10, restarts=2, start_frames_per_cluster=100)
    sizes = [(r.kind, r.size) for r in plan(50_000, config)]
    assert sizes == [("start", 1000), ("start", 1000), ("grow", 4000), ("grow", 16000), ("grow", 50_000)]
    assert GROWTH == 4
    assert [r.size for r in plan(500, config)] == [500, 500, 500]


def test_more_clusters_than_frames_is_refused_naming_both_numbers() -> None:
    with pytest.raises(UserError, match="20 clusters of 19 frames"):
        fit(torch.randn(19, 3), KmeansConfig(k=20), 0)
    assert fit(torch.randn(20, 3), KmeansConfig(k=20), 0).history[-1][-1] == pytest.approx(0, abs=1e-5)
