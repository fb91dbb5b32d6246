"""Configuration of units: one file (conf/it1.yaml) for units.sample and units.kmeans.

What codebooks were learnt from stands in codebook.json, so units.label needs no config of its own but threads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..core.config import check_threads


@dataclass(frozen=True)
class FeatureConfig:
    """The features that are clustered."""

    kind: Literal["mfcc", "layer"] = "mfcc"
    "mfcc: 39 MFCC coefficients, 100 frames per second; layer: states of a teacher's layer, 50 frames per second"
    layer: int = 0
    """for kind layer: the teacher's block whose output is clustered, counted from 1; a larger number is a deeper block;
    0 is the input of block 1"""
    window_seconds: float = 60.0
    """for kind layer: longer utterances are cut into windows of this many seconds, which the teacher reads one by one;
    larger needs more memory and gives each frame more context"""
    threads: int = 1
    """CPU threads of each worker; more are faster; the number may change the last digits of the features, so outputs
    may differ"""

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
    """The frames that k-means learns from."""

    frames: int = 2_000_000
    """largest number of frames in the sample; larger is slower and takes more disk and memory: 4 bytes per coefficient
    and frame (156 bytes per MFCC frame)"""
    utterances: float = 1.0
    """share of the utterances that frames are drawn from, above 0 and up to 1, about the same share of each stratum,
    drawn by seed; smaller is faster (HuBERT: 0.1)"""
    strata: str = "utt2spk"
    """table that divides the utterances into strata: utt2spk (by speaker), utt2lang (by language) or another utt2
    table; none: no strata"""
    equal: bool = False
    """true: the same number of frames from each stratum, as far as a stratum has enough; false: in proportion to its
    audio"""

    def __post_init__(self) -> None:
        if self.frames < 1 or not 0 < self.utterances <= 1:
            raise ValueError("sample.frames must be 1 or more, and sample.utterances in (0, 1]")


@dataclass(frozen=True)
class PcaConfig:
    """Principal component analysis of the features before clustering."""

    dim: int = 0
    """number of principal components that are clustered instead of the features; more keep more of the features'
    variance; 0: cluster the features themselves (the paper does not state its number)"""
    whiten: bool = False
    """true: divide each component by its standard deviation, so that all components weigh the same; false: components
    of larger variance weigh more"""

    def __post_init__(self) -> None:
        if self.dim < 0 or (self.whiten and not self.dim):
            raise ValueError("pca.dim must be 0 or more, and above 0 if pca.whiten is true")


@dataclass(frozen=True)
class KmeansConfig:
    """How k-means learns the codebook."""

    k: int = 100
    """number of clusters, which is the number of units, 2 to 65536; more give finer units (HuBERT: 100 for MFCC, 500
    for latent features)"""
    method: Literal["full", "mini-batch"] = "full"
    """full: each iteration reads all frames before the centroids move (Lloyd); mini-batch: centroids move after every
    batch, for samples of many millions of frames"""
    init: Literal["k-means++", "random"] = "k-means++"
    "first centroids: k-means++ chooses frames far from each other (greedy k-means++), random draws k frames"
    restarts: int = 1
    """k-means runs on a small part of the frames first, then on parts 4 times larger each. This is how many times it
    starts on the first part, with other centroids; the start of lowest inertia (sum of squared distances to the
    centroids) goes on; more are slower and may give lower inertia"""
    start_frames_per_cluster: int = 128
    """size of the first subsample in frames per cluster; each next subsample is 4 times larger, up to all frames;
    larger is slower and starts better"""
    start_iterations: int = 20
    "largest number of iterations on each subsample; more are slower"
    max_iterations: int = 20
    """largest number of iterations on all frames (method mini-batch: passes over all frames); more are slower and may
    lower the inertia"""
    tolerance: float = 1e-4
    "k-means stops when an iteration lowers the inertia by less than this share of it; larger stops earlier"
    batch_frames: int = 10_000
    "for method mini-batch: frames per batch; larger is smoother and moves the centroids less often"
    threads: int = 1
    "CPU threads; more are faster; the number may change the last digits of the centroids, so the codebook may differ"

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
    "random seed that decides which frames are sampled and where k-means starts"
    features: FeatureConfig = field(default_factory=FeatureConfig)
    sample: SampleConfig = field(default_factory=SampleConfig)
    pca: PcaConfig = field(default_factory=PcaConfig)
    kmeans: KmeansConfig = field(default_factory=KmeansConfig)
