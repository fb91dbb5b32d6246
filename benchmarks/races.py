"""The races: what is run against whom, and how good ours is meant to be."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np

from .arrays import RATE
from .chain import chain
from .distances import disagreement, inertia
from .inputs import SEED, BenchInputs
from .race import Contestant, Result, race, ratios
from .table import Claim, Page, Section, seconds_and_memory, spread

TWO = 2  # threads


def mfcc(inputs: BenchInputs, rounds: int) -> Section:
    waves = str(inputs.waves())
    exact = Contestant(
        "torchaudio in float64", "benchmarks.peers.units:TorchaudioMfcc", {"waves": waves, "double": True}
    )
    (ours, peer), (made, theirs) = race(
        [
            Contestant("ours", "benchmarks.ours:Mfcc", {"waves": waves}),
            Contestant(
                "torchaudio compliance.kaldi + deltas", "benchmarks.peers.units:TorchaudioMfcc", {"waves": waves}
            ),
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


def kmeans(inputs: BenchInputs, rounds: int) -> Section:
    peers = {"scikit-learn MiniBatchKMeans, as published": ("PublishedKmeans", 10.0)}
    return _kmeans("MFCC", inputs.frames(), inputs.k, rounds, peers)


def latent_kmeans(inputs: BenchInputs, rounds: int) -> Section:
    peers = {
        "scikit-learn KMeans, 20 iterations": ("ScikitKmeans", 1.0),
        "faiss Kmeans, 20 iterations": ("FaissKmeans", 1.0),
    }
    return _kmeans("latent frames", inputs.latents(), inputs.k, rounds, peers)


def _kmeans(source: str, frames: Path, k: int, rounds: int, peers: dict[str, tuple[str, float]]) -> Section:
    """Ours to the inertia that each of the peers reaches, and beyond until it converges.

    Args:
        source: kind of frames, for the text.
        peers: name -> (class in peers/units.py, how many times as fast ours is meant to be).
    """
    given = {"frames": str(frames), "k": k, "seed": SEED}
    theirs = [Contestant(name, f"benchmarks.peers.units:{place}", given) for name, (place, _) in peers.items()]
    targets = [inertia(frames, race([peer], 1, TWO, warm_up=False)[1][0]) for peer in theirs]
    given = {**given, "threads": TWO}  # the peers hear of them by their environment
    ours = [
        Contestant(f"ours, to the inertia of {peer.name}", "benchmarks.ours:Kmeans", {**given, "until": target})
        for peer, target in zip(theirs, targets)
    ]
    settled = Contestant("ours, until it converges", "benchmarks.ours:Kmeans", given)
    results, made = race([*ours, settled, *theirs], rounds, TWO, warm_up=False)
    inertias = [inertia(frames, centroids_KD) for centroids_KD in made]
    N, D = np.load(frames, mmap_mode="r").shape
    what_for, n = f"k-means, {N:,} × {D}", len(ours)
    claims = [
        Claim(f"{what_for}, to its inertia", peer.name, wanted, _if_reached(mine, peer, value, theirs_value))
        for mine, peer, value, theirs_value, (_, wanted) in zip(
            results, results[n + 1 :], inertias, inertias[n + 1 :], peers.values()
        )
    ]
    claims += [
        Claim(
            f"{what_for}, until ours converges",
            peer.name,
            1,
            _if_reached(results[n], peer, inertias[n], value),
        )
        for peer, value in zip(results[n + 1 :], inertias[n + 1 :])
    ]
    return Section(
        f"k-means of {N:,} × {D}, K {k}",
        f"Frames: {source}. 2 threads. Inertia: mean squared distance to the nearest centroid over all frames, "
        "computed in float64 afterwards. Starts are part of the time; nobody warms up. The peers run until they stop "
        "by themselves; ours stops at the first pass over all frames that finds their inertia, or when it converges.",
        ["", "seconds", "peak MB", "inertia"],
        [[*seconds_and_memory(r), f"{value:.5g}"] for r, value in zip(results, inertias)],
        claims,
        [
            "Passes of ours over all frames: "
            + ", ".join(str(r.rounds[0]["iterations"]) for r in results[: len(ours) + 1])
            + "; what comes before sees subsamples."
        ],
    )


def _if_reached(ours: Result, peer: Result, value: float, target: float) -> list[float]:
    """Ratios of the seconds; NaN if our inertia is above the peer's."""
    return ratios(ours, peer) if value <= target else [math.nan]


def assignment(inputs: BenchInputs, rounds: int) -> Section:
    return _assignment(inputs.frames(), inputs, rounds, 4)


def latent_assignment(inputs: BenchInputs, rounds: int) -> Section:
    return _assignment(inputs.latents(), inputs, rounds, 2)


def _assignment(frames: Path, inputs: BenchInputs, rounds: int, wanted: float) -> Section:
    """Every frame's unit; ours is meant to be `wanted` times as fast as fairseq's way."""
    centroids, (N, D) = inputs.centroids(frames), np.load(frames, mmap_mode="r").shape
    peers = "benchmarks.peers.units"
    given = {"frames": str(frames), "centroids": str(centroids)}
    results, made = race(
        [
            Contestant("ours", "benchmarks.ours:Assign", {**given, "threads": TWO}),
            Contestant("scikit-learn predict", f"{peers}:ScikitPredict", given),
            Contestant("faiss IndexFlatL2", f"{peers}:FaissSearch", given),
            Contestant("fairseq's way in pieces of 700 frames", f"{peers}:FairseqPieces", given),
            Contestant("fairseq's way, numpy", f"{peers}:FairseqNumpy", given),
            Contestant("fairseq's way, torch", f"{peers}:FairseqTorch", given),
        ],
        rounds,
        TWO,
    )
    ours, scikit, faiss, pieces, *fairseq = results
    faster = min(fairseq, key=lambda r: r.median("seconds"))
    differ = [disagreement(frames, centroids, made[0], assigned) for assigned in made[1:]]
    counts = ", ".join(f"{r.name} {count}" for r, (count, _) in zip(results[1:], differ))
    title = f"assignment, {N:,} × {D}"
    return Section(
        f"Nearest centroid of {N:,} × {D}, K {inputs.k}",
        "2 threads. fairseq's way: squared distances of the whole array given as one array, then its argmin. In "
        "pieces: as its published script calls it, an utterance at a time.",
        ["", "seconds", "peak MB", "frames / s"],
        [[*seconds_and_memory(r), spread([N / s for s in r.values("seconds")])] for r in results],
        [
            Claim(title, "scikit-learn", 1, ratios(ours, scikit)),
            Claim(title, "faiss IndexFlatL2", 1, ratios(ours, faiss)),
            Claim(title, "fairseq's way in pieces of 700 frames", 1, ratios(ours, pieces)),
            Claim(title, f"{faster.name}, the faster of two", wanted, ratios(ours, faster)),
        ],
        [
            f"Frames with another label than ours: {counts}; the two squared distances then differ by "
            f"{max(gap for _, gap in differ):.1g} of the smaller at most (a tie: by 0)."
        ],
    )


def pretraining(inputs: BenchInputs, rounds: int) -> Section:
    waves, seconds = str(inputs.ragged()), 20.0
    given = {"waves": waves, "units": inputs.k, "seconds": seconds, "threads": TWO}
    as_published = {"config": "egs/TEMPLATE/ssl/conf/base.yaml", "model.layerdrop": "0"}
    results, _ = race(
        [
            Contestant("ours", "benchmarks.ours:Pretraining", {**given, **as_published, **inputs.small_network}),
            Contestant(
                "fairseq's way on transformers", "benchmarks.peers.hubert:FairseqWay", {**given, **inputs.small_peer}
            ),
            Contestant("torchaudio hubert_pretrain_base", "benchmarks.peers.hubert:Torchaudio", given),
        ],
        rounds,
        TWO,
    )
    for r in results:
        r.rounds = [{**round_, "rate": round_["seconds"] / round_["audio_seconds"]} for round_ in r.rounds]
    return Section(
        "A pre-training step of HuBERT base",
        "Forward, backward and update in float32, 2 threads; waveforms of 3 to 15 s, sorted by length, at most "
        f"{seconds:g} s in a batch, cropped to its shortest, as fairseq does; everyone gets the same batches, one of "
        f"them an update. Random units, K {inputs.k}; none skips a layer (layerdrop 0) or scores frames that are "
        "not masked, so that all compute the same; the peers' AdamW is the fused one, as ours.",
        ["", "seconds for a second of audio", "peak MB", "audio s / s", "audio s in a batch"],
        [_pretraining_row(r) for r in results],
        _pretraining_claims(*results),
    )


def _pretraining_row(r: Result) -> list[str]:
    rates, peak = r.values("rate"), max(r.values("peak_mb"))
    speed, audio = spread([1 / rate for rate in rates]), spread(r.values("audio_seconds"))
    return [r.name, spread(rates), f"{peak:,.0f}", speed, audio]


def _pretraining_claims(ours: Result, fairseq: Result, torchaudio: Result) -> list[Claim]:
    speed, memory = "HuBERT-base step, audio-seconds per second", "HuBERT-base step, smaller peak memory"
    peaks = [max(r.values("peak_mb")) for r in (ours, fairseq, torchaudio)]
    return [
        Claim(speed, "fairseq's way", 1.15, ratios(ours, fairseq, "rate")),
        Claim(speed, "torchaudio", 1.8, ratios(ours, torchaudio, "rate")),
        Claim(memory, "fairseq's way", 1.25, [peaks[1] / peaks[0]]),
        Claim(memory, "torchaudio", 1.25, [peaks[2] / peaks[0]]),
    ]


Race = Callable[[BenchInputs, int], Section]
PAGE = Page("RESULTS.md", "The speech is synthetic (eSpeak NG, egs/mini).")
RACES: dict[str, Race] = {
    "mfcc": mfcc,
    "kmeans": kmeans,
    "latent-kmeans": latent_kmeans,
    "chain": chain,
    "assignment": assignment,
    "latent-assignment": latent_assignment,
    "pretraining": pretraining,
}
