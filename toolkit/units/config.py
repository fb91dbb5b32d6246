"""Configuration of units: one file (conf/it1.yaml) for units.sample and units.kmeans.

What codebooks were learnt from stands in codebook.json, so units.label needs no config of its own but threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..core.config import check_threads


@dataclass(frozen=True)
class FeatureConfig:
    """What is clustered."""

    kind: Literal["mfcc", "layer"] = "mfcc"
    "mfcc: 39 coefficients at 100 Hz; layer: states of a teacher at 50 Hz"
    layer: int = 0
    "for kind layer: residual stream after block L of the teacher, 1-based; 0 is the input of block 1"
    window_seconds: float = 60.0
    "for kind layer: longer utterances pass the teacher in pieces of this length, seconds (ours)"
    threads: int = 1
    "CPU threads of a worker; floating-point sums, and so the bytes, may depend on it"

    def __post_init__(self) -> None:
        check_threads("features.threads", self.threads)
        if self.layer < 0:
            raise ValueError("features.layer must be 0 or more")
        if self.kind == "mfcc" and self.layer:
            raise ValueError(f"features.layer is {self.layer}, but features.kind is mfcc: set kind to layer")
        if self.window_seconds < 1:
            raise ValueError("features.window_seconds must be 1 or more")


@dataclass(frozen=True)
class SampleConfig:
    """Which frames k-means sees."""

    frames: int = 2_000_000
    "frames in the sample at most; on disk and in memory each takes 4 bytes a coefficient (MFCC: 156)"
    utterances: float = 1.0
    "share of the utterances that is read at all, of each stratum its part, drawn by the seed (HuBERT: 0.1)"
    strata: str = "utt2spk"
    "table that parts the utterances into strata (utt2spk, utt2lang, ...), or none"
    equal: bool = False
    "true: equal frames for each stratum, as far as it has them; false: in proportion to its audio"

    def __post_init__(self) -> None:
        if self.frames < 1 or not 0 < self.utterances <= 1:
            raise ValueError("sample.frames must be 1 or more, and sample.utterances in (0, 1]")


@dataclass(frozen=True)
class PcaConfig:
    """What is made of the features before they are clustered."""

    dim: int = 0
    "principal components that are clustered instead of the features (the paper does not say how many); 0 = none"
    whiten: bool = False
    "divide each component by its standard deviation, so that all weigh alike"

    def __post_init__(self) -> None:
        if self.dim < 0 or (self.whiten and not self.dim):
            raise ValueError("pca.dim must be 0 or more, and above 0 where pca.whiten is true")


@dataclass(frozen=True)
class KmeansConfig:
    """How the codebook is learnt."""

    k: int = 100
    "clusters (HuBERT: 100 for MFCC, 500 for latent features)"
    method: Literal["full", "mini-batch"] = "full"
    "full: Lloyd's iterations; mini-batch: centroids move after every batch, for samples of many millions"
    init: Literal["k-means++", "random"] = "k-means++"
    "how a start is drawn: greedy k-means++, or k frames at random"
    restarts: int = 1
    "starts on the first subsample; the one of the lowest inertia goes on"
    start_frames_per_cluster: int = 128
    "size of the first subsample, in frames per cluster; the next are 4 times larger each, up to all frames"
    start_iterations: int = 20
    "iterations at most on a subsample"
    max_iterations: int = 20
    "iterations at most on all frames (for mini-batch: passes over all frames)"
    tolerance: float = 1e-4
    "an iteration that lowers the inertia by less than this share of it is the last"
    batch_frames: int = 10_000
    "for mini-batch: frames of a batch"
    threads: int = 1
    "CPU threads; floating-point sums, and so the bytes of the codebook, may depend on it"

    def __post_init__(self) -> None:
        if not 2 <= self.k <= 65536:
            raise ValueError(f"kmeans.k must be 2 to 65536 (units are stored in 16 bits), not {self.k}")
        check_threads("kmeans.threads", self.threads)
        counts = (self.restarts, self.start_frames_per_cluster, self.start_iterations, self.max_iterations)
        if min(*counts, self.batch_frames) < 1 or self.tolerance < 0:
            raise ValueError("counts of kmeans must be 1 or more, and its tolerance 0 or more")


@dataclass(frozen=True)
class UnitsConfig:
    """Features, their sample and the codebook of one iteration."""

    seed: int = 0
    "decides which frames are sampled and where k-means starts"
    features: FeatureConfig = field(default_factory=FeatureConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    pca: PcaConfig = field(default_factory=PcaConfig)
    kmeans: KmeansConfig = field(default_factory=KmeansConfig)
