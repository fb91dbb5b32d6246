"""Whisper in CTranslate2's model.bin, read without that program.

All numbers are little-endian; a string is its length with a closing NUL (uint16), its bytes, the NUL. Header: version
(uint32, 4 to 6), name of the network, its revision (uint32). Variables: their number (uint32), and each a name, rank
(uint8), dimensions (uint32), type (uint8, of `TYPES`), bytes (uint32), values. Aliases: their number, and each two
names: variables of equal values are written once. Queries, keys and values of self-attention are one matrix
(linear_0), keys and values of cross-attention another (linear_1); Whisper has no bias of keys: it is zeros.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from math import prod
from pathlib import Path

import torch
from torch import Tensor

from ..core.errors import UserError
from .foreign import CONVERT, MOST_DIMENSIONS, Foreign, Sizes, Source, refuse_wrong
from .whisper_shape import SIZES, sizes_of

MODEL, NAME = "model.bin", "WhisperSpec"
VERSIONS = (4, 5, 6)
TYPES = ("float32", "int8", "int16", "int32", "float16", "bfloat16")
BYTES = {"float32": 4, "int8": 1, "int16": 2, "int32": 4, "float16": 2, "bfloat16": 2}
LONGEST_SETTING = 1 << 16  # bytes
SETTINGS = {  # their values for a Whisper
    "decoder/activation": 3,  # GELU
    "decoder/pre_norm": 1,
    "decoder/scale_embeddings": 0,
    "decoder/start_from_zero_embedding": 0,
    "decoder/alibi": 0,
}
_LAYER = re.compile(r"(encoder|decoder)/layer_(\d{1,4})/(.+)/(weight|bias|gamma|beta)")
_PARTS = {  # name in a layer -> Hugging Face's names; several if the matrices are stacked
    "self_attention/layer_norm": ["self_attn_layer_norm"],
    "self_attention/linear_0": ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
    "self_attention/linear_1": ["self_attn.out_proj"],
    "attention/layer_norm": ["encoder_attn_layer_norm"],
    "attention/linear_0": ["encoder_attn.q_proj"],
    "attention/linear_1": ["encoder_attn.k_proj", "encoder_attn.v_proj"],
    "attention/linear_2": ["encoder_attn.out_proj"],
    "ffn/layer_norm": ["final_layer_norm"],
    "ffn/linear_0": ["fc1"],
    "ffn/linear_1": ["fc2"],
}
_TOP = {
    "decoder/embeddings/weight": "decoder.embed_tokens.weight",
    **{f"{side}/position_encodings/encodings": f"{side}.embed_positions.weight" for side in ("encoder", "decoder")},
    **{f"{side}/layer_norm/gamma": f"{side}.layer_norm.weight" for side in ("encoder", "decoder")},
    **{f"{side}/layer_norm/beta": f"{side}.layer_norm.bias" for side in ("encoder", "decoder")},
    **{
        f"encoder/conv{i}/{parameter}": f"encoder.conv{i}.{parameter}"
        for i in (1, 2)
        for parameter in ("weight", "bias")
    },
}
_PARAMETERS = {"weight": "weight", "bias": "bias", "gamma": "weight", "beta": "bias"}


@dataclass(frozen=True)
class _File:
    """Content of a model.bin: weights, and small integers that say how they are used."""

    weights: dict[str, Tensor]
    settings: dict[str, list[int]]


def is_ctranslate2(path: Path) -> bool:
    with open(path, "rb") as f:
        head = f.read(4)
        return int.from_bytes(head, "little") in VERSIONS and f.read(2 + len(NAME)).endswith(NAME.encode())


def read_ctranslate2(path: Path) -> Foreign:
    """The network of a model.bin. Raises UserError if it is damaged, is no Whisper, or has quantised weights."""
    held = _read(path)
    for name, value in SETTINGS.items():
        if held.settings.get(name, [value]) != [value]:
            raise UserError(f"{name} is {held.settings[name]}, which no Whisper has", str(path), "name a Whisper")
    projection = held.weights.get("decoder/projection/weight")
    embedding = held.weights.get("decoder/embeddings/weight")
    if projection is not None and embedding is not None and not torch.equal(projection, embedding):
        raise UserError("an output layer that is not the embedding of the tokens", str(path), "name a Whisper")
    tensors: dict[str, Tensor] = {}
    for name, tensor in held.weights.items():
        if name != "decoder/projection/weight":
            tensors |= _parts(name, tensor, path)
    sizes = _sizes(held, tensors, path)
    refuse_wrong(tensors, sizes, path)
    return Foreign("CTranslate2", sizes, tensors)


def _read(path: Path) -> _File:
    with open(path, "rb") as f:
        source = Source(f, path, "CTranslate2")
        (version,) = source.numbers("I", "the header")
        if version not in VERSIONS:
            raise source.broken(f"version {version}, where {VERSIONS[0]} to {VERSIONS[-1]} are known")
        if (name := _string(source)) != NAME:
            raise UserError(f"a network called {name}, no Whisper", str(path), "name the model.bin of a Whisper")
        source.numbers("I", "the revision")
        held = _File({}, {})
        for _ in range(source.numbers("I", "the number of variables")[0]):
            _variable(source, held)
        for _ in range(source.numbers("I", "the number of aliases")[0]):
            alias, of = _string(source), _string(source)
            if of in held.weights:
                held.weights[alias] = held.weights[of].clone()  # a tensor file may not hold a tensor twice
            elif of in held.settings:
                held.settings[alias] = held.settings[of]
            else:
                raise source.broken(f"{alias} is an alias of {of}, which is missing")
        if source.left:
            raise source.broken(f"{source.left} bytes follow its end")
    return held


def _string(source: Source) -> str:
    (length,) = source.numbers("H", "a name")
    return source.text(length, "a name").removesuffix("\0")


def _variable(source: Source, held: _File) -> None:
    name = _string(source)
    (rank,) = source.numbers("B", f"the rank of {name}")
    if rank > MOST_DIMENSIONS:
        raise source.broken(f"{name} has {rank} dimensions")
    shape = source.numbers(f"{rank}I", f"the shape of {name}")
    number, count = source.numbers("BI", f"the type of {name}")
    if number >= len(TYPES) or count != prod(shape) * BYTES[TYPES[number]]:
        raise source.broken(f"{name} of shape {list(shape)} has {count} bytes of type {number}")
    if name in held.weights or name in held.settings:
        raise source.broken(f"{name} comes twice")
    kind = TYPES[number]
    if kind in ("float32", "float16", "bfloat16"):
        held.weights[name] = source.tensor(name, shape, kind)
    elif name.rsplit("/", 1)[-1] in ("weight", "weight_scale"):
        raise UserError(f"quantised weights ({name} is {kind})", str(source.path), CONVERT)
    elif count > LONGEST_SETTING:
        raise source.broken(f"{name} is {count} bytes of {kind}")
    else:
        size = BYTES[kind]
        data = source.take(count, name)
        held.settings[name] = [
            int.from_bytes(data[at : at + size], "little", signed=True) for at in range(0, count, size)
        ]


def _parts(name: str, tensor: Tensor, path: Path) -> dict[str, Tensor]:
    """Hugging Face's weights of one weight; none for the keys' bias. Raises UserError for an unknown name."""
    if name in _TOP:
        return {f"model.{_TOP[name]}": tensor}
    layer = _LAYER.fullmatch(name)
    if layer is None or layer[3] not in _PARTS or not tensor.dim():
        raise UserError(f"the weight {name!r} belongs to no Whisper", str(path), "name the model.bin of a Whisper")
    side, number, part, parameter = layer.groups()
    names = [f"model.{side}.layers.{int(number)}.{of}.{_PARAMETERS[parameter]}" for of in _PARTS[part]]
    if len(tensor) % len(names):
        raise UserError(f"the weight {name} cannot be split into {len(names)}", str(path), "copy it again")
    parts = {n: t.clone() for n, t in zip(names, tensor.chunk(len(names)), strict=True)}
    for key in [n for n in parts if n.endswith("k_proj.bias")]:
        if parts.pop(key).any():
            raise UserError(f"{name} has a bias for the keys, which no Whisper has", str(path), "name a Whisper")
    return parts


def _sizes(held: _File, tensors: dict[str, Tensor], path: Path) -> Sizes:
    """Raises UserError if a tensor that tells a size is missing or has too few dimensions."""

    sizes = sizes_of({name.removeprefix("model."): tuple(t.shape) for name, t in tensors.items()})
    if untold := [name for size, (name, _) in SIZES.items() if size not in sizes]:
        problem = f"no tensor {untold[0].removesuffix('.weight')} of a Whisper in it"
        raise UserError(problem, str(path), "name the model.bin of a Whisper")
    for side in ("encoder", "decoder"):
        heads = held.settings.get(f"{side}/num_heads", [])
        if len(heads) != 1 or not 0 < heads[0] <= sizes["d_model"]:
            raise UserError(f"no number of heads of the {side} in it", str(path), "convert the model again")
        sizes[f"{side}_attention_heads"] = heads[0]
    return sizes
