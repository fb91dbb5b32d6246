"""MP3: its frames counted, against the length that its header gives.

Frame layout: ISO/IEC 11172-3 (MPEG-1) and 13818-3 (MPEG-2), MPEG-2.5 by Fraunhofer. Headers of the length: Xing and
Info (in the first frame, which then holds no audio), VBRI of Fraunhofer.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from .streams import BEGINNINGS, SEVERAL, Look, Part, Stream, joined, refused, whole
from .tags import after_tags, tag_end

BLOCK = 1 << 20  # bytes read at once
NEAR = 1 << 16  # bytes in which an MP3 begins that has something else before it
CLOSE = 2  # frames that a header may be off by: encoders do not agree on what to count
IN_A_ROW = 3  # frames of one kind in a row are audio, fewer may be chance
ENDS_INSIDE = "an MP3 that ends inside a frame, without a header that tells its length"
TOO_FEW = "an MP3 whose header counts too few frames"
BEHIND = "an MP3 with bytes behind its frames that are no audio, without a header that tells its length"
DAMAGED = "bytes between its frames are no audio"
_KBIT = {  # bit rates by (is MPEG-1, layer) and index
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATE = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
_SYNC = re.compile(rb"\xff[\xe2-\xe7\xf2-\xf7\xfa-\xff][\x10-\xef]")
_COUNTS = re.compile(rb"Xing|Info|VBRI")
TAGS_END = 44  # they end no later in their frame
BEFORE_TAG = (36, 38, 21, 23, 13, 15)  # bytes: the frame's header, perhaps a checksum, side information


@dataclass(frozen=True)
class Frame:
    """A frame's header. kind: what all frames of a stream have in common."""

    version: int
    layer: int
    rate: int
    kbit: int
    padding: int
    mono: bool

    def __str__(self) -> str:
        return f"{self.rate} Hz {'mono' if self.mono else 'stereo'}, layer {self.layer}"

    @property
    def kind(self) -> tuple[int, int, int, bool]:
        return self.version, self.layer, self.rate, self.mono

    @property
    def samples(self) -> int:
        return 384 if self.layer == 1 else 1152 if self.layer == 2 or self.version == 3 else 576

    @property
    def size(self) -> int:
        """Bytes of the frame."""
        if self.layer == 1:
            return (12000 * self.kbit // self.rate + self.padding) * 4
        return self.samples * 125 * self.kbit // self.rate + self.padding


def frame(head: bytes) -> Frame | None:
    """The frame that begins with these four bytes; None if they begin none (free format is none)."""
    if len(head) < 4 or head[0] != 0xFF or head[1] < 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bits, rate = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or bits in (0, 15) or rate == 3:
        return None
    kbit = _KBIT[version == 3, layer][bits]
    return Frame(version, layer, _RATE[version][rate], kbit, head[2] >> 1 & 1, head[3] >> 6 == 3)


@lru_cache
def _sizes(version: int, layer: int, rate: int) -> dict[bytes, int]:
    """Beginnings (3 bytes) of all frames of a kind -> bytes of the frame."""
    heads = (bytes((0xFF, 0xE0 | version << 3 | (4 - layer) << 1 | crc, b)) for crc in (0, 1) for b in range(256))
    frames = ((head, frame(head + b"\0")) for head in heads)
    return {head: f.size for head, f in frames if f and f.rate == rate}


@dataclass(frozen=True)
class Count:
    """What a header says of the length: `frames` of the stream (None if it says nothing), at `place` in the file.

    vbri: True if it is Fraunhofer's, which libsndfile does not know: it decodes its frame, and guesses the length.
    """

    frames: int | None
    place: int
    vbri: bool


def count_of(f: BinaryIO, at: int) -> Count | None:
    """The header of the length in the frame at `at`; None if that has none."""
    f.seek(at)
    data = f.read(TAGS_END + 20)
    if not (tag := _COUNTS.search(data, 4, TAGS_END)):
        return None
    place = tag.start() + (14 if tag[0] == b"VBRI" else 8)
    told = tag[0] == b"VBRI" or (len(data) >= place and data[place - 1] & 1)
    number = data[place : place + 4]
    frames = int.from_bytes(number, "big") if told and len(number) == 4 else None
    return Count(frames, at + place, tag[0] == b"VBRI")


@dataclass
class Walk:
    """Frames of one kind.

    Attributes:
        frames: their number; runs: the bytes they are in, in pieces between tags.
        junk: frames before the first bytes between frames that are no tag; None without such bytes. What a decoder
            makes of them is its own affair.
        partial: True if the last frame is not whole, and not counted.
        alien: the first frame of another kind that follows; None without one.
    """

    frames: int
    runs: list[tuple[int, int]]
    junk: int | None = None
    partial: bool = False
    alien: Frame | None = None


def walk(f: BinaryIO, at: int, last: int, head: Frame) -> Walk:
    """Walk from frame to frame, over tags and junk."""
    made = Walk(0, [])
    begin = at
    while True:
        stop, frames, final = _run(f, at, last, _sizes(head.version, head.layer, head.rate))
        made.frames += frames
        if (end_head := _head(f, final)) and end_head.kind != head.kind:
            made.alien = end_head
            return made
        behind = after_tags(f, stop, last)
        following = _sync(f, behind, last)
        if following is None or following[1].kind != head.kind:
            made.runs.append((begin, stop))
            made.alien = following[1] if following else None
            made.partial = stop < last and behind == stop and _head(f, stop) is not None
            return made
        if following[0] > behind:
            made.junk = made.frames if made.junk is None else made.junk
        else:
            made.runs.append((begin, stop))
            begin = behind
        at = following[0]


def _run(f: BinaryIO, at: int, last: int, sizes: dict[bytes, int]) -> tuple[int, int, int]:
    """(end, number, place of the last) of the whole frames that follow each other from `at` on."""
    frames, final, get = 0, at, sizes.get
    while True:
        f.seek(at)
        block = f.read(min(BLOCK, last - at))
        here, before, end = 0, 0, len(block)
        while (size := get(block[here : here + 3])) and here + size <= end:
            before = here
            here += size
            frames += 1
        if not here:
            return at, frames, final
        final = at + before
        at += here


def _head(f: BinaryIO, at: int) -> Frame | None:
    return frame(_read(f, at, 4))


def _read(f: BinaryIO, at: int, count: int) -> bytes:
    f.seek(at)
    return f.read(count)


def _candidates(f: BinaryIO, at: int, last: int) -> Iterator[int]:
    """Places from `at` on where a frame may begin."""
    yield at
    while at + 4 <= last:
        f.seek(at)
        block = f.read(min(BLOCK, last - at))
        for match in _SYNC.finditer(block):
            yield at + match.start()
        at += max(len(block) - 2, 1) if at + len(block) < last else len(block)


def _sync(f: BinaryIO, at: int, last: int) -> tuple[int, Frame] | None:
    """Place and header of the next frame that others of its kind follow; None without one."""
    for place in _candidates(f, at, last):
        if (head := _head(f, place)) and _chained(f, place, last, head):
            return place, head
    return None


def _chained(f: BinaryIO, at: int, last: int, head: Frame) -> bool:
    """True if frames of one kind follow the one at `at`, or it is the last one."""
    for _ in range(IN_A_ROW):
        following = _head(f, at)
        if not following or following.kind != head.kind:
            return False
        at += following.size
        if at >= last or tag_end(f, at, last):
            return at <= last
    return True


def begins(f: BinaryIO, at: int, last: int) -> bool:
    """True if MP3 begins exactly at `at`."""
    head = _head(f, at)
    return head is not None and _chained(f, at, last, head)


def is_near(f: BinaryIO, last: int) -> bool:
    """True if MP3 begins behind a little of something else: a header of HTTP, half a frame, zeros."""
    return _sync(f, 0, min(last, NEAR)) is not None


def look(f: BinaryIO, first: int, last: int) -> Look:
    """Look at the MP3 in bytes first..last (exclusive): its frames are counted, and held against its header."""
    begin = _sync(f, after_tags(f, first, last), last)
    if begin is None:
        return whole(first, last, doubtful=True)  # a format that this module does not know, or damage
    at, head = begin
    if at != first and not (_read(f, first, 3) == b"ID3" and at == tag_end(f, first, last)):
        first = at  # libsndfile knows no MP3 behind anything else
    count, walked = count_of(f, at), walk(f, at, last, head)
    behind = after_tags(f, walked.runs[-1][1], last) if walked.runs else last
    if behind < last and _read(f, behind, 4) in BEGINNINGS:
        return refused(SEVERAL, "an MP3, and another audio file behind it")
    if count and count.frames is not None and _is_right(walked, count):
        return whole(first, last)
    starts = [at, *_further(f, at + head.size, last)]
    ends = [*starts[1:], last]
    return joined([_one(f, a, b, first if a == at else a) for a, b in zip(starts, ends)])


def _is_right(walked: Walk, count: Count) -> bool:
    odd = count.vbri or walked.alien or walked.junk is not None or len(walked.runs) > 1
    return not odd and abs(_audio_frames(walked, count) - (count.frames or 0)) <= CLOSE


def _audio_frames(walked: Walk, count: Count | None) -> int:
    return walked.frames - (count is not None)


def _intact(f: BinaryIO, walked: Walk, count: Count | None, head: Frame, last: int) -> int | None:
    """Samples that are at their place if frames are missing: those before the first damage.

    None: all, because the file ends inside a frame, or in zeros, and so it is the end that is missing. 0: no place of
    damage is known.
    """
    if walked.junk is not None:  # the frame before may be damaged too, and the decoder's delay makes it sound earlier
        return max(walked.junk - (count is not None) - 1 - CLOSE, 0) * head.samples
    behind = _read(f, walked.runs[-1][1], head.size)
    return None if walked.partial or 0 < len(behind) < 4 or (behind and not any(behind)) else 0


def _further(f: BinaryIO, at: int, last: int) -> Iterator[int]:
    """Places from `at` on of frames with a header of the length, each once."""
    told = at - 1
    while at + TAGS_END < last:
        f.seek(at)
        block = f.read(min(BLOCK, last - at))
        for tag in _COUNTS.finditer(block):
            for before in BEFORE_TAG:
                place = at + tag.start() - before
                if place > told and (head := _head(f, max(place, 0))) and _chained(f, place, last, head):
                    yield place
                    told = place
                    break
        at += len(block) - TAGS_END if at + len(block) < last else len(block)


def _one(f: BinaryIO, at: int, last: int, first: int) -> Look:
    """Look at one stream whose frames begin at `at`; bytes `first` to `last` are decoded if nothing is odd."""
    head, count = _head(f, at), count_of(f, at)
    assert head
    walked = walk(f, at, last, head)
    if walked.alien:
        return refused(SEVERAL, f"an MP3 that changes from {head} to {walked.alien}")
    frames = _audio_frames(walked, count)
    runs = walked.runs if len(walked.runs) > 1 else [(first, last)]
    told = count.frames if count else None
    intact, cut = _intact(f, walked, count, head, last), DAMAGED * (walked.junk is not None)
    if count and told is not None and not count.vbri:
        if _is_right(walked, count):
            return whole(first, last)
        if told < frames - CLOSE:
            return Look((Stream(_counted(runs, count.place, frames), True, cut=cut, intact=intact),), (TOO_FEW,))
        return Look((Stream(tuple(runs), doubtful=True, intact=intact),))  # it is cut, or damaged
    notes: tuple[str, ...] = ()
    if told is None:
        more = last - after_tags(f, walked.runs[-1][1], last) > head.size
        notes = (ENDS_INSIDE,) * walked.partial + (BEHIND,) * (more and not walked.partial)
    if len(runs) == 1 and not cut and not count and abs(_guess(head, last - at) - frames) <= CLOSE:
        return Look((Stream(tuple(runs)),), notes)
    if head.layer != 3:
        seconds = frames * head.samples / head.rate
        return refused("unreadable", f"MPEG audio of layer {head.layer}: {seconds:.1f} s, which no header tells")
    runs[0] = at + (head.size if count else 0), walked.runs[0][1]
    promised = told / frames if told is not None and told > frames + CLOSE else 1.0
    notes = (TOO_FEW,) if told is not None and told < frames - CLOSE else notes
    return Look((Stream((_info(f, at, head, frames), *runs), True, promised, cut, intact),), notes)


def _guess(head: Frame, size: int) -> float:
    """Frames that a decoder expects in `size` bytes without a header of the length, by the bit rate of the first."""
    return size / (head.samples * 125 * head.kbit / head.rate)


def _counted(runs: list[tuple[int, int]], place: int, frames: int) -> tuple[Part, ...]:
    """The runs, with `frames` as the number at `place` in the first."""
    (first, last), *more = runs
    return ((first, place), struct.pack(">I", frames), (place + 4, last), *more)


def _info(f: BinaryIO, at: int, head: Frame, frames: int) -> bytes:
    """A frame that counts `frames`, to stand before the one at `at`."""
    f.seek(at)
    a, b, c, d = f.read(4)
    silent = bytes((a, b | 1, (c & 0x0C) | 9 << 4, d))  # without a checksum, of a rate that leaves room
    made = frame(silent)
    assert made
    side = (17 if head.mono else 32) if head.version == 3 else (9 if head.mono else 17)
    return (silent + bytes(side) + b"Xing" + struct.pack(">II", 1, frames)).ljust(made.size, b"\0")
