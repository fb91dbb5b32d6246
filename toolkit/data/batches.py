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


class CroppedSpeech:
    """Utterances from which crops are taken.

    Attributes:
        frames: network frames of each utterance.
    """

    def __init__(self, utterances: Sequence[Utterance], cache_mb: float = 0.0, normalize: bool = False) -> None:
        """Args:
        cache_mb: memory for decoded audio; the first utterances read stay in it.
        normalize: scale each whole waveform to mean 0 and variance 1.
        """
        self.utterances, self.normalize = utterances, normalize
        self.frames: Integers = self._counted()
        self._room = int(cache_mb * 1e6)
        self._cache: dict[int, Wave] = {}
        self._lock = threading.Lock()

    def _counted(self) -> Integers:
        """Frames of the audio that the data directory says there is."""
        return np.array([frames_of(round(u.seconds * RATE)) for u in self.utterances], np.int64)

    def _refuse_other_length(self, utterance: Utterance, index: int, frames: int) -> None:
        """Raise UserError for audio that is shorter than the data directory says; times are rounded there."""
        if frames < self.frames[index] - 1:
            raise UserError(
                f"{utterance.id}: audio of {frames} frames, where utt2dur says {self.frames[index]}",
                utterance.path,
                "the audio has changed since the data stage: run that anew",
            )

    def wave(self, index: int) -> Wave:
        """Whole waveform of an utterance, normalised if the network needs it. UserError if its length is another."""
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        utterance = self.utterances[index]
        wave = utterance.audio()
        self._refuse_other_length(utterance, index, frames_of(len(wave)))
        if self.normalize:
            wave = ((wave - wave.mean()) / np.sqrt(wave.var() + 1e-5)).astype(np.float32)
        with self._lock:
            if wave.nbytes <= self._room and index not in self._cache:
                self._room -= wave.nbytes
                self._cache[index] = wave
        return wave

    def batch(
        self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int | Integers
    ) -> dict[str, Any]:
        """Crops of `frames` frames of utterances `rows`, from frame `starts` on: wave_BN, and a key of each.

        Frames of each instead of one number: padded with zeros to the longest, whose `samples` [B] are listed. A key is
        (id, file, first frame, frames): equal keys are equal crops.
        """
        each = np.full(len(rows), frames)
        wave_BN = np.zeros((len(rows), samples_of(int(each.max()))), np.float32)
        samples = [samples_of(int(n)) for n in each]
        for b, (row, start) in enumerate(zip(rows, starts, strict=True)):
            wave = self.wave(int(row))[start * HOP :][: samples[b]]
            wave_BN[b, : len(wave)] = wave
        cuts = zip(rows, starts, each, strict=True)
        of_rows = [(self.utterances[int(row)], int(start), int(n)) for row, start, n in cuts]
        keys = [(utterance.id, str(utterance.path), start, n) for utterance, start, n in of_rows]
        batch = {"wave_BN": wave_BN, "keys": keys}
        return batch if len(set(samples)) == 1 else {**batch, "samples": samples}


class LabelledSpeech(CroppedSpeech):
    """Utterances with a label per network frame; their frames are counted from the labels."""

    def __init__(
        self, utterances: Sequence[Utterance], labels: Labels, cache_mb: float = 0.0, normalize: bool = False
    ) -> None:
        """All utterances must have labels.

        Raises UserError if the labels' rate is neither 50 nor 100 Hz, or an utterance has none.
        """
        self.labels = labels
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
        super().__init__(utterances, cache_mb, normalize)

    def _counted(self) -> Integers:
        counted: Integers = -(-self.labels.lengths(self._rows) // self.stride)
        return counted

    def _refuse_other_length(self, utterance: Utterance, index: int, frames: int) -> None:
        if frames != self.frames[index]:
            raise UserError(
                f"{utterance.id}: audio of {frames} frames has labels for {self.frames[index]}",
                utterance.path,
                "the audio has changed since it was labelled: label it again",
            )

    def batch(
        self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int | Integers
    ) -> dict[str, Any]:
        """Crops of one length with their labels_BT."""
        assert isinstance(frames, int)
        labels_BT = np.empty((len(rows), frames), np.int64)
        for b, (row, start) in enumerate(zip(rows, starts, strict=True)):
            labels_BT[b] = self.labels.at(self._rows[row])[:: self.stride][start : start + frames]
        return {**super().batch(rows, starts, frames), "labels_BT": labels_BT}


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
