"""Formats whose headers give the bytes of their audio: AIFF, AU, CAF, W64, NIST. A size that is wrong is no length.

Layouts: Apple's "AIFF 1.3" and "Core Audio Format"; Sun's .snd; Sony's Wave64; NIST's SPHERE. libsndfile reads AIFF, AU
and CAF to their sizes, W64 and NIST to the end of the file, whatever stands there.
"""

from __future__ import annotations

import re
import struct
from typing import BinaryIO

from .streams import Look, Stream, refused, whole
from .tags import after_tags

UNKNOWN = (1 << 32) - 1  # the size of an AU that was written to a pipe
SLACK = 64  # bytes behind the audio that are no audio to speak of: padding
_COUNT = re.compile(rb"^(sample_count|channel_count|sample_n_bytes) -i (\d+)", re.M)


def look(f: BinaryIO, first: int, last: int) -> Look:
    """Look at the file in bytes first..last (exclusive)."""
    f.seek(first)
    head = f.read(1024)
    if (held := _audio(f, first, last, head)) is None:
        return whole(first, last)  # the decoder says what is wrong
    start, size = held
    rest = last - start
    if size > rest > 0:
        return Look((Stream(((first, last),), promised=size / rest),))
    if rest > size + SLACK and not _is_metadata(f, head, start + size, last):
        behind = f"{rest - size:,} bytes behind them: a wrong header, or another file"
        return refused("unreadable", f"a header of {size:,} bytes of audio, and {behind}")
    return whole(first, last)


def _audio(f: BinaryIO, first: int, last: int, head: bytes) -> tuple[int, int] | None:
    """(place, bytes) of the audio as the header gives them; None if it gives none."""
    if head[:4] == b"FORM" and head[8:12] in (b"AIFF", b"AIFC"):
        return _chunk(f, first + 12, last, b"SSND", ">4sI", 2)
    if head[:4] == b".snd" and len(head) >= 24:
        start, size = struct.unpack(">II", head[4:12])
        return None if size == UNKNOWN else (first + start, size)
    if head[:4] == b"caff":
        held = _chunk(f, first + 8, last, b"data", ">4sq", 1)
        return None if held is None or held[1] < 0 else held
    if head[:4] == b"riff":
        return _chunk(f, first + 40, last, b"data", "<4s12xQ", 8)
    if head[:7] == b"NIST_1A" and (begins := head[8:16].strip()).isdigit():
        counts = {name: int(number) for name, number in _COUNT.findall(head)}
        if len(counts) < 3:
            return None
        return first + int(begins), counts[b"sample_count"] * counts[b"channel_count"] * counts[b"sample_n_bytes"]
    return None


def _chunk(f: BinaryIO, at: int, last: int, name: bytes, form: str, align: int) -> tuple[int, int] | None:
    """(place, bytes) of the contents of the chunk called `name`, of those from `at` on."""
    length = struct.calcsize(form)
    own = length if align == 8 else 0  # the size of a chunk of W64 counts its head
    while at + length <= last:
        f.seek(at)
        id, size = struct.unpack(form, f.read(length))
        if id == name:
            return at + length, size if size < 0 else max(size - own, 0)
        if size < own:  # negative, or of W64 less than its own head
            return None
        at += length + -(-(size - own) // align) * align
    return None


def _is_metadata(f: BinaryIO, head: bytes, at: int, last: int) -> bool:
    """True if chunks of the format, or tags, lead from `at` to the end."""
    form, align = {b"FORM": (">4sI", 2), b"caff": (">4sq", 1), b"riff": ("<4s12xQ", 8)}.get(head[:4], ("", 1))
    at = -(-at // align) * align
    length = struct.calcsize(form)
    while form and at + length <= last:
        f.seek(at)
        id, size = struct.unpack(form, f.read(length))
        if size < 0 or id in (b"SSND", b"data", b"FORM", b"caff", b"riff") or not all(32 <= byte < 127 for byte in id):
            break
        at += max((0 if align == 8 else length) + -(-size // align) * align, length)
    return at >= last or after_tags(f, at, last) == last
