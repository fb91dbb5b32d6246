"""Tags that stand before, behind or between the audio of a file.

ID3v1, ID3v2 (id3.org), APEv2 (with the header that it may have).
"""

from __future__ import annotations

from typing import BinaryIO

ID3V1 = 128  # bytes


def tag_end(f: BinaryIO, at: int, last: int) -> int:
    """Where the tag ends that begins at `at`; 0 if none does, or none that ends by `last`."""
    f.seek(at)
    head = f.read(32)
    end = 0
    if head[:3] == b"ID3" and len(head) >= 10 and head[3] < 0xFF and head[4] < 0xFF and max(head[6:10]) < 0x80:
        end = at + 10 + synchsafe(head[6:10]) + (10 if head[5] & 0x10 else 0)
    elif head[:8] == b"APETAGEX" and len(head) == 32 and head[23] & 0x20:  # a header: its size counts the footer
        end = at + 32 + int.from_bytes(head[12:16], "little")
    elif head[:3] == b"TAG" and last - at == ID3V1:
        end = last
    return end if end <= last else 0


def synchsafe(four: bytes) -> int:
    """A number of 28 bits, 7 in each byte."""
    a, b, c, d = four
    return a << 21 | b << 14 | c << 7 | d


def after_tags(f: BinaryIO, at: int, last: int) -> int:
    """Where the tags end that stand one after another from `at` on."""
    while end := tag_end(f, at, last):
        at = end
    return at
