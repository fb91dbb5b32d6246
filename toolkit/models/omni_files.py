"""Folders of Qwen2.5-Omni in Hugging Face's format, and models on its hub. Imports no torch."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError
from .model_files import (
    CONFIG,
    INDEX,
    find_folder,
    has_weights,
    read_mapping,
    refuse_kernels,
    refuse_pickles,
)

OMNI = ("qwen2_5_omni_thinker", "qwen2_5_omni")  # model types: of the thinker alone, and of the whole model
EXAMPLES = "Qwen/Qwen2.5-Omni-7B"
POSITIONS = "positions.safetensors"  # of a tower that has not the positions that the class computes
TABLE = "positional_embedding"  # the tensor in it
TOKENIZER_FILES = (
    *("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json", "vocab.json"),
    *("merges.txt", "chat_template.json", "chat_template.jinja", "generation_config.json", "preprocessor_config.json"),
)
WANTED = (CONFIG, INDEX, *TOKENIZER_FILES, POSITIONS, "model*.safetensors")


def find_omni(name: Path | str) -> Path:
    """Folder of a thinker: `name` itself, its hf/, or a model of the hub. Raises UserError if none can be read."""
    folder = find_folder(name, "audio LLM", EXAMPLES, WANTED)
    tree = read_mapping(folder / CONFIG)
    kind = tree.get("model_type")
    if kind not in OMNI:
        raise UserError(f"not a Qwen2.5-Omni: a model of type {kind}", str(folder), f"name one of {', '.join(OMNI)}")
    refuse_kernels(tree, folder)
    refuse_pickles(folder)
    if not has_weights(folder):
        problem = "a Qwen2.5-Omni without weights"
        raise UserError(problem, str(folder), "copy or fetch it again: model.safetensors must be there, or its parts")
    return folder
