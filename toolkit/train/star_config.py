"""Config of a training that distils a speech encoder; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..core.config import check_threads
from ..models.config import HubertConfig
from .config import DataConfig, refuse_other_frames
from .engine.config import LoopConfig, OptimConfig
from .objectives.config import StarConfig


@dataclass(frozen=True)
class StarDataConfig(DataConfig):
    """The speech that is trained on, and the size of a step."""

    lengths: tuple[float, ...] = ()
    """empty: whole utterances, padded to about one length within a micro-batch, as published; else allowed lengths of
    an example, seconds: of each utterance a random piece of the largest of these lengths that fits is used, and nothing
    is padded"""
    longest: float = 30.0
    "for whole utterances: of one that is longer, seconds, a random piece of this length is used, a new one each time"

    def __post_init__(self) -> None:
        if self.longest < 0.025:
            raise ValueError("data.longest must be at least 0.025 s, the length of a frame")
        if self.balance and not self.lengths:
            raise ValueError("data.balance needs data.lengths: groups are balanced by crops")
        super().__post_init__()


@dataclass(frozen=True)
class StructureConfig:
    """On which utterances the insides of networks are compared."""

    utterances: int = 20
    "number of utterances, drawn by seed; more are slower"
    seconds: tuple[float, float] = (1.0, 15.0)
    "range (low, high) of their length"
    teacher_layers: tuple[int, ...] = ()
    "as objective.teacher_layers of train.star"
    places: int = 60
    "rows and columns of the pictures of Gram matrices, which are averaged to so many"
    seed: int = 1
    "random seed that draws the utterances"
    threads: int = 1
    "CPU threads; small networks are fastest with 1"

    def __post_init__(self) -> None:
        if min(self.utterances, self.places) < 1:
            raise ValueError("utterances and places must be at least 1")
        if not 0.025 <= self.seconds[0] <= self.seconds[1]:
            raise ValueError("seconds: two lengths, at least 0.025, the smaller first")
        check_threads("threads", self.threads)


@dataclass(frozen=True)
class StarTraining:
    """A training of a student."""

    model: HubertConfig = field(default_factory=HubertConfig)
    objective: StarConfig = field(default_factory=StarConfig)
    data: StarDataConfig = field(default_factory=StarDataConfig)
    optim: OptimConfig = field(default_factory=lambda: OptimConfig(peak_lr=1e-3, warmup=0.05, schedule="cosine"))
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        refuse_other_frames(self.model)
        moving = self.objective.uncertainty or any(len(loss.weight) > 1 for loss in self.objective.losses.values())
        if self.loop.best == "loss" and moving:
            raise ValueError("loop.best: the weights in the sum of losses change: name one of the losses")
