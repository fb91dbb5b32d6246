"""Batches of audio and labels: equal exact lengths, cropped on the grid of 320 samples, nothing padded.

Frame t of a network of hop 320 and receptive field 400 sees samples 320t to 320t + 400, and so does frame 2t
of features at 100 Hz. A crop that starts at sample 320·f therefore has labels[f:] at 50 Hz, and labels[2f::2]
at 100 Hz, exactly.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from ..core.errors import UserError
from .frames import HOP, RATE, frames_of, samples_of
from .kaldi import Utterance
from .labels import Integers, Labels

B = TypeVar("B")
Wave = np.ndarray[Any, np.dtype[np.float32]]


class LabelledSpeech:
    """Utterances with a label per network frame, from which crops are taken.

    Attributes:
        frames: network frames of each utterance, counted from its labels.
    """

    def __init__(
        self, utterances: Sequence[Utterance], labels: Labels, cache_mb: float = 0.0, normalize: bool = False
    ) -> None:
        """Args:
            utterances: all of them must have labels.
            cache_mb: memory for decoded audio; the first utterances read stay in it.
            normalize: scale each whole waveform to mean 0 and variance 1.

        Raises UserError if the labels' rate is neither 50 nor 100 Hz, or an utterance has none.
        """
        self.utterances, self.labels, self.normalize = utterances, labels, normalize
        self.stride = labels.stride(RATE / HOP)
        if self.stride > 2:
            raise UserError(
                f"labels at {labels.rate:g} per second are not known to lie on the network's frames",
                str(labels.folder),
                "make labels at 50 or 100 per second",
            )
        ids = [u.id for u in utterances]
        self._rows = labels.rows(ids)
        if (self._rows < 0).any():
            labels.require(ids)
        labels.refuse_wrong_rate(self._rows, np.array([u.seconds for u in utterances]))
        self.frames: Integers = -(-labels.lengths(self._rows) // self.stride)
        self._room = int(cache_mb * 1e6)
        self._cache: dict[int, Wave] = {}
        self._lock = threading.Lock()

    def wave(self, index: int) -> Wave:
        """Whole waveform of an utterance, normalised if the network needs it. UserError if its labels do not fit."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        utterance = self.utterances[index]
        wave = utterance.audio()
        if frames_of(len(wave)) != self.frames[index]:
            raise UserError(
                f"{utterance.id}: audio of {frames_of(len(wave))} frames has labels for {self.frames[index]}",
                utterance.path,
                "the audio has changed since it was labelled: label it again",
            )
        if self.normalize:
            wave = ((wave - wave.mean()) / np.sqrt(wave.var() + 1e-5)).astype(np.float32)
        with self._lock:
            if wave.nbytes <= self._room and index not in self._cache:
                self._room -= wave.nbytes
                self._cache[index] = wave
        return wave

    def batch(self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int) -> dict[str, Any]:
        """Crops of `frames` frames of utterances `rows`, from frame `starts` on: wave_BN, labels_BT."""
        wave_BN = np.empty((len(rows), samples_of(frames)), np.float32)
        labels_BT = np.empty((len(rows), frames), np.int64)
        for b, (row, start) in enumerate(zip(rows, starts, strict=True)):
            wave_BN[b] = self.wave(int(row))[start * HOP : start * HOP + wave_BN.shape[1]]
            labels_BT[b] = self.labels.at(self._rows[row])[:: self.stride][start : start + frames]
        return {"wave_BN": wave_BN, "labels_BT": labels_BT}


def labelled(
    utterances: Sequence[Utterance], labels: Labels, drop: Callable[[str, str, str], None], most_missing: float
) -> list[Utterance]:
    """Utterances that have labels; `drop(id, reason, detail)` is called for the others.

    Raises UserError if more than the share `most_missing` has none.
    """
    usable = (labels.lengths(labels.rows([u.id for u in utterances])) > 0).tolist()
    kept = [u for u, good in zip(utterances, usable, strict=True) if good]
    missing = [u.id for u, good in zip(utterances, usable, strict=True) if not good]
    if len(missing) > most_missing * len(utterances):
        raise UserError(
            f"{len(missing)} of {len(utterances)} utterances have no labels, e.g. {', '.join(missing[:3])}",
            str(labels.folder),
            "label this data directory, or raise data.most_unlabelled",
        )
    for id in missing:
        drop(id, "no labels", "")
    return kept


def prefetch(load: Callable[[int, int], B], keys: Iterable[tuple[int, int]], threads: int) -> Iterator[B]:
    """load(*key) for every key in order, read ahead by `threads` threads; 0 = read on demand.

    An error in a thread is raised when its batch is asked for.
    """
    if threads == 0:
        yield from (load(*key) for key in keys)
        return
    pool = ThreadPoolExecutor(threads, "prefetch")
    waiting: deque[Future[B]] = deque()
    try:
        for key in keys:
            waiting.append(pool.submit(load, *key))
            if len(waiting) > 2 * threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
