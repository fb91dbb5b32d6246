"""MP3 decoding beside libsndfile: exact lengths, and silence on standard error.

Lengths are counted by frames, because without a header libsndfile guesses them from the first frame.

Frame layout: ISO/IEC 11172-3 (MPEG-1) and 13818-3 (MPEG-2, 2.5), layer III.
"""

from __future__ import annotations

import contextlib
import io
import mmap
import os
import sys
import threading
from functools import lru_cache

_KBIT = {  # bit rates by index, layer III
    3: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_KBIT[0] = _KBIT[2]
_RATE = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_TAGS = (b"Xing", b"Info", b"VBRI")
_TAGS_END = 40  # they begin no later in the first frame


def counted_samples(path: str) -> int | None:
    """Samples per channel by counting frames; None if a header gives the length or no frame is found."""
    stat = os.stat(path)
    return _counted(path, stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=1024)
def _counted(path: str, size: int, changed: int) -> int | None:
    with open(path, "rb") as f, mmap.mmap(f.fileno(), 0, access=mmap.ACCESS_READ) as data:
        at = 0
        if data[:3] == b"ID3" and size > 10:
            a, b, c, d = data[6:10]
            at = 10 + (a << 21 | b << 14 | c << 7 | d)
        samples, first = 0, True
        while 0 <= at < size - 4:
            length, held = _frame(data[at : at + 4])
            if not length:
                at = data.find(b"\xff", at + 1)
                continue
            if first and any(tag in data[at : at + _TAGS_END + 4] for tag in _TAGS):
                return None
            first = False
            samples += held
            at += length
        return samples or None


def _frame(head: bytes) -> tuple[int, int]:
    """(bytes, samples) of the frame with this header; (0, 0) if it is no header of layer III."""
    version, layer = head[1] >> 3 & 3, head[1] >> 1 & 3
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if head[0] != 0xFF or head[1] < 0xE0 or version == 1 or layer != 1 or bits in (0, 15) or rate == 3:
        return 0, 0
    samples = 1152 if version == 3 else 576
    return samples // 8 * _KBIT[version][bits] * 1000 // _RATE[version][rate] + (head[2] >> 1 & 1), samples


class QuietDecoder:
    """Close standard error while MP3 is decoded, because mpg123 prints a line at most seeks.

    Errors are exceptions anyway. Several threads decode at once, so the first one closes it and the last one
    opens it again.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.kept = threading.Lock(), 0, -1

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                sys.stderr.flush()
                self.kept, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, 2)
                os.close(null)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0:
                os.dup2(self.kept, 2)
                os.close(self.kept)


QUIET = QuietDecoder()
SPEAKS_UP = contextlib.nullcontext()  # decoders that print nothing do not touch standard error


def is_not_mp3(source: str | io.BytesIO) -> bool:
    """True if the first bytes are those of wav, flac, ogg or aiff."""
    if isinstance(source, io.BytesIO):
        start = source.getvalue()[:4]
    else:
        with open(source, "rb") as f:
            start = f.read(4)
    return start in (b"RIFF", b"RIFX", b"RF64", b"fLaC", b"OggS", b"FORM")
