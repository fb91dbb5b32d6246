"""What the headers of a model's weights tell before any is read: whether they are those of the network itself.

They are not if names hold that of a wrapper (wrapped_names) or of an adapter, which computes beside the network, or if
the numbers are quantised: without their scales, which other programs keep beside them, they are other numbers.
Imports no torch.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..core.errors import UserError
from .model_files import MERGE, types_of, weight_files
from .wrapped_names import refuse_wrapped

OF_ADAPTER = re.compile(r"^base_model\.|\.base_layer\.|(?:^|\.)lora_(?:A|B|embedding_A|embedding_B|magnitude_vector)\b")
QUANTISED = re.compile(r"\.(?:SCB|absmax|quant_map|nested_absmax|qweight|qzeros|quant_state\..*)$")
OF_ONE_BYTE = ("I8", "U8", "F8_", "F4", "F6_")  # beginnings of the types of quantised numbers


def refuse_unlike_network(folder: Path) -> None:
    """Raise UserError if weights of the model in `folder` are not those of its network, with the first name."""
    types = {name: of for part in weight_files(folder) for name, of in types_of(folder / part).items()}
    refuse_wrapped(types, folder)
    if adapted := sorted(filter(OF_ADAPTER.search, types)):
        problem = f"weights with an adapter in them that is not merged, of peft: {adapted[0]}"
        raise UserError(problem, str(folder), f"{MERGE}, and name the merged model")
    quantised = [name for name, of in types.items() if QUANTISED.search(name) or of.startswith(OF_ONE_BYTE)]
    if quantised:
        problem = f"quantised weights: {min(quantised)} is of type {types[min(quantised)]}"
        remedy = "name the model as it was before, in float32, float16 or bfloat16, or save it dequantised"
        raise UserError(problem, str(folder), remedy)
