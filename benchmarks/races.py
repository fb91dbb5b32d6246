"""The races: what is run against whom, and how good ours is meant to be."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from .chain import chain
from .inputs import RATE, SEED, Inputs
from .race import Contestant, race, ratios
from .table import Claim, Section, seconds_and_memory, spread

TWO = 2  # threads


def mfcc(inputs: Inputs, rounds: int) -> Section:
    waves = str(inputs.waves())
    exact = Contestant("torchaudio in float64", "peers.units:TorchaudioMfcc", {"waves": waves, "double": True})
    (ours, peer), (made, theirs) = race(
        [
            Contestant("ours", "ours:Mfcc", {"waves": waves}),
            Contestant("torchaudio compliance.kaldi + deltas", "peers.units:TorchaudioMfcc", {"waves": waves}),
        ],
        rounds,
        threads=1,
    )
    _, [double] = race([exact], 1, threads=1, warm_up=False)
    with np.load(waves) as stored:
        seconds, count = stored["lengths"].sum() / RATE, len(stored["lengths"])
    apart = [np.abs(a.astype(np.float64) - b) for a, b in ((made, theirs), (made, double), (theirs, double))]
    return Section(
        "MFCC with deltas, 39 dimensions",
        f"{count} utterances, {seconds / 60:.1f} min, one by one, 1 thread.",
        ["", "seconds", "peak MB", "audio s / s"],
        [[*seconds_and_memory(r), spread([seconds / s for s in r.values("seconds")])] for r in (ours, peer)],
        [Claim("MFCC, 1 thread", "torchaudio", 2.5, ratios(ours, peer))],
        [
            f"Greatest difference of two coefficients: ours and torchaudio {apart[0].max():.2g} (above 1e-3 in "
            f"{(apart[0] > 1e-3).sum()} of {apart[0].size:,}); each against torchaudio in float64: ours "
            f"{apart[1].max():.2g}, torchaudio {apart[2].max():.2g}. Where a band is all but silent, that is what "
            "float32 leaves of it.",
        ],
    )


def kmeans(inputs: Inputs, rounds: int) -> Section:
    published = "scikit-learn MiniBatchKMeans, as published"
    return _kmeans("MFCC", inputs.frames(), inputs.k, rounds, {published: ("PublishedKmeans", 10)})


def latent_kmeans(inputs: Inputs, rounds: int) -> Section:
    peers = {
        "scikit-learn KMeans, 20 iterations": ("ScikitKmeans", 1),
        "faiss Kmeans, 20 iterations": ("FaissKmeans", 1),
    }
    return _kmeans("latent frames", inputs.latents(), inputs.k, rounds, peers)


def _kmeans(what: str, frames: Path, k: int, rounds: int, peers: dict[str, tuple[str, float]]) -> Section:
    """Ours to the inertia that the first of the peers reaches, and beyond it until it converges."""
    given = {"frames": str(frames), "k": k, "seed": SEED}
    theirs = [Contestant(name, f"peers.units:{place}", given) for name, (place, _) in peers.items()]
    _, [first] = race(theirs[:1], 1, TWO, warm_up=False)
    target = inertia(frames, first)
    until = Contestant(
        "ours, to the inertia of the first peer", "ours:Kmeans", {**given, "threads": TWO, "until": target}
    )
    settled = Contestant("ours, until it converges", "ours:Kmeans", {**given, "threads": TWO})
    results, made = race([until, settled, *theirs], rounds, TWO, warm_up=False)
    inertias = [inertia(frames, centroids_KD) for centroids_KD in made]
    shape = f"{len(np.load(frames, mmap_mode='r')):,} × {np.load(frames, mmap_mode='r').shape[1]}"
    return Section(
        f"k-means of {shape}, K {k}",
        f"Frames: {what}. 2 threads. Inertia: mean squared distance to the nearest centroid over all frames, computed in "
        "float64 afterwards. Starts are part of the time; nobody warms up.",
        ["", "seconds", "peak MB", "inertia"],
        [[*seconds_and_memory(r), f"{found:.5g}"] for r, found in zip(results, inertias)],
        [
            Claim(
                f"k-means, {shape}, to the inertia of {theirs[0].name}",
                r.contestant.name,
                wanted,
                ratios(results[0], r),
            )
            for r, (_, wanted) in zip(results[2:], peers.values())
        ],
        [
            f"Ours goes through all frames {results[0].rounds[0]['iterations']} times to reach the inertia, "
            f"{results[1].rounds[0]['iterations']} times to converge; what comes before sees subsamples."
        ],
    )


def inertia(frames: Path, centroids_KD: np.ndarray) -> float:
    """Mean squared distance of the frames to the nearest of the centroids, in float64."""
    total, centroids_KD = 0.0, centroids_KD.astype(np.float64)
    x_ND = np.load(frames, mmap_mode="r")
    for i in range(0, len(x_ND), 8192):
        x_CD = x_ND[i : i + 8192].astype(np.float64)
        distances_CK = (x_CD**2).sum(1)[:, None] - 2 * x_CD @ centroids_KD.T + (centroids_KD**2).sum(1)
        total += distances_CK.min(1).sum()
    return total / len(x_ND)


def assignment(inputs: Inputs, rounds: int) -> Section:
    return _assignment(inputs.frames(), inputs, rounds, 4)


def latent_assignment(inputs: Inputs, rounds: int) -> Section:
    return _assignment(inputs.latents(), inputs, rounds, 2)


def _assignment(frames: Path, inputs: Inputs, rounds: int, wanted: float) -> Section:
    centroids = inputs.centroids(frames)
    given = {"frames": str(frames), "centroids": str(centroids)}
    results, made = race(
        [
            Contestant("ours", "ours:Assign", {**given, "threads": TWO}),
            Contestant("scikit-learn predict", "peers.units:ScikitPredict", given),
            Contestant("fairseq's way, numpy", "peers.units:FairseqNumpy", given),
            Contestant("fairseq's way, torch", "peers.units:FairseqTorch", given),
        ],
        rounds,
        TWO,
    )
    N, D = np.load(frames, mmap_mode="r").shape
    ours, scikit, in_numpy, in_torch = results
    faster = min(in_numpy, in_torch, key=lambda r: r.median("seconds"))
    differ = [_worse(frames, centroids, made[0], other) for other in made[1:]]
    return Section(
        f"Nearest centroid of {N:,} × {D}, K {len(np.load(centroids))}",
        "2 threads. fairseq's way: squared distances of the whole array as one array, then its argmin.",
        ["", "seconds", "peak MB", "frames / s"],
        [[*seconds_and_memory(r), spread([N / s for s in r.values("seconds")])] for r in results],
        [
            Claim(f"assignment, {N:,} × {D}", "scikit-learn", 1, ratios(ours, scikit)),
            Claim(
                f"assignment, {N:,} × {D}", f"{faster.contestant.name}, the faster of two", wanted, ratios(ours, faster)
            ),
        ],
        [
            "Frames with another label than ours: "
            + ", ".join(f"{r.contestant.name} {n}" for r, (n, _) in zip(results[1:], differ))
            + f"; the two distances then differ by {max(gap for _, gap in differ):.1g} of themselves at most: ties."
        ],
    )


def _worse(frames: Path, centroids: Path, ours_N: np.ndarray, theirs_N: np.ndarray) -> tuple[int, float]:
    """How many labels differ, and the greatest relative difference of the two squared distances, in float64."""
    other = np.flatnonzero(ours_N != theirs_N)
    x_ND, centroids_KD = np.load(frames, mmap_mode="r")[other].astype(np.float64), np.load(centroids).astype(np.float64)
    a_N, b_N = (((x_ND - centroids_KD[units_N[other]]) ** 2).sum(1) for units_N in (ours_N, theirs_N))
    return len(other), float(np.max(np.abs(a_N - b_N) / b_N, initial=0.0))


def pretraining(inputs: Inputs, rounds: int) -> Section:
    waves, seconds = str(inputs.ragged()), 20.0
    given = {"waves": waves, "units": inputs.k, "seconds": seconds, "threads": TWO}
    as_published = {"config": "egs/folder/ssl/conf/base.yaml", "model.layerdrop": "0"}
    results, _ = race(
        [
            Contestant("ours", "ours:Pretraining", {**given, **as_published, **inputs.small_network}),
            Contestant(
                "fairseq's way on transformers' HubertModel", "peers.hubert:FairseqWay", {**given, **inputs.small_peer}
            ),
            Contestant("torchaudio hubert_pretrain_base", "peers.hubert:Torchaudio", given),
        ],
        rounds,
        TWO,
    )
    ours, fairseq, torchaudio = results
    for r in results:
        r.rounds = [{**said, "rate": said["seconds"] / said["audio_seconds"]} for said in r.rounds]
    peaks = [max(r.values("peak_mb")) for r in results]
    return Section(
        "A pre-training step of HuBERT base",
        f"Forward, backward and update in float32, 2 threads; 24 waveforms of 3 to 15 s, at most {seconds:g} s in a "
        "batch, one batch an update. Ours: the config of egs/folder/ssl, crops of its exact lengths. The peers: sorted by "
        "length and cropped to the shortest of the batch, as fairseq does. Random units, K 500; no layer is skipped "
        "(layerdrop 0), so that all compute the same; the peers' AdamW is the fused one, as ours.",
        ["", "seconds for a second of audio", "peak MB", "audio s / s", "audio s in a batch"],
        [
            [
                r.contestant.name,
                spread(r.values("rate")),
                f"{peak:,.0f}",
                spread([1 / rate for rate in r.values("rate")]),
                spread(r.values("audio_seconds")),
            ]
            for r, peak in zip(results, peaks)
        ],
        [
            Claim("HuBERT-base step, audio-seconds per second", "fairseq's way", 1.15, ratios(ours, fairseq, "rate")),
            Claim("HuBERT-base step, audio-seconds per second", "torchaudio", 1.8, ratios(ours, torchaudio, "rate")),
            Claim("HuBERT-base step, smaller peak memory", "fairseq's way", 1.25, [peaks[1] / peaks[0]]),
            Claim("HuBERT-base step, smaller peak memory", "torchaudio", 1.25, [peaks[2] / peaks[0]]),
        ],
    )


RACES: dict[str, Callable[[Inputs, int], Section]] = {
    "mfcc": mfcc,
    "kmeans": kmeans,
    "latent-kmeans": latent_kmeans,
    "chain": chain,
    "assignment": assignment,
    "latent-assignment": latent_assignment,
    "pretraining": pretraining,
}
