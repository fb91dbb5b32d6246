"""Shape of a Whisper and the number of its weights. Imports no torch, so that --plan reads it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields


@dataclass(frozen=True)
class WhisperConfig:
    """Shape of a Whisper, with the names of transformers' WhisperConfig. Defaults: large-v2."""

    vocab_size: int = 51865
    "number of tokens"
    num_mel_bins: int = 80
    "mel bins of the spectrogram: 80, or 128 from large-v3 on"
    d_model: int = 1280
    "width of the residual stream"
    encoder_layers: int = 32
    "number of encoder blocks"
    encoder_attention_heads: int = 20
    "attention heads per encoder block; must divide d_model"
    encoder_ffn_dim: int = 5120
    "width of the feed-forward layer of each encoder block"
    decoder_layers: int = 32
    "number of decoder blocks"
    decoder_attention_heads: int = 20
    "attention heads per decoder block; must divide d_model"
    decoder_ffn_dim: int = 5120
    "width of the feed-forward layer of each decoder block"
    max_source_positions: int = 1500
    "largest number of encoder states, 50 per second"
    max_target_positions: int = 448
    "largest number of tokens, prompt and end included"

    def __post_init__(self) -> None:
        if small := [f.name for f in fields(self) if getattr(self, f.name) < 1]:
            raise ValueError(f"{small[0]} must be at least 1, not {getattr(self, small[0])}")
        for part in ("encoder", "decoder"):
            heads = getattr(self, f"{part}_attention_heads")
            if self.d_model % heads:
                raise ValueError(f"{part}_attention_heads {heads} does not divide d_model {self.d_model}")


SIZES = {  # size -> a weight that tells it, and which of its dimensions
    "d_model": ("decoder.embed_tokens.weight", 1),
    "vocab_size": ("decoder.embed_tokens.weight", 0),
    "num_mel_bins": ("encoder.conv1.weight", 1),
    "max_source_positions": ("encoder.embed_positions.weight", 0),
    "max_target_positions": ("decoder.embed_positions.weight", 0),
    "encoder_ffn_dim": ("encoder.layers.0.fc1.weight", 0),
    "decoder_ffn_dim": ("decoder.layers.0.fc1.weight", 0),
}


def sizes_of(shapes: Mapping[str, Sequence[int]]) -> dict[str, int]:
    """Sizes of the network by the shapes of its weights, which are named as in `Whisper`; without those not told.

    The number of heads is not told by any weight.
    """
    sizes = {}
    for size, (name, dimension) in SIZES.items():
        if dimension < len(shapes.get(name, ())):
            sizes[size] = shapes[name][dimension]
    for side in ("encoder", "decoder"):
        numbers = {name.split(".")[2] for name in shapes if name.startswith(f"{side}.layers.")}
        sizes[f"{side}_layers"] = len(numbers)
    return sizes


def parameter_count(config: WhisperConfig) -> int:
    """Weights of a network of that shape, the tied output layer counted once."""
    c, d = config, config.d_model
    norm, attention = 2 * d, 4 * d * d + 3 * d  # a key has no bias

    def block(inner: int, attentions: int) -> int:
        return attentions * (attention + norm) + 2 * d * inner + inner + d + norm

    convolutions = 3 * c.num_mel_bins * d + d + 3 * d * d + d
    encoder = convolutions + c.max_source_positions * d + c.encoder_layers * block(c.encoder_ffn_dim, 1) + norm
    tokens = (c.vocab_size + c.max_target_positions) * d
    return encoder + tokens + c.decoder_layers * block(c.decoder_ffn_dim, 2) + norm
