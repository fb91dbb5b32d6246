"""Configs of the steps of this room, and shapes of networks. Imports no torch, so that a call is checked without it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ..core.config import check_threads

Context = Literal["window", "audio"]  # what a Whisper's encoder computes of a window: see hearing.py
QUANTIZATIONS = ("float32", "float16", "bfloat16", "int8", "int8_float32", "int8_float16", "int8_bfloat16", "int16")


@dataclass(frozen=True)
class HubertConfig:
    """Shape and regularisation of a HuBERT, with the names of transformers' HubertConfig. Defaults: base."""

    num_hidden_layers: int = 12
    "number of Transformer blocks; more make a deeper, slower network"
    hidden_size: int = 768
    "width of the residual stream, i.e. values per frame between blocks; larger is slower"
    intermediate_size: int = 3072
    "width of the feed-forward layer inside each block; larger is slower"
    num_attention_heads: int = 12
    "attention heads per block; must divide hidden_size"
    conv_dim: tuple[int, ...] = (512,) * 7
    "output channels of each convolution of the front end, first to last; as many numbers as conv_kernel"
    conv_kernel: tuple[int, ...] = (10, 3, 3, 3, 3, 2, 2)
    "kernel width of each convolution, in frames of its input (samples for the first)"
    conv_stride: tuple[int, ...] = (5, 2, 2, 2, 2, 2, 2)
    """stride of each convolution, in frames of its input (samples for the first); their product is the step between two
    frames in samples"""
    conv_bias: bool = False
    "true: the convolutions of the front end have a bias"
    feat_extract_norm: Literal["group", "layer"] = "group"
    """normalisation of the front end; group: once, over time, after the first convolution (base); layer: over channels,
    after each convolution (large)"""
    do_stable_layer_norm: bool = False
    "true: LayerNorm before attention and before the feed-forward layer (large); false: after them (base)"
    num_conv_pos_embeddings: int = 128
    "kernel width of the positional convolution, in frames; larger sees further"
    num_conv_pos_embedding_groups: int = 16
    "channel groups of the positional convolution; must divide hidden_size; more groups have fewer weights"
    layer_norm_eps: float = 1e-5
    "small number added to the variance in the Transformer's LayerNorms, against division by zero"
    hidden_dropout: float = 0.1
    "dropout probability on the output of attention and of the feed-forward layer, 0 to 1; larger regularises more"
    attention_dropout: float = 0.1
    "dropout probability on attention weights, 0 to 1; larger regularises more"
    activation_dropout: float = 0.0
    "dropout probability inside the feed-forward layer, 0 to 1; larger regularises more"
    feat_proj_dropout: float = 0.1
    "dropout probability on the projected features before the first block, 0 to 1; larger regularises more"
    layerdrop: float = 0.05
    "probability that a block is skipped in a training step, 0 to 1; larger regularises more"
    initializer_range: float = 0.02
    "standard deviation of the initial weights of Linear layers, used if init is normal"
    init: Literal["normal", "fan_in"] = "normal"
    """initial weights; normal: standard deviation initializer_range, as published; fan_in: standard deviation 0.7 /
    √(inputs), for networks too narrow for 0.02 (ours)"""
    projection: bool = True
    """false: no linear layer between the convolutions and the blocks, whose widths must then be equal, as in fairseq;
    Hugging Face's format always has one, in which it is exported as the identity"""
    reuse_attention: bool = False
    """true: every second block takes the attention weights of the block before it (ARMHuBERT): fewer weights, less to
    compute; Hugging Face's format cannot say so, and such a network leaves in our own"""
    feature_grad_mult: float = 1.0
    """factor on the gradient of the convolutional front end; smaller trains it more slowly; 0 freezes it (base 0.1,
    large 1)"""
    normalize_waveform: bool = False
    "true: scale each utterance's waveform to mean 0 and variance 1 (large); false: use it unscaled (base)"

    def __post_init__(self) -> None:
        lengths = {len(self.conv_dim), len(self.conv_kernel), len(self.conv_stride)}
        if len(lengths) > 1:
            raise ValueError(f"model.conv_dim, conv_kernel and conv_stride must be equally long, not {sorted(lengths)}")
        if self.num_hidden_layers < 1:
            raise ValueError(f"model.num_hidden_layers must be at least 1, not {self.num_hidden_layers}")
        for name, part in (
            ("num_attention_heads", self.num_attention_heads),
            ("num_conv_pos_embedding_groups", self.num_conv_pos_embedding_groups),
        ):
            if part < 1 or self.hidden_size < 1 or self.hidden_size % part:
                raise ValueError(f"model.{name} {part} does not divide hidden_size {self.hidden_size}")
        if not self.projection and self.conv_dim[-1] != self.hidden_size:
            raise ValueError(
                f"model.projection false needs convolutions as wide as the blocks: the last of conv_dim is "
                f"{self.conv_dim[-1]}, hidden_size {self.hidden_size}"
            )
        if self.reuse_attention and self.layerdrop:
            raise ValueError("model.reuse_attention needs model.layerdrop 0: a block that is skipped has no weights")
        dropouts = ("hidden_dropout", "attention_dropout", "activation_dropout", "feat_proj_dropout")
        for name in (*dropouts, "layerdrop"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"model.{name} must be 0 to 1, not {getattr(self, name)}")
        if self.num_conv_pos_embeddings < 1:
            raise ValueError(f"model.num_conv_pos_embeddings must be at least 1, not {self.num_conv_pos_embeddings}")

    @property
    def hop(self) -> int:
        """Samples from one frame to the next."""
        return math.prod(self.conv_stride)

    @property
    def field(self) -> int:
        """Samples under one frame."""
        return samples_under(1, zip(self.conv_kernel, self.conv_stride))

    @property
    def reusing_blocks(self) -> int:
        """Blocks that take the attention weights of the block before them."""
        return self.num_hidden_layers // 2 if self.reuse_attention else 0

    def frames(self, samples: int) -> int:
        """Frames made of so many samples."""
        for kernel, stride in zip(self.conv_kernel, self.conv_stride):
            samples = (samples - kernel) // stride + 1
        return max(samples, 0)


def samples_under(frames: int, convolutions: Iterable[tuple[int, int]]) -> int:
    """Samples under `frames` neighbouring frames of convolutions (kernel, stride), first to last."""
    for kernel, stride in reversed(list(convolutions)):
        frames = (frames - 1) * stride + kernel
    return frames


def hubert_parameters(config: HubertConfig) -> dict[str, int]:
    """Number of weights of each part of a HuBERT of that shape; their sum is that of the network."""
    c, d, inner = config, config.hidden_size, config.intermediate_size
    norm, channels = 2 * d, (1, *config.conv_dim)
    convolutions = sum(i * o * k for i, o, k in zip(channels[:-1], channels[1:], c.conv_kernel, strict=True))
    convolutions += sum(c.conv_dim) * c.conv_bias
    convolutions += 2 * (sum(c.conv_dim) if c.feat_extract_norm == "layer" else c.conv_dim[0])
    kernel, groups = c.num_conv_pos_embeddings, c.num_conv_pos_embedding_groups
    block = 4 * (d * d + d) + 2 * d * inner + inner + d + 2 * norm
    return {
        "convolutions": convolutions,
        "feature projection": 2 * c.conv_dim[-1] + (c.conv_dim[-1] * d + d) * c.projection,
        "positional convolution": kernel + d * (d // groups) * kernel + d,  # its first part: weight normalisation
        "blocks": c.num_hidden_layers * block - c.reusing_blocks * 2 * (d * d + d),
        "final LayerNorm": norm,
        "mask embedding": d,
    }


@dataclass(frozen=True)
class StudentConfig:
    """Teacher blocks that a student starts with: DW-16-16 has 16 encoder and 16 decoder blocks of the teacher's 32 and
    32."""

    encoder_layers: int = 16
    "number of encoder blocks of the student; more make it slower and closer to the teacher"
    decoder_layers: int = 16
    "number of decoder blocks of the student; more make it slower and closer to the teacher"
    encoder_picks: tuple[int, ...] = ()
    """teacher blocks that become the student's encoder, counted from 0, e.g. 0 15 31; as many as encoder_layers; empty:
    evenly spaced blocks from the first to the last, as published"""
    decoder_picks: tuple[int, ...] = ()
    """teacher blocks that become the student's decoder, counted from 0; as many as decoder_layers; empty: evenly spaced
    blocks, first and last among them, as published"""

    def __post_init__(self) -> None:
        for part in ("encoder", "decoder"):
            layers, picks = getattr(self, f"{part}_layers"), getattr(self, f"{part}_picks")
            if layers < 1:
                raise ValueError(f"{part}_layers must be at least 1")
            if picks and len(picks) != layers:
                raise ValueError(f"{part}_picks names {len(picks)} blocks, {part}_layers is {layers}")


@dataclass(frozen=True)
class ExportConfig:
    """Number format of the exported weights."""

    quantization: str = "float16"
    """number format of the weights: float32 is exact and largest, float16 and bfloat16 take half, int16 half, int8 a
    quarter; int8_float32, int8_float16 and int8_bfloat16 store int8 and compute the rest in the format named"""

    def __post_init__(self) -> None:
        if self.quantization not in QUANTIZATIONS:
            raise ValueError(f"quantization must be one of {', '.join(QUANTIZATIONS)}, not {self.quantization}")


@dataclass(frozen=True)
class FetchConfig:
    """The model to fetch."""

    model: str = "openai/whisper-large-v2"
    """Whisper or speech encoder to fetch: an id on the Hugging Face hub, e.g. openai/whisper-tiny or
    facebook/hubert-base-ls960, or a folder with its files"""


@dataclass(frozen=True)
class SmallOmniConfig:
    """Shape of a small thinker that hears with a Whisper's encoder and writes with a new text model."""

    hidden_size: int = 128
    "width of the text model; larger is slower"
    layers: int = 2
    "blocks of the text model; more are slower"
    heads: int = 4
    "attention heads of each block; must divide hidden_size"
    key_heads: int = 2
    "heads that keys and values have; must divide heads"
    intermediate_size: int = 384
    "width of the feed-forward layer inside each block"
    vocabulary: int = 512
    "tokens, learnt from the texts of the first part of the items (byte-pair encoding); at least 300"
    context: int = 4096
    "largest number of tokens of a prompt and its answer"
    window_seconds: float = 30.0
    "the audio tower sees this many seconds at once; 30: as a Whisper does, exactly"
    seed: int = 1
    "random seed of the new weights"

    def __post_init__(self) -> None:
        if min(self.hidden_size, self.layers, self.heads, self.key_heads, self.intermediate_size, self.context) < 1:
            raise ValueError("hidden_size, layers, heads, key_heads, intermediate_size and context must be at least 1")
        if self.hidden_size % (4 * self.heads) or self.heads % self.key_heads:
            raise ValueError("heads: hidden_size must be a multiple of 4 * heads, and heads of key_heads")
        if self.vocabulary < 300:
            raise ValueError(f"vocabulary {self.vocabulary} must be at least 300: 256 are bytes")
        if not 0.02 <= self.window_seconds <= 30:
            raise ValueError("window_seconds must be 0.02 to 30")


@dataclass(frozen=True)
class HearConfig:
    """How the states of an audio tower are kept."""

    precision: Literal["fp16", "fp32"] = "fp16"
    "number format of the states on disk; fp32 is exact and takes twice the room"
    seconds_at_once: float = 120.0
    "clips that are heard together have at most this much audio, seconds; larger takes more memory"
    threads: int = 1
    "CPU threads of each worker"

    def __post_init__(self) -> None:
        check_threads("threads", self.threads)
        if self.seconds_at_once <= 0:
            raise ValueError("seconds_at_once must be above 0")
