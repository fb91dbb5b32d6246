"""Pre-train a network by masked prediction of units; gives a Hugging Face model.

Inputs, recognised by what they hold: a data directory to train on, one for validation (optional), a folder of
labels, and a trained model to start from (optional).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from ..core.errors import UserError
from ..core.record import identity, identity_id
from ..core.seed import seed_of
from ..core.step import Step, main
from ..data.batches import FIELD, HOP, RATE, LabelledSpeech, labelled
from ..data.kaldi import DataDir
from ..data.labels import Labels, refuse_degenerate
from ..models.encoder import load_encoder
from ..models.hubert import Hubert, HubertConfig, initialise
from ..models.hugging_face import save_pretrained
from ..units.inputs import recognise
from .checkpoint import check_shapes
from .launch import launch, processes
from .loop import LoopConfig, Trained, train
from .objectives.masked import MaskedConfig, MaskedPrediction
from .ranks import World
from .samplers.buckets import Buckets, each_once
from .schedule import OptimConfig

VERSION = 1
PLAN = {"mb": 60, "mb_per_hour": 0}


@dataclass(frozen=True)
class DataConfig:
    """What goes into a step."""

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

    def __post_init__(self) -> None:
        if not self.lengths or min(self.lengths) <= 0.025:
            raise ValueError("data.lengths must name at least one length, above 0.025 s")
        if self.micro_seconds <= 0 or self.micro_batches < 1:
            raise ValueError("data.micro_seconds must be above 0 and data.micro_batches at least 1")


@dataclass(frozen=True)
class TrainConfig:
    """A pre-training run."""

    model: HubertConfig = field(default_factory=HubertConfig)
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


@dataclass(frozen=True)
class Inputs:
    """The inputs by what they are."""

    train: DataDir
    dev: DataDir | None
    labels: Labels
    start: Path | None

    @staticmethod
    def read(paths: list[Path]) -> Inputs:
        """Raises UserError where data or labels are missing, or there is one of them too many."""
        found = recognise(paths)
        if found.labels is None or len(found.data) not in (1, 2) or found.codebook:
            said = f"{len(found.data)} data directories, {'one folder' if found.labels else 'no folder'} of labels"
            more = f", and a codebook: {found.codebook}" if found.codebook else ""
            remedy = "give the set to train on, perhaps one for validation, the labels, perhaps a model to start from"
            raise UserError(f"inputs: {said}{more}", "--in", remedy)
        train, *dev = map(DataDir.read, found.data)
        if dev and dev[0].seconds > train.seconds:
            raise UserError(
                f"the set to train on ({train.path}) is smaller than the one for validation ({dev[0].path})",
                "--in",
                "name the set to train on first",
            )
        return Inputs(train, dev[0] if dev else None, Labels.open(found.labels), found.teacher)


class Speech:
    """Training set and dev set as the run sees them."""

    def __init__(self, config: TrainConfig, inputs: Inputs, drop: Callable[[str, str, str], None]) -> None:
        """`drop(id, reason, detail)` hears of every utterance that is not used. Raises UserError."""
        data, normalize = config.data, config.model.normalize_waveform

        def opened(part: DataDir, drop: Callable[[str, str, str], None]) -> LabelledSpeech:
            kept = labelled(part.utterances, inputs.labels, drop, data.most_unlabelled)
            return LabelledSpeech(kept, inputs.labels, data.cache_mb, normalize)

        self.train = opened(inputs.train, drop)
        frames = self.train.frames
        self.sampler = Buckets(frames, data.lengths, data.micro_seconds, data.micro_batches, config.loop.seed)
        for row in self.sampler.short:
            drop(self.train.utterances[int(row)].id, "shorter than the shortest crop", f"{frames[row]} frames")
        self.dev = opened(inputs.dev, drop) if inputs.dev else None
        self.dev_crops = each_once(self.dev.frames, data.lengths, data.micro_seconds) if self.dev else []

    @property
    def counts(self) -> dict[str, float]:
        """What is trained on."""
        seen = np.delete(self.train.frames, self.sampler.short)
        return {"utterances": len(seen), "hours": round(float(seen.sum()) * HOP / RATE / 3600, 4)}


def pretrain(config: TrainConfig, inputs: Inputs, speech: Speech, out: Path, world: World, name: str) -> Trained:
    """Train on this rank, and on the first one export to out/hf.

    Raises UserError for checkpoints (of another identity than `name`, or shape) or a starting model that do not fit.
    """
    network = build(config.model, config.loop.seed, inputs.start)
    objective = MaskedPrediction(network, config.objective, inputs.labels.k, config.loop.seed)
    dev, crops = speech.dev, speech.dev_crops
    trained = train(
        objective,
        lambda step, number: speech.train.batch(*speech.sampler.micro(step, number)),
        config.optim,
        config.loop,
        out,
        micro_batches=config.data.micro_batches,
        dev=(lambda i: dev.batch(*crops[i])) if dev and crops else None,
        dev_batches=len(crops),
        step_seconds=speech.sampler.seconds,
        identity=name,
        world=world,
    )
    if world.first:
        save_pretrained(network, out / "hf", card(config, inputs, speech, trained))
    return trained


def build(config: HubertConfig, seed: int, start: Path | None) -> Hubert:
    """The network before the first step: random, or with the weights of the model in `start`."""
    network = Hubert(config)
    initialise(network, config, torch.Generator().manual_seed(seed_of(seed, "init")))
    if start:
        weights = load_encoder(start).model.state_dict()
        check_shapes(network.state_dict(), weights, str(start), "give config.model the shape of that model")
        network.load_state_dict(weights)
    return network


def described(config: TrainConfig, units: int) -> str:
    """Parameter counts, in a few lines."""

    def count(module: torch.nn.Module) -> int:
        return sum(p.numel() for p in module.parameters())

    with torch.device("meta"):
        network = Hubert(config.model)
    c = config.model
    head = (c.hidden_size + 1) * config.objective.final_dim + units * config.objective.final_dim
    return (
        f"encoder: {count(network):,} parameters (convolutions {count(network.feature_extractor):,}, "
        f"{c.num_hidden_layers} blocks of d {c.hidden_size} and ff {c.intermediate_size} "
        f"{count(network.encoder.layers):,}); prediction of {units} units: {head:,}"
    )


def card(config: TrainConfig, inputs: Inputs, speech: Speech, trained: Trained) -> str:
    """Model card: what the network is, what it heard, how well it predicts."""
    c, labels, counts = config.model, inputs.labels, speech.counts
    losses = "".join(
        f"- {part} loss {row['loss']:.3f} nats per frame, accuracy at masked frames {row['accuracy_masked']:.1%}\n"
        for part, row in (("training", trained.train), ("dev", trained.dev))
        if row
    )
    return f"""---
library_name: transformers
tags: [speech, hubert, self-supervised]
---
A HuBERT of {c.num_hidden_layers} blocks (d {c.hidden_size}, ff {c.intermediate_size}), 16 kHz in, 50 frames a second
out, pre-trained with Sawt by masked prediction of {labels.k} units of {labels.layer} (codebook {labels.codebook}).

- heard {counts["utterances"]:,.0f} utterances, {counts["hours"]:.2f} h, in {trained.step:,} steps of \
{speech.sampler.seconds:.1f} s
{losses}
`transformers.HubertModel.from_pretrained` loads this folder.
"""


def run(step: Step[TrainConfig]) -> None:
    """Train here, or in several processes that share the work."""
    config, inputs = step.config, Inputs.read(step.ins)
    if not step.worker:  # a pass over all labels, once
        refuse_degenerate(inputs.labels.histogram, str(inputs.labels.folder))
    speech = Speech(config, inputs, step.ledger.drop)
    name = identity_id(identity(step.argv))
    if step.worker:
        with World.joined(step.ngpu) as world:
            pretrain(config, inputs, speech, step.out, world, name)
            world.leave()
    print(described(config, inputs.labels.k), flush=True)
    count = processes(step, config.data.micro_batches, speech.sampler.seconds * config.loop.total_steps)
    if count > 1:
        launch(step, count)
    else:
        pretrain(config, inputs, speech, step.out, World.choose(step.ngpu), name)
    step.counts |= {**speech.counts, **outcome(step.out)}


def outcome(out: Path) -> dict[str, float]:
    """Steps done and skipped, from the last row of loss.tsv."""
    lines = [line.split("\t") for line in (out / "loss.tsv").read_text(encoding="utf-8").splitlines()]
    if len(lines) < 2:
        what = "the rows of a finished training are gone, and its last checkpoint cannot make them again"
        raise UserError(what, str(out / "loss.tsv"), "put the file back, or redo the training with --fresh STAGE")
    row = dict(zip(lines[0], lines[-1]))
    return {"steps": int(row["step"]), "skipped_steps": int(row["skipped"])}


if __name__ == "__main__":
    main(run, TrainConfig)
