"""Tensors in safetensors files, which hold no code; a full disk or a broken file gives a clear error."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..core.contents import refuse_damaged
from ..core.errors import UserError
from .model_files import refuse_pointer

LARGEST_WEIGHT = 1e6  # those of trained networks stay below 1e4
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


def read_tensors(
    path: Path, remedy: str = "make it again, or copy it again", bounded: bool = True
) -> dict[str, Tensor]:
    """Tensors of a file, on the CPU.

    Args:
        bounded: they are weights, of which none is out of range.

    Raises UserError if it is missing or broken, or not as its step wrote it.
    """
    refuse_damaged(path)
    refuse_pointer(path)
    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, FileNotFoundError) as e:
        raise UserError(f"missing or broken tensor file: {e}", str(path), remedy) from None
    if bounded:
        refuse_out_of_range(tensors, str(path), remedy)
    return tensors


def read_metadata(path: Path) -> dict[str, str]:
    """Metadata in the header of a readable file of tensors."""
    with safe_open(path, "pt") as file:
        return dict(file.metadata() or {})


def refuse_out_of_range(weights: Mapping[str, Tensor], where: str, remedy: str = "copy or fetch it again") -> None:
    """Raise UserError naming the first weight that no training gives: not finite, or beyond LARGEST_WEIGHT."""
    for name, tensor in weights.items():
        if tensor.is_floating_point() and tensor.element_size() > 1 and tensor.numel():
            largest = max(map(abs, map(float, tensor.aminmax())))
            if not largest <= LARGEST_WEIGHT:
                raise UserError(f"damaged weights: {name} holds {largest:.3g}", where, remedy)


def refuse_unfilled(weights: Mapping[str, Tensor], where: str, remedy: str = "copy or fetch it again") -> None:
    """Raise UserError naming the first matrix of zeros alone, as a file has them that was begun and not filled.

    A network that was trained, or begun at random, has none. A vector may be: of biases.
    """
    for name, tensor in weights.items():
        if tensor.dim() > 1 and tensor.numel() and not tensor.any():
            raise UserError(f"damaged weights: {name} holds zeros alone", where, remedy)
