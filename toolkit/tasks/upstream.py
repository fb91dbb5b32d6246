"""The rows of a probe table: what computes the features that the heads see.

Shapes: N samples at 16 kHz, T frames, L hidden states, D their dimension.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from ..core.errors import UserError
from ..models.encoder import Encoder, encoder_name, encoder_shape, load_encoder, random_encoder
from ..models.macs import Macs
from ..train.engine.objective import Batch
from ..train.objectives.classify import Features
from ..units.framing import frame_count
from ..units.mfcc import fbank
from .config import BINS, CONTEXT, row_names

FBANK_RATE = 50.0
NEARLY = 0.9  # a wide network on a CPU pays for every frame of padding


class Upstream:
    """Computes hidden states, in eval mode and without gradients.

    Attributes:
        dim, layers: every state is [T, dim]; there are layers + 1 of them.
        chosen: numbers of those that `states` gives, L in all.
        rate: frames per second; frame t is centred at t / rate + 12.5 ms.
        parameters: number of weights.
        macs: multiply-accumulate operations over the benchmark's clips; None: not counted.
    """

    dim: int
    layers: int
    rate: float = FBANK_RATE
    parameters: int = 0
    macs: Macs | None = None

    @property
    def chosen(self) -> tuple[int, ...]:
        return tuple(range(self.layers + 1))

    def frames(self, samples: int) -> int:
        """Frames of a waveform of so many samples."""
        raise NotImplementedError

    def states(self, wave_N: Tensor) -> Tensor:
        """Hidden states [T, L, D] of one waveform."""
        raise NotImplementedError

    def padded_states(self, waves: Sequence[Tensor]) -> list[Tensor]:
        """Hidden states [T, L, D] of waveforms [N] that are padded to one length, as the SUPERB benchmark does.

        What an upstream without a network gives does not depend on the padding.
        """
        return [self.states(wave_N) for wave_N in waves]


class Fbank(Upstream):
    """Log mel filter bank, every second frame; with `context` c each frame also sees c frames on either side."""

    layers = 0

    def __init__(self, context: int = 0) -> None:
        self.context = context
        self.dim = BINS * (2 * context + 1)

    def frames(self, samples: int) -> int:
        return -(-frame_count(samples) // 2)

    def states(self, wave_N: Tensor) -> Tensor:
        x_TD = fbank(wave_N, BINS)[::2]
        if self.context:
            T = len(x_TD)
            steps = torch.arange(T)[:, None] + torch.arange(-self.context, self.context + 1)
            x_TD = x_TD[steps.clamp(0, max(T - 1, 0))].flatten(1)  # edge frames repeated
        return x_TD[:, None]


class Network(Upstream):
    """A speech encoder. Its states are those of one utterance at a time: a batch would bring padding.

    Args:
        chosen: numbers of the states wanted; none named: all.
        final_norm: give the last state after the final LayerNorm of a pre-LN network.
    """

    def __init__(self, encoder: Encoder, chosen: tuple[int, ...] = (), final_norm: bool = False) -> None:
        self.encoder, self._chosen, self.final_norm = encoder, chosen, final_norm
        self.dim, self.layers, self.rate = encoder.dim, encoder.layers, encoder.rate
        self.parameters, self.macs = encoder.parameter_count, encoder.macs

    @property
    def chosen(self) -> tuple[int, ...]:
        return self._chosen or super().chosen

    def frames(self, samples: int) -> int:
        return self.encoder.frames(samples)

    @torch.no_grad()
    def states(self, wave_N: Tensor) -> Tensor:
        return self._stacked(self.encoder.states(wave_N[None]))[0]

    def _stacked(self, every: list[Tensor]) -> Tensor:
        """The chosen states [B, T, L, D]."""
        if self.final_norm and self.layers in self.chosen:
            every[-1] = self.encoder.final_norm(every[-1])
        return torch.stack([every[layer] for layer in self.chosen], 2)

    @torch.no_grad()
    def padded_states(self, waves: Sequence[Tensor]) -> list[Tensor]:
        """As s3prl: each utterance has round(samples / hop) frames, of which one may be padding."""
        samples = [len(wave_N) for wave_N in waves]
        wave_BN = pad_sequence(list(waves), batch_first=True)
        states_BTLD = self._stacked(self.encoder.states(wave_BN, samples, masks_norms=False))
        frames = [round(n / self.encoder.hop) for n in samples]
        return [states_TLD[:count] for states_TLD, count in zip(states_BTLD, frames, strict=True)]


class Tuned(Features):
    """Features of a network that trains: waveforms `wave_N`, one after another, of `samples_B` samples each.

    Waveforms of nearly one length go through the network together, of exactly one where it cannot tell padding from
    speech. As is usual its convolutions may stay as they are (wav2vec 2.0, section 4.3).
    """

    def __init__(self, encoder: Encoder, chosen: tuple[int, ...] = (), freeze_convolutions: bool = False) -> None:
        super().__init__()
        self.encoder = encoder.trainable(freeze_convolutions)
        self.chosen = chosen or tuple(range(encoder.layers + 1))

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        samples: list[int] = batch["samples_B"].tolist()
        waves = batch["wave_N"].split(samples)
        states: dict[int, Tensor] = {}
        for group in together(samples, NEARLY if self.encoder.takes_padding else 1.0):
            wave_BN = pad_sequence([waves[i] for i in group], batch_first=True)
            every = self.encoder.states(wave_BN, [samples[i] for i in group])
            states_BTLD = torch.stack([every[layer] for layer in self.chosen], 2)
            states |= {i: x_TLD[: self.encoder.frames(samples[i])] for i, x_TLD in zip(group, states_BTLD, strict=True)}
        frames = [len(states[i]) for i in range(len(waves))]
        return torch.cat([states[i] for i in range(len(waves))]), torch.tensor(frames, device=batch["wave_N"].device)


def together(lengths: Sequence[int], nearly: float) -> list[list[int]]:
    """Numbers of the `lengths` in groups, longest first, the shortest of each at least `nearly` times the longest."""
    groups: list[list[int]] = []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if groups and lengths[i] >= nearly * lengths[groups[-1][0]]:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        row: its name and folder; title: how a table calls it.
        arm: "trained", "random" (initialisation of the model's shape) or "features" (filter banks).
        model: folder of the network, or of the one whose shape a random network takes; None for filter banks.
        frozen: whether the upstream only computes features; else it trains with each head.
    """

    row: str
    arm: Literal["trained", "random", "features"]
    title: str
    model: Path | None = None
    frozen: bool = True
    context: int = 0

    @property
    def of(self) -> str | None:
        """Name of the model that the row is of, or has the shape of; None for filter banks."""
        return None if self.model is None else encoder_name(self.model)

    def shape(self) -> tuple[int, int]:
        """(layers, dim) of the upstream, without loading it. Raises UserError for a folder that holds no encoder."""
        if self.model is None:
            return 0, Fbank(self.context).dim
        dim, layers = encoder_shape(self.model)
        return layers, dim

    def refuse_absent(self, field: str, states: Sequence[int]) -> None:
        """Raise UserError where the network has not all of the `states` that a config's field names."""
        if self.model is not None and states and states[-1] > (layers := self.shape()[0]):
            problem = f"{field} names state {states[-1]}, and {self.of} has states 0 to {layers}"
            raise UserError(problem, str(self.model), "name states that it has, or probe it with a config of its own")

    def open(
        self, random_seed: int, device: torch.device, chosen: tuple[int, ...] = (), final_norm: bool = False
    ) -> Upstream:
        """Load the upstream. Raises UserError for a folder that holds no speech encoder."""
        if self.model is None:
            return Fbank(self.context)
        if self.arm == "random":
            return Network(random_encoder(self.model, random_seed, device), chosen, final_norm)
        return Network(load_encoder(self.model, device), chosen, final_norm)


def rows_of(wanted: Sequence[str], models: Sequence[Path], freeze: bool = True) -> list[Row]:
    """Rows in the order of `wanted`, or, if it is empty, those that TasksConfig.rows names for an empty list.

    Raises UserError if `wanted` names rows of models and there is no model, and for two rows of one name.
    """
    wanted = wanted or row_names(bool(models), freeze)
    wanting = [word for word in wanted if word in ("random", "models")]
    if wanting and not models:
        raise UserError(f"rows: {', '.join(wanting)} are made of a model, and none is given", "--in", "add a model")
    rows = [row for word in wanted for row in _rows(word, models, freeze)]
    names = [row.row for row in rows]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        places = dict.fromkeys(str(row.model) for row in rows if row.row in twice)
        remedy = "leave one out" if len(places) == 1 else "leave one out, or rename its folder"
        raise UserError(f"two rows would be called {', '.join(twice)}", ", ".join(places), remedy)
    return rows


def _rows(word: str, models: Sequence[Path], freeze: bool) -> list[Row]:
    if word == "fbank":
        return [Row(word, "features", f"FBANK {BINS}")]
    if word == "fbank_stacked":
        return [Row(word, "features", f"FBANK {BINS} stacked ±{CONTEXT}", context=CONTEXT)]
    suffix, suffix_title = ("", "") if freeze else (".tuned", ", fine-tuned")
    rows = []
    for model in models:
        name = encoder_name(model)
        if word == "random":
            rows.append(Row(f"random.{name}{suffix}", "random", f"{name}, random{suffix_title}", model, freeze))
        else:
            title = _title(name) if freeze else f"{name}{suffix_title}"
            rows.append(Row(f"{name}{suffix}", "trained", title, model, freeze))
    return rows


def _title(name: str) -> str:
    """it1.base -> iteration 1 (it1.base)."""
    iteration = re.match(r"it(\d+)\b", name)
    return f"iteration {iteration[1]} ({name})" if iteration else name
