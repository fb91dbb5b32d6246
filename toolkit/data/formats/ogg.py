"""Ogg: its pages, the streams that follow each other in one file, and whether the last one has its end (RFC 3533)."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import BinaryIO

from . import mp3
from .streams import BEGINNINGS, SEVERAL, Look, Part, Stream, joined, refused

HEAD = 27  # bytes of a page before the sizes of its segments
BEGINS, ENDS = 2, 4  # flags of a page
_MIRRORED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
LARGEST_BLOCK = 8192  # samples of Vorbis that depend on each other
CUT = "the last page of the stream is not there"
DAMAGED = "pages inside the Ogg stream are missing or damaged: what follows is not read"


@dataclass(frozen=True)
class Page:
    """A page: its place, bytes, flags, serial of its stream, number in it, granule position (-1: no packet ends).

    whole: True if its checksum is right.
    """

    place: int
    size: int
    flags: int
    serial: bytes
    number: int
    granule: int
    whole: bool


@dataclass
class _Link:
    """Streams that begin together; pages: of the first of them, which is decoded; data: pages of data were seen.

    stop: where the last page ends.
    """

    first: int
    pages: list[Page]
    data: bool = False
    stop: int = 0


def look(f: BinaryIO, first: int, last: int) -> Look:
    """Look at the Ogg in bytes first..last (exclusive)."""
    links = _links(f, first, last)
    for number, link in enumerate(links):
        audio = [page for page in link.pages if page.granule]
        if (stop := _damage(link.pages)) is not None:
            if not any(page.granule > 0 and page.place < stop for page in audio):
                return refused("truncated", DAMAGED)
            before = [Look((Stream(((a.first, b.first),)),)) for a, b in pairwise(links[: number + 1])]
            return joined([*before, Look((Stream(((link.first, stop),), cut=DAMAGED),))])
        places = [page.granule for page in audio if page.granule >= 0]
        if places != sorted(places):
            return refused("unreadable", "an Ogg whose pages are not in the order of time")
    stop = links[-1].stop  # the rest of a page that is cut begins like an Ogg
    if stop < last and (_read(f, stop, 4) in {*BEGINNINGS} - {b"OggS"} or mp3.begins(f, stop, last)):
        return refused(SEVERAL, "an Ogg, and another audio file behind it")
    ends = [*(link.first for link in links[1:]), last]
    ended = [any(page.flags & ENDS for page in link.pages) for link in links]
    return joined(
        [
            Look((Stream(((link.first, end),), cut="" if whole else CUT),))
            for link, end, whole in zip(links, ends, ended)
        ]
    )


def _damage(stream: Sequence[Page]) -> int | None:
    """Where the pages end before which none is missing or damaged; None if none is."""
    stop, number = stream[0].place if stream else 0, None
    for page in stream:
        if not page.whole or (number is not None and page.number != number + 1):
            return stop
        stop = page.place + page.size
        number = page.number if page.granule else None  # pages of headers are numbered oddly by some
    return None


def _links(f: BinaryIO, first: int, last: int) -> list[_Link]:
    links = [_Link(first, [])]
    for page in pages(f, first, last):
        link = links[-1]
        if page.flags & BEGINS and link.data:
            link = _Link(page.place, [])
            links.append(link)
        link.data |= not page.flags & BEGINS
        if not link.pages or page.serial == link.pages[0].serial:
            link.pages.append(page)
        link.stop = page.place + page.size
    return links


def pages(f: BinaryIO, at: int, last: int) -> Iterator[Page]:
    """The whole pages in bytes at..last (exclusive)."""
    while at + HEAD <= last:
        f.seek(at)
        head = f.read(HEAD + 255)
        if head[:5] == b"OggS\0":
            segments = head[26]
            size = HEAD + segments + sum(head[HEAD : HEAD + segments])
            if at + size <= last:
                granule, serial, number, told = struct.unpack("<q4sII", head[6:26])
                whole = told == _checksum(_read(f, at, size))
                yield Page(at, size, head[5], serial, number, granule, whole)
                at += size
                continue
        following = _search(f, at + 1, last)
        if following is None:
            return
        at = following


def link(f: BinaryIO, first: int, last: int) -> list[Page]:
    """The pages of the stream that is decoded of bytes first..last (exclusive), which hold one link of a chain."""
    return _links(f, first, last)[0].pages


def from_sample(stream: Sequence[Page], sample: int, last: int) -> tuple[Part, ...]:
    """Parts of a stream of Vorbis: its headers, and its pages from the last on that is needed for `sample`."""
    audio = [page for page in stream if page.granule]
    if not audio:
        return ((stream[0].place, last),)
    needed = audio[0]
    for before, page in pairwise(audio[:-1]):  # where the last one begins, nothing tells
        if before.granule > sample - LARGEST_BLOCK:
            break
        if before.granule >= 0:
            needed = page
    return ((stream[0].place, audio[0].place), (needed.place, last))


def _checksum(page: bytes) -> int:
    """CRC-32 of a page, by that of zlib, which has the same polynomial and takes the bits of each byte from behind."""
    crc = zlib.crc32((page[:22] + bytes(4) + page[26:]).translate(_MIRRORED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int.from_bytes(crc.to_bytes(4, "little").translate(_MIRRORED), "big")


def _read(f: BinaryIO, at: int, count: int) -> bytes:
    f.seek(at)
    return f.read(count)


def _search(f: BinaryIO, at: int, last: int) -> int | None:
    """Place of the next page from `at` on; None without one."""
    while at < last:
        f.seek(at)
        block = f.read(min(1 << 16, last - at))
        if (place := block.find(b"OggS\0")) >= 0:
            return at + place
        at += len(block) - 4 if at + len(block) < last else len(block)
    return None
