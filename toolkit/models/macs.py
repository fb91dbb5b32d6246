"""Multiply-accumulate operations of a speech encoder, counted from its config alone. Imports no torch.

Two conventions are in use. `products` counts the products of matrices: convolutions, linear layers and the two products
of attention, without biases, normalisations and activations; STaR's papers count so. `benchmark` adds 4 for each
element of the results of the two attention products, as the tool of the SUPERB leaderboard does. Both are sums over 32
clips of LibriSpeech test-clean, batch 1; a table prints them in thousand millions.

Filter banks are not counted: they are no network. The leaderboard's 0.479 G for them are, as far as its code shows, the
product of the power spectra with the mel filters (22,431 frames of 257 by 80) and the two convolutions, of 5 frames
each, that make the differences.

Sources: SUPERB challenge, arXiv 2210.08634; s3prl's fork of DeepSpeed's profiler; STaR, ICASSP 2024.
"""

from __future__ import annotations

from typing import Any, NamedTuple

LENGTHS = (  # samples of the 32 clips
    *(20560, 34560, 38480, 42560, 45600, 48720, 52000, 55120, 59120, 62720, 66400, 71200, 75200, 78640, 82800, 87520),
    *(92720, 98560, 104400, 111120, 118480, 125040, 132720, 142640, 154000, 166720, 180880, 197920, 217920, 239280),
    *(268160, 326000),
)
PER_ELEMENT = 4  # of the results of attention's two products, in the convention of the benchmark
COUNTED = ("hubert", "wav2vec2", "wavlm", "data2vec-audio", "unispeech", "unispeech-sat")
ADAPTERS = {"add_adapter": False, "adapter_attn_dim": None}  # with another value the network has parts not counted here
GATE = 8  # outputs of WavLM's gate of the relative positions, per head and frame


class Macs(NamedTuple):
    """Multiply-accumulate operations in the two conventions."""

    products: int
    benchmark: int


def benchmark_macs(config: Any) -> Macs | None:
    """The count over the benchmark's 32 clips; None for a network that is not counted.

    `config`: our HubertConfig, or the config of a model of transformers.
    """
    counts = [macs(config, samples) for samples in LENGTHS]
    of_clips = [count for count in counts if count is not None]
    if len(of_clips) < len(counts):
        return None
    return Macs(sum(c.products for c in of_clips), sum(c.benchmark for c in of_clips))


def macs(config: Any, samples: int) -> Macs | None:
    """The count for one waveform of `samples` samples; None for a network that is not counted."""
    kind = getattr(config, "model_type", "hubert")  # our own config has no type
    if kind not in COUNTED or any(getattr(config, name, value) != value for name, value in ADAPTERS.items()):
        return None
    d, layers = int(config.hidden_size), int(config.num_hidden_layers)
    frames, products = _convolved(config, samples)
    if getattr(config, "projection", True):  # of ours and fairseq's, some have none; transformers' have always one
        products += frames * config.conv_dim[-1] * d
    products += _positional(config, kind, frames) + layers * _block(config, kind, frames)
    reusing = getattr(config, "reusing_blocks", 0)  # of ours: they compute no queries, keys and their products
    products -= reusing * frames * (2 * d * d + frames * d)
    attention = (layers - reusing) * config.num_attention_heads * frames * frames + layers * frames * d
    return Macs(products, products + PER_ELEMENT * attention)


def _convolved(config: Any, samples: int) -> tuple[int, int]:
    """(frames, products) of the convolutions of the front end."""
    frames, inputs, products = samples, 1, 0
    for outputs, kernel, stride in zip(config.conv_dim, config.conv_kernel, config.conv_stride, strict=True):
        frames = max((frames - kernel) // stride + 1, 0)
        products += frames * inputs * outputs * kernel
        inputs = outputs
    return frames, products


def _positional(config: Any, kind: str, frames: int) -> int:
    """The positional convolutions: one, or data2vec's several. An even kernel computes a frame that is cut off."""
    d, count, kernel = config.hidden_size, 1, config.num_conv_pos_embeddings
    if kind == "data2vec-audio":
        count, kernel = config.num_conv_pos_embeddings, config.conv_pos_kernel_size
    computed = frames + (kernel % 2 == 0) if frames else 0
    return int(count * computed * d * (d // config.num_conv_pos_embedding_groups) * kernel)


def _block(config: Any, kind: str, frames: int) -> int:
    """A Transformer block: four projections, attention's two products, two layers of the feed-forward part."""
    d = config.hidden_size
    gate = d * GATE if kind == "wavlm" else 0
    return int(frames * (4 * d * d + 2 * d * config.intermediate_size + gate) + 2 * frames * frames * d)
