"""Config of a pre-training run."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..data.frames import FIELD, HOP
from ..models.config import HubertConfig
from .engine.config import LoopConfig, OptimConfig
from .objectives.config import MaskedConfig


@dataclass(frozen=True)
class AugmentConfig:
    """What a student hears in training beside the utterance, which its teacher, or who made its labels, hears alone."""

    how: Literal["none", "noise", "specaugment"] = "none"
    """none: the utterance alone; noise: with coloured noise; specaugment: spans of its frames, and of the dimensions of
    its features, are set to 0"""
    snr_db: tuple[float, float] = (5.0, 20.0)
    "for noise: range (low, high) from which each utterance draws its level of speech over noise, dB"
    noise_colour: tuple[float, float] = (0.0, 2.0)
    """for noise: range (low, high) from which each utterance draws the colour of its noise: 0 white, 1 pink, 2 brown;
    larger is deeper"""
    time_masks: int = 2
    "for specaugment: number of spans of frames that are hidden in each utterance; more hide more"
    time_share: float = 0.1
    "for specaugment: longest span of frames, as a share of the utterance"
    feature_masks: int = 2
    "for specaugment: number of spans of dimensions that are hidden in each utterance; more hide more"
    feature_share: float = 0.1
    "for specaugment: widest span of dimensions, as a share of the student's width"

    def __post_init__(self) -> None:
        for name in ("snr_db", "noise_colour"):
            low, high = getattr(self, name)
            if low > high:
                raise ValueError(f"data.augment.{name}: {low:g} is above {high:g}")
        if min(self.time_masks, self.feature_masks) < 0 or not all(
            0 <= share <= 1 for share in (self.time_share, self.feature_share)
        ):
            raise ValueError("data.augment: numbers of masks must not be below 0, and shares must be 0 to 1")


@dataclass(frozen=True)
class DataConfig:
    """The speech that is trained on, and the size of a step."""

    lengths: tuple[float, ...] = (2.0, 4.0, 8.0, 15.625)
    """allowed lengths of a training example, seconds: of each utterance a random piece of the largest of these lengths
    that fits is used (of 5.5 s, say, 5 s); utterances shorter than the smallest are dropped"""
    micro_seconds: float = 87.5
    "largest amount of audio in one micro-batch, seconds; larger is faster and takes more memory"
    micro_batches: int = 32
    """micro-batches per optimiser step, divided among the GPUs, whose number must divide it; more make larger, slower
    steps"""
    cache_mb: float = 1000.0
    "memory for decoded audio, MB per process; larger avoids decoding the same audio again"
    most_unlabelled: float = 0.05
    """largest share of utterances without labels, 0 to 1: these utterances are dropped, and above this share training
    stops with an error"""
    table: str = "utt2lang"
    "table of the data directory, e.g. utt2lang, whose labels `exclude` names and within which `max_hours` draws"
    exclude: tuple[str, ...] = ()
    """labels of `table` whose utterances are left out of training and validation, e.g. ENG; they are counted in the
    record, not listed in dropped.tsv"""
    max_hours: float = 0.0
    """hours of audio to train on, drawn by seed, the same share of each label of `table`; a larger draw contains every
    smaller one; 0: all audio"""
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    "what a student hears in training beside the utterance"
    balance: str = ""
    """table of the data directory, e.g. utt2lang, whose labels `shares` names; empty: every utterance is seen equally
    often"""
    shares: dict[str, float] = field(default_factory=dict)
    """share of the training audio per label of `balance`, e.g. ENG: 0.5 (as a flag ENG=0.5); larger: utterances of that
    label are seen more often; labels not named share the rest"""

    def __post_init__(self) -> None:
        if not (self.lengths or self.longest) or min(self.lengths, default=1) <= 0.025:
            raise ValueError("data.lengths must name at least one length, above 0.025 s")
        if self.micro_seconds <= 0 or self.micro_batches < 1:
            raise ValueError("data.micro_seconds must be above 0 and data.micro_batches at least 1")
        if self.cache_mb < 0 or not 0 <= self.most_unlabelled <= 1:
            raise ValueError("data.cache_mb must not be below 0, and data.most_unlabelled must be 0 to 1")
        if self.max_hours < 0:
            raise ValueError("data.max_hours must not be below 0; 0 takes all audio")
        if bool(self.balance) != bool(self.shares):
            raise ValueError("set both data.balance (a table) and data.shares (a share per group), or neither")
        if any(share <= 0 for share in self.shares.values()) or sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("data.shares must be above 0 and add up to at most 1; data.exclude leaves a group out")
        if both := [name for name in self.shares if name in self.exclude]:
            raise ValueError(f"data.shares and data.exclude both name {', '.join(both)}")

    @property
    def longest(self) -> float:
        """Longest piece of a whole utterance, seconds, where no lengths are named; 0: there must be some."""
        return 0.0


@dataclass(frozen=True)
class PretrainConfig:
    """A pre-training run."""

    model: HubertConfig = field(default_factory=HubertConfig)
    start_layers: tuple[int, ...] = ()
    """blocks of the input model that the network starts with, counted from 1, one per block, e.g. 1 8 16 24; front end
    and all other weights are copied too. Empty: the network starts as a copy of the whole input model, or with random
    weights if the inputs have no model"""
    objective: MaskedConfig = field(default_factory=MaskedConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        refuse_other_frames(self.model)
        if self.start_layers and len(self.start_layers) != self.model.num_hidden_layers:
            raise ValueError(
                f"start_layers names {len(self.start_layers)} blocks, model.num_hidden_layers is "
                f"{self.model.num_hidden_layers}: name one for each"
            )


def refuse_other_frames(model: HubertConfig) -> None:
    """Raise ValueError for a network that is not on the grid of frames of units and of crops."""
    if (model.hop, model.field) != (HOP, FIELD):
        raise ValueError(
            f"model.conv_kernel and conv_stride give frames of {model.field} samples every {model.hop}; "
            f"crops and units are made of frames of {FIELD} every {HOP}"
        )
