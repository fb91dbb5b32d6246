"""WAV: where its audio begins and ends, whatever its header says.

Layout: RIFF (Microsoft, "Multimedia Programming Interface and Data Specifications 1.0"), RIFX (the same, big-endian),
RF64 and BW64 (EBU Tech 3306, ITU-R BS.2088): chunks of an id of 4 bytes, a size of 4 bytes and as many bytes, padded to
an even number. A chunk `ds64` has the sizes that do not fit.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, replace
from typing import BinaryIO

from . import mp3
from .streams import BEGINNINGS, SEVERAL, Look, Stream, joined, refused, whole
from .tags import tag_end

RIFFS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
OF_A_STREAM = (0, 2 * 10**9, 1 << 31, (1 << 32) - 1)  # data sizes of programs that write to a pipe, not knowing it ...
HEADERS = 1 << 16  # ... or as much less as their headers take
LARGEST = (1 << 32) - 1  # a size of 4 bytes
UNKNOWN = (1 << 64) - 1
MPEG = (b"\x50\0", b"\x55\0")  # formats of audio that is MPEG audio of any layer, and layer III
STREAMED = "a WAV written as a stream: its header does not tell the length"
WRAPPED = "a WAV whose header tells too short a length"
BEHIND = "a WAV with bytes behind its end, which are no audio"
OF_NO_AUDIO = frozenset(  # ids of chunks that follow the audio: believed even if their own size is wrong
    b"LIST,fact,PEAK,bext,cue ,smpl,inst,acid,cart,iXML,_PMX,id3 ,ID3 ,JUNK,junk,PAD ,FLLR,DISP,afsp,levl".split(b",")
)


@dataclass(frozen=True)
class _Wav:
    """Chunks of a WAV: `fmt` whole, the place and size of its data as the header gives it, the end of all chunks."""

    fmt: bytes
    start: int
    size: int


def look(f: BinaryIO, first: int, last: int) -> Look:
    """Look at the WAV in bytes first..last (exclusive)."""
    head = _read(f, first, 12)
    if head[8:] != b"WAVE":
        return whole(first, last)
    order = ">" if head[:4] == b"RIFX" else "<"
    wav = _chunks(f, first + 12, last, order)
    if not wav:
        return whole(first, last)  # the decoder says what is wrong
    rest = last - wav.start
    if not rest:
        return whole(first, last)
    if wav.size > rest and not _streamed(wav.size):
        return Look((Stream(_named(head, first, last), promised=wav.size / rest),))
    if wav.size <= rest:
        end = wav.start + wav.size
        following = _after(f, end + (wav.size & 1), last, order)
        if following is None and wav.size & 1:  # a program that forgets to pad
            following = _after(f, end, last, order)
        if following == last:
            return Look((Stream(_named(head, first, last)),))
        if following is not None and following < 0:
            return refused(SEVERAL, "several chunks of audio in one WAV")
        if following is not None:
            return joined([Look((Stream(_named(head, first, following)),)), look(f, following, last)])
        if _read(f, end, 4) in BEGINNINGS or mp3.begins(f, end, last):
            return refused(SEVERAL, "a WAV, and another audio file behind it")
        if wav.size and (stop := _agreed(f, head, first, last, end, order)):
            return Look((Stream(_named(head, first, stop)),), (BEHIND,))
    return _to_the_end(wav, order, last, STREAMED if _streamed(wav.size) else WRAPPED)


def mpeg_in(f: BinaryIO, first: int, last: int) -> Look | None:
    """Look at the MP3 that a WAV holds in bytes first..last (exclusive); None if it holds none, or no place is told."""
    head = _read(f, first, 12)
    wav = _chunks(f, first + 12, last, ">" if head[:4] == b"RIFX" else "<") if head[8:] == b"WAVE" else None
    if not wav or wav.fmt[:2] not in MPEG or wav.start >= last:
        return None
    rest = last - wav.start
    inside = mp3.look(f, wav.start, last if _streamed(wav.size) else wav.start + min(wav.size, rest))
    if wav.size <= rest or _streamed(wav.size):
        return inside
    return replace(inside, streams=tuple(replace(s, promised=wav.size / rest) for s in inside.streams))


def _streamed(size: int) -> bool:
    return size == UNKNOWN or any(limit - HEADERS <= size <= limit for limit in OF_A_STREAM)


def _named(head: bytes, first: int, last: int) -> tuple[bytes | tuple[int, int], ...]:
    """The file as it is; one of BW64 by the name that libsndfile knows."""
    return (b"RF64", (first + 4, last)) if head[:4] == b"BW64" else ((first, last),)


def _to_the_end(wav: _Wav, order: str, last: int, note: str) -> Look:
    """All that follows the header, behind one that tells how much that is."""
    size = last - wav.start
    fmt = b"fmt " + struct.pack(order + "I", len(wav.fmt)) + wav.fmt
    if size + len(fmt) + 12 <= LARGEST:
        sizes = struct.pack(order + "I", 4 + len(fmt) + 8 + size), struct.pack(order + "I", size)
        head = (b"RIFF" if order == "<" else b"RIFX") + sizes[0] + b"WAVE" + fmt + b"data" + sizes[1]
    elif order == "<":
        ds64 = b"ds64" + struct.pack("<IQQQI", 28, 40 + len(fmt) + 8 + size, size, 0, 0)
        unknown = struct.pack("<I", LARGEST)
        head = b"RF64" + unknown + b"WAVE" + ds64 + fmt + b"data" + unknown
    else:
        return refused("unreadable", "a RIFX of more than 4 GiB")
    return Look((Stream((head, (wav.start, last))),), (note,))


def _chunks(f: BinaryIO, at: int, last: int, order: str) -> _Wav | None:
    """The chunks up to the data; None without them."""
    fmt, size64 = b"", None
    while at + 8 <= last:
        id, size = struct.unpack(order + "4sI", _read(f, at, 8))
        if id == b"data":
            return _Wav(fmt, at + 8, size64 if size == LARGEST and size64 is not None else size) if fmt else None
        if id == b"ds64" and size >= 16:
            size64 = struct.unpack(order + "Q", _read(f, at + 16, 8).ljust(8, b"\0"))[0]
        if id == b"fmt " and not fmt:
            fmt = _read(f, at + 8, min(size, 1 << 16))
        at += 8 + size + (size & 1)
    return None


def _agreed(f: BinaryIO, head: bytes, first: int, last: int, end: int, order: str) -> int:
    """Where the WAV ends by its RIFF size, if its data ends at `end` and chunks lead there: it has not wrapped. Else 0.

    Both sizes of a file of more than 4 GiB may have wrapped, and agree.
    """
    stop = first + 8 + int(struct.unpack(order + "I", head[4:8])[0])
    if last - first > LARGEST or not end <= stop <= last:
        return 0
    padded = (end + (end - first & 1), end)
    return stop if stop in padded or any(_after(f, at, stop, order) == stop for at in padded) else 0


def _after(f: BinaryIO, at: int, last: int, order: str) -> int | None:
    """Where the chunks end that begin at `at`: `last`, or where another WAV begins, or -1 at a further chunk of audio.

    None if no chain of chunks leads to the end of the file.
    """
    while at + 8 <= last:  # fewer bytes are no chunk, and no audio to speak of
        id, size = struct.unpack(order + "4sI", _read(f, at, 8))
        if id in RIFFS and _read(f, at + 8, 4) == b"WAVE":
            return at
        if id == b"data":
            return -1
        if end := tag_end(f, at, last):
            at = end
            continue
        if at + 8 + size > last:
            return last if id in OF_NO_AUDIO else None
        if not _is_id(id):
            return None
        at += 8 + size
        at += size & 1 and not _unpadded(f, at)
    return last


def _is_id(id: bytes) -> bool:
    return all(32 <= byte < 127 for byte in id)


def _unpadded(f: BinaryIO, at: int) -> bool:
    """True if a chunk begins right behind one of an odd size, at `at`: of a program that forgets to pad."""
    one, two = _read(f, at, 4), _read(f, at + 1, 4)
    return two not in OF_NO_AUDIO and len(one) == 4 and _is_id(one)


def _read(f: BinaryIO, at: int, count: int) -> bytes:
    f.seek(at)
    return f.read(count)
