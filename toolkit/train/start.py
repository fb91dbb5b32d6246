"""The network before its first step: random, as another model, or with some of another's blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.seed import seed_of
from ..models.config import HubertConfig
from ..models.encoder import load_encoder
from ..models.hubert import Hubert, initialise
from .engine.checkpoint import check_shapes

BLOCK = "encoder.layers."
# No shape tells of these.
SAME = ("num_attention_heads", "do_stable_layer_norm", "feat_extract_norm", "conv_stride", "layer_norm_eps")
NORMALIZE = "normalize_waveform"  # which transformers keeps beside its config


def build(config: HubertConfig, seed: int, start: Path | None = None, layers: Sequence[int] = ()) -> Hubert:
    """The network before the first step: random, or with the weights of the model in `start`.

    Args:
        layers: blocks of that model to begin with, 1-based, one for each block of this network; empty: all of them.

    Raises UserError if that model is of another width or make, or has no such blocks.
    """
    network = Hubert(config)
    initialise(network, config, torch.Generator().manual_seed(seed_of(seed, "init")))
    if layers and not start:
        raise UserError("start_layers, but no model to take them from", "--in", "name the teacher after the labels")
    if start:
        network.load_state_dict(_weights(config, network.state_dict(), start, layers))
    return network


def _weights(config: HubertConfig, wanted: dict[str, Tensor], start: Path, layers: Sequence[int]) -> dict[str, Tensor]:
    """Weights of the model in `start`, its blocks `layers` numbered anew."""
    teacher = load_encoder(start)
    if teacher.dim != config.hidden_size:
        raise UserError(
            f"a network of width {config.hidden_size} cannot begin with the blocks of {teacher.name}, "
            f"whose width is {teacher.dim}",
            f"model.hidden_size, {start}",
            "give both one width, or begin at random: leave the model out of --in",
        )
    made = {name: getattr(teacher.model.config, name, None) for name in SAME}
    _refuse_other_make(config, {**made, NORMALIZE: teacher.normalize}, start)
    weights: dict[str, Tensor] = teacher.model.state_dict()
    if layers:
        if strange := [n for n in layers if not 1 <= n <= teacher.layers]:
            raise UserError(
                f"no block {', '.join(map(str, strange))} in {teacher.name}, which has {teacher.layers}",
                "start_layers",
                f"name blocks from 1 to {teacher.layers}",
            )
        weights = _chosen(weights, layers)
    check_shapes(wanted, weights, str(start), "give config.model the shape of that model, or name its start_layers")
    return weights


def _refuse_other_make(config: HubertConfig, values: Mapping[str, Any], start: Path) -> None:
    """Raise UserError if weights of that model would compute something else in this network."""
    for name, theirs in values.items():
        here = getattr(config, name)
        if here != (tuple(theirs) if isinstance(theirs, list) else theirs):
            raise UserError(
                f"model.{name} is {here} here and {theirs} in the model to start from",
                str(start),
                "give config.model the value of that model",
            )


def _chosen(weights: dict[str, Tensor], layers: Sequence[int]) -> dict[str, Tensor]:
    """All that is no block, and blocks `layers` (1-based) as blocks 0, 1, ..."""
    chosen = {name: w for name, w in weights.items() if not name.startswith(BLOCK)}
    for new, old in enumerate(layers):
        prefix = f"{BLOCK}{old - 1}."
        chosen |= {
            f"{BLOCK}{new}.{name.removeprefix(prefix)}": w for name, w in weights.items() if name.startswith(prefix)
        }
    return chosen
