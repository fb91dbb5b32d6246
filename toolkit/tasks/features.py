"""Features of a data set by one upstream: means in an array, frames in a memory-mapped file or computed when wanted.

The file has utterance by utterance, and of each state by state, so that one state alone is read in one piece.

Shapes: N frames of all utterances, U utterances, T frames of one, L hidden states, D their dimension.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json
from ..core.progress import Progress
from ..data.audio import AudioError
from ..data.kaldi import Utterance
from ..data.listen import Listener, decoded, refuse_broken, too_many, undecodable
from .upstream import Upstream

INDEX, FRAMES, MEANS, SUMS = "index.json", "frames.f16", "means.f32", "sums.npy"
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class SetFeatures:
    """Features of the utterances of one data set that could be read.

    Attributes:
        ids: those utterances; frames: frames of each.
        shape: (L, D) of what is stored.
        dropped: (id, reason, detail) of the others.
        rate: frames per second.
        stored: True if the frames are in a file, not only their means.
        only: the states that are given, by their places among those stored; None: all.
        again: computes the frames [T, L, D] of an utterance by its id; None where frames that are not stored cannot be
            had. Raises AudioError.
        warned: (id, reason, detail) of those that are kept though a rule speaks against them.
    """

    folder: Path
    ids: list[str]
    frames: list[int]
    shape: tuple[int, int]
    dropped: list[tuple[str, str, str]]
    rate: float = 0.0
    stored: bool = True
    only: tuple[int, ...] | None = None
    again: Callable[[str], Array] | None = None
    warned: Sequence[tuple[str, str, str]] = ()

    @classmethod
    def open(cls, folder: Path, again: Callable[[str], Array] | None = None) -> SetFeatures:
        """Raises UserError where features failed, or the index is not one that `compute` wrote."""
        index = read_json(folder / INDEX)
        if "broken" in index:
            raise UserError(f"its features failed: {index['broken']}", str(folder), "mend the cause and run it again")
        try:
            dropped, warned = ([(a, b, c) for a, b, c in index[name]] for name in ("dropped", "warned"))
            shape, how = (index["states"], index["dim"]), (index["rate"], index["stored"])
            return cls(folder, index["ids"], index["frames"], shape, dropped, *how, again=again, warned=warned)
        except (KeyError, TypeError, ValueError) as e:
            remedy = f"remove {folder} and rerun: the features are made again"
            raise UserError(f"no index of cached features: {e!r}", str(folder / INDEX), remedy) from None

    def of_states(self, places: Sequence[int]) -> SetFeatures:
        """The same features with the states at these places among those stored, and no others."""
        return self if len(places) == self.shape[0] else replace(self, only=tuple(places))

    @property
    def _given(self) -> list[int]:
        """Places of the states that are given, among those stored."""
        return list(range(self.shape[0]) if self.only is None else self.only)

    @property
    def given_shape(self) -> tuple[int, int]:
        """(L, D) of what is given of a frame."""
        return len(self._given), self.shape[1]

    @cached_property
    def _means_ULD(self) -> Array:
        """Mean frame of each utterance, of all stored states, in a memory-mapped file: VoxCeleb1's take gigabytes."""
        means: Array = np.memmap(self.folder / MEANS, np.float32, "r").reshape(-1, *self.shape)
        return means

    def means(self, numbers: Sequence[int]) -> Array:
        """Mean frames [B, L, D] of these utterances."""
        of_each: Array = self._means_ULD[list(numbers)][:, self._given]
        return of_each

    @cached_property
    def _offsets(self) -> Array:
        return np.concatenate([[0], np.cumsum(self.frames)])

    def states(self, u: int) -> Array:
        """Frames [T, L, D] of utterance number u, float16, from the file or computed again. Raises AudioError."""
        if not self.stored:
            assert self.again is not None, "frames that were not stored are asked for"
            return self.again(self.ids[u])[:, self._given]
        L, T, D, given = self.shape[0], self.frames[u], self.shape[1], self._given
        first, count = given[0], given[-1] + 1 - given[0]
        place = 2 * (int(self._offsets[u]) * L + first * T) * D  # read, not mapped: pages would pile up in memory
        states_LTD = np.fromfile(self.folder / FRAMES, np.float16, count * T * D, offset=place).reshape(count, T, D)
        if count > len(given):
            states_LTD = states_LTD[[state - first for state in given]]
        return states_LTD.transpose(1, 0, 2)

    def moments(self) -> tuple[Array, Array]:
        """Mean and standard deviation [L, D] over all frames."""
        total, square = np.load(self.folder / SUMS)
        mean = total / sum(self.frames)
        std = np.sqrt(np.maximum(square / sum(self.frames) - mean**2, 0))
        return mean[self._given], std[self._given]


def compute(
    upstream: Upstream,
    utterances: Sequence[Utterance],
    folder: Path,
    keep_frames: bool,
    device: torch.device,
    label: str,
    listener: Listener | None = None,
) -> SetFeatures:
    """Features of `utterances` at `folder`, which is read if it exists.

    What cannot be read, is shorter than a frame or gives features that are not finite is noted in `dropped`; so is, in
    a training set, what the rules of `listener` speak against. Raises UserError when nothing is left, or too many
    cannot be read.
    """
    if not folder.is_dir():
        with atomic(folder) as temporary, Progress(label, sum(u.seconds for u in utterances), "audio s") as bar:
            temporary.mkdir(parents=True)
            _compute(upstream, utterances, temporary, keep_frames, device, bar, listener or Listener.plain())
    features = SetFeatures.open(folder)
    if not features.ids:
        reasons = "; ".join(f"{id}: {reason} {detail}" for id, reason, detail in features.dropped[:3])
        raise UserError(f"no utterance of {label} can be used: {reasons}", label, "mend the audio, or name another set")
    return features


def leave_broken(folder: Path, reason: str) -> None:
    """An index that says why there are no features."""
    folder.mkdir(parents=True)
    write_json(folder / INDEX, {"broken": reason})


def is_broken(folder: Path) -> bool:
    """True if the features of a folder failed."""
    return (folder / INDEX).is_file() and "broken" in read_json(folder / INDEX)


def _compute(
    upstream: Upstream,
    utterances: Sequence[Utterance],
    folder: Path,
    keep_frames: bool,
    device: torch.device,
    bar: Progress,
    listener: Listener,
) -> None:
    shape = (len(upstream.chosen), upstream.dim)
    ids, frames, dropped = [], [], []
    sums = np.zeros((2, *shape))
    with open(folder / FRAMES, "wb") as f, open(folder / MEANS, "wb") as means:
        for utterance in utterances:
            bar.add(utterance.seconds)
            try:
                states_TLD = _states(upstream, utterance, device, listener.hear)
            except AudioError as e:
                dropped.append((utterance.id, e.reason, e.what))
                continue
            ids.append(utterance.id)
            frames.append(len(states_TLD))
            exact = states_TLD.astype(np.float64)
            means.write(exact.mean(0).astype(np.float32).tobytes())
            sums += np.stack([exact.sum(0), (exact**2).sum(0)])
            if keep_frames:
                f.write(states_TLD.transpose(1, 0, 2).tobytes())
    broken = [row for row in dropped if undecodable(row[1])]
    if ids and too_many(len(broken), len(utterances)):
        refuse_broken(broken, len(utterances), bar.label)
    np.save(folder / SUMS, sums)
    warned = [(id, *fault) for id, fault in listener.warned.items()]
    index = {"ids": ids, "frames": frames, "states": shape[0], "dim": shape[1], "rate": upstream.rate}
    write_json(folder / INDEX, {**index, "stored": keep_frames, "dropped": dropped, "warned": warned})


def again(
    open_upstream: Callable[[], Upstream], utterances: Sequence[Utterance], device: torch.device, threads: int
) -> Callable[[str], Array]:
    """A function that computes the frames [T, L, D] of an utterance as `compute` did, from its id.

    It may be called from several threads; `threads` is how many of its own each computation takes. It raises AudioError
    for an utterance that could be read before and cannot be read now.
    """
    by_id: Mapping[str, Utterance] = {utterance.id: utterance for utterance in utterances}

    def states(id: str) -> Array:
        torch.set_num_threads(threads)  # a setting of the calling thread, and part of which bits come out
        return _states(open_upstream(), by_id[id], device, decoded)

    return states


def _states(
    upstream: Upstream, utterance: Utterance, device: torch.device, hear: Callable[[Utterance], Array]
) -> Array:
    """States [T, L, D] as float16. Raises AudioError where there are none."""
    wave_N, where = hear(utterance), utterance.path
    if upstream.frames(len(wave_N)) < 1:
        raise AudioError("too short", f"{len(wave_N)} samples: not one frame", where)
    states_TLD: Array = upstream.states(torch.from_numpy(wave_N).to(device)).half().cpu().numpy()
    if not np.isfinite(states_TLD).all():
        raise AudioError("non-finite features", "a hidden state is not finite, or above 65,504", where)
    return states_TLD
