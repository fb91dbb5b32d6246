"""Digests of a step's output that survive another machine: text and integers exactly, floats to three digits."""

from __future__ import annotations

import hashlib
import json
import re
import struct
from pathlib import Path

MEASURED = {"times.json", "cost.json", "speed.json", "record.json", ".lock"}
MEASURED_FOLDERS = {"log", "tensorboard", "checkpoints", "shards", ".transcribed", "__pycache__", ".row"}
NUMBER = re.compile(r"(?<![\w.])-?\d+(?:\.\d+(?:[eE][-+]?\d+)?|[eE][-+]?\d+)(?![\w.])")  # with a point or an exponent
ABSOLUTE = re.compile(r"(?<![\w.])/[^\s\"]*/")  # of a folder that a test made
TINY = 1e-5  # what is left where two sums should be equal


def digest_of(folder: Path, root: Path) -> str:
    """Digest of all that a step left in `folder`, the paths below `root` in its texts taken relative to it."""
    state = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or path.name in MEASURED or MEASURED_FOLDERS & set(inside.parts):
            continue
        state.update(f"{inside}\0".encode() + contents(path, root) + b"\0")
    return state.hexdigest()[:16]


def contents(path: Path, root: Path) -> bytes:
    """The file, floats rounded."""
    if path.suffix == ".safetensors":
        return _tensors(path)
    data = path.read_bytes()
    if path.suffix in (".ark",):
        return str(len(data)).encode()  # float32; what is learnt from them shows a change
    try:
        text = ABSOLUTE.sub("", data.decode("utf-8").replace(str(root), ""))
    except UnicodeDecodeError:
        return data  # labels, audio
    return NUMBER.sub(lambda match: rounded(float(match[0])), text).encode()


def rounded(value: float) -> str:
    return "0" if abs(value) < TINY else f"{value:.2e}"


def _tensors(path: Path) -> bytes:
    """Name, type, shape and the mean magnitude of every tensor, from the file itself: no torch is needed."""
    import numpy as np
    from safetensors.numpy import load_file

    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
    rows = []
    for name, tensor in sorted(load_file(path).items()):
        size = f"{np.abs(tensor.astype(np.float64)).mean():.1e}" if tensor.size else "empty"
        rows.append(f"{name} {header[name]['dtype']} {header[name]['shape']} {size}")
    return "\n".join(rows).encode()
