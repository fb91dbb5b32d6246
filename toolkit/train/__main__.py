"""Pre-train a network by masked prediction of units; gives a Hugging Face model.

Inputs, recognised by what they hold: a data directory to train on, one for validation (optional), a folder of
labels, and a trained model to start from (optional).
"""

from __future__ import annotations

from pathlib import Path

from ..core import slurm
from ..core.record import identity, identity_id
from ..core.step import Step, main
from ..data.labels import refuse_degenerate
from ..models.hugging_face import save_pretrained
from .card import about, card, described
from .config import TrainConfig
from .launch import launch, processes
from .loop import Trained, train
from .objectives.masked import MaskedPrediction
from .outcome import outcome
from .ranks import World
from .speech import Inputs, Speech
from .start import build


def pretrain(config: TrainConfig, inputs: Inputs, speech: Speech, out: Path, world: World, name: str) -> Trained:
    """Train on this rank, and on the first one export to out/hf.

    Raises UserError for checkpoints (of another identity than `name`, or shape) or a starting model that do not fit.
    """
    labels = inputs.labels.header
    network = build(config.model, config.loop.seed, inputs.start, config.start_layers)
    objective = MaskedPrediction(network, config.objective, labels.k, config.loop.seed)
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
        told = card(config, labels, speech, trained, inputs.start)
        save_pretrained(network, out / "hf", told, about(labels, speech, trained.step))
    return trained


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
    print(speech.said + described(config, inputs.labels.header), flush=True)
    count = processes(step, config.data.micro_batches, speech.sampler.seconds * config.loop.total_steps)
    if count > 1 or slurm.chosen():
        launch(step, count)
    else:
        pretrain(config, inputs, speech, step.out, World.choose(step.ngpu), name)
    step.counts |= {**speech.counts, **outcome(step.out)}


if __name__ == "__main__":
    main(run)
