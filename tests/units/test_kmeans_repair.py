"""Clusters that no frame is nearest to, and the best of several starts."""

import numpy as np
import pytest
import torch

from toolkit.units.clustering import State, fit, lloyd_iteration
from toolkit.units.config import KmeansConfig
from toolkit.units.nearest import Nearest


def test_several_dead_clusters_move_to_different_frames_the_farthest_ones() -> None:
    x = torch.cat([torch.zeros(50, 2), torch.tensor([[100.0, 0.0], [0.0, 90.0], [3.0, 3.0]])])
    centroids, _ = lloyd_iteration(x, torch.tensor([[0.0, 0.0], [-900.0, -900.0], [-800.0, -900.0]]))
    assert {tuple(c) for c in centroids[1:].tolist()} == {(100.0, 0.0), (0.0, 90.0)}
    assert torch.equal(centroids[0], x.mean(0))


@pytest.mark.parametrize("passes", [1, 2])
def test_a_dead_cluster_of_a_mini_batch_pass_moves_and_its_count_begins_anew(passes: int) -> None:
    """Else the frames that it is going to average would hardly move it, after all it had averaged where it was."""
    noise = torch.randn(50, 2, generator=torch.Generator().manual_seed(0))
    x = torch.cat([noise, torch.tensor([[100.0, 100.0]])])
    config = KmeansConfig(k=2, method="mini-batch", batch_frames=20, max_iterations=passes, restarts=1, tolerance=0.0)
    begun = State(
        run=1,
        centroids=torch.tensor([[0.0, 0.0], [-900.0, -900.0]]),
        seen=torch.tensor([500, 500]),
    )
    state = fit(x, config, 0, begun)
    assert state.best is not None and state.seen is not None
    assert torch.equal(state.best[1], x[50])
    assert state.seen.tolist() == {1: [551, 0], 2: [601, 1]}[passes]
    units, _ = Nearest(state.best)(x)
    assert units.tolist() == [0] * 50 + [1]


def test_the_best_start_goes_on() -> None:
    rng = np.random.default_rng(0)
    centres = np.repeat(rng.normal(0, 5, (30, 4)), 40, 0)
    x = torch.from_numpy(rng.permutation(centres + rng.normal(0, 0.3, centres.shape))).float()
    config = KmeansConfig(k=30, init="random", restarts=6, start_iterations=3, start_frames_per_cluster=20)
    went_on: list[float] = []

    def after(state: State, frames: int) -> None:
        if (state.run, state.iteration) == (6, 0):  # the starts are over
            went_on.append(state.best_inertia)

    state = fit(x, config, 1, after=after)
    ends = [[inertia for run, _, _, inertia in state.history if run == start][-1] for start in range(6)]
    assert went_on == [min(ends)]
    assert min(ends) < ends[0] and min(ends) < ends[5]  # it is neither the first nor the last
