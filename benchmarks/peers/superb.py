"""The peer of downstream tasks: features computed anew in every step, as s3prl trains SUPERB's heads.

Written anew after what its code does (downstream/runner.py, upstream/interfaces.py, and the experts of
fluent_commands, ctc and asr), on transformers' HubertModel. Left out, in its favour: loading by workers, decoding of
every training batch for its log, evaluation and checkpoints. Its Adam is the fused one, as ours.

Shapes: B clips, N samples, T frames, D width of the network, L hidden states, C outputs.
"""

from __future__ import annotations

from . import torchaudio_alone  # noqa: F401  # isort: skip - before transformers, which imports torchaudio

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence, pad_sequence
from transformers import HubertModel

HOP = 320
FEW = 2  # clips of the first round, which warms up


def read_table(path: Path) -> dict[str, str]:
    """Lines `key value` of a table."""
    return dict(line.split(maxsplit=1) for line in path.read_text(encoding="utf-8").splitlines())


class Featurizer(nn.Module):
    """Sum of hidden states weighted by a softmax, cut to round(samples / 320) frames of each clip."""

    def __init__(self, states: int) -> None:
        super().__init__()
        self.weight_L = nn.Parameter(torch.zeros(states))

    def forward(self, states: Sequence[Tensor], samples: Sequence[int]) -> list[Tensor]:
        stacked = torch.stack(list(states)).flatten(1)
        summed = (self.weight_L.softmax(0)[:, None] * stacked).sum(0).view(states[0].shape)
        return [x_TD[: round(n / HOP)] for x_TD, n in zip(summed, samples, strict=True)]


class Pooled(nn.Module):
    """Linear, mean over the frames of a clip, Linear; the sum of the slots' cross-entropies."""

    def __init__(self, dim: int, hidden: int, sizes: Sequence[int]) -> None:
        super().__init__()
        self.sizes = list(sizes)
        self.projector, self.linear = nn.Linear(dim, hidden), nn.Linear(hidden, sum(sizes))

    def forward(self, features: list[Tensor], labels: Sequence[Tensor]) -> Tensor:
        x_BTH = self.projector(pad_sequence(features, batch_first=True))
        pooled_BH = torch.stack([x_TH[: len(f)].mean(0) for x_TH, f in zip(x_BTH, features, strict=True)])
        of_slots = self.linear(pooled_BH).split(self.sizes, 1)
        targets = torch.stack(list(labels)).unbind(1)
        return torch.stack([F.cross_entropy(s, t) for s, t in zip(of_slots, targets, strict=True)]).sum()


class Spelling(nn.Module):
    """Linear, layers of a packed BLSTM with dropout, Linear; CTC, the mean over clips of the loss per token."""

    def __init__(self, dim: int, hidden: int, layers: int, dropout: float, outputs: int) -> None:
        super().__init__()
        self.projector, self.drop = nn.Linear(dim, hidden), nn.Dropout(dropout)
        widths = [hidden, *[2 * hidden] * layers]
        self.recur = nn.ModuleList(nn.LSTM(w, hidden, batch_first=True, bidirectional=True) for w in widths[:-1])
        self.linear = nn.Linear(widths[-1], outputs)
        self.objective = nn.CTCLoss(blank=0, zero_infinity=True)

    def forward(self, features: list[Tensor], labels: Sequence[Tensor]) -> Tensor:
        frames_B = torch.tensor([len(f) for f in features])
        x_BTH = self.projector(pad_sequence(features, batch_first=True))
        for layer in self.recur:
            packed = pack_padded_sequence(x_BTH, frames_B, batch_first=True, enforce_sorted=False)
            x_BTH = self.drop(pad_packed_sequence(layer(packed)[0], batch_first=True)[0])
        log_probs_BTC = self.linear(x_BTH).log_softmax(-1)
        targets_BS, lengths_B = pad_sequence(list(labels), batch_first=True), torch.tensor([len(t) for t in labels])
        loss: Tensor = self.objective(log_probs_BTC.transpose(0, 1), targets_BS, frames_B, lengths_B)
        return loss


class Recomputing:
    """A round is one optimiser step, from files to new weights; the first, which does not count, on a few clips.

    Output: trained parameters [1].
    """

    def __init__(
        self, data: str, model: str, labels: str, batch: int, micro_batches: int, threads: int, **head: Any
    ) -> None:
        """Args:
        data: folder of the set to train on.
        labels: its table of them: utt2intent, utt2phones or text.
        batch: clips of a micro-batch.
        micro_batches: whose gradients are added in a step.
        head: hidden, and for those that spell layers and dropout.
        """
        torch.set_num_threads(threads)
        torch.manual_seed(1)
        paths, rows = read_table(Path(data) / "wav.scp"), read_table(Path(data) / labels)
        self.paths = [paths[id] for id in rows]
        self.batch, self.micro_batches, self.warm, self.place = batch, micro_batches, False, 0
        self.upstream = HubertModel.from_pretrained(model).eval()
        self.featurizer = Featurizer(self.upstream.config.num_hidden_layers + 1)
        self.labels, self.head = _head(labels, list(rows.values()), self.upstream.config.hidden_size, **head)
        self.parameters = [*self.featurizer.parameters(), *self.head.parameters()]
        self.optimiser = torch.optim.Adam(self.parameters, lr=1e-4, fused=True)

    def run(self) -> dict[str, Any]:
        count = self.batch if self.warm else min(FEW, self.batch)
        self.warm = True
        for _ in range(self.micro_batches):
            (self.loss(count) / self.micro_batches).backward()
        nn.utils.clip_grad_norm_(self.parameters, 1.0)
        self.optimiser.step()
        self.optimiser.zero_grad()
        return {"clips": count * self.micro_batches}

    def loss(self, count: int) -> Tensor:
        """Of the next `count` clips."""
        chosen = [(self.place + i) % len(self.paths) for i in range(count)]
        self.place += count
        waves = [torch.from_numpy(soundfile.read(self.paths[i], dtype="float32")[0]) for i in chosen]
        features = self.featurizer(self.states(waves), [len(wave_N) for wave_N in waves])
        loss: Tensor = self.head(features, [self.labels[i] for i in chosen])
        return loss

    @torch.no_grad()
    def states(self, waves: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Every hidden state [B, T, D] of clips [N] of one length."""
        states: tuple[Tensor, ...] = self.upstream(
            pad_sequence(list(waves), batch_first=True), output_hidden_states=True
        ).hidden_states
        return states

    def output(self) -> np.ndarray:
        return np.array([sum(p.numel() for p in self.parameters)])


def _head(
    labels: str, rows: Sequence[str], dim: int, hidden: int, layers: int = 0, dropout: float = 0.0
) -> tuple[list[Tensor], nn.Module]:
    """(labels of each clip as numbers, the head)."""
    if labels == "utt2intent":
        columns = [sorted(set(column)) for column in zip(*map(str.split, rows), strict=True)]
        numbers = [[of_slot.index(value) for of_slot, value in zip(columns, row.split())] for row in rows]
        return list(map(torch.tensor, numbers)), Pooled(dim, hidden, list(map(len, columns)))
    spelt = [row.split() if labels == "utt2phones" else list(row) for row in rows]
    tokens = {token: i for i, token in enumerate(sorted({token for row in spelt for token in row}), start=1)}
    targets = [torch.tensor([tokens[token] for token in row]) for row in spelt]
    return targets, Spelling(dim, hidden, layers, dropout, len(tokens) + 1)
