"""What a teacher makes of utterances, kept in memory so that it hears each of them once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ...models.encoder import Encoder
from ...models.hubert import Inside


class TeacherStates:
    """States of a teacher by key, as long as there is room; all others are heard anew each time.

    Every waveform is heard alone, without padding: whether its states were kept, and beside which others it stands,
    shows in no bit.
    """

    def __init__(self, teacher: Encoder, mb: float) -> None:
        """`mb`: room, MB."""
        self.teacher, self._room = teacher, int(mb * 1e6)
        self._kept: dict[Hashable, Inside] = {}

    def inside(self, wave_BN: Tensor, samples: Sequence[int] | None, keys: Sequence[Hashable]) -> Inside:
        """The features before positions and all states [B, T, D] on the waveforms' device, 0 at frames of padding."""
        lengths = samples or [wave_BN.shape[1]] * len(wave_BN)
        each = [self._of(wave_N[:n], key) for wave_N, n, key in zip(wave_BN, lengths, keys, strict=True)]
        frames = self.teacher.frames(wave_BN.shape[1])  # the longest utterance may have left the batch

        def joined(parts: Sequence[Tensor]) -> Tensor:
            own = [x_1TD.to(wave_BN.device, non_blocking=True) for x_1TD in parts]
            return torch.cat([F.pad(x_1TD, (0, 0, 0, frames - x_1TD.shape[1])) for x_1TD in own])

        states = [joined(layer) for layer in zip(*(inside.states for inside in each), strict=True)]
        projected = [inside.projected for inside in each if inside.projected is not None]
        return Inside(joined(projected) if len(projected) == len(each) else None, states)

    def _of(self, wave_N: Tensor, key: Hashable) -> Inside:
        kept = self._kept.get(key)
        if kept is not None:
            return kept
        inside = self.teacher.inside(wave_N[None], normalize=False)
        tensors = [x for x in (inside.projected, *inside.states) if x is not None]
        size = sum(x.numel() * x.element_size() for x in tensors)
        if size <= self._room:
            self._room -= size
            on_cpu = None if inside.projected is None else inside.projected.cpu()
            self._kept[key] = Inside(on_cpu, [x.cpu() for x in inside.states])
        return inside
