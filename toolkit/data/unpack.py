"""Unpack one folder of a zip archive (a Python wheel) or a .tgz, and refuse members that would leave the target folder.

python3 -m toolkit.data.unpack FILE.whl --only habibi_tts/assets --out downloads
"""

from __future__ import annotations

import argparse
import errno
import gzip
import lzma
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ..core.errors import UserError, told
from ..core.files import atomic
from ..core.links import absent

DAMAGED = (zipfile.BadZipFile, tarfile.TarError, zlib.error, lzma.LZMAError)
LARGEST = 1 << 30  # bytes, unpacked: an archive that promises more than these small packages hold is a trap
AGAIN = "fetch it again"
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Member:
    """A member of an archive; `plain` is False for links, devices and the like."""

    name: str
    size: int
    plain: bool = True


def unpack(archive: Path, only: str, out: Path) -> int:
    """`unpack_tar` for a gzipped file, else `unpack_zip`."""
    with _readable(archive), open(archive, "rb") as f:
        gzipped = f.read(2) == GZIP
    return (unpack_tar if gzipped else unpack_zip)(archive, only, out)


def unpack_zip(archive: Path, only: str, out: Path) -> int:
    """Write the files below the folder `only` of the archive to out/only, all or none of them.

    Returns the number of files. Raises UserError for an archive that is damaged, holds a link or a path that leaves
    its folder, would be too large, or has no such folder; then nothing is written.
    """
    with _readable(archive), zipfile.ZipFile(archive) as z:
        infos = [m for m in z.infolist() if not m.filename.endswith("/")]  # is_dir wants a name
        members = [Member(m.filename, m.file_size, not stat.S_ISLNK(m.external_attr >> 16)) for m in infos]
        wanted = {m.name for m in _wanted(archive, members, only)}
        with atomic(out / only) as temporary:
            for m in infos:
                if m.filename in wanted:
                    with z.open(m) as source:  # raises BadZipFile where its checksum is another
                        _write(temporary / m.filename.removeprefix(f"{only}/"), source)
        return len(wanted)


def unpack_tar(archive: Path, only: str, out: Path) -> int:
    """Like `unpack_zip`, for a gzipped tar archive. It is read twice, as gzip's checksum is at its end."""
    with _readable(archive):
        with gzip.open(archive) as data, tarfile.open(fileobj=data, mode="r|") as tar:
            members = list(_members(tar, archive))
            while data.read(1 << 20):
                pass
        wanted = {m.name for m in _wanted(archive, members, only)}
        with (
            atomic(out / only) as temporary,
            gzip.open(archive) as data,
            tarfile.open(fileobj=data, mode="r|") as tar,
        ):
            for m in tar:
                source = tar.extractfile(m) if m.name in wanted else None
                if source:
                    _write(temporary / m.name.removeprefix(f"{only}/"), source)
        return len(wanted)


def _members(tar: tarfile.TarFile, archive: Path) -> Iterator[Member]:
    total = 0
    for m in tar:
        total += m.size
        if total > LARGEST:  # all of it is decompressed, unwanted members too
            raise _too_large(archive)
        if not m.isdir():
            yield Member(m.name, m.size, m.isreg() and not m.issparse())


def _wanted(archive: Path, members: Sequence[Member], only: str) -> list[Member]:
    """Members below the folder `only`. Raises UserError like `unpack_zip`."""
    for m in members:
        if not m.plain or m.name.startswith("/") or {"..", ""} & set(m.name.split("/")):
            message = "an archive with a link, or a path that leaves its folder: not unpacked"
            raise UserError(message, f"{archive}: {m.name!r}", AGAIN)
    wanted = [m for m in members if m.name.startswith(f"{only}/")]
    if not wanted:
        raise UserError(f"no folder {only} in it", str(archive), "is this the right archive?")
    if twice := [name for name, count in Counter(m.name for m in wanted).items() if count > 1]:
        raise UserError("a file that is twice in the archive: which one counts?", f"{archive}: {twice[0]!r}", AGAIN)
    if sum(m.size for m in wanted) > LARGEST:
        raise _too_large(archive)
    return wanted


def _too_large(archive: Path) -> UserError:
    return UserError(f"more than {LARGEST >> 20} MB when unpacked", str(archive), AGAIN)


def _write(path: Path, source: IO[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "wb") as f:
        shutil.copyfileobj(source, f)


@contextmanager
def _readable(archive: Path) -> Iterator[None]:
    """Turns the libraries' errors for a damaged or missing archive into a UserError."""
    try:
        yield
    except (*DAMAGED, EOFError, NotImplementedError, RuntimeError, ValueError) as e:
        raise UserError(f"a damaged archive: {e}", str(archive), AGAIN) from None
    except FileNotFoundError:
        raise UserError(absent(archive, "archive"), str(archive), "mend the path, or fetch it") from None
    except OSError as e:
        if e.errno not in (None, errno.EINVAL):  # of a place before the file's beginning, or of bzip2's data
            raise
        raise UserError(f"a damaged archive: {e}", str(archive), AGAIN) from None


def main(words: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python3 -m toolkit.data.unpack", description=__doc__, allow_abbrev=False)
    parser.add_argument("archive", type=Path, metavar="FILE", help="zip or tar.gz archive")
    parser.add_argument("--only", required=True, metavar="FOLDER", help="folder of it")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where it goes")
    call = parser.parse_args(words)
    with told(1, str(call.archive)):
        print(f"unpacked {unpack(call.archive, call.only, call.out)} files into {call.out / call.only}")


if __name__ == "__main__":
    main()
