"""The look at a file before it is decoded: by its content, whatever its name says."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import lru_cache
from typing import BinaryIO

from . import flac, mp3, ogg, sizes, wav
from .streams import Look, whole
from .tags import after_tags

MAGIC = {
    **{riff: wav for riff in wav.RIFFS},
    b"fLaC": flac,
    b"OggS": ogg,
    **{head: sizes for head in (b"FORM", b".snd", b"caff", b"riff", b"NIST")},
}


def look(f: BinaryIO, size: int) -> tuple[Look, bool]:
    """(what a look at the file of `size` bytes tells, is it MPEG audio). Tags may stand before any format."""
    begin = after_tags(f, 0, size)
    f.seek(begin)
    head = f.read(4)
    if head in MAGIC:
        if MAGIC[head] is wav and (inside := wav.mpeg_in(f, begin, size)):
            return inside, True
        return MAGIC[head].look(f, begin, size), False
    if begin or head[:1] == b"\xff" or mp3.is_near(f, size):
        return mp3.look(f, 0, size), True
    return replace(whole(0, size), unknown=True), False


@lru_cache(maxsize=4096)
def _looked(path: str, size: int, changed: int) -> tuple[Look, bool]:
    with open(path, "rb") as f:
        return look(f, size)


def look_at(path: str) -> tuple[Look, bool]:
    """As `look`, of the file at `path`; kept in memory until it changes. Raises OSError."""
    state = os.stat(path)
    return _looked(path, state.st_size, state.st_mtime_ns)
