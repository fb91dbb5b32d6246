"""The look at a file before it is decoded: by its content, whatever its name says."""

from __future__ import annotations

import os
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
    """(what a look at the file of `size` bytes tells, is it MPEG audio)."""
    f.seek(0)
    head = f.read(4)
    if head[:3] == b"ID3":
        f.seek(after_tags(f, 0, size))
        if f.read(4) == b"fLaC":
            return whole(0, size, doubtful=True), False
    elif head in MAGIC:
        return MAGIC[head].look(f, 0, size), False
    elif head[:1] != b"\xff":
        return whole(0, size), False
    return mp3.look(f, 0, size), True


@lru_cache(maxsize=4096)
def _looked(path: str, size: int, changed: int) -> tuple[Look, bool]:
    with open(path, "rb") as f:
        return look(f, size)


def look_at(path: str) -> tuple[Look, bool]:
    """As `look`, of the file at `path`; kept in memory until it changes. Raises OSError."""
    state = os.stat(path)
    return _looked(path, state.st_size, state.st_mtime_ns)
