"""Read pickled weights: what toolkit.models.convert runs in a process of its own. Only tensors are accepted.

Its last line is JSON: the number of tensors, or what is wrong.
"""

from __future__ import annotations

import json
import pickle
import re
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..core.errors import UserError
from ..core.job import die_with_parent
from .fairseq import PREFIX
from .model_files import ADAPTER_PICKLE, PICKLE, PICKLE_INDEX, read_mapping, weight_files
from .tensors import write_tensors
from .wrapped_names import unwrapped

FETCH = "fetch the model again, or name another one"


def to_safetensors(folder: Path, out: Path) -> int:
    """Write all tensors of the folder's pickles to the file `out`. Returns their number. Raises UserError."""
    files = weight_files(folder, PICKLE, PICKLE_INDEX)
    tensors: dict[str, Tensor] = {}
    for name in files:
        of_file = read_pickle(folder / name)
        if twice := sorted(tensors.keys() & of_file.keys()):
            raise UserError(f"{len(twice)} tensors are in two files, e.g. {twice[0]}", str(folder / name), FETCH)
        tensors |= of_file
    if files != [PICKLE]:
        listed = read_mapping(folder / PICKLE_INDEX)["weight_map"].keys()
        if differing := sorted(listed ^ tensors.keys()):
            problem = f"{len(differing)} tensors differ between the index and the files, e.g. {differing[0]}"
            raise UserError(problem, str(folder / PICKLE_INDEX), FETCH)
    write_tensors(out, without_sharing(tensors), {"format": "pt"})
    return len(tensors)


def of_adapter(path: Path, out: Path) -> int:
    """Write the tensors of the pickle of an adapter. Returns their number. Raises UserError."""
    tensors = read_pickle(path)
    write_tensors(out, without_sharing(tensors), {"format": "pt"})
    return len(tensors)


def of_checkpoint(path: Path, out: Path) -> int:
    """Write the student's tensors of a Lightning checkpoint, without the prefix of their names. Raises UserError."""
    tree = _loaded(path)
    state = tree.get("state_dict") if isinstance(tree, dict) else None
    names = [name for name in state if unwrapped(str(name)).startswith(PREFIX)] if isinstance(state, dict) else []
    if not names:
        problem = f"no checkpoint of Lightning with a student: no state_dict with names that begin with {PREFIX}"
        raise UserError(problem, str(path), "name a checkpoint of STaR's public code")
    assert isinstance(state, dict)
    student = {name: state[name] for name in names}
    refuse_faults(student, path)
    tensors = {unwrapped(unwrapped(n).removeprefix(PREFIX)): tensor.contiguous() for n, tensor in student.items()}
    if len(tensors) < len(student):
        raise UserError("a student that is there twice, with the name of a wrapper and without", str(path), FETCH)
    write_tensors(out, without_sharing(tensors), {"format": "pt"})
    return len(tensors)


def read_pickle(path: Path) -> dict[str, Tensor]:
    """The tensors of a file, by name, all checked. Raises UserError for a file that holds anything else."""
    if not path.is_file():
        raise UserError("a file of weights is missing", str(path), FETCH)
    tree = _loaded(path)
    if not isinstance(tree, dict):
        raise UserError(f"no mapping of names to tensors, but a {type(tree).__name__}", str(path), FETCH)
    refuse_faults(tree, path)
    return dict(tree)


def _loaded(path: Path) -> Any:
    """What a file holds, if it is tensors in plain containers. Raises UserError for any other."""
    mapped = zipfile.is_zipfile(path)  # files from before torch 1.6 are no archives and cannot be mapped
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
    except (pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError, AttributeError, TypeError) as e:
        asked = re.search(r"GLOBAL ([\w.]+)", str(e))  # of torch's long message, which advises to trust the file
        reason = (
            f"it asks for {asked[1]}, which makes no tensor" if asked else f"it cannot be read ({type(e).__name__})"
        )
        raise UserError(f"not only tensors, or a broken file: {reason}", str(path), FETCH) from None


def refuse_faults(tensors: Mapping[Any, Any], path: Path) -> None:
    """Raise UserError for the first entry of a file of weights that has a fault."""
    for name, tensor in tensors.items():
        if problem := fault_of(name, tensor):
            raise UserError(problem, str(path), FETCH)


def fault_of(name: Any, tensor: Any) -> str:
    """What is wrong with an entry of a file of weights; empty: nothing."""
    if not isinstance(name, str):
        return f"a tensor whose name is no text: {name!r}"
    if type(tensor) not in (Tensor, nn.Parameter):
        training = "; a checkpoint of fairseq or Lightning must be exported by its own program" * isinstance(
            tensor, dict
        )
        return f"{name} is no tensor but a {type(tensor).__name__}{training}"
    if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_meta or tensor.is_complex():
        return f"{name} is a sparse, quantized, complex or empty tensor"
    if tensor.numel() * tensor.element_size() > tensor.untyped_storage().nbytes():
        return f"{name} has {tensor.numel():,} numbers, more than the file holds of it"
    if not torch.isfinite(tensor).all():
        return f"{name} holds NaN or infinity"
    return ""


def without_sharing(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same tensors, each with memory of its own: a safetensors file cannot share any between two names."""
    memory: set[int] = set()
    apart = {}
    for name, tensor in tensors.items():
        start = tensor.untyped_storage().data_ptr()
        apart[name] = tensor.clone() if start in memory else tensor
        memory.add(start)
    return apart


def main() -> None:
    die_with_parent()
    answer: dict[str, Any]
    try:
        source, out = map(Path, sys.argv[1:])
        of_file = of_adapter if source.name == ADAPTER_PICKLE else of_checkpoint
        answer = {"tensors": of_file(source, out) if source.is_file() else to_safetensors(source, out)}
    except UserError as e:
        answer = {"problem": e.what, "where": e.where, "remedy": e.remedy}
    except OSError as e:
        if e.errno is None:
            raise
        answer = {"errno": e.errno, "reason": e.strerror, "file": str(e.filename or sys.argv[2])}
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
