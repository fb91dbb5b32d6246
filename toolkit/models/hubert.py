"""HuBERT: convolutions over the waveform, then a Transformer over 50 frames a second.

Parameter names and outputs are those of transformers' HubertModel, so a trained network is exported as its
state dict and a config.json. Batches are of equal length; if `samples` gives the lengths of padded ones, the states
equal those of each waveform alone: normalisation over time and attention use only its own frames.

Shapes: B utterances, N samples, T frames, C channels of the last convolution, D width, H heads.

Source: Hsu et al., "HuBERT", TASLP 2021; Baevski et al., "wav2vec 2.0", NeurIPS 2020.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from .config import HubertConfig
from .linear import Linear


@dataclass
class Inside:
    """What a pass notes of the inside of a network.

    Attributes:
        projected: output of the feature projection [B, T, D], before dropout, the mask and the positional convolution.
        states: the input of block 1, and the residual stream after each block (no final LayerNorm), each [B, T, D].
        maps: the attention weights of each block, averaged over its heads [B, T, T]; None: they are not kept, and are
            never in memory as a whole.
    """

    projected: Tensor | None = None
    states: list[Tensor] = field(default_factory=list)
    maps: list[Tensor] | None = None


class Convolution(nn.Module):
    """One layer of the feature extractor: convolution, perhaps a normalisation, GELU; [B, C, T]."""

    def __init__(self, config: HubertConfig, index: int) -> None:
        super().__init__()
        inputs, outputs = (1, *config.conv_dim)[index], config.conv_dim[index]
        self.conv = nn.Conv1d(
            inputs, outputs, config.conv_kernel[index], config.conv_stride[index], bias=config.conv_bias
        )
        self.norm = config.feat_extract_norm if config.feat_extract_norm == "layer" or index == 0 else ""
        if self.norm == "layer":
            self.layer_norm: nn.Module = nn.LayerNorm(outputs)
        elif self.norm == "group":
            self.layer_norm = nn.GroupNorm(outputs, outputs)

    def forward(self, x_BCT: Tensor, frames_B: Tensor | None = None) -> Tensor:
        """`frames_B`: number of output frames that are not padding; None: all."""
        x_BCT = self.conv(x_BCT)
        if self.norm == "group" and frames_B is not None:
            x_BCT = _norm_over_own_frames(cast(nn.GroupNorm, self.layer_norm), x_BCT, frames_B)
        elif self.norm == "group":
            x_BCT = self.layer_norm(x_BCT)
        elif self.norm == "layer":
            x_BCT = self.layer_norm(x_BCT.transpose(1, 2)).transpose(1, 2)
        return F.gelu(x_BCT)


def _norm_over_own_frames(norm: nn.GroupNorm, x_BCT: Tensor, frames_B: Tensor) -> Tensor:
    """GroupNorm of one channel a group, with mean and variance of the first `frames_B` frames."""
    own_B1T = own_frames(frames_B, x_BCT.shape[2])[:, None]
    mean_BC1 = (x_BCT * own_B1T).sum(2, keepdim=True) / frames_B[:, None, None]
    variance_BC1 = ((x_BCT - mean_BC1).square() * own_B1T).sum(2, keepdim=True) / frames_B[:, None, None]
    return (x_BCT - mean_BC1) * (variance_BC1 + norm.eps).rsqrt() * norm.weight[:, None] + norm.bias[:, None]


def own_frames(frames_B: Tensor, count: int) -> Tensor:
    """True [B, T] where a frame of `count` is not padding."""
    return torch.arange(count, device=frames_B.device) < frames_B[:, None]


class FeatureExtractor(nn.Module):
    """Waveform [B, N] -> [B, C, T]."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.conv_layers = nn.ModuleList(Convolution(config, i) for i in range(len(config.conv_dim)))

    def forward(self, wave_BN: Tensor, samples: Sequence[int] | None = None) -> Tensor:
        x_BCT = wave_BN[:, None]
        own_B = None if samples is None else torch.tensor(samples, device=wave_BN.device)
        for layer in self.conv_layers:
            conv = cast(nn.Conv1d, layer.conv)
            own_B = None if own_B is None else (own_B - conv.kernel_size[0]) // conv.stride[0] + 1
            x_BCT = layer(x_BCT, own_B)
        return x_BCT


class FeatureProjection(nn.Module):
    """LayerNorm, Linear unless the widths are equal and the config says so; [B, T, C] -> [B, T, D].

    Its dropout is applied by the network, after what comes before is noted.
    """

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.layer_norm = nn.LayerNorm(config.conv_dim[-1], eps=config.layer_norm_eps)
        linear = config.projection
        self.projection = Linear(config.conv_dim[-1], config.hidden_size) if linear else nn.Identity()
        self.dropout = nn.Dropout(config.feat_proj_dropout)

    def forward(self, x_BTC: Tensor) -> Tensor:
        return cast(Tensor, self.projection(self.layer_norm(x_BTC)))


class PositionalConvolution(nn.Module):
    """Positional information: a wide grouped convolution with weight normalisation, GELU."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        d, kernel = config.hidden_size, config.num_conv_pos_embeddings
        conv = nn.Conv1d(d, d, kernel, padding=kernel // 2, groups=config.num_conv_pos_embedding_groups)
        self.conv = weight_norm(conv, dim=2)

    def forward(self, x_BTD: Tensor) -> Tensor:
        position_BDT = self.conv(x_BTD.transpose(1, 2))[..., : x_BTD.shape[1]]  # an even kernel makes one too many
        return F.gelu(position_BDT).transpose(1, 2)


@dataclass
class Weights:
    """Attention weights of a pass that needs them: for its maps, or for blocks that reuse those of the one before.

    Attributes:
        maps: gets those of each block, averaged over its heads [B, T, T], before dropout; None: they are not kept.
        last: those of the last block that computed some [B, H, T, T].
    """

    maps: list[Tensor] | None
    last: Tensor | None = None


class Attention(nn.Module):
    """Multi-head self-attention over all frames, or over those that are not padding by `keys_B11T`."""

    def __init__(self, config: HubertConfig, reuses: bool = False) -> None:
        """`reuses`: its weights are those of the block before (ARMHuBERT, Interspeech 2023)."""
        super().__init__()
        d, self.reuses = config.hidden_size, reuses
        self.heads, self.dropout = config.num_attention_heads, config.attention_dropout
        if not reuses:
            self.q_proj, self.k_proj = Linear(d, d), Linear(d, d)
        self.v_proj, self.out_proj = Linear(d, d), Linear(d, d)

    def forward(self, x_BTD: Tensor, keys_B11T: Tensor | None = None, weights: Weights | None = None) -> Tensor:
        """`weights`: where the attention weights go, or come from; None: they are never in memory as a whole."""
        dropout = self.dropout if self.training else 0.0
        if weights is None:
            q, k, v = (self._headed(projection, x_BTD) for projection in (self.q_proj, self.k_proj, self.v_proj))
            mixed_BHTd = F.scaled_dot_product_attention(q, k, v, attn_mask=keys_B11T, dropout_p=dropout)
        else:
            weights_BHTT = weights.last if self.reuses else self._weights(x_BTD, keys_B11T)
            assert weights_BHTT is not None
            weights.last = weights_BHTT
            if weights.maps is not None:
                weights.maps.append(weights_BHTT.mean(1))
            mixed_BHTd = F.dropout(weights_BHTT, dropout) @ self._headed(self.v_proj, x_BTD)
        return cast(Tensor, self.out_proj(mixed_BHTd.transpose(1, 2).flatten(2)))

    def _headed(self, projection: nn.Module, x_BTD: Tensor) -> Tensor:
        return cast(Tensor, projection(x_BTD)).unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _weights(self, x_BTD: Tensor, keys_B11T: Tensor | None) -> Tensor:
        q, k = self._headed(self.q_proj, x_BTD), self._headed(self.k_proj, x_BTD)
        scores_BHTT = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
        if keys_B11T is not None:
            scores_BHTT = scores_BHTT.masked_fill(~keys_B11T, -math.inf)
        return scores_BHTT.softmax(-1)


class FeedForward(nn.Module):
    """Linear, GELU, Linear."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.intermediate_dense = Linear(config.hidden_size, config.intermediate_size)
        self.intermediate_dropout = nn.Dropout(config.activation_dropout)
        self.output_dense = Linear(config.intermediate_size, config.hidden_size)
        self.output_dropout = nn.Dropout(config.hidden_dropout)

    def forward(self, x_BTD: Tensor) -> Tensor:
        x_BTD = self.intermediate_dropout(F.gelu(self.intermediate_dense(x_BTD)))
        return cast(Tensor, self.output_dropout(self.output_dense(x_BTD)))


class Block(nn.Module):
    """Transformer block; LayerNorm after each sum (base) or before each branch (large)."""

    def __init__(self, config: HubertConfig, reuses: bool = False) -> None:
        super().__init__()
        self.before = config.do_stable_layer_norm
        self.attention = Attention(config, reuses)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.feed_forward = FeedForward(config)
        self.final_layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, x_BTD: Tensor, keys_B11T: Tensor | None = None, weights: Weights | None = None) -> Tensor:
        if self.before:
            x_BTD = x_BTD + self.dropout(self.attention(self.layer_norm(x_BTD), keys_B11T, weights))
            return x_BTD + self.feed_forward(self.final_layer_norm(x_BTD))
        x_BTD = self.layer_norm(x_BTD + self.dropout(self.attention(x_BTD, keys_B11T, weights)))
        return cast(Tensor, self.final_layer_norm(x_BTD + self.feed_forward(x_BTD)))


class Transformer(nn.Module):
    """Positional convolution and blocks."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.before, self.layerdrop = config.do_stable_layer_norm, config.layerdrop
        self.reuses = config.reuse_attention
        self.pos_conv_embed = PositionalConvolution(config)
        self.layer_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout)
        self.layers = nn.ModuleList(Block(config, self.reuses and i % 2 == 1) for i in range(config.num_hidden_layers))

    def forward(self, x_BTD: Tensor, inside: Inside | None = None, frames_B: Tensor | None = None) -> Tensor:
        """Output of the network; `inside` gets the states, and the attention maps if it keeps them.

        `frames_B`: number of frames that are not padding; None: all.
        """
        inside = inside or Inside()
        keys_B11T: Tensor | None = None
        if frames_B is not None:
            own_BT = own_frames(frames_B, x_BTD.shape[1])
            x_BTD, keys_B11T = x_BTD * own_BT[..., None], own_BT[:, None, None]
        x_BTD = x_BTD + self.pos_conv_embed(x_BTD)
        x_BTD = self.dropout(x_BTD if self.before else self.layer_norm(x_BTD))
        inside.states.append(x_BTD)
        weights = Weights(inside.maps) if self.reuses or inside.maps is not None else None
        for layer in self.layers:
            if not (self.training and self.layerdrop and torch.rand(()).item() < self.layerdrop):
                x_BTD = layer(x_BTD, keys_B11T, weights)
            inside.states.append(x_BTD)
        return cast(Tensor, self.layer_norm(x_BTD)) if self.before else x_BTD


class Hubert(nn.Module):
    """The network. `masked_spec_embed` stands in for masked frames."""

    def __init__(self, config: HubertConfig) -> None:
        super().__init__()
        self.config = config
        self.masked_spec_embed = nn.Parameter(torch.zeros(config.hidden_size))
        self.feature_extractor = FeatureExtractor(config)
        self.feature_projection = FeatureProjection(config)
        self.encoder = Transformer(config)

    def convolve(self, wave_BN: Tensor, samples: Sequence[int] | None = None) -> Tensor:
        """Waveform -> features [B, T, C] before any normalisation; their gradient is scaled on its way back."""
        scale = self.config.feature_grad_mult
        with torch.set_grad_enabled(torch.is_grad_enabled() and scale > 0):
            x_BTC = self.feature_extractor(wave_BN, samples).transpose(1, 2)
        if x_BTC.requires_grad and scale != 1:
            x_BTC.register_hook(lambda gradient: gradient * scale)
        return cast(Tensor, x_BTC)

    def forward(
        self,
        wave_BN: Tensor,
        mask_BT: Tensor | None = None,
        inside: Inside | None = None,
        samples: Sequence[int] | None = None,
        masks_norms: bool = True,
        kept: tuple[Tensor, Tensor] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Last hidden state [B, T, D] and convolutional features [B, T, C].

        Args:
            mask_BT: True where a frame is replaced by the mask embedding.
            inside: gets what it has places for.
            samples: number of samples of each waveform that are not padding; None: all. Later states are undefined.
            masks_norms: False: padding counts in the norm over time of the convolutions, as in fairseq.
            kept: False where frames [B, T] and dimensions [B, D] of the projected features are set to 0 (SpecAugment).
        """
        conv_BTC = self.convolve(wave_BN, samples if masks_norms else None)
        x_BTD = self.feature_projection(conv_BTC)
        if inside is not None:
            inside.projected = x_BTD
        x_BTD = cast(Tensor, self.feature_projection.dropout(x_BTD))
        if kept is not None:
            x_BTD = x_BTD * kept[0][..., None] * kept[1][:, None]
        if mask_BT is not None:
            x_BTD = torch.where(mask_BT[..., None], self.masked_spec_embed.to(x_BTD.dtype), x_BTD)
        own_B = torch.tensor([self.config.frames(n) for n in samples], device=x_BTD.device) if samples else None
        return self.encoder(x_BTD, inside, own_B), conv_BTC


def initialise(module: nn.Module, config: HubertConfig, generator: torch.Generator) -> None:
    """Set every parameter of a Hubert, or of Linears beside it, from `generator` alone.

    Linear weights N(0, initializer_range) or N(0, 0.7/√inputs), biases 0; convolutions Kaiming-normal;
    positional convolution N(0, √(4/(kernel·D))); mask embedding U(0, 1).
    """
    for part in module.modules():
        if isinstance(part, nn.Linear):
            std = config.initializer_range if config.init == "normal" else 0.7 / math.sqrt(part.in_features)
            nn.init.normal_(part.weight, 0, std, generator=generator)
            nn.init.zeros_(part.bias)
        elif isinstance(part, PositionalConvolution):
            direction = torch.empty_like(part.conv.weight)
            std = math.sqrt(4 / (config.num_conv_pos_embeddings * config.hidden_size))
            nn.init.normal_(direction, 0, std, generator=generator)
            with torch.no_grad():
                part.conv.weight = direction  # split into length and direction
                nn.init.zeros_(cast(Tensor, part.conv.bias))
        elif isinstance(part, Convolution):
            nn.init.kaiming_normal_(part.conv.weight, generator=generator)
            if part.conv.bias is not None:
                nn.init.zeros_(part.conv.bias)
        elif isinstance(part, Hubert):
            nn.init.uniform_(part.masked_spec_embed, generator=generator)
