"""States of an audio tower, kept: each clip is heard once, and read from disk in every step of every training.

OUT/heard.json names the tower and the format. In OUT/states/<k>, states.npy holds the states of the clips of shard k,
one after the other, index.json their keys and numbers of states, and means.npy the mean of each clip's states in
float32. As the aligner is linear, the mean of what it makes of a clip is what it makes of this mean.

Shapes: S states of a clip, D width of the tower, N clips.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..core.errors import UserError
from ..core.files import read_json
from ..core.schema import read

HEADER, STATES = "heard.json", "states"
WHOLE, MEANS, INDEX = "states.npy", "means.npy", "index.json"  # of a shard
OPEN = 64  # files at once: a large corpus has thousands of shards
DTYPES = {"fp16": np.float16, "fp32": np.float32}

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class HeardHeader:
    """What heard the clips.

    Attributes:
        model: folder of the model; tower: digest of its tower.
        mels: mel bands that it hears; dim: width of a state.
        precision: fp16 or fp32.
        shards: number of files.
    """

    model: str
    tower: str
    mels: int
    dim: int
    precision: str
    shards: int


class Heard:
    """Reads states by the key of their clip. Threads may call it at once."""

    def __init__(self, folder: Path) -> None:
        """Raises UserError for a folder that is not of models.hear, or is damaged."""
        self.folder, self.header = folder, read(HeardHeader, folder / HEADER, _damaged)
        self._means: Array | None = None
        self._places: dict[str, tuple[int, int, int]] = {}
        self._sums: dict[str, int] = {}
        self._rows: list[int] = []
        for k in range(self.header.shards):
            index = read_json(self._shard(k) / INDEX)
            if "sums" not in index:
                raise _damaged(self._shard(k) / INDEX, "it has no checksums")
            first = 0
            for key, count, total in zip(index["keys"], index["counts"], index["sums"], strict=True):
                self._places[key], self._sums[key] = (k, first, count), total
                first += count
            self._rows.append(first)
            if not (self._shard(k) / WHOLE).is_file():
                raise _damaged(self._shard(k) / WHOLE, "it is missing")
        self._order = {key: i for i, key in enumerate(self._places)}
        self._opened = lru_cache(OPEN)(self._open)

    def _shard(self, k: int) -> Path:
        return self.folder / STATES / f"{k:05d}"

    def _open(self, k: int) -> Array:
        return self._loaded(self._shard(k) / WHOLE, self._rows[k], "r")

    def _loaded(self, path: Path, rows: int, mode: Literal["r"] | None) -> Array:
        try:
            array: Array = np.load(path, mmap_mode=mode, allow_pickle=False)
        except (FileNotFoundError, EOFError, ValueError) as e:
            raise _damaged(path, " ".join(str(e).split())[:120]) from None
        if array.shape != (rows, self.header.dim):
            raise _damaged(path, f"it holds {array.shape} numbers, its index says {(rows, self.header.dim)}")
        return array

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __len__(self) -> int:
        return len(self._places)

    def count(self, key: str) -> int:
        """Number of states of a clip. Raises KeyError for one that was not heard."""
        return self._places[key][2]

    def states(self, keys: Sequence[str]) -> Array:
        """States [ΣS, D] of clips, one after the other, float32. Raises UserError if they are not what was written."""
        parts = [np.empty((0, self.header.dim), np.float32)]
        for key in keys:
            shard, first, count = self._places[key]
            own = self._opened(shard)[first : first + count]
            if sum_of(own) != self._sums[key]:
                raise _damaged(self._shard(shard) / WHOLE, f"those of {key} are not what was written")
            parts.append(own.astype(np.float32))
        return np.concatenate(parts)

    def means(self, keys: Sequence[str]) -> Array:
        """Mean state [N, D] of each clip, float32."""
        if self._means is None:
            counts = Counter(k for k, _, _ in self._places.values())
            shards = [self._loaded(self._shard(k) / MEANS, counts[k], None) for k in range(self.header.shards)]
            self._means = np.concatenate(shards)
        return self._means[[self._order[key] for key in keys]]


def sum_of(states: Array) -> int:
    """The checksum of a clip's states, as they are stored."""
    return zlib.crc32(np.ascontiguousarray(states).data)


def is_heard(path: Path) -> bool:
    """True for an output of models.hear."""
    return (path / HEADER).is_file() and (path / STATES).is_dir()


def _damaged(path: Path, why: str) -> UserError:
    return UserError(f"damaged states of an audio tower: {why}", str(path), "hear again: --fresh of that stage")
