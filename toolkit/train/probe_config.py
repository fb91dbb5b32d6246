"""Configuration of the probes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from ..core.config import check_threads

ROWS = ("fbank", "fbank_stacked", "random", "models")
SETS = ("train", "dev", "test")
RESERVED = ("row", "cost", "layers", "counts", "record", "times", "cache")  # a task has <name>.json and a folder
LARGEST = {"batch": 65536, "hidden": 65536, "layers": 64}  # of a task; beyond them memory is all that is used


@dataclass(frozen=True)
class TaskSets:
    """Data directories of a task, by name, inside the data folder."""

    train: str = "train"
    "set the head trains on; of a task, `train` is what the run calls so"
    dev: str = "dev"
    "set that chooses the learning rate where several are given; likewise"
    test: str = "test"
    "set that is scored; likewise"

    def of(self, part: str) -> str:
        return str(getattr(self, part))

    def within(self, run: TaskSets) -> TaskSets:
        """A task's sets by their own names: what it calls train, dev and test are the run's."""
        return TaskSets(*(run.of(part) if self.of(part) == part else self.of(part) for part in SETS))


@dataclass(frozen=True)
class TaskConfig:
    """One probe: a head, what it predicts, and how it trains."""

    kind: Literal["phone", "ctc", "classify"]
    "phone: a Linear per frame; ctc: Linear, BLSTM, tokens; classify: Linear, mean over time, Linear"
    steps: int
    "optimiser steps; each learning rate tried gets as many"
    lr: tuple[float, ...]
    "peak learning rates to try; the one that is best on dev is scored on test"
    label: str = ""
    "table with the labels: utt2lang, utt2emotion, ... for classify; text for ctc; phones.ctm for phone"
    sets: TaskSets = field(default_factory=TaskSets)
    "data directories, where they are not those of the run"
    exclude: tuple[str, ...] = ()
    """labels that are left out of the task: their utterances (classify, which always leaves out `unknown`, of which the
    table does not say it), or their frames (phone)"""
    batch: int = 16
    "utterances in a step"
    hidden: int = 128
    "width of the projection, and of each direction of the BLSTM (ctc, classify)"
    layers: int = 1
    "BLSTM layers (ctc)"
    stride: int = 1
    "frames that the BLSTM sees side by side as one step: 2 halves its time, and spells half as many tokens (ctc)"
    sorted_batches: int = 8
    "batches that are sorted by length together: a BLSTM is faster so, and learns a little less; 1 = random order (ctc)"
    dropout: float = 0.0
    "dropout before and after the BLSTM (ctc)"
    strip_diacritics: bool = True
    "take Arabic vowel signs, Quranic marks and tatweel out of the transcripts (ctc)"
    strip_punctuation: bool = True
    "take punctuation, which nobody says, out of the transcripts (ctc)"
    tokens: Literal["characters", "sentencepiece"] = "characters"
    "what the head spells with; the pieces of sentencepiece (unigram) are learnt from the training transcripts (ctc)"
    pieces: int = 200
    "tokens of sentencepiece, single characters among them (ctc)"
    decode: Literal["greedy", "beam"] = "greedy"
    "beam: beside the greedy figures, those of a prefix beam search with an n-gram model (ctc)"
    beam: int = 16
    "prefixes that the beam search keeps after each frame (ctc)"
    lm_order: int = 4
    "tokens in an n-gram of the language model (ctc)"
    lm_text: str = ""
    "text, a sentence a line, for the language model (edited, it makes nothing stale); none: training transcripts (ctc)"
    lm_weight: tuple[float, ...] = (0.0, 0.3, 0.6)
    "weights of the language model to try; the best on dev, by CER, decodes test (ctc)"
    insertion: tuple[float, ...] = (0.0, 0.5, 1.0)
    "bonuses in nats for each token to try; likewise (ctc)"

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "hidden", "layers", "stride", "sorted_batches", "pieces", "beam", "lm_order"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name, most in LARGEST.items():
            if getattr(self, name) > most:
                raise ValueError(f"{name} must be at most {most}, not {getattr(self, name)}")
        if not self.lr or min(self.lr) <= 0:
            raise ValueError("lr must be one or several rates above 0")
        if not self.lm_weight or min(self.lm_weight) < 0 or not self.insertion:
            raise ValueError("lm_weight must be one or several weights of at least 0, insertion one or several bonuses")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout must be at least 0 and below 1, not {self.dropout}")
        if self.kind == "ctc" and self.exclude:
            raise ValueError("exclude leaves out labels, and a task of kind ctc has none: leave it empty")
        if self.kind == "classify" and not self.label:
            raise ValueError("a task of kind classify needs a label: the table with its labels, e.g. utt2lang")

    @property
    def table(self) -> str:
        """File in a data directory that holds the labels."""
        return self.label or {"phone": "phones.ctm", "ctc": "text"}[self.kind]


@dataclass(frozen=True)
class ProbeConfig:
    """Which rows, which tasks, and what they share."""

    tasks: dict[str, TaskConfig]
    "name -> task; the names are those of the result files and of the table's columns"
    sets: TaskSets = field(default_factory=TaskSets)
    "data directories of tasks that name none of their own"
    rows: tuple[str, ...] = ()
    """fbank, fbank_stacked (±3 frames), random (for each model of --in an initialisation of its shape), models (those);
    none named: without a model the filter banks, else random and models, or models alone where freeze is false"""
    freeze: bool = True
    "true: the upstream only computes features; false: it is trained with the head, anew for each task"
    freeze_convolutions: bool = True
    "leave the convolutional front end of an upstream that is not frozen as it is"
    encoder_lr: float = 0.1
    "learning rate of an upstream that is not frozen, as a multiple of the head's"
    layer_wise: bool = False
    "a head on each state of the upstream alone instead of one on their mix: layers.json of each row and nothing else"
    cache_layers: tuple[int, ...] = ()
    """states of a network that the heads get, e.g. [0, 8, 16, 24]; none named: all. While a row is at work those of the
    sets with a frame-level task (phone, ctc) lie on the disk: 0.36 MB per state, hour of audio and unit of width, so
    for 24 layers of width 1024 it is 9.2 GB an hour with all 25 and 1.5 GB with four. --plan takes it from a comment
    in the config, `# disk: 1500 MB per hour`, which counts the rows that are at work at once"""
    max_hours: float = 0.0
    "train on so many hours of each training set at most, drawn by the seed; 0 = all"
    seed: int = 1
    "seeds heads, batches, dropout and the bootstrap"
    random_seed: int = 1
    "seed of the randomly initialised network"
    warmup: float = 0.1
    "share of the steps in which the learning rate rises; afterwards it falls linearly to 0"
    weight_decay: float = 0.01
    "weight decay"
    clip: float = 5.0
    "the gradient's norm is cut to this; 0 = never"
    checkpoint_every: int = 200
    "steps between two checkpoints of a head in training"
    min_speakers: int = 5
    "bootstrap over speakers where the test set has at least so many, over utterances otherwise"
    threads: int = 1
    "CPU threads per row: heads are small"
    cost_seconds: float = 5.0
    "length of the clip whose latency is measured, seconds"
    cost_utterances: int = 5
    "test utterances whose real-time factors give the median"

    @property
    def framed(self) -> set[str]:
        """Sets of which heads need whole frames, not only their means."""
        return {task.sets.of(part) for task in self.tasks.values() if task.kind != "classify" for part in SETS}

    def __post_init__(self) -> None:
        self._check_numbers()
        unknown = [row for row in self.rows if row not in ROWS]
        if unknown:
            raise ValueError(f"rows: {', '.join(unknown)}; there are {', '.join(ROWS)}")
        if any(a >= b for a, b in zip((-1, *self.cache_layers), self.cache_layers)):
            raise ValueError(f"cache_layers must be rising numbers from 0, not {list(self.cache_layers)}")
        if self.layer_wise and not self.freeze:
            raise ValueError(
                "layer_wise needs freeze: true: an upstream that trains has no layer of its own to look at"
            )
        reserved = [name for name in self.tasks if name in RESERVED or "/" in name]
        if reserved:
            raise ValueError(f"tasks: {reserved[0]} cannot name a result file; choose another name")
        tasks = {name: replace(task, sets=task.sets.within(self.sets)) for name, task in self.tasks.items()}
        object.__setattr__(self, "tasks", tasks)

    def _check_numbers(self) -> None:
        check_threads("threads", self.threads)
        for name in ("checkpoint_every", "cost_utterances"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in ("max_hours", "seed", "random_seed", "weight_decay", "clip"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if not self.encoder_lr > 0:
            raise ValueError(f"encoder_lr must be above 0, not {self.encoder_lr}")
        if not 0 <= self.warmup < 1:
            raise ValueError(f"warmup is a share of the steps: at least 0 and below 1, not {self.warmup}")
        if not 0 < self.cost_seconds <= 3600:
            raise ValueError(f"cost_seconds must be above 0 and at most 3600, not {self.cost_seconds}")
