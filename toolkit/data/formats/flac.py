"""FLAC: whether its frames are as many as its header tells, by the numbers that they have (RFC 9639)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from .streams import Look, Part, Stream, joined, whole

PROBES = 16  # places of a file where the number of a frame is read: numbers that fall are those of a second stream
WINDOW = 1 << 15  # bytes that hold the beginning of a frame, where the header does not tell how long frames are
TOO_FEW = "a FLAC whose header tells too short a length"
STREAMED = "a FLAC written as a stream: its header does not tell the length"
_SYNC = re.compile(rb"\xff[\xf8\xf9]", re.S)
_BEGIN = re.compile(rb"fLaC[\x00\x80]\x00\x00\x22", re.S)
BLOCK = 1 << 20
_SIZES = (0, 192, 576, 1152, 2304, 4608, 0, 0, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768)


def _crc8_table() -> bytes:
    table = []
    for byte in range(256):
        for _ in range(8):
            byte = byte << 1 ^ (0x107 if byte & 0x80 else 0)
        table.append(byte)
    return bytes(table)


_CRC8 = _crc8_table()


@dataclass(frozen=True)
class Info:
    """STREAMINFO of the stream at `first`: samples per frame, bytes of the largest frame and samples per channel (0 if
    unknown); `audio`: where the frames begin.
    """

    first: int
    block: int
    largest: int
    total: int
    audio: int


def info_of(f: BinaryIO, first: int, last: int) -> Info | None:
    """STREAMINFO and the end of the metadata of the stream at `first`; None if there is no whole one."""
    f.seek(first)
    head = f.read(42)
    if len(head) < 42 or not _BEGIN.match(head):
        return None
    at, final = first + 42, head[4] & 0x80
    while not final and at + 4 <= last:
        f.seek(at)
        block = f.read(4)
        final, at = block[0] & 0x80, at + 4 + int.from_bytes(block[1:], "big")
    total = int.from_bytes(head[21:26], "big") & (1 << 36) - 1
    return Info(first, int.from_bytes(head[8:10], "big"), int.from_bytes(head[15:18], "big"), total, at)


def look(f: BinaryIO, first: int, last: int) -> Look:
    """Look at the FLAC in bytes first..last (exclusive)."""
    info = info_of(f, first, last)
    if info is None:
        return whole(first, last)
    if _is_one(f, info, last):
        return whole(first, last)
    starts = [first, *_further(f, info.audio, last)]
    return joined([_one(f, a, b) for a, b in zip(starts, [*starts[1:], last])])


def _is_one(f: BinaryIO, info: Info, last: int) -> bool:
    """True if the last frame ends where the header tells, and frames in between have rising numbers."""
    window = (info.largest or WINDOW) + 16
    if not info.total or _end(f, info, max(info.audio, last - window), last) != info.total:
        return False
    size = last - info.audio
    step = max(size // PROBES, window)
    before = -1
    for place in range(info.audio + step, last - window, step):
        number = next(_frames(f, info, place, place + window), None)
        if number is not None:
            if number[0] <= before:
                return False
            before = number[0]
    return True


def _one(f: BinaryIO, first: int, last: int) -> Look:
    """Look at one stream by the number of its last frame, which is put into its header if that tells another length."""
    info = info_of(f, first, last)
    assert info
    window = max(info.largest, WINDOW) * 2
    total = _end(f, info, max(info.audio, last - window), last)
    if total in (0, info.total):
        return whole(first, last, doubtful=True)
    f.seek(first + 21)
    number = (f.read(1)[0] & 0xF0) << 32 | total
    parts: tuple[Part, ...] = ((first, first + 21), number.to_bytes(5, "big"), (first + 26, last))
    notes = (STREAMED,) if not info.total else (TOO_FEW,) if info.total < total else ()
    promised = max(1.0, info.total / total) if info.total else 0.0
    return Look((Stream(parts, doubtful=True, promised=promised),), notes)


def _further(f: BinaryIO, at: int, last: int) -> Iterator[int]:
    """Where further streams begin."""
    while at < last:
        f.seek(at)
        block = f.read(min(BLOCK, last - at))
        for match in _BEGIN.finditer(block):
            if info_of(f, at + match.start(), last):
                yield at + match.start()
        at += len(block) - 8 if at + len(block) < last else len(block)


def _end(f: BinaryIO, info: Info, at: int, last: int) -> int:
    """Sample after the last frame that begins in at..last; 0 without one."""
    return max((number + samples for number, samples in _frames(f, info, at, last)), default=0)


def _frames(f: BinaryIO, info: Info, at: int, last: int) -> Iterator[tuple[int, int]]:
    """(first sample, samples) of the frames whose headers are in at..last."""
    f.seek(at)
    block = f.read(max(last - at, 0))
    for match in _SYNC.finditer(block):
        if made := _frame(block[match.start() : match.start() + 16], info.block):
            yield made


def _frame(head: bytes, block: int) -> tuple[int, int] | None:
    """(first sample, samples) of the frame with this header of at most 16 bytes; None if it is none."""
    if len(head) < 6 or head[2] >> 4 == 0 or head[2] & 15 == 15 or head[3] >> 4 > 10 or head[3] & 1:
        return None
    lead = head[4]
    more = next((n for n, limit in enumerate((0x80, 0xC0, 0xE0, 0xF0, 0xF8, 0xFC, 0xFE, 0xFF)) if lead < limit), 8)
    if more == 1 or more == 8:
        return None
    more = max(more - 1, 0)  # bytes of the number after the first
    number = lead if not more else lead & (0x3F >> more)
    at = 5 + more
    for byte in head[5:at]:
        if byte & 0xC0 != 0x80:
            return None
        number = number << 6 | byte & 0x3F
    code = head[2] >> 4
    samples = _SIZES[code]
    if code in (6, 7):
        samples = int.from_bytes(head[at : at + code - 5], "big") + 1
        at += code - 5
    at += (0, 1, 2, 2)[max((head[2] & 15) - 11, 0)]
    crc = 0
    for byte in head[: at + 1]:
        crc = _CRC8[crc ^ byte]
    if crc or len(head) <= at:
        return None
    return (number if head[1] & 1 else number * block), samples
