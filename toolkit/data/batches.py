"""Batches of audio and labels: equal exact lengths, cropped on the grid of 320 samples, nothing padded.

Frame t of a network of hop 320 and receptive field 400 sees samples 320t to 320t + 400, and so does frame 2t
of features at 100 Hz. A crop that starts at sample 320·f therefore has labels[f:] at 50 Hz, and labels[2f::2]
at 100 Hz, exactly.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

import numpy as np

from ..core.errors import UserError
from ..core.record import DROPPED, read_ledger
from .bad_clips import MOST_UNFIT, OF_UNFIT, BadClips, NoBadClips
from .frames import HOP, RATE, frames_of, samples_of
from .kaldi import Utterance
from .labels import Integers, Labels
from .listen import refuse_broken, too_many

B = TypeVar("B")
Wave = np.ndarray[Any, np.dtype[np.float32]]


class Left(NamedTuple):
    """Which rows of a micro-batch are left of those that were drawn, where bad clips have left it.

    What is drawn at random for each row is drawn for all of them, so that no other row's draw changes.

    Attributes:
        kept: places of the rows that are left, among those that were drawn.
        samples: of every row that was drawn; empty where rows have no length of their own.
    """

    kept: list[int]
    samples: list[int]


def is_empty(batch: Mapping[str, Any]) -> bool:
    """True for a micro-batch that all rows have left."""
    left = batch.get("left")
    return left is not None and not left.kept


def without_lost(batch: dict[str, Any]) -> dict[str, Any]:
    """A micro-batch without the rows that are not among `left`; every entry but `left` has a value for each row."""
    left: Left | None = batch.get("left")
    if left is None:
        return batch
    rows = {name: values for name, values in batch.items() if name != "left"}
    kept = {n: [v[k] for k in left.kept] if isinstance(v, list) else v[left.kept] for n, v in rows.items()}
    return {**kept, "left": left}


class CroppedSpeech:
    """Utterances from which crops are taken.

    Attributes:
        frames: network frames of each utterance.
    """

    def __init__(
        self,
        utterances: Sequence[Utterance],
        cache_mb: float = 0.0,
        normalize: bool = False,
        bad_clips: BadClips | None = None,
    ) -> None:
        """Args:
        cache_mb: memory for decoded audio; the first utterances read stay in it.
        normalize: scale each whole waveform to mean 0 and variance 1.
        bad_clips: remembers what cannot be used; None: the first such clip raises AudioError.
        """
        self.utterances, self.normalize, self._bad_clips = utterances, normalize, bad_clips or NoBadClips()
        self.frames: Integers = self._counted()
        self._room = int(cache_mb * 1e6)
        self._cache: dict[int, Wave] = {}
        self._lock = threading.Lock()

    def _counted(self) -> Integers:
        """Frames of the audio that the data directory says there is."""
        return np.array([frames_of(round(u.seconds * RATE)) for u in self.utterances], np.int64)

    def _misfit(self, index: int, frames: int) -> str:
        """What is wrong with audio that is shorter than the data directory says, where times are rounded; or ""."""
        if frames >= self.frames[index] - 1:
            return ""
        return f"audio of {frames} frames, where utt2dur says {self.frames[index]}: it has changed since the data stage"

    def wave(self, index: int) -> Wave | None:
        """Whole waveform of an utterance, normalised if the network needs it; None if it cannot be used.

        Without bad_clips that is an AudioError.
        """
        cached = self._cache.get(index)
        if cached is not None:
            return cached
        wave = self._decoded(index)
        if wave is None:
            return None
        if self.normalize:
            wave = ((wave - wave.mean()) / np.sqrt(wave.var() + 1e-5)).astype(np.float32)
        with self._lock:
            if wave.nbytes <= self._room and index not in self._cache:
                self._room -= wave.nbytes
                self._cache[index] = wave
        return wave

    def _decoded(self, index: int) -> Wave | None:
        return self._bad_clips.wave(self.utterances[index], lambda wave: self._misfit(index, frames_of(len(wave))))

    def batch(
        self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int | Integers
    ) -> dict[str, Any]:
        """Crops of `frames` frames of utterances `rows`, from frame `starts` on: wave_BN, and a key of each.

        Frames of each instead of one number: padded with zeros to the longest, whose `samples` [B] are listed. A key is
        (id, file, first frame, frames): equal keys are equal crops. Rows whose clips are bad are not in it: `left` says
        which ones are.
        """
        return without_lost(self.drawn(rows, starts, frames))

    def drawn(
        self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int | Integers
    ) -> dict[str, Any]:
        """As `batch`, with all rows: a bad clip is all zeros."""
        each = np.full(len(rows), frames)
        wave_BN = np.zeros((len(rows), samples_of(int(each.max()))), np.float32)
        samples = [samples_of(int(n)) for n in each]
        kept = []
        for b, (row, start) in enumerate(zip(rows, starts, strict=True)):
            whole = self.wave(int(row))
            if whole is not None:
                kept.append(b)
                wave = whole[start * HOP :][: samples[b]]
                wave_BN[b, : len(wave)] = wave
        cuts = zip(rows, starts, each, strict=True)
        of_rows = [(self.utterances[int(row)], int(start), int(n)) for row, start, n in cuts]
        keys = [(utterance.id, str(utterance.path), start, n) for utterance, start, n in of_rows]
        batch: dict[str, Any] = {"wave_BN": wave_BN, "keys": keys}
        batch |= {"samples": samples} if len(set(samples)) > 1 else {}
        return batch if len(kept) == len(samples) else {**batch, "left": Left(kept, samples)}


class LabelledSpeech(CroppedSpeech):
    """Utterances with a label per network frame; their frames are counted from the labels."""

    def __init__(
        self,
        utterances: Sequence[Utterance],
        labels: Labels,
        cache_mb: float = 0.0,
        normalize: bool = False,
        bad_clips: BadClips | None = None,
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
        super().__init__(utterances, cache_mb, normalize, bad_clips)

    def _counted(self) -> Integers:
        counted: Integers = -(-self.labels.lengths(self._rows) // self.stride)
        return counted

    def _misfit(self, index: int, frames: int) -> str:
        if frames == self.frames[index]:
            return ""
        return f"audio of {frames} frames has labels for {self.frames[index]}: it has changed since it was labelled"

    def drawn(
        self, rows: Sequence[int] | Integers, starts: Sequence[int] | Integers, frames: int | Integers
    ) -> dict[str, Any]:
        """Crops of one length with their labels_BT."""
        assert isinstance(frames, int)
        labels_BT = np.empty((len(rows), frames), np.int64)
        for b, (row, start) in enumerate(zip(rows, starts, strict=True)):
            labels_BT[b] = self.labels.at(self._rows[row])[:: self.stride][start : start + frames]
        return {**super().drawn(rows, starts, frames), "labels_BT": labels_BT}


def labelled(
    utterances: Sequence[Utterance], labels: Labels, drop: Callable[[str, str, str], None], most_missing: float
) -> list[Utterance]:
    """Utterances that have labels; `drop(id, reason, detail)` is called for the others.

    Those that the labelling has dropped get its reason. Raises UserError if more than the share `most_missing` has none
    and no reason, and with their list if the labelling has dropped more than max(3, 5 %).
    """
    usable = (labels.lengths(labels.rows([u.id for u in utterances])) > 0).tolist()
    kept = [u for u, good in zip(utterances, usable, strict=True) if good]
    missing = [u.id for u, good in zip(utterances, usable, strict=True) if not good]
    ledger = labels.folder / DROPPED
    why = {id: (reason, told) for id, _, reason, told in read_ledger(ledger)} if missing and ledger.is_file() else {}
    unknown = [id for id in missing if id not in why]
    dropped = [(id, *why[id]) for id in missing if id in why]
    if len(unknown) > most_missing * len(utterances):
        raise UserError(
            f"{len(unknown)} of {len(utterances)} utterances have no labels, e.g. {', '.join(unknown[:3])}",
            str(labels.folder),
            "label this data directory, or raise data.most_unlabelled",
        )
    if too_many(len(dropped), len(utterances), MOST_UNFIT):
        refuse_broken(dropped, len(utterances), str(ledger), OF_UNFIT, MOST_UNFIT)
    for id in missing:
        drop(id, *why.get(id, ("no labels", "")))
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
