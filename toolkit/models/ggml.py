"""Whisper in the ggml format of whisper.cpp: header, mel filters, tokens, then the tensors with OpenAI's names.

All numbers are little-endian. Header: magic, then eleven int32 (`HEADER`). Mel filters: two int32 (bands, bins) and as
many float32. Tokens: an int32, and each an int32 length and its bytes. A tensor: int32 dimensions, length of its name
and type (0 float32, 1 float16), the dimensions from the last to the first, the name, the values. To the file's end.
"""

from __future__ import annotations

import re
from pathlib import Path

from torch import Tensor

from ..core.errors import UserError
from .foreign import CONVERT, MOST_DIMENSIONS, Foreign, Sizes, Source, refuse_wrong

MAGIC = 0x67676D6C
HEADER = (
    "vocab_size",
    "max_source_positions",
    "d_model",
    "encoder_attention_heads",
    "encoder_layers",
    "max_target_positions",
    "decoder_state",
    "decoder_attention_heads",
    "decoder_layers",
    "num_mel_bins",
    "type",
)
TYPES = {0: "float32", 1: "float16"}
_BLOCK = re.compile(r"(encoder|decoder)\.blocks\.(\d{1,4})\.(.+)\.(weight|bias)")
_LAYER = {  # OpenAI's name in a block -> Hugging Face's in a layer
    "attn_ln": "self_attn_layer_norm",
    "cross_attn_ln": "encoder_attn_layer_norm",
    "mlp_ln": "final_layer_norm",
    "mlp.0": "fc1",
    "mlp.2": "fc2",
    **{
        f"{theirs}.{part}": f"{ours}.{projection}"
        for theirs, ours in (("attn", "self_attn"), ("cross_attn", "encoder_attn"))
        for part, projection in (("query", "q_proj"), ("key", "k_proj"), ("value", "v_proj"), ("out", "out_proj"))
    },
}
_TOP = {
    "encoder.positional_embedding": "model.encoder.embed_positions.weight",
    "decoder.positional_embedding": "model.decoder.embed_positions.weight",
    "decoder.token_embedding.weight": "model.decoder.embed_tokens.weight",
    **{
        f"{theirs}.{parameter}": f"model.{ours}.{parameter}"
        for theirs, ours in (
            ("encoder.conv1", "encoder.conv1"),
            ("encoder.conv2", "encoder.conv2"),
            ("encoder.ln_post", "encoder.layer_norm"),
            ("decoder.ln", "decoder.layer_norm"),
        )
        for parameter in ("weight", "bias")
    },
}


def is_ggml(path: Path) -> bool:
    with open(path, "rb") as f:
        return f.read(4) == MAGIC.to_bytes(4, "little")


def read_ggml(path: Path) -> Foreign:
    """The network of a ggml file. Raises UserError if it is damaged, is no Whisper, or has quantised weights."""
    with open(path, "rb") as f:
        source = Source(f, path, "ggml")
        if source.numbers("I", "the header") != (MAGIC,):
            raise source.broken("it does not begin like a ggml file")
        sizes = _sizes(source)
        bands, bins = source.numbers("2i", "the mel filters")
        if bands != sizes["num_mel_bins"] or bins < 0:
            raise source.broken(f"mel filters of {bands} bands, but the network takes {sizes['num_mel_bins']}")
        source.take(4 * bands * bins, "the mel filters")
        for _ in range(source.numbers("i", "the tokens")[0]):
            source.take(source.numbers("i", "a token")[0], "a token")
        tensors = {}
        while source.left:
            name, tensor = _tensor(source)
            if name in tensors:
                raise source.broken(f"the tensor {name} comes twice")
            tensors[name] = tensor
    for side in ("encoder", "decoder"):
        fc1 = tensors.get(f"model.{side}.layers.0.fc1.weight")
        sizes[f"{side}_ffn_dim"] = 4 * sizes["d_model"] if fc1 is None else len(fc1)
    refuse_wrong(tensors, sizes, path)
    return Foreign("ggml", sizes, tensors)


def _sizes(source: Source) -> Sizes:
    sizes = dict(zip(HEADER, source.numbers(f"{len(HEADER)}i", "the header"), strict=True))
    kind = sizes.pop("type")
    if any(not 0 < n < 1 << 20 for n in sizes.values()) or max(sizes["encoder_layers"], sizes["decoder_layers"]) > 1000:
        raise source.broken(f"sizes that no network has: {sizes}")
    if kind not in TYPES:
        raise UserError(f"quantised weights (type {kind}), which are not the model's own", str(source.path), CONVERT)
    if sizes.pop("decoder_state") != sizes["d_model"]:
        raise source.broken("encoder and decoder have different widths")
    return sizes


def _tensor(source: Source) -> tuple[str, Tensor]:
    dimensions, length, kind = source.numbers("3i", "the head of a tensor")
    if not 0 < dimensions <= MOST_DIMENSIONS:
        raise source.broken(f"a tensor of {dimensions} dimensions")
    shape = source.numbers(f"{dimensions}i", "the shape of a tensor")[::-1]
    if min(shape) < 1:
        raise source.broken(f"a tensor of the shape {list(shape)}")
    theirs = source.text(length, "the name of a tensor")
    if kind not in TYPES:
        raise UserError(f"quantised weights ({theirs} is of type {kind})", str(source.path), CONVERT)
    name = _name(theirs)
    if name is None:
        raise source.broken(f"the tensor {theirs!r} belongs to no Whisper")
    tensor = source.tensor(theirs, shape, TYPES[kind])
    return name, tensor.flatten() if re.fullmatch(r"encoder\.conv[12]\.bias", theirs) else tensor  # [N, 1] there


def _name(theirs: str) -> str | None:
    """Hugging Face's name of a tensor; None for a name that no Whisper has."""
    block = _BLOCK.fullmatch(theirs)
    if block is None:
        return _TOP.get(theirs)
    side, number, part, parameter = block.groups()
    return f"model.{side}.layers.{int(number)}.{_LAYER[part]}.{parameter}" if part in _LAYER else None
