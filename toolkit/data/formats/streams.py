"""What a look at a file tells: which of its bytes a decoder is to be given, and how far its headers are to be believed.

A file may hold several streams, one after another, and a header may be wrong: a decoder is then given chosen bytes of
the file, with a mended header before them, as if they were a file of their own.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Any, BinaryIO

Part = bytes | tuple[int, int]  # bytes that stand in no file, or first..last (exclusive) of the file

BEGINNINGS = (b"RIFF", b"RIFX", b"RF64", b"BW64", b"fLaC", b"OggS", b"FORM", b"caff", b".snd")  # of audio files
SEVERAL = "several streams"  # reason of a file that is refused because of them
JOINED = "several streams in one file, read one after another"


@dataclass(frozen=True)
class Stream:
    """One stream of a file.

    Attributes:
        parts: the bytes a decoder is given.
        doubtful: True if the length in its header is to be believed only as far as it decodes.
        promised: length that its header gives, as a multiple of the length that is there; 1 if that is right, 0
            if its header gives none.
        cut: why the end is missing, as a sentence, where no header gives the whole length; empty if it is not.
        intact: samples per channel, from its beginning, that are at their place if anything is missing; None: all.
    """

    parts: tuple[Part, ...]
    doubtful: bool = False
    promised: float = 1.0
    cut: str = ""
    intact: int | None = None


@dataclass(frozen=True)
class Look:
    """What a look at a file tells.

    Attributes:
        streams: the streams, in order; all of the file as it is, in most cases.
        notes: oddities that do no harm.
        refused: (reason, message) of a file that cannot be used; empty if it can.
        unknown: True if the look does not know the format: decoders try it in turn, and that of MP3 prints lines.
    """

    streams: tuple[Stream, ...]
    notes: tuple[str, ...] = ()
    refused: tuple[str, str] | tuple[()] = ()
    unknown: bool = False

    def plain(self, size: int) -> bool:
        """True if a decoder may be given the file of `size` bytes itself."""
        return len(self.streams) == 1 and self.streams[0].parts == ((0, size),)


def whole(first: int, last: int, doubtful: bool = False, cut: str = "") -> Look:
    """One stream: bytes first..last (exclusive), as they are."""
    return Look((Stream(((first, last),), doubtful, cut=cut),))


def refused(reason: str, message: str) -> Look:
    return Look((), refused=(reason, message))


def joined(looks: Sequence[Look]) -> Look:
    """Streams that follow each other in one file, each as long as it decodes."""
    if len(looks) == 1:
        return looks[0]
    for look in looks:
        if look.refused:
            return look
    notes = dict.fromkeys(note for look in looks for note in look.notes)
    streams = (replace(stream, doubtful=True) for look in looks for stream in look.streams)
    return Look(tuple(streams), (*notes, JOINED))


class Stitched(io.RawIOBase):
    """The bytes of `parts`, one after another, as a file; `file` is shared with whoever else reads it."""

    def __init__(self, file: BinaryIO, parts: Sequence[Part]) -> None:
        self.file, self.parts, self.place = file, parts, 0
        sizes = [len(part) if isinstance(part, bytes) else part[1] - part[0] for part in parts]
        self.starts = [0, *accumulate(sizes)]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self.place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self.place = max(0, offset + (0, self.place, self.starts[-1])[whence])
        return self.place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as there are bytes; returns their number."""
        wanted, done = len(buffer), 0
        for part, start, stop in zip(self.parts, self.starts, self.starts[1:]):
            if start <= self.place < stop and done < wanted:
                count = min(stop - self.place, wanted - done)
                inside = self.place - start
                if isinstance(part, bytes):
                    block = part[inside : inside + count]
                else:
                    self.file.seek(part[0] + inside)
                    block = self.file.read(count)
                buffer[done : done + len(block)] = block
                done += len(block)
                self.place += len(block)
        return done
