"""Inputs of the race of STaR's step: two networks of the published shapes with random weights, clips of noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from toolkit.core.config import load_config
from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.train.star_config import StarTraining

from .arrays import RATE, read_waves, write_waves
from .inputs import BenchInputs
from .race import ROOT
from .superb_inputs import hubert

CLIPS, BATCHES, SEED = 4, 2, 1  # in a step, of them
DROPOUTS = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
CONFIGS = [ROOT / f"egs/TEMPLATE/star/conf/{name}.yaml" for name in ("student", "both")]


def teacher(inputs: BenchInputs) -> Path:
    """Hugging Face folder of a network of HuBERT base's shape."""
    return hubert(inputs)


def student_shape(small: bool) -> HubertConfig:
    """The published student without dropout; a small one to try things out."""
    names = {f"model.{name}": "0" for name in DROPOUTS}  # so that losses can be compared
    if small:
        names |= {"model.num_hidden_layers": "1", "model.intermediate_size": "64"}
    return load_config(StarTraining, CONFIGS, names).model


def student(inputs: BenchInputs) -> Path:
    """Hugging Face folder of the published student, whose projection is an identity."""

    def make(folder: Path) -> None:
        shape = student_shape(bool(inputs.small_network))
        network = Hubert(shape)
        initialise(network, shape, torch.Generator().manual_seed(SEED))
        save_pretrained(network, folder)

    return inputs.made("star-student", make)


def clips(inputs: BenchInputs, seconds: float, count: int) -> Path:
    """Clips of one length for BATCHES batches of `count`: noise."""

    def make(path: Path) -> None:
        random = np.random.default_rng(SEED)
        samples = round(seconds * RATE)
        waves = [(0.1 * random.standard_normal(samples)).astype(np.float32) for _ in range(count * BATCHES)]
        write_waves(path, waves)

    return inputs.made(f"star-{count}-clips-{seconds:g}.npz", make)


def batches_of(waves: str) -> list[np.ndarray]:
    """The BATCHES batches [B, N] of a file of `clips`."""
    all_BN = np.stack(read_waves(Path(waves)))
    return np.split(all_BN, BATCHES)
