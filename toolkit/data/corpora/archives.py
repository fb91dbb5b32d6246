"""Archives in a corpus: only files of expected names are copied out.

A tar may hold anything: paths that leave the folder, links, devices, sizes that fill the disk, a header of gigabytes.
So its paths are never used: a member is identified by its bare name and written under that name.
"""

from __future__ import annotations

import gzip
import os
import shutil
import tarfile
import zlib
from collections.abc import Container, Iterator
from pathlib import Path
from typing import BinaryIO, cast

from ...core.errors import UserError
from ...core.files import TEMPORARY, atomic, remove

LARGEST_FILE = 1 << 28  # bytes; an hour of 16-bit audio at 16 kHz has half of this
LARGEST_ARCHIVE = 1 << 36  # bytes unpacked from one archive
MOST_MEMBERS = 1 << 20  # tarfile keeps a record of each member in memory
FILES = (tarfile.REGTYPE, tarfile.AREGTYPE)  # no links, no sparse files (whose size is only a claim)
BLOCK = 1 << 20

Refused = tuple[str, str, str]  # member, reason, detail


def copy_out(archive: Path, wanted: Container[str], folder: Path) -> list[Refused]:
    """Copy the members of a .tar or .tar.gz whose bare names are `wanted` into `folder`, each whole or not at all.

    Returns the members that were not copied, with reasons. Raises UserError if the archive is broken or too large.
    """
    refused: list[Refused] = []
    taken: set[str] = set()
    folder.mkdir(parents=True, exist_ok=True)
    for leftover in folder.glob(f"*{TEMPORARY}"):  # left by a killed run
        remove(leftover)
    try:
        with open(archive, "rb") as raw, _plain(raw) as f, _tar(f) as tar:
            for member in _members(tar, archive):
                name = member.name.rpartition("/")[2]
                if why := _fault(member, name in wanted, name in taken):
                    refused.append((member.name, *why))
                    continue
                taken.add(name)
                source = tar.extractfile(member)
                assert source
                with atomic(folder / name) as temporary, open(temporary, "wb") as copy:
                    shutil.copyfileobj(source, copy, BLOCK)
    except (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError) as e:  # ValueError: of a pax header
        raise UserError(f"a broken archive: {e}", str(archive), "fetch it again") from None
    return refused


def _plain(raw: BinaryIO) -> gzip.GzipFile | BinaryIO:
    start = raw.read(2)
    raw.seek(0)
    return gzip.GzipFile(fileobj=raw) if start == b"\x1f\x8b" else raw


def _tar(f: gzip.GzipFile | BinaryIO) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast(BinaryIO, _Bounded(f)), mode="r:")


class _Bounded:
    """A file for tarfile that refuses to read a huge header into memory."""

    def __init__(self, f: gzip.GzipFile | BinaryIO) -> None:
        self.f = f

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= LARGEST_FILE:
            raise tarfile.ReadError(f"a header of {size:,} bytes")
        return self.f.read(size)

    def seek(self, position: int, whence: int = os.SEEK_SET) -> int:
        return self.f.seek(position, whence)

    def tell(self) -> int:
        return self.f.tell()


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[tarfile.TarInfo]:
    """All members but folders. Raises UserError if there are too many."""
    count = total = 0
    while (member := tar.next()) is not None:
        count, total = count + 1, total + max(member.size, 0)
        if total > LARGEST_ARCHIVE or count > MOST_MEMBERS:
            message = f"an archive of more than {LARGEST_ARCHIVE >> 30} GiB or {MOST_MEMBERS:,} files"
            raise UserError(message, str(archive), "is it the corpus's? Extract it yourself")
        if not member.isdir():
            yield member


def _fault(member: tarfile.TarInfo, wanted: bool, taken: bool) -> tuple[str, str] | None:
    """(reason, detail) for which a member is not copied; empty reason if it is."""
    if member.name.startswith("/") or ".." in member.name.split("/"):
        return "path leaves the archive", repr(member.name)
    if member.type not in FILES or member.sparse is not None:
        return "no file in the archive", f"a link or a device, {member.linkname or 'of no name'}"
    if not wanted:
        return "not in the table", "a file that no row names"
    if taken:
        return "duplicate in the archive", "a file of this name came before it"
    if member.size > LARGEST_FILE:
        return "too large", f"{member.size:,} bytes"
    return None
