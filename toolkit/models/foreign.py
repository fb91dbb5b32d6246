"""Shared by the readers of other programs' Whisper formats: checked reading of bytes, and checks of tensors.

Files are not trusted: every length in them is compared with the remaining bytes before it is used.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO

import numpy as np
import torch
from torch import Tensor

from ..core.errors import UserError
from .blank import blank
from .whisper import Whisper
from .whisper_shape import WhisperConfig

AGAIN = "fetch or copy it again"
CONVERT = "convert the model from its own weights, in float16 or float32"
MOST_DIMENSIONS = 4
Sizes = dict[str, int]


@dataclass(frozen=True)
class Foreign:
    """A Whisper read from another program's file.

    Attributes:
        kind: name of the format.
        sizes: of the network, by their names in config.json.
        tensors: by Hugging Face's names, float32: float16 and bfloat16 are exact in it. Without proj_out, which is
            the embedding of the tokens.
    """

    kind: str
    sizes: Sizes
    tensors: dict[str, Tensor]

    @property
    def parameters(self) -> int:
        return sum(t.numel() for t in self.tensors.values())


class Source:
    """A little-endian binary file, read from beginning to end."""

    def __init__(self, file: IO[bytes], path: Path, kind: str) -> None:
        self.file, self.path, self.kind = file, path, kind
        self.left = path.stat().st_size

    def broken(self, message: str) -> UserError:
        return UserError(f"a damaged {self.kind} file: {message}", str(self.path), AGAIN)

    def take(self, count: int, subject: str) -> bytes:
        """The next `count` bytes. Raises UserError if the file has fewer. `subject` names them in the message."""
        if not 0 <= count <= self.left:
            raise self.broken(f"{subject} would take {count} bytes, and {self.left} are left")
        data = self.file.read(count)
        if len(data) != count:
            raise self.broken(f"it ends within {subject}")
        self.left -= count
        return data

    def numbers(self, form: str, subject: str) -> tuple[int, ...]:
        """Integers in the form of `struct`, e.g. "3i"."""
        return struct.unpack(f"<{form}", self.take(struct.calcsize(f"<{form}"), subject))

    def text(self, count: int, subject: str) -> str:
        try:
            return self.take(count, subject).decode()
        except UnicodeDecodeError:
            raise self.broken(f"{subject} is no text") from None

    def tensor(self, name: str, shape: tuple[int, ...], kind: str) -> Tensor:
        """float32 tensor of the next bytes; kind is float32, float16 or bfloat16. Raises UserError for NaN and Inf."""
        data = self.take(prod(shape) * (4 if kind == "float32" else 2), f"the tensor {name}")
        if kind == "bfloat16":  # the upper half of a float32
            array = (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
        else:
            array = np.frombuffer(data, "<f4" if kind == "float32" else "<f2").astype(np.float32)
        if not np.isfinite(array).all():
            raise self.broken(f"the tensor {name} holds what is no finite number")
        return torch.from_numpy(array.reshape(shape))


def refuse_wrong(tensors: dict[str, Tensor], sizes: Sizes, path: Path) -> None:
    """Raise UserError unless the tensors are those of a Whisper of these sizes, each with its shape, and no others."""
    try:
        with blank():  # proj_out is tied, so it is not among them
            made = Whisper(WhisperConfig(**sizes)).state_dict()
    except ValueError as e:
        raise UserError(f"sizes that no Whisper has: {e}", str(path), AGAIN) from None
    wanted = {f"model.{name}": tuple(tensor.shape) for name, tensor in made.items()}
    wrong = [f"{name} is missing" for name in wanted if name not in tensors]
    wrong += [f"{name} belongs to no Whisper" for name in tensors if name not in wanted]
    wrong += [
        f"{name} has the shape {list(t.shape)}, not {list(wanted[name])}"
        for name, t in tensors.items()
        if name in wanted and tuple(t.shape) != wanted[name]
    ]
    if wrong:
        more = f" (and {len(wrong) - 3} more)" if len(wrong) > 3 else ""
        raise UserError(f"not the tensors of a Whisper: {'; '.join(wrong[:3])}{more}", str(path), AGAIN)
