"""Unpack one folder of a zip archive (a Python wheel is one), in which nothing may leave the folder it goes to.

python3 -m toolkit.data.unpack FILE.whl --only habibi_tts/assets --out downloads
"""

from __future__ import annotations

import argparse
import errno
import lzma
import shutil
import stat
import zipfile
import zlib
from pathlib import Path

from ..core.errors import UserError, told
from ..core.files import atomic

DAMAGED = (zipfile.BadZipFile, zlib.error, lzma.LZMAError)
LARGEST = 1 << 30  # bytes, unpacked: an archive that promises more than these small packages hold is a trap


def unpack_zip(archive: Path, only: str, out: Path) -> int:
    """Write what stands below the folder `only` of the archive to out/only, whole or not at all.

    Returns the number of files. Raises UserError for an archive that is damaged, holds a link or a path that leaves
    its folder, would be too large, or has no such folder: then nothing is written.
    """
    again = "fetch it again"
    try:
        with zipfile.ZipFile(archive) as z:
            members = [m for m in z.infolist() if not m.filename.endswith("/")]  # is_dir wants a name
            for m in members:
                parts = m.filename.split("/")
                if stat.S_ISLNK(m.external_attr >> 16) or m.filename.startswith("/") or {"..", ""} & set(parts):
                    what = "an archive with a link, or a path that leaves its folder: not unpacked"
                    raise UserError(what, f"{archive}: {m.filename!r}", again)
            wanted = [m for m in members if m.filename.startswith(f"{only}/")]
            if not wanted:
                raise UserError(f"no folder {only} in it", str(archive), "is this the right archive?")
            if sum(m.file_size for m in wanted) > LARGEST:
                raise UserError(f"more than {LARGEST >> 20} MB when unpacked", str(archive), again)
            with atomic(out / only) as temporary:
                for m in wanted:
                    path = temporary / m.filename.removeprefix(f"{only}/")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    with z.open(m) as source, open(path, "wb") as f:
                        shutil.copyfileobj(source, f)  # raises BadZipFile where its checksum is another
            return len(wanted)
    except (*DAMAGED, EOFError, NotImplementedError, RuntimeError, ValueError) as e:
        raise UserError(f"a damaged archive: {e}", str(archive), again) from None
    except FileNotFoundError:
        raise UserError("no such archive", str(archive), "mend the path, or fetch it") from None
    except OSError as e:
        if e.errno not in (None, errno.EINVAL):  # of a place before the file's beginning, or of bzip2's data
            raise
        raise UserError(f"a damaged archive: {e}", str(archive), again) from None


def main(words: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser("python3 -m toolkit.data.unpack", description=__doc__, allow_abbrev=False)
    parser.add_argument("archive", type=Path, metavar="FILE", help="zip archive")
    parser.add_argument("--only", required=True, metavar="FOLDER", help="folder of it")
    parser.add_argument("--out", type=Path, required=True, metavar="FOLDER", help="where it goes")
    call = parser.parse_args(words)
    with told(1, str(call.archive)):
        print(f"unpacked {unpack_zip(call.archive, call.only, call.out)} files into {call.out / call.only}")


if __name__ == "__main__":
    main()
