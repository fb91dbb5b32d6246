"""k-means in torch: greedy k-means++ on a subsample, Lloyd on growing subsamples, then on all frames.

Initialisation is where the time of k-means goes, and the first iterations move centroids so far that few
frames tell them where to. So each start (k-means++ and a few iterations) sees 128 frames per cluster;
the best start goes on to subsamples each four times as large, and only the last iterations see all.

Shapes: N frames, D dimensions, K centroids. Frames must stand in random order: subsamples are their first rows.

Sources: Arthur and Vassilvitskii 2007 (k-means++; several candidates a step: its section 4), Lloyd 1982,
Sculley 2010 (mini-batch).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor

from ..core.errors import UserError
from ..core.seed import seed_of
from ..models.linear import affine
from .config import KmeansConfig
from .nearest import Nearest

GROWTH = 4  # a subsample is this many times the one before
SUM_ROWS = 65536  # rows summed in float32 before the sums go on in float64


@dataclass(frozen=True)
class KmeansRun:
    """`iterations` iterations on the first `size` frames; kind: start, grow or mini-batch."""

    kind: str
    size: int
    iterations: int


@dataclass
class State:
    """All that one iteration hands to the next, so that a stopped fit goes on as if it had not been stopped.

    Attributes:
        run, iteration: where in the list of runs.
        centroids: of the run under way; None before its first iteration.
        inertia: per frame, of its last iteration.
        best, best_inertia: the best start so far; later the outcome of the last finished run.
        seen: for mini-batch, frames that each centroid has averaged so far [K].
        history: a row (run, frames, iteration, inertia per frame) for every iteration.
    """

    run: int = 0
    iteration: int = 0
    centroids: Tensor | None = None
    inertia: float = math.inf
    best: Tensor | None = None
    best_inertia: float = math.inf
    seen: Tensor | None = None
    history: list[tuple[int, int, int, float]] = field(default_factory=list)


def plan(frames: int, config: KmeansConfig) -> list[KmeansRun]:
    """The runs of a fit on `frames` frames. Raises UserError if they are fewer than clusters."""
    if frames < config.k:
        raise UserError(f"{config.k} clusters of {frames} frames", "kmeans.k", "lower kmeans.k, or sample more frames")
    size = min(frames, config.k * config.start_frames_per_cluster)
    runs = [KmeansRun("start", size, config.start_iterations)] * config.restarts
    while size * GROWTH * 2 <= frames:  # above half of the frames, one may as well take all
        size *= GROWTH
        runs.append(KmeansRun("grow", size, config.start_iterations))
    last = "mini-batch" if config.method == "mini-batch" else "grow"
    return [*runs, KmeansRun(last, frames, config.max_iterations)]


def fit(
    x_ND: Tensor,
    config: KmeansConfig,
    seed: int,
    state: State | None = None,
    after: Callable[[State, int], None] = lambda state, frames: None,
    device: str | torch.device | None = None,
) -> State:
    """Learn centroids; they are `.best` of the state returned.

    Args:
        x_ND: float32, in random order, best with mean 0 (float32 distances are then the most exact).
        state: where an earlier fit of the same frames, config and seed was stopped.
        after: called after each iteration with the state, from which a fit can go on, and the frames it went through.
        device: where to compute, if not where x is; x then travels there in chunks.

    The same x, config and seed give the same bits, stopped or not, on one device with one thread count.
    """
    state, runs = state or State(), plan(len(x_ND), config)
    while state.run < len(runs):
        run = runs[state.run]
        x = x_ND[: run.size]
        if run.kind == "start" and device is not None:
            x = x.to(device)
        _iterate(x, run, config, seed, state, after)
    return state


def _iterate(
    x_ND: Tensor, run: KmeansRun, config: KmeansConfig, seed: int, state: State, after: Callable[[State, int], None]
) -> None:
    """Iterate on the frames of a run until it is finished, and move the state on to the next run."""
    power, number = squares(x_ND), state.run
    if state.centroids is None:
        state.centroids = start(x_ND, config, seed_of(seed, "start", number)) if run.kind == "start" else state.best
    while state.run == number:
        assert state.centroids is not None
        before, frames = state.inertia, run.size
        if run.kind == "mini-batch":
            _mini_batch_pass(x_ND, power, state, config, seed)
        else:
            state.centroids, state.inertia = lloyd_iteration(x_ND, state.centroids, power)
        state.iteration += 1
        state.history.append((number, run.size, state.iteration, state.inertia))
        converged = before - state.inertia < config.tolerance * before < math.inf
        if converged or state.iteration == run.iterations:
            frames += run.size * (run.iterations - state.iteration)  # what is left out counts as done
            if run.kind != "start" or state.inertia < state.best_inertia:
                state.best, state.best_inertia = state.centroids, state.inertia
            state.run, state.iteration, state.centroids, state.inertia = number + 1, 0, None, math.inf
        after(state, frames)


def start(x_ND: Tensor, config: KmeansConfig, seed: int) -> Tensor:
    """Centroids to start from [K, D], by config.init."""
    if config.init == "random":
        chosen = torch.randperm(len(x_ND), generator=torch.Generator().manual_seed(seed))[: config.k]
        return x_ND[chosen.to(x_ND.device)].clone()
    return plus_plus(x_ND, config.k, seed)


def plus_plus(x_ND: Tensor, k: int, seed: int) -> Tensor:
    """Greedy k-means++ [k, D]: of 2 + ln k frames drawn by squared distance, the one that lowers the inertia most."""
    generator = torch.Generator().manual_seed(seed)
    trials = 2 + int(math.log(k))
    squares_N = x_ND.square().sum(1)
    centroids_KD = torch.empty(k, x_ND.shape[1], device=x_ND.device)
    centroids_KD[0] = x_ND[int(torch.randint(len(x_ND), (1,), generator=generator))]
    nearest_N = _distances(centroids_KD[:1], x_ND, squares_N)[0]
    for i in range(1, k):
        reach_N = nearest_N.double().cumsum(0)
        draws = torch.rand(trials, generator=generator, dtype=torch.float64).to(x_ND.device)
        if reach_N[-1] > 0:
            drawn = torch.searchsorted(reach_N, draws * reach_N[-1], right=True).clamp_(max=len(x_ND) - 1)
        else:  # fewer different frames than clusters
            drawn = (draws * len(x_ND)).long()
        left_TN = _distances(x_ND[drawn], x_ND, squares_N)
        torch.minimum(left_TN, nearest_N, out=left_TN)
        best = int(left_TN.sum(1, dtype=torch.float64).argmin())
        centroids_KD[i], nearest_N = x_ND[drawn[best]], left_TN[best].clone()
    return centroids_KD


def lloyd_iteration(x_ND: Tensor, centroids_KD: Tensor, power: float | None = None) -> tuple[Tensor, float]:
    """New centroids [K, D] and the inertia per frame of the old ones.

    A centroid that no frame is nearest to moves to the frame farthest from its own (as in scikit-learn), so the
    inertia never grows.

    Args:
        power: sum of |x|^2, where it is known.
    """
    units_N, scores_N = Nearest(centroids_KD)(x_ND)
    sums_KD, counts_K = cluster_sums(x_ND, units_N, len(centroids_KD))
    new_KD = (sums_KD / counts_K.clamp(min=1)[:, None]).float()
    _repair(new_KD, counts_K, x_ND, scores_N)
    inertia = (scores_N.sum(dtype=torch.float64).item() + (squares(x_ND) if power is None else power)) / len(x_ND)
    return new_KD, max(inertia, 0.0)


def cluster_sums(x_ND: Tensor, units_N: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Sum [K, D] float64 and number [K] of the frames of each unit, in an order that is always the same."""
    device = units_N.device
    sums_KD = torch.zeros(k, x_ND.shape[1], dtype=torch.float64, device=device)
    if device.type == "cpu":
        with ThreadPoolExecutor(torch.get_num_threads()) as pool:
            for part_KD in pool.map(partial(_sums, k), x_ND.split(SUM_ROWS), units_N.split(SUM_ROWS)):
                sums_KD += part_KD
    else:  # atomic additions of a GPU come in any order; a product with one-hot rows does not
        rows = max(1, min(SUM_ROWS, (1 << 29) // (4 * k)))
        for x, units in zip(x_ND.split(rows), units_N.split(rows)):
            sums_KD += (units == torch.arange(k, device=device)[:, None]).float() @ x.to(device)
    return sums_KD, torch.bincount(units_N, minlength=k)


def _sums(k: int, x_ND: Tensor, units_N: Tensor) -> Tensor:
    """Sum of the frames of each unit [K, D], in float32 and in the order of the frames."""
    ones, ends = np.ones(len(x_ND), np.float32), np.arange(len(x_ND) + 1)
    return torch.from_numpy(csr_array((ones, units_N.numpy(), ends), shape=(len(x_ND), k)).T @ x_ND.numpy())


def _mini_batch_pass(x_ND: Tensor, power: float, state: State, config: KmeansConfig, seed: int) -> None:
    """One pass in batches: each moves its centroids towards its means, by its share of the frames seen so far."""
    assert state.centroids is not None
    k, device = config.k, state.centroids.device
    if state.seen is None:
        state.seen = torch.zeros(k, dtype=torch.int64, device=device)
    centroids_KD, seen_K = state.centroids.double(), state.seen.clone()
    scores_N, counts_K = torch.empty(len(x_ND), device=device), torch.zeros_like(seen_K)
    size, batches = config.batch_frames, -(-len(x_ND) // config.batch_frames)
    generator = torch.Generator().manual_seed(seed_of(seed, "pass", state.run, state.iteration))
    for b in torch.randperm(batches, generator=generator).tolist():
        part = slice(b * size, (b + 1) * size)
        units_B, scores_N[part] = Nearest(centroids_KD.float())(x_ND[part])
        sums_KD, here_K = cluster_sums(x_ND[part], units_B, k)
        seen_K += here_K
        counts_K += here_K
        centroids_KD += (sums_KD - here_K[:, None] * centroids_KD) / seen_K.clamp(min=1)[:, None]
    new_KD = centroids_KD.float()
    seen_K[_repair(new_KD, counts_K, x_ND, scores_N)] = 0
    state.centroids, state.seen = new_KD, seen_K
    state.inertia = max((scores_N.sum(dtype=torch.float64).item() + power) / len(x_ND), 0.0)


def _repair(centroids_KD: Tensor, counts_K: Tensor, x_ND: Tensor, scores_N: Tensor) -> Tensor:
    """Move centroids without a frame to the frames farthest from theirs; returns which [any number]."""
    dead = torch.nonzero(counts_K == 0)[:, 0]
    if len(dead):
        squares_N = torch.cat([x.square().sum(1).to(scores_N.device) for x in x_ND.split(SUM_ROWS)])
        farthest = (scores_N + squares_N).topk(len(dead)).indices
        centroids_KD[dead] = x_ND[farthest.to(x_ND.device)].to(centroids_KD.device)
    return dead


def squares(x_ND: Tensor) -> float:
    """Sum of the squares of all numbers, in float64."""
    return sum(x.double().square().sum().item() for x in x_ND.split(SUM_ROWS))


def _distances(from_TD: Tensor, x_ND: Tensor, squares_N: Tensor) -> Tensor:
    """Squared distances [T, N]."""
    return affine(-2.0 * from_TD, x_ND, squares_N).add_(from_TD.square().sum(1)[:, None]).clamp_(min=0.0)
