"""Tensors in safetensors files: nothing in them can run, and a full disk or a broken file is said plainly."""

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

    Raises OSError where the disk is full, as a write in Python would.
    """
    try:
        save_file({name: t.detach().cpu().contiguous() for name, t in tensors.items()}, path, metadata)
    except SafetensorError as e:
        code = next((code for said, code in FULL.items() if said in str(e)), None)
        if code is None:
            raise
        raise OSError(code, os.strerror(code), str(path)) from None
    umask = os.umask(0)
    os.umask(umask)
    os.chmod(path, 0o666 & ~umask)  # safetensors lets nobody else read


def read_tensors(path: Path, remedy: str = "make it again, or copy it again") -> dict[str, Tensor]:
    """Tensors of a file, on the CPU. Raises UserError where it is missing or broken."""
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, FileNotFoundError) as e:
        raise UserError(f"no whole tensor file: {e}", str(path), remedy) from None
    return tensors
