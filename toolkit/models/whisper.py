"""Whisper: an encoder over a log-mel spectrogram, a decoder that writes tokens.

Parameter names and numbers are those of transformers' WhisperForConditionalGeneration. What is ours: the encoder takes
windows of any length up to 30 s (it then uses the first positions only, which a released model was not trained on), the
decoder's cache is written in place and can lose rows, and logits are made of chosen positions only.

Shapes: B windows, M mels, T mel frames, S encoder states (T / 2), L tokens, D width, H heads, K = D / H, V tokens
known.

Source: Radford et al., "Robust Speech Recognition via Large-Scale Weak Supervision", 2022.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from .linear import RecurringLinear, affine, attention
from .whisper_shape import WhisperConfig


class Cache:
    """Keys and values that a decoder has seen: its own [B, H, length, K] a block, and the encoder's [B, H, S, K]."""

    def __init__(self, rows: int, blocks: int, heads: int, length: int, width: int, like: Tensor) -> None:
        self.own = [like.new_zeros(2, rows, heads, length, width) for _ in range(blocks)]
        self.heard: list[tuple[Tensor, Tensor]] = []
        self.length = 0

    def keep(self, rows: Tensor) -> None:
        """Only these rows, in this order; one may come more than once."""
        self.own = [own.index_select(1, rows) for own in self.own]
        self.heard = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in self.heard]

    def reorder(self, rows: Tensor) -> None:
        """As `keep`, where rows only change places among hypotheses of the same audio: the encoder's stay."""
        self.own = [own.index_select(1, rows) for own in self.own]


class Attention(nn.Module):
    """Attention of many heads; its key has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.k_proj = RecurringLinear(width, width, bias=False)
        self.v_proj, self.q_proj, self.out_proj = (RecurringLinear(width, width) for _ in range(3))

    def split(self, x_BLD: Tensor) -> Tensor:
        return x_BLD.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def keys_values(self, x_BSD: Tensor) -> tuple[Tensor, Tensor]:
        return self.split(self.k_proj(x_BSD)), self.split(self.v_proj(x_BSD))

    def forward(self, x_BLD: Tensor, key: Tensor, value: Tensor, causal: bool = False) -> Tensor:
        query = self.split(self.q_proj(x_BLD))
        if causal or torch.is_grad_enabled():
            mixed = F.scaled_dot_product_attention(query, key, value, is_causal=causal)
        else:
            mixed = attention(query, key, value)
        out_BLD: Tensor = self.out_proj(mixed.transpose(1, 2).flatten(2))
        return out_BLD


class Block(nn.Module):
    """One block: attention to itself, in a decoder attention to the encoder, feed-forward; LayerNorm before each."""

    def __init__(self, width: int, heads: int, inner: int, decoder: bool) -> None:
        super().__init__()
        self.self_attn = Attention(width, heads)
        self.self_attn_layer_norm = nn.LayerNorm(width)
        if decoder:
            self.encoder_attn = Attention(width, heads)
            self.encoder_attn_layer_norm = nn.LayerNorm(width)
        self.fc1, self.fc2 = RecurringLinear(width, inner), RecurringLinear(inner, width)
        self.final_layer_norm = nn.LayerNorm(width)

    def forward(self, x_BLD: Tensor, heard: tuple[Tensor, Tensor] | None = None, own: Tensor | None = None,
                start: int = 0) -> Tensor:  # fmt: skip
        """`heard`: keys and values of the encoder. `own`: the cache of this block, which is filled from `start` on."""
        y_BLD = self.self_attn_layer_norm(x_BLD)
        key, value = self.self_attn.keys_values(y_BLD)
        if own is not None:
            end = start + y_BLD.shape[1]
            own[0][:, :, start:end], own[1][:, :, start:end] = key, value
            key, value = own[0][:, :, :end], own[1][:, :, :end]
        causal = hasattr(self, "encoder_attn") and start == 0 and y_BLD.shape[1] > 1
        x_BLD = x_BLD + self.self_attn(y_BLD, key, value, causal)
        if hasattr(self, "encoder_attn"):
            assert heard is not None
            x_BLD = x_BLD + self.encoder_attn(self.encoder_attn_layer_norm(x_BLD), *heard)
        return x_BLD + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x_BLD))))


class WhisperEncoder(nn.Module):
    """Two convolutions, positions, blocks, LayerNorm."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        width = config.d_model
        self.conv1 = nn.Conv1d(config.num_mel_bins, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.embed_positions = nn.Embedding(config.max_source_positions, width)
        sizes = width, config.encoder_attention_heads, config.encoder_ffn_dim
        self.layers = nn.ModuleList(Block(*sizes, decoder=False) for _ in range(config.encoder_layers))
        self.layer_norm = nn.LayerNorm(width)
        self.recompute = False  # blocks are computed again in the backward pass instead of being kept

    def forward(self, mel_BMT: Tensor, states: list[Tensor] | None = None) -> Tensor:
        """States [B, S, D]. `states`: gets the input of the first block and the output of each."""
        x_BDS = F.gelu(self.conv2(F.gelu(self.conv1(mel_BMT))))
        x_BSD = x_BDS.transpose(1, 2) + self.embed_positions.weight[: x_BDS.shape[2]]
        for block in self.layers:
            _note(states, x_BSD)
            x_BSD = _block(block, self.recompute and self.training, x_BSD)
        _note(states, x_BSD)
        states_BSD: Tensor = self.layer_norm(x_BSD)
        return states_BSD


class WhisperDecoder(nn.Module):
    """Tokens and learnt positions, blocks that hear the encoder, LayerNorm."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        width = config.d_model
        self.embed_tokens = nn.Embedding(config.vocab_size, width)
        self.embed_positions = nn.Embedding(config.max_target_positions, width)
        sizes = width, config.decoder_attention_heads, config.decoder_ffn_dim
        self.layers = nn.ModuleList(Block(*sizes, decoder=True) for _ in range(config.decoder_layers))
        self.layer_norm = nn.LayerNorm(width)
        self.recompute = False

    def heard(self, states_BSD: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values of the encoder for every block, head by head as every step will read them."""
        pairs = (block.encoder_attn.keys_values(states_BSD) for block in self.layers)  # type: ignore[union-attr, operator]
        return [(key.contiguous(), value.contiguous()) for key, value in pairs]

    def forward(self, tokens_BL: Tensor, states_BSD: Tensor, states: list[Tensor] | None = None) -> Tensor:
        """States [B, L, D] of all tokens at once. `states`: as of the encoder."""
        x_BLD = self.embed_tokens(tokens_BL) + self.embed_positions.weight[: tokens_BL.shape[1]]
        for block in self.layers:
            _note(states, x_BLD)
            if self.recompute and self.training:
                x_BLD = checkpoint(_listening, block, x_BLD, states_BSD, use_reentrant=False)
            else:
                x_BLD = _listening(block, x_BLD, states_BSD)
        _note(states, x_BLD)
        out_BLD: Tensor = self.layer_norm(x_BLD)
        return out_BLD

    def step(self, tokens_BL: Tensor, cache: Cache) -> Tensor:
        """States [B, L, D] of the next tokens, all rows being as far; the cache grows. Begin with the prompt."""
        end = cache.length + tokens_BL.shape[1]
        x_BLD = self.embed_tokens(tokens_BL) + self.embed_positions.weight[cache.length : end]
        for block, heard, own in zip(self.layers, cache.heard, cache.own, strict=True):
            x_BLD = block(x_BLD, heard, own, cache.length)
        cache.length = end
        out_BLD: Tensor = self.layer_norm(x_BLD)
        return out_BLD


def _listening(block: nn.Module, x_BLD: Tensor, states_BSD: Tensor) -> Tensor:
    out_BLD: Tensor = block(x_BLD, block.encoder_attn.keys_values(states_BSD))  # type: ignore[union-attr, operator]
    return out_BLD


def _block(block: nn.Module, recompute: bool, x: Tensor) -> Tensor:
    out: Tensor = checkpoint(block, x, use_reentrant=False) if recompute else block(x)
    return out


def _note(states: list[Tensor] | None, x: Tensor) -> None:
    if states is not None:
        states.append(x)


class Whisper(nn.Module):
    """Encoder and decoder; the rows of the token embedding are the output layer."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder, self.decoder = WhisperEncoder(config), WhisperDecoder(config)
        self.encoder.embed_positions.requires_grad_(False)  # sinusoids

    def logits(self, states_D: Tensor) -> Tensor:
        """Of any positions: [..., D] to [..., V]."""
        weight_VD = self.decoder.embed_tokens.weight
        if torch.is_grad_enabled():
            return F.linear(states_D, weight_VD)
        return affine(states_D.reshape(-1, states_D.shape[-1]), weight_VD).view(*states_D.shape[:-1], -1)

    def new_cache(self, states_BSD: Tensor, length: int, copies: int = 1) -> Cache:
        """A cache of `length` tokens for a decoder that hears these states; each row `copies` times, for a beam."""
        config = self.config
        heads = config.decoder_attention_heads
        rows, width = len(states_BSD) * copies, config.d_model // heads
        cache = Cache(rows, config.decoder_layers, heads, length, width, states_BSD)
        cache.heard = self.decoder.heard(states_BSD)
        if copies > 1:
            cache.heard = [(k.repeat_interleave(copies, 0), v.repeat_interleave(copies, 0)) for k, v in cache.heard]
        return cache


def sinusoids(length: int, width: int) -> Tensor:
    """Positions [length, width] of the encoder: sines, then cosines, of wavelengths 2π to 10,000 · 2π."""
    step = math.log(10000) / (width // 2 - 1)
    angles = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(width // 2))[None]
    return torch.cat([angles.sin(), angles.cos()], 1)


def initialise(model: Whisper, generator: torch.Generator, deviation: float = 0.02) -> None:
    """Random weights: normal matrices, no biases, sinusoids. For tests and timings: nobody trains one from nothing."""
    for name, parameter in model.named_parameters():
        if "layer_norm" in name:
            nn.init.constant_(parameter, float(name.endswith("weight")))
        elif parameter.ndim == 1:
            nn.init.zeros_(parameter)
        else:
            nn.init.normal_(parameter, std=deviation, generator=generator)
    with torch.no_grad():
        positions = model.encoder.embed_positions.weight
        positions.copy_(sinusoids(*positions.shape))


def pick_layers(have: int, wanted: int) -> list[int]:
    """Blocks of `have` that a student of `wanted` keeps, 0-based, as far apart as can be: the first ... the last.

    Source: "To Distill or Not to Distill", 2024, after Distil-Whisper: linspace(0, have − 1, wanted) rounded down, and
    the last forced to have − 1, so that a student of one block gets the last. Raises ValueError for more than that.
    """
    if not 1 <= wanted <= have:
        raise ValueError(f"{wanted} of {have} blocks: a student cannot be deeper than its teacher")
    return [i * (have - 1) // (wanted - 1) for i in range(wanted - 1)] + [have - 1]
