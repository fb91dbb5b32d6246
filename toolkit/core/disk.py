"""Room on the disk where a path is, or will be: bytes and inodes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

INODES = "the disk has room, but no inodes left: it cannot hold one file more"
FREE_INODES = "remove folders of many small files (`df -i` shows the inodes), or write to another disk"


def on_disk(path: str | os.PathLike[str]) -> Path:
    """The nearest folder or file at or above `path` that exists."""
    absolute = Path(path).absolute()
    return next(p for p in (absolute, *absolute.parents) if p.exists())


def free_mb(folder: str) -> float:
    """Free disk space where `folder` is, or will be."""
    return shutil.disk_usage(on_disk(folder)).free / 1e6


def without_inodes(path: str | os.PathLike[str]) -> bool:
    """True if the disk where `path` is has no inode left; False where the file system does not count them."""
    try:
        disk = os.statvfs(on_disk(path))
    except OSError:
        return False
    return disk.f_files > 0 and disk.f_favail == 0
