"""Names of weights with the name of a wrapper in them, as torch.compile, DistributedDataParallel and FSDP make them.

A training that saves the wrapper instead of the network writes such files. The weights are whole: only names differ.
Imports no torch.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Sequence
from pathlib import Path

from ..core.errors import UserError
from .model_files import CONVERT

WRAPPERS = {  # part of a name -> the program that puts it there
    "_orig_mod.": "torch.compile",
    "_fsdp_wrapped_module.": "FSDP",
    "_checkpoint_wrapped_module.": "activation checkpointing",
    "module.": "DistributedDataParallel",
}
INSIDE = re.compile(r"(?:(?<=\.)|^)(?:_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
OUTSIDE = re.compile(r"^(?:module\.)+")  # inside a network it may be a name of its own


def unwrapped(name: str) -> str:
    """The name that the network itself has for a weight."""
    return OUTSIDE.sub("", INSIDE.sub("", name))


def refuse_wrapped(names: Collection[str], folder: Path) -> None:
    """Raise UserError, with the command to type, if names of weights have the name of a wrapper in them."""
    wrapped = sorted(name for name in names if unwrapped(name) != name)
    if wrapped:
        part, program = next((p, program) for p, program in WRAPPERS.items() if p in wrapped[0])
        problem = f"names of {len(wrapped)} weights have {part} in them, of {program}, e.g. {wrapped[0]}"
        raise UserError(problem, str(folder), f"write them without: {CONVERT} {shlex.quote(str(folder))}")


def unwrap(files: Sequence[Path], out: Path) -> int:
    """Write the weights of files to the file `out`, by the names of the network itself. Returns their number.

    Raises UserError if two weights would have one name.
    """
    from .tensors import read_tensors, write_tensors

    tensors = {name: t for path in files for name, t in read_tensors(path, bounded=False).items()}
    plain = {unwrapped(name): t for name, t in tensors.items()}
    if len(plain) < len(tensors):
        twice = next(name for name in sorted(tensors) if unwrapped(name) != name and unwrapped(name) in tensors)
        problem = f"two weights for one name: {twice} and {unwrapped(twice)}"
        raise UserError(problem, str(files[0]), "save the network again without its wrapper")
    write_tensors(out, plain, {"format": "pt"})
    return len(plain)
