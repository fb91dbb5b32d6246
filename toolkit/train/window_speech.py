"""Packed windows as batches: mel spectrograms made on the fly, tokens and labels of equal length.

Whether a window's labels have timestamps, and whether the text before it stands in front of them, is drawn for every
window of every step from (seed, step): a batch is a function of its number.

Shapes: B windows, M mels, T mel frames, L tokens, S encoder states, D width.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.progress import Progress
from ..data.bad_clips import BadClips, NoBadClips
from ..data.batches import Left, without_lost
from ..data.find import read_from_here
from ..data.kaldi import DataDir, Utterance
from ..models.hearing import Ears, frames_of
from ..models.log_mel import RATE, log_mel
from ..models.vocabulary import Vocabulary
from ..pseudo.windows import PACK_AGAIN, Piece, read_header, read_windows
from .objectives.seq2seq import IGNORED, label_row
from .samplers.base import Coverage, Draw, Tally
from .samplers.stream import Stream
from .soft_store import SoftLabels
from .whisper_config import WindowConfig

APART = 0.1  # s; as much as read_audio forgives an end past the recording's
Wave = np.ndarray[Any, np.dtype[np.float32]]


class WindowSpeech:
    """Windows of a folder of pseudo.pack, with their audio.

    Attributes:
        windows: in the order of the file.
        seconds: audio of all windows.
        states: of the encoder [W, S, D], where `hear` kept them.
        soft: what was kept of a teacher, if anything was.
        lost: windows without usable audio among those that `hear` has heard, or without soft labels.
    """

    def __init__(
        self,
        folder: Path,
        vocabulary: Vocabulary,
        config: WindowConfig,
        mels: int,
        positions: int,
        bad_clips: Callable[[int, DataDir], BadClips] | None = None,
    ) -> None:
        """Args:
            positions: tokens that the decoder has positions for.
            bad_clips: gives what remembers the bad clips among so many utterances of a data directory; None: the first
                one raises AudioError.

        Raises UserError if the windows are longer than the config's, or of audio that is not there any more.
        """
        header = read_header(folder)
        if header.window_seconds > config.window_seconds:
            problem = f"windows of {header.window_seconds:g} s, and a network that hears {config.window_seconds:g} s"
            raise UserError(problem, f"{folder}, data.window_seconds", "pack to the length that is trained on")
        self.windows = read_windows(folder)
        self.vocabulary, self.config, self.mels, self.positions = vocabulary, config, mels, positions
        self.frames = frames_of(config.window_seconds)
        data = read_from_here(Path(header.data))
        by_id = {u.id: u for u in data}
        missing = [p.id for w in self.windows for p in w.utterances if p.id not in by_id]
        if missing:
            problem = f"{len(missing)} utterances of these windows are not in {header.data}, e.g. {missing[0]}"
            raise UserError(problem, str(folder), PACK_AGAIN)
        self._utterances: dict[str, Utterance] = {p.id: by_id[p.id] for w in self.windows for p in w.utterances}
        self._bad_clips = bad_clips(len(self._utterances), data) if bad_clips else NoBadClips()
        self._bad_clips.foresee(folder, self._utterances)
        self._place = {w.id: i for i, w in enumerate(self.windows)}
        self._refuse_long(folder)
        self._room, self._cache = int(config.cache_mb * 1e6), dict[int, Wave]()
        self._lock = threading.Lock()
        self.seconds = sum(p.seconds for w in self.windows for p in w.utterances)
        self.states: Tensor | None = None
        self.soft: SoftLabels | None = None
        self.lost: set[int] = set()

    def _refuse_long(self, folder: Path) -> None:
        for window in self.windows:
            segments = [s for piece in window.utterances for s in piece.segments]
            tokens = len(self.vocabulary.prompt(window.language, True)) + sum(len(s.tokens) + 2 for s in segments) + 1
            if tokens > self.positions:
                problem = f"window {window.id} has {tokens} tokens, the decoder positions for {self.positions}"
                raise UserError(problem, str(folder), "lower max_tokens of pseudo.pack")

    def __len__(self) -> int:
        return len(self.windows)

    def once(self, each: int) -> list[list[int]]:
        """Every window once, `each` at a time, those of one language together: a dev set."""
        languages = sorted({w.language for w in self.windows})
        groups = [[i for i, w in enumerate(self.windows) if w.language == language] for language in languages]
        return [rows[i : i + each] for rows in groups for i in range(0, len(rows), each)]

    def hear(self, ears: Ears, label: str) -> None:
        """Keep the states [S, D] of all windows, if data.states_mb has room. Each is heard alone: no batch shows."""
        size = len(self) * ears.frames // 2 * ears.model.config.d_model * 4
        if size > self.config.states_mb * 1e6:
            print(
                f"states of {len(self)} windows take {size / 1e6:.0f} MB, data.states_mb is less: heard in every step"
            )
            return
        with Progress(label, len(self), "windows") as bar:
            for row in range(len(self)):
                wave_N = self.wave(row)
                bar.add(1)
                if wave_N is None:
                    self.lost.add(row)
                    continue
                states_SD = ears.states([wave_N])[0].cpu()
                if self.states is None:
                    self.states = torch.zeros(len(self), *states_SD.shape)
                self.states[row] = states_SD

    def wave(self, row: int) -> Wave | None:
        """Audio [N] of a window, from its beginning to the end of its last utterance; None if one of them is bad.

        Its labels would then be of other audio. Without bad_clips that is an AudioError.
        """
        cached = self._cache.get(row)
        if cached is not None:
            return cached
        window = self.windows[row]
        wave_N = np.zeros(self.frames * RATE // 100, np.float32)
        last = 0
        pieces = [self._audio(piece) for piece in window.utterances]
        for piece, audio_N in zip(window.utterances, pieces, strict=True):
            if audio_N is None:
                return None
            first = round(piece.start * RATE)
            last = min(first + len(audio_N), len(wave_N))
            wave_N[first:last] = audio_N[: last - first]
        wave_N = wave_N[:last].copy()
        with self._lock:
            if wave_N.nbytes <= self._room and row not in self._cache:
                self._room -= wave_N.nbytes
                self._cache[row] = wave_N
        return wave_N

    def _audio(self, piece: Piece) -> Wave | None:
        """Audio of an utterance, as long as it was packed; None if it is bad."""

        def misfit(audio_N: Wave) -> str:
            if abs(len(audio_N) - piece.seconds * RATE) <= APART * RATE:
                return ""
            return f"{len(audio_N) / RATE:.2f} s of audio, of {piece.seconds:.2f} s that were packed: it has changed"

        audio_N = self._bad_clips.wave(self._utterances[piece.id], misfit)
        return None if audio_N is None else audio_N[: round(piece.seconds * RATE)]  # a table rounds

    def batch(self, rows: Sequence[int], random: np.random.Generator | None = None) -> dict[str, Any]:
        """Windows `rows`: mel_BMT or states_BSD, tokens_BL, labels_BL; as a dev set sees them without `random`.

        Windows of bad clips are not in it: `left` says which ones are.
        """
        ways = [self.way(random) for _ in rows]
        tokens_BL, labels_BL = padded([self.shown(row, *way) for row, way in zip(rows, ways)], self.vocabulary.end)
        windows = [self.windows[row] for row in rows]
        written: dict[str, Any] = {"tokens_BL": tokens_BL, "labels_BL": labels_BL, "ids": [w.id for w in windows]}
        if self.states is not None:
            written["states_BSD"] = self.states[list(rows)]
            kept = [b for b, row in enumerate(rows) if row not in self.lost]
        else:
            written["mel_BMT"], kept = self.mels_of(rows)
            if random is not None:
                self._hide(written["mel_BMT"], random)
        if len(kept) < len(rows):
            written = without_lost({**written, "left": Left(kept, [])})
        written["language"] = windows[0].language
        if self.soft is not None and random is not None and kept:
            pairs = zip(*(self.soft.of(rows[b], *ways[b]) for b in kept))
            written |= dict(zip(("top_tokens_NK", "top_logprobs_NK"), map(np.concatenate, pairs)))
        return written

    def mels_of(self, rows: Sequence[int]) -> tuple[Tensor, list[int]]:
        """(spectrograms [B, M, T], places of the windows that can be used); of the others it is that of silence."""
        waves = [None if row in self.lost else self.wave(row) for row in rows]
        kept = [b for b, wave_N in enumerate(waves) if wave_N is not None]
        silence = np.zeros(1, np.float32)
        return log_mel([silence if wave_N is None else wave_N for wave_N in waves], self.frames, self.mels), kept

    def way(self, random: np.random.Generator | None) -> tuple[bool, bool]:
        """(with timestamps, with the text before), drawn. A dev set has neither."""
        if random is None:
            return False, False
        return random.random() < self.config.timestamps, random.random() < self.config.previous

    def shown(self, row: int, timed: bool, told: bool) -> tuple[Any, Any]:
        """(tokens, labels) of a window: as label_row gives them.

        Args:
            timed: with timestamps.
            told: with the text before it, where there is one and room for it.
        """
        window, vocabulary = self.windows[row], self.vocabulary
        prompt = vocabulary.prompt(window.language, timed)
        content: list[int] = []
        for segment in (s for piece in window.utterances for s in piece.segments):
            words = list(segment.tokens)
            ends = vocabulary.timestamp(segment.start), vocabulary.timestamp(segment.end)
            content += [ends[0], *words, ends[1]] if timed else words
        before: list[int] = []
        room = min(self.positions // 2, self.positions - len(prompt) - len(content) - 1)
        if told and window.previous is not None and room > 1:
            text = self.text(self._place[window.previous])
            before = [vocabulary.previous, *text[-(room - 1) :]]
        return label_row(prompt, content, vocabulary.end, before)

    def text(self, row: int) -> list[int]:
        """Text tokens of a window."""
        return [t for piece in self.windows[row].utterances for s in piece.segments for t in s.tokens]

    def _hide(self, mel_BMT: Tensor, random: np.random.Generator) -> None:
        """SpecAugment (Park et al. 2019): stretches and bands set to the mean, in place."""
        config, widest = self.config, round(self.config.time_mask_seconds * 100)
        for mel_MT in mel_BMT if config.time_masks or config.mel_masks else ():
            mean = mel_MT.mean()
            for axis, count, most in ((1, config.time_masks, widest), (0, config.mel_masks, config.mel_mask_width)):
                for _ in range(count):
                    width = int(random.integers(0, min(most, mel_MT.shape[axis]) + 1))
                    start = int(random.integers(0, mel_MT.shape[axis] - width + 1))
                    mel_MT.narrow(axis, start, width).fill_(mean)


def padded(rows: Sequence[tuple[Any, Any]], end: int) -> tuple[Any, Any]:
    """(tokens, labels) [B, L] of rows of unequal length: behind a row stands `end`, of which nothing is learnt."""
    longest = max(len(tokens) for tokens, _ in rows)
    tokens_BL = np.full((len(rows), longest), end, np.int64)
    labels_BL = np.full((len(rows), longest), IGNORED, np.int64)
    for b, (tokens, labels) in enumerate(rows):
        tokens_BL[b, : len(tokens)], labels_BL[b, : len(labels)] = tokens, labels
    return tokens_BL, labels_BL


class Shuffled:
    """Which windows go into which step: a stream of seeded permutations of all of them, cut into steps."""

    def __init__(self, count: int, config: WindowConfig, seed: int) -> None:
        self.count, self.size, self.each = count, config.windows * config.micro_batches, config.windows
        self._stream = Stream(np.arange(count), seed, "windows")

    def steps(self, epochs: float) -> int:
        """Optimiser steps in which every window is seen so many times, on average."""
        return max(1, math.ceil(epochs * self.count / self.size))

    def rows(self, step: int, number: int) -> list[int]:
        """Windows of micro-batch `number` of step `step`."""
        rows: list[int] = self.micro(step, number).items.tolist()
        return rows

    def micro(self, step: int, number: int) -> Draw:
        """Micro-batch `number` of step `step`, of no group."""
        return Draw(self._stream.drawn(step * self.size + number * self.each, self.each), "")

    def coverage(self, step: int) -> Coverage:
        """What steps 0 to `step` - 1 draw."""
        times = self._stream.times(0, step * self.size)
        rows = np.flatnonzero(times)
        return Coverage({"": Tally(rows, times[rows])}, {"": float(step * self.size)})
