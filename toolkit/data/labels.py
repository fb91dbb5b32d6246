"""Discrete labels of a whole corpus: memory-mapped uint16 by utterance id, and a header that describes them.

A folder of four files: labels.npy (all labels end to end), ids.txt (one id a line, in byte order),
index.npy (int64 [n + 1, 2]: where each id begins in ids.txt, and its labels in labels.npy) and header.json.
Only the labels that are asked for are in memory, so millions of utterances cost a process nothing.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json
from .tables import few

HEADER, LABELS, IDS, INDEX = "header.json", "labels.npy", "ids.txt", "index.npy"
DEGENERATE = 0.95  # labels of which one label has this share teach nothing
SHOWN = 5  # number of ids in an error
LabelArray = np.ndarray[Any, np.dtype[np.uint16]]
Integers = np.ndarray[Any, np.dtype[np.int64]]
Pieces = Iterable[bytes]  # of a file, in order


@dataclass(frozen=True)
class LabelHeader:
    """Description of labels.

    Attributes:
        rate: labels per second.
        k: number of possible labels.
        codebook: hash of the codebook that made them.
        layer: features that were clustered: "mfcc" or "layer 6 of it1.base".
        convention: what "layer L" means.
        parameters: number of weights of that layer's network, 0 for MFCC.
        pca: number of principal components that were clustered; 0 if the features themselves were.
    """

    rate: float
    k: int
    codebook: str
    layer: str
    convention: str = ""
    parameters: int = 0
    pca: int = 0


class Labels:
    """Labels of many utterances. `labels[id]` is a read-only view, uint16 [T]; UserError names an id that has none."""

    def __init__(self, folder: Path, header: LabelHeader) -> None:
        self.folder, self.header = folder, header
        self._index = _mapped(folder / INDEX)
        self._labels = _mapped(folder / LABELS)
        ids = folder / IDS
        self._ids = np.memmap(ids, np.uint8, "r") if ids.stat().st_size else np.empty(0, np.uint8)

    @classmethod
    def open(cls, folder: Path | str, rate: float | None = None) -> Labels:
        """Map the labels in `folder`. Raises UserError if they are missing, damaged, or have another `rate`."""
        folder = Path(folder)
        missing = [name for name in (HEADER, LABELS, IDS, INDEX) if not (folder / name).is_file()]
        if missing:
            raise UserError(
                f"no labels here: {', '.join(missing)} missing", str(folder), "run the stage that makes them"
            )
        for name in (HEADER, IDS, INDEX):
            refuse_damaged(folder / name)
        try:
            tree = read_json(folder / HEADER)
            labels = cls(folder, LabelHeader(**{f.name: tree[f.name] for f in fields(LabelHeader) if f.name in tree}))
            whole = labels._index[-1].tolist() == [len(labels._ids), len(labels._labels)]
        except (KeyError, TypeError, ValueError, IndexError) as e:
            raise UserError(f"damaged labels: {e}", str(folder), "make them again") from None
        if not whole or labels._labels.dtype != np.uint16:
            raise UserError("damaged labels: index and labels do not belong together", str(folder), "make them again")
        if rate is not None and rate != labels.rate:
            raise _wrong_rate(labels, rate)
        return labels

    @property
    def rate(self) -> float:
        """Labels per second."""
        return float(self.header.rate)

    @property
    def k(self) -> int:
        """Number of possible labels."""
        return int(self.header.k)

    @property
    def codebook(self) -> str:
        """Hash of the codebook that made the labels."""
        return self.header.codebook

    @property
    def layer(self) -> str:
        """The features that were clustered."""
        return self.header.layer

    @property
    def frames(self) -> int:
        """Number of labels of all utterances."""
        return len(self._labels)

    def stride(self, rate: float) -> int:
        """Stride that gives one label per frame at `rate` frames per second: `labels[id][::stride]`.

        Exact for MFCC labels (100 Hz) under a 50 Hz network: frame 2t covers the samples of its frame t.
        Raises UserError, naming both rates, if the stride is no whole number.
        """
        stride = self.rate / rate
        if stride < 1 or stride != int(stride):
            raise _wrong_rate(self, rate)
        return int(stride)

    def require(self, ids: Iterable[str]) -> None:
        """Raise UserError naming ids without labels, if `ids` has such ids."""
        ids = list(ids)
        missing = [id for id, row in zip(ids, self.rows(ids).tolist(), strict=True) if row < 0]
        if missing:
            named = few(missing, SHOWN)
            raise UserError(
                f"{len(missing)} of {len(ids)} utterances have no labels: {named}",
                str(self.folder),
                "label the set they are in, or take them out of it (dropped.tsv beside the labels tells why)",
            )

    def rows(self, ids: Sequence[str]) -> Integers:
        """Row of each of `ids`, int64 [N], -1 for one without labels; reads the index once: no lookup per id."""
        rows_N = np.full(len(ids), -1, np.int64)
        in_order = all(_encoded(a) <= _encoded(b) for a, b in pairwise(ids))
        with open(self.folder / IDS, "rb") as f:
            here, row = f.readline(), 0
            for i in range(len(ids)) if in_order else sorted(range(len(ids)), key=lambda i: _encoded(ids[i])):
                key = _encoded(ids[i])
                while here and here[:-1] < key:
                    here, row = f.readline(), row + 1
                if here and here[:-1] == key:
                    rows_N[i] = row
        return rows_N

    def lengths(self, rows_N: Integers) -> Integers:
        """Number of labels of each row, int64 [N]; 0 for row -1."""
        return np.append(np.diff(self._index[:, 1]), 0)[rows_N]

    def refuse_wrong_rate(self, rows_N: Integers, seconds_N: np.ndarray) -> None:
        """Raise UserError if the labels of `rows_N` do not last as long as their audio."""
        labelled, heard = float(self.lengths(rows_N).sum()) / self.rate, float(np.sum(seconds_N))
        if abs(labelled - heard) > 0.05 * heard + 0.03 * len(rows_N):  # the last window ends before the audio
            raise UserError(
                f"labels for {labelled:,.1f} s, at {self.rate:g} per second, of audio of {heard:,.1f} s",
                str(self.folder),
                "they are of another rate, or of other audio: label this set again",
            )

    def at(self, row: int) -> LabelArray:
        """Labels in a row, a read-only view, uint16 [T]."""
        return self._labels[self._index[row, 1] : self._index[row + 1, 1]]

    @cached_property
    def histogram(self) -> Integers:
        """Count of each label, int64 [k]; reads the labels once, in pieces."""
        return _histogram([self._labels], self.k)

    def __getitem__(self, id: str) -> LabelArray:
        i = self._find(id)
        if i is None:
            raise UserError(f"no labels of utterance {id}", str(self.folder), "label the set it is in")
        return self.at(i)

    def __contains__(self, id: object) -> bool:
        return isinstance(id, str) and self._find(id) is not None

    def __iter__(self) -> Iterator[str]:
        return (self._id(i).decode() for i in range(len(self)))

    def __len__(self) -> int:
        return len(self._index) - 1

    def _id(self, i: int) -> bytes:
        return self._ids[self._index[i, 0] : self._index[i + 1, 0] - 1].tobytes()

    def _find(self, id: str) -> int | None:
        key = _encoded(id)
        i = bisect_left(range(len(self)), key, key=self._id)
        return i if i < len(self) and self._id(i) == key else None


def write_labels(
    folder: Path, header: LabelHeader, ids: Sequence[str], arrays: Sequence[np.ndarray], check: bool = True
) -> None:
    """Write labels of utterances, `arrays[i]` [T] being those of `ids[i]`; the header last.

    Args:
        check: refuse a degenerate histogram, with one label nearly everywhere. False for a part of a corpus.

    Raises UserError for that, for a label of k or more and for an id given twice.
    """
    if len(ids) != len(arrays):
        raise ValueError(f"{len(ids)} ids, {len(arrays)} arrays")
    encoded = [_encoded(id) for id in ids]
    order = sorted(range(len(ids)), key=lambda i: encoded[i])
    for a, b in pairwise(order):
        if encoded[a] == encoded[b]:
            raise UserError(f"utterance {ids[a]} is given twice", str(folder), "give each utterance an id of its own")
    if check:
        refuse_degenerate(_histogram(arrays, header.k), str(folder))
    sizes = np.array([(len(encoded[i]) + 1, len(arrays[i])) for i in order], np.int64).reshape(-1, 2)
    index = np.concatenate([np.zeros((1, 2), np.int64), np.cumsum(sizes, axis=0)])
    size, units = (len(ids), int(index[-1, 1])), (np.asarray(arrays[i], dtype="<u2").tobytes() for i in order)
    _write(folder, header, size, units, (encoded[i] + b"\n" for i in order), [index.tobytes()])


def join_labels(folder: Path, header: LabelHeader, parts: Sequence[Path]) -> None:
    """Join the labels in the folders `parts`; gives the same bytes as write_labels with all of them.

    One part is open at a time, so there may be any number; ids must ascend from part to part.
    Raises UserError for a degenerate histogram or a label of k or more, before anything is written.
    """
    counts, utterances, frames, last = np.zeros(header.k, np.int64), 0, 0, b""
    for labels in map(Labels.open, parts):
        if len(labels) and labels._id(0) <= last:
            raise ValueError(f"{labels.folder} begins before the end of the part before it")
        last = labels._id(len(labels) - 1) if len(labels) else last
        counts += _histogram([labels._labels], header.k)
        utterances, frames = utterances + len(labels), frames + labels.frames
    refuse_degenerate(counts, str(folder))
    units = (labels._labels.tobytes() for labels in map(Labels.open, parts))
    lines = ((part / IDS).read_bytes() for part in parts)
    _write(folder, header, (utterances, frames), units, lines, _joined_index(parts))


def _joined_index(parts: Sequence[Path]) -> Iterator[bytes]:
    begin = np.zeros((1, 2), np.int64)
    yield begin.tobytes()
    for part in parts:
        index = begin + np.load(part / INDEX)
        yield index[1:].tobytes()
        begin = index[-1:]


def _write(folder: Path, header: LabelHeader, size: tuple[int, int], units: Pieces, ids: Pieces, index: Pieces) -> None:
    """Write the four files, the header last; `size` is (utterances, frames)."""
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {LABELS: ("<u2", (size[1],), units), INDEX: ("<i8", (size[0] + 1, 2), index)}
    for name, (descr, shape, pieces) in arrays.items():
        write_npy(folder / name, descr, shape, pieces)
    with atomic(folder / IDS) as path, open(path, "wb") as f:
        f.writelines(ids)
    write_json(folder / HEADER, {**asdict(header), "utterances": size[0], "frames": size[1]})


def write_npy(path: Path, descr: str, shape: tuple[int, ...], pieces: Pieces) -> None:
    """Write an array as np.save does, with only a piece of it in memory at a time.

    Args:
        descr: type of an element in numpy's short form, e.g. "<u2".
    """
    with atomic(path) as temporary, open(temporary, "wb") as f:
        np.lib.format.write_array_header_1_0(f, {"descr": descr, "fortran_order": False, "shape": shape})
        f.writelines(pieces)


def refuse_degenerate(histogram: np.ndarray, where: str) -> None:
    """Raise UserError if (nearly) all labels are the same one, or there are no labels.

    Args:
        histogram: count of each label [k].
    """
    total = int(histogram.sum())
    if total == 0:
        raise UserError("not a single label", where, "see dropped.tsv for what happened to the utterances")
    top = int(histogram.argmax())
    share = int(histogram[top]) / total
    if share >= DEGENERATE:
        raise UserError(
            f"degenerate labels: {share:.1%} of {total:,} frames are unit {top}",
            where,
            "is the audio silent, or the codebook made from other features? Look at codebook.json and dropped.tsv",
        )


def _encoded(id: str) -> bytes:
    return id.encode(errors="surrogateescape")


def _histogram(arrays: Iterable[np.ndarray], k: int) -> Integers:
    counts = np.zeros(k, np.int64)
    for array in arrays:
        for start in range(0, len(array), 1 << 24):
            part = np.bincount(array[start : start + (1 << 24)], minlength=k)
            if len(part) > k:
                raise UserError(
                    f"label {len(part) - 1} where k is {k}", "labels", "make them again with their codebook"
                )
            counts += part
    return counts


def _mapped(path: Path) -> np.ndarray:
    array: np.ndarray = np.load(path, allow_pickle=False)[:0] if _empty(path) else np.load(path, mmap_mode="r")
    return array


def _empty(path: Path) -> bool:
    with open(path, "rb") as f:  # an array of length 0 cannot be mapped
        np.lib.format.read_magic(f)
        return 0 in np.lib.format.read_array_header_1_0(f)[0]


def _wrong_rate(labels: Labels, rate: float) -> UserError:
    return UserError(
        f"labels at {labels.rate:g} per second where {rate:g} are needed",
        str(labels.folder),
        "make labels at that rate, or at a whole multiple of it",
    )
