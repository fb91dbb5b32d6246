"""Config of a pre-training run."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..data.frames import FIELD, HOP
from ..models.config import HubertConfig
from .engine.config import LoopConfig, OptimConfig
from .objectives.config import MaskedConfig


@dataclass(frozen=True)
class DataConfig:
    """What is trained on, and what goes into a step."""

    lengths: tuple[float, ...] = (2.0, 4.0, 8.0, 15.625)
    "seconds: an utterance is cut, at random, to the longest of these that it fills; shorter ones are dropped"
    micro_seconds: float = 87.5
    "most audio-seconds that go through the network at once"
    micro_batches: int = 32
    "micro-batches in a step, shared by all GPUs, whose number must divide it"
    cache_mb: float = 1000.0
    "decoded audio kept in memory by each process, MB"
    most_unlabelled: float = 0.05
    "share of utterances that may be without labels; they are dropped"
    table: str = "utt2lang"
    "table of the data directories that names the groups of exclude and the strata of max_hours"
    exclude: tuple[str, ...] = ()
    "groups that are neither trained nor validated on, e.g. ENG; counted in the record, not listed as dropped"
    max_hours: float = 0.0
    "hours to train on: a seeded choice, of each group the same share, part of every larger choice; 0 = all there are"
    balance: str = ""
    "table of the data directory that names the groups of shares, e.g. utt2lang; empty = every utterance counts alike"
    shares: dict[str, float] = field(default_factory=dict)
    "share of an epoch's audio-seconds that a group gets, e.g. ENG: 0.5 (as a flag ENG=0.5); the others share the rest"

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) <= 0.025:
            raise ValueError("data.lengths must name at least one length, above 0.025 s")
        if self.micro_seconds <= 0 or self.micro_batches < 1:
            raise ValueError("data.micro_seconds must be above 0 and data.micro_batches at least 1")
        if self.cache_mb < 0 or not 0 <= self.most_unlabelled <= 1:
            raise ValueError("data.cache_mb must not be below 0, and data.most_unlabelled must be 0 to 1")
        if self.max_hours < 0:
            raise ValueError("data.max_hours must not be below 0; 0 takes all there are")
        if bool(self.balance) != bool(self.shares):
            raise ValueError("data.balance (a table) and data.shares (a share per group) need one another")
        if any(share <= 0 for share in self.shares.values()) or sum(self.shares.values()) > 1 + 1e-9:
            raise ValueError("data.shares must be above 0 and add up to at most 1; data.exclude leaves a group out")
        if both := [name for name in self.shares if name in self.exclude]:
            raise ValueError(f"data.shares and data.exclude both name {', '.join(both)}")


@dataclass(frozen=True)
class PretrainConfig:
    """A pre-training run."""

    model: HubertConfig = field(default_factory=HubertConfig)
    start_layers: tuple[int, ...] = ()
    "blocks of the model among the inputs that the network begins with, 1-based, one per block, e.g. 1 8 16 24; all \
else is taken over too. Empty: the network begins as that model whole, or at random where there is none"
    objective: MaskedConfig = field(default_factory=MaskedConfig)
    data: DataConfig = field(default_factory=DataConfig)
    optim: OptimConfig = field(default_factory=OptimConfig)
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        if (self.model.hop, self.model.field) != (HOP, FIELD):
            raise ValueError(
                f"model.conv_kernel and conv_stride give frames of {self.model.field} samples every {self.model.hop}; "
                f"units are made of frames of {FIELD} every {HOP}"
            )
        if self.start_layers and len(self.start_layers) != self.model.num_hidden_layers:
            raise ValueError(
                f"start_layers names {len(self.start_layers)} blocks, model.num_hidden_layers is "
                f"{self.model.num_hidden_layers}: name one for each"
            )
