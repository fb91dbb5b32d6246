"""Pre-train a network by masked prediction of units; gives a Hugging Face model.

Inputs, recognised by what they hold: a data directory to train on, one for validation (optional), a folder of
labels, and a trained model to start from (optional).
"""

from __future__ import annotations

from pathlib import Path

from ..core.step import Step, main
from ..data.bad_clips import BadClipsOfRun
from ..data.labels import refuse_degenerate
from ..models.hugging_face import save_pretrained
from .card import about, card, described
from .config import PretrainConfig
from .engine.launch import share
from .engine.loop import Trained
from .engine.ranks import World
from .objectives.masked import MaskedPrediction
from .outcome import outcome
from .speech import PretrainInputs, Speech
from .speech_training import train_on
from .start import build


def pretrain(
    config: PretrainConfig, inputs: PretrainInputs, speech: Speech, out: Path, world: World, name: str
) -> Trained:
    """Train on this rank, and on the first one export to out/hf, and to out/at/*/hf as loop.keep_at says.

    Raises UserError for checkpoints (of another identity than `name`, or shape) or a starting model that do not fit.
    """
    labels = inputs.labels.header
    network = build(config.model, config.loop.seed, inputs.start, config.start_layers)
    objective = MaskedPrediction(network, config.objective, labels.k, config.loop.seed)

    def export(folder: Path, ended: Trained) -> None:
        text = card(config, labels, speech, ended, inputs.start)
        save_pretrained(network, folder, text, about(labels, speech, ended.step))

    return train_on(speech, objective, config, out, world, name, export)


def run(step: Step[PretrainConfig]) -> None:
    """Train here, or in several processes that share the work."""
    config, inputs = step.config, PretrainInputs.read(step.ins)
    if not step.worker:  # a pass over all labels, once
        refuse_degenerate(inputs.labels.histogram, str(inputs.labels.folder))
    bad_clips = BadClipsOfRun.of_step(step)
    speech = Speech(config, inputs, step.ledger.drop, bad_clips)
    name = step.id
    if not step.worker:
        print(speech.summary + described(config, inputs.labels.header), flush=True)
    seconds = speech.sampler.seconds * config.loop.total_steps
    share(
        step, config.data.micro_batches, seconds, lambda world: pretrain(config, inputs, speech, step.out, world, name)
    )
    step.counts |= {**speech.counts, **outcome(step.out), **bad_clips.settle(step.ledger)}


if __name__ == "__main__":
    main(run)
