"""Config of a training of an audio LLM on instructions; imports no torch."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from .engine.config import LoopConfig, OptimConfig
from .samplers.config import StageConfig, UniformConfig, check_schedule


@dataclass(frozen=True)
class AdaptConfig:
    """Which weights are trained."""

    how: Literal["lora", "full"] = "lora"
    """lora: low-rank adapters in the text model's attention, all else is frozen; full: text model, head and aligner,
    for small models; the audio tower is frozen in both"""
    rank: int = 16
    "rank of the adapters; larger learns more and takes more memory"
    alpha: int = 32
    "adapters are scaled by alpha / rank; larger changes the model faster"
    dropout: float = 0.0
    "dropout probability on the input of each adapter, 0 to 1; larger regularises more"
    mlp: bool = False
    "true: adapters also in the feed-forward layers of the text model"
    tower: bool = False
    """true: adapters also in the attention of the audio tower, which is then heard in every step, and diverse sampling
    sees its embeddings as they were before"""

    def __post_init__(self) -> None:
        if self.rank < 1 or self.alpha < 1 or not 0 <= self.dropout < 1:
            raise ValueError("adapt.rank and alpha must be at least 1, dropout 0 to below 1")
        if self.how == "full" and (self.mlp or self.tower):
            raise ValueError("adapt.mlp and adapt.tower are of adapters: full trains all of the text model")


@dataclass(frozen=True)
class AnswerLossConfig:
    """The loss."""

    normalise: Literal["sample", "token", "task"] = "sample"
    """what weighs the same in a step; sample: every answer; token: every token of an answer, so that transcripts drown
    labels; task: every task of the step"""
    recompute: bool = False
    "true: compute blocks again in the backward pass instead of storing their insides: less memory, a third more time"


@dataclass(frozen=True)
class InstructDataConfig:
    """The items of a step."""

    batch: int = 16
    "items in a step, over all processes"
    micro_items: int = 16
    "largest number of items in a forward pass; smaller takes less memory"
    cache: bool = True
    "true: states that models.hear has kept; false: the frozen tower hears the clips in every step"
    max_tokens: int = 0
    "items with a longer prompt and answer are left out, tokens; 0: those beyond the model's context"
    dev_items: int = 0
    "items of each task of the dev set, the first ones; 0: all"
    tasks: tuple[str, ...] = ()
    "tasks that are trained on; empty: all of the items"
    samples: int = 3
    """training items, the same before and after, that are answered and printed; if more than half of the answers
    afterwards are empty, that is an error; 0: none"""
    share_of_steps: bool = False
    """true: loop.total_steps are those of all tasks, of which `tasks` take as many as their share of the items: an
    adapter of one task then draws as many of its items as one of all tasks under natural mixing"""

    def __post_init__(self) -> None:
        if min(self.batch, self.micro_items) < 1 or min(self.max_tokens, self.dev_items, self.samples) < 0:
            raise ValueError(
                "data.batch and micro_items must be at least 1, max_tokens, dev_items and samples at least 0"
            )


@dataclass(frozen=True)
class InstructTraining:
    """A training of an audio LLM."""

    adapt: AdaptConfig = field(default_factory=AdaptConfig)
    objective: AnswerLossConfig = field(default_factory=AnswerLossConfig)
    data: InstructDataConfig = field(default_factory=InstructDataConfig)
    schedule: tuple[StageConfig, ...] = (UniformConfig(),)
    """stages of sampling, one after the other, each with a `type` and its `share` of the steps: uniform, curriculum
    (TPC), diverse (ADS); the hybrid is a curriculum and then diverse sampling"""
    optim: OptimConfig = field(
        default_factory=lambda: OptimConfig(peak_lr=1e-4, warmup=0.05, schedule="cosine", clip=1.0)
    )
    loop: LoopConfig = field(default_factory=LoopConfig)

    def __post_init__(self) -> None:
        check_schedule(self.schedule)
        if self.adapt.tower and self.data.cache:
            raise ValueError("adapt.tower needs data.cache false: kept states are those of the tower without adapters")
