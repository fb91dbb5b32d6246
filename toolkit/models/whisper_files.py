"""Whisper in Hugging Face's format: find it by folder or hub id, read, check and write it.

A folder has config.json, model.safetensors (or its parts with an index), and the tokenizer's files, which are copied to
every model made from it. Written folders load with `WhisperForConditionalGeneration.from_pretrained`.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import atomic, read_json, sha256_of, write_json, write_text
from .blank import blank
from .input_settings import HOP, RATE, refuse_other_mels
from .model_files import (
    CONFIG,
    OURS,
    PREPROCESSOR,
    PROCESSOR,
    WEIGHTS,
    find_folder,
    read_mapping,
    refuse_adapter,
    refuse_too_deep,
    refuse_without_weights,
    weight_files,
)
from .tensors import read_tensors, refuse_unfilled, write_tensors
from .token_ids import GENERATION, TOKENIZER, whole
from .weight_headers import refuse_unlike_network
from .whisper import Whisper
from .whisper_shape import WhisperConfig, sizes_of

TRAVELS = (  # files copied unchanged to a model made from another
    TOKENIZER,
    GENERATION,
    PREPROCESSOR,
    PROCESSOR,
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "normalizer.json",
    "vocab.json",
    "merges.txt",
)
FIXED = {  # the same in every release, and built in here
    "activation_function": "gelu",
    "scale_embedding": False,
    "tie_word_embeddings": True,
    "max_source_positions": 1500,
}
WIDTHS, OF_HEAD = (384, 512, 768, 1024, 1280), 64  # d_model of the releases; each of their heads has a width of 64
OUTPUT, EMBEDDING = "proj_out.weight", "decoder.embed_tokens.weight"  # the output layer is the embedding of the tokens
WHISPER_FILES = ("*.json", "merges.txt", WEIGHTS, "model-0*.safetensors")  # large-v3 also has its weights in fp32


def find_model(name: str | Path) -> Path:
    """Folder of a model: `name` itself, its hf/, or the model with that id on the hub (fetched once, then cached).

    Raises UserError if there is none.
    """
    return find_folder(name, "Whisper", "openai/whisper-base", WHISPER_FILES)


def read_whisper_config(folder: Path) -> WhisperConfig:
    """Raises UserError for a config.json that is broken or another network's, such a preprocessor, and an adapter."""
    refuse_adapter(folder)
    tree = read_mapping(folder / CONFIG)
    if tree.get("model_type") != "whisper":
        raise UserError("not a Whisper: its model_type is another", str(folder / CONFIG), "name a Whisper folder")
    if strange := [name for name, value in FIXED.items() if tree.get(name, value) != value]:
        message = f"a Whisper with {strange[0]} {tree[strange[0]]}, which no release has"
        raise UserError(message, str(folder / CONFIG), "name another model: this one would be computed wrongly here")
    try:
        config = WhisperConfig(**{f.name: whole(tree[f.name], f.name) for f in fields(WhisperConfig)})
    except (KeyError, TypeError, ValueError) as e:
        raise UserError(f"a broken {CONFIG}: {e}", str(folder), "copy it again") from None
    refuse_too_deep(folder, config.encoder_layers, config.decoder_layers)
    for name in ("encoder_attention_heads", "decoder_attention_heads"):
        heads, right = getattr(config, name), config.d_model // OF_HEAD
        if config.d_model in WIDTHS and heads != right:  # no weight tells it: any number that divides d_model would run
            message = f"{name} is {heads}, and every release of d_model {config.d_model} has {right}"
            raise UserError(message, str(folder / CONFIG), f"copy the {CONFIG} of the model itself")
    refuse_other_mels(folder, config.num_mel_bins, 2 * config.max_source_positions * HOP / RATE)
    return config


def load_whisper(folder: Path, dtype: torch.dtype = torch.float32) -> Whisper:
    """The network in eval mode on the CPU. Raises UserError if weights are missing, broken or do not fit."""
    config = read_whisper_config(folder)
    with blank():
        model = Whisper(config)
    tensors = {_ours(name): t for name, t in _tensors(folder).items()}
    _refuse_untied(tensors.pop(OUTPUT, None), tensors.get(EMBEDDING), folder)
    weights = {name: t.to(dtype) for name, t in tensors.items()}
    try:
        model.load_state_dict(weights, assign=True)
    except RuntimeError as e:
        raise UserError(
            _unlike(config, weights, e), str(folder), f"copy {CONFIG} and the weights of one model"
        ) from None
    model.encoder.embed_positions.requires_grad_(False)
    return model.eval()


def _unlike(config: WhisperConfig, weights: Mapping[str, Tensor], error: Exception) -> str:
    """How the weights differ from the config: in sizes, or else in what torch says."""
    sizes = sizes_of({name: tuple(t.shape) for name, t in weights.items()})
    differing = [
        f"{name} {getattr(config, name)}, the weights have {size}"
        for name, size in sizes.items()
        if getattr(config, name) != size
    ]
    return f"weights that do not fit {CONFIG}: {'; '.join(differing) or ' '.join(str(error).split())[:300]}"


def _refuse_untied(output: Tensor | None, embedding: Tensor | None, folder: Path) -> None:
    """Raise UserError for an output layer of its own, which would be left out here, and used by other programs."""
    if output is not None and embedding is not None and not torch.equal(output, embedding):
        message = f"an output layer ({OUTPUT}) that is not the embedding of the tokens, which no release has"
        raise UserError(message, str(folder), "name another model: this one would be computed wrongly here")


def _ours(name: str) -> str:
    return name.removeprefix("model.")


def _tensors(folder: Path) -> dict[str, Tensor]:
    refuse_without_weights(folder, str(folder))
    files = [folder / part for part in weight_files(folder)]
    tensors = {name: t for path in files for name, t in read_tensors(path, "copy or fetch it again").items()}
    refuse_unlike_network(folder)
    refuse_unfilled(tensors, str(folder))
    return tensors


def save_whisper(
    model: Whisper, folder: Path, source: Path, card: str = "", about: Mapping[str, Any] | None = None
) -> None:
    """Write a Hugging Face folder, completely or not at all; all but weights and shape comes from the folder `source`.

    Args:
        about: origin and use of the network, for the section "sawt" of config.json.
    """
    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        tree = {**read_json(source / CONFIG), **asdict(model.config), "dtype": "float32"}
        tree |= {"num_hidden_layers": model.config.encoder_layers, OURS: {**tree.get(OURS, {}), **(about or {})}}
        tree.pop("torch_dtype", None)
        write_json(temporary / CONFIG, tree)
        for name in TRAVELS:
            if (source / name).is_file():
                shutil.copyfile(source / name, temporary / name)
        _forget_alignment(temporary / GENERATION)
        if card:
            write_text(temporary / "README.md", card)
        weights = {f"model.{name}": t.float() for name, t in model.state_dict().items()}
        write_tensors(temporary / WEIGHTS, weights, {"format": "pt"})


def _forget_alignment(path: Path) -> None:
    """Remove word-time settings that name decoder blocks which the student does not have."""
    if path.is_file() and "alignment_heads" in (tree := read_json(path)):
        tree.pop("alignment_heads")
        write_json(path, tree)


def said_of(folder: Path) -> dict[str, Any]:
    """The `about` that save_whisper wrote; empty for a foreign model."""
    tree = read_json(folder / CONFIG)
    about = tree.get(OURS, {}) if isinstance(tree, dict) else {}
    return dict(about) if isinstance(about, dict) else {}


def model_hash(folder: Path) -> str:
    """Hash of shape, weights and tokenizer: folders of equal hash write the same text."""
    state = hashlib.sha256()
    for name in (CONFIG, GENERATION, TOKENIZER, *weight_files(folder)):
        if (folder / name).is_file():
            state.update(bytes.fromhex(sha256_of(folder / name)))
    return state.hexdigest()[:16]


def model_name(folder: Path) -> str:
    """The name of a model in reports: `S` for exp/S/hf, `S.at10` for exp/S/at/10/hf, else the folder's own name."""
    real = folder.resolve()
    if real.name == "hf" and real.parent.parent.name == "at":
        return f"{real.parents[2].name}.at{real.parent.name}"
    return real.parent.name if folder.name == "hf" else real.name


def refuse_unlike(teacher: WhisperConfig, student: WhisperConfig, where: str) -> None:
    """Raise UserError if the student cannot learn from the teacher: they differ in mel bands or tokens."""
    for name, kind in (("num_mel_bins", "mels"), ("vocab_size", "tokens")):
        theirs, ours = getattr(teacher, name), getattr(student, name)
        if theirs != ours:
            message = f"a teacher of {theirs} {kind} and a student of {ours}"
            raise UserError(message, where, "make the student from this teacher (large-v3 and turbo have their own)")
