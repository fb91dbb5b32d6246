"""What the headers of a model's weights tell before any is read: whether they are those of the network itself.

They are not if names hold that of a wrapper (wrapped_names) or of an adapter, which computes beside the network, or if
the numbers are quantised: without their scales, which other programs keep beside them, they are other numbers.
Imports no torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from safetensors import safe_open

from ..core.errors import UserError
from .model_files import MERGE, shapes_of, weight_files
from .wrapped_names import refuse_wrapped

OF_ADAPTER = re.compile(r"^base_model\.|\.base_layer\.|(?:^|\.)lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)\b")
QUANTISED = re.compile(r"\.(?:SCB|absmax|quant_map|nested_absmax|qweight|qzeros|quant_state\..*)$")
OF_ONE_BYTE = ("I8", "U8", "F8_", "F4", "F6_")  # beginnings of the types of quantised numbers


def refuse_unlike_network(folder: Path) -> None:
    """Raise UserError if weights of the model in `folder` are not those of its network, with the first name."""
    files = [folder / part for part in weight_files(folder)]
    refuse_wrapped([name for path in files for name in shapes_of(path)], folder)
    for path in files:
        _refuse_adapted(shapes_of(path), folder)
        _refuse_quantised(path, folder)


def _refuse_adapted(names: Iterable[str], folder: Path) -> None:
    adapted = sorted(name for name in names if OF_ADAPTER.search(name))
    if adapted:
        problem = f"weights with an adapter in them that is not merged, of peft: {adapted[0]}"
        raise UserError(problem, str(folder), f"{MERGE}, and name the merged model")


def _refuse_quantised(path: Path, folder: Path) -> None:
    with safe_open(path, "numpy") as file:
        kinds = {name: file.get_slice(name).get_dtype() for name in file.keys()}  # noqa: SIM118 (it is no mapping)
    for name, kind in sorted(kinds.items()):
        if QUANTISED.search(name) or kind.startswith(OF_ONE_BYTE):
            problem = f"quantised weights: {name} is of type {kind}"
            remedy = "name the model as it was before, in float32, float16 or bfloat16, or save it dequantised"
            raise UserError(problem, str(folder), remedy)
