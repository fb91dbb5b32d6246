"""Tensors in safetensors files, which hold no code; a full disk or a broken file gives a clear error."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..core.errors import UserError

FULL = {f"os error {code}": code for code in (errno.ENOSPC, errno.EDQUOT)}


def write_tensors(path: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str] | None = None) -> None:
    """Write tensors of any device; the same tensors give the same bytes.

    Raises OSError if the disk is full, like a write in Python.
    """
    try:
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, path, metadata)
    except SafetensorError as e:
        code = next((code for text, code in FULL.items() if text in str(e)), None)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(path)) from None
    readable(path)


def readable(path: Path) -> None:
    """Give a file the permissions that the umask says: safetensors makes files that nobody else may read."""
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)


def read_tensors(path: Path, remedy: str = "make it again, or copy it again") -> dict[str, Tensor]:
    """Tensors of a file, on the CPU. Raises UserError if it is missing or broken."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, FileNotFoundError) as e:
        raise UserError(f"missing or broken tensor file: {e}", str(path), remedy) from None
    return tensors
