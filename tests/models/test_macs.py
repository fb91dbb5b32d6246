"""Counts of multiply-accumulates. Oracles: published figures, and torch's own counter on random networks."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from networks import LARGE
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from toolkit.models.config import HubertConfig
from toolkit.models.hubert import Hubert
from toolkit.models.macs import LENGTHS, Macs, benchmark_macs, macs

STAR = HubertConfig(  # the student of STaR
    num_attention_heads=8,
    hidden_size=432,
    intermediate_size=976,
    conv_dim=(128, 256, 256, 256, 256, 256, 432, 432, 432),
    conv_kernel=(10, 1, 3, 3, 3, 3, 1, 2, 2),
    conv_stride=(5, 1, 2, 2, 2, 2, 1, 2, 2),
    projection=False,
)
SMALL: dict[str, Any] = {
    "num_hidden_layers": 2,
    "hidden_size": 24,
    "intermediate_size": 40,
    "num_attention_heads": 3,
    "conv_dim": (8, 6, 10),
    "conv_kernel": (20, 16, 4),
    "conv_stride": (10, 8, 4),
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}
PEERS: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "hubert": (transformers.HubertConfig, transformers.HubertModel, {}),
    "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, {"num_conv_pos_embeddings": 15}),
    "wav2vec2 large": (
        transformers.Wav2Vec2Config,
        transformers.Wav2Vec2Model,
        {**LARGE, "conv_bias": True},
    ),
    "wavlm": (transformers.WavLMConfig, transformers.WavLMModel, {}),
    "wavlm large": (
        transformers.WavLMConfig,
        transformers.WavLMModel,
        LARGE,
    ),
    "data2vec": (
        transformers.Data2VecAudioConfig,
        transformers.Data2VecAudioModel,
        {"num_conv_pos_embeddings": 3, "conv_pos_kernel_size": 7},
    ),
    "data2vec with an even kernel": (
        transformers.Data2VecAudioConfig,
        transformers.Data2VecAudioModel,
        {"num_conv_pos_embeddings": 2, "conv_pos_kernel_size": 6},
    ),
    "unispeech": (transformers.UniSpeechConfig, transformers.UniSpeechModel, {}),
    "unispeech-sat": (transformers.UniSpeechSatConfig, transformers.UniSpeechSatModel, {}),
}


def counted(model: torch.nn.Module, samples: int) -> int:
    """Multiply-accumulates by torch's counter, which tells floating-point operations, two each."""
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(torch.randn(1, samples))
    return int(counter.get_total_flops()) // 2


@pytest.mark.parametrize("kind", PEERS)
@pytest.mark.parametrize("samples", [410, 4000, 16123])
def test_products_are_those_that_torch_counts(kind: str, samples: int) -> None:
    config_class, model_class, more = PEERS[kind]
    config = config_class(**{**SMALL, **more}, attn_implementation="eager")
    counts = macs(config, samples)
    assert counts and counts.products == counted(model_class(config).eval(), samples)


def test_products_of_our_own_network_are_those_that_torch_counts() -> None:
    config = HubertConfig(**SMALL)
    counts = macs(config, 5000)
    assert counts and counts.products == counted(Hubert(config).eval(), 5000)
    assert counts == macs(transformers.HubertConfig(**SMALL), 5000)


def test_blocks_that_reuse_attention_weights_compute_no_queries_and_keys() -> None:
    config = HubertConfig(**{**SMALL, "num_hidden_layers": 3}, reuse_attention=True, layerdrop=0.0)
    counts = macs(config, 5000)
    assert counts and counts.products == counted(Hubert(config).eval(), 5000)


def test_the_benchmark_adds_four_for_each_element_of_attentions_products() -> None:
    counts = macs(HubertConfig(**SMALL), 5000)
    frames = HubertConfig(**SMALL).frames(5000)
    assert counts and counts.benchmark - counts.products == 4 * 2 * (3 * frames * frames + frames * 24)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        (HubertConfig(), Macs(1_665_522_780_160, 1_669_156_022_848)),
        (transformers.Wav2Vec2Config(), Macs(1_665_522_780_160, 1_669_156_022_848)),
        (STAR, Macs(463_501_579_392, 465_880_644_864)),
    ],
    ids=["HuBERT base", "wav2vec 2.0 base", "STaR"],
)
def test_counts_are_those_of_the_papers_to_the_digit(config: Any, expected: Macs) -> None:
    assert benchmark_macs(config) == expected


def test_wavlm_base_has_the_leaderboards_1670_thousand_million() -> None:
    counts = benchmark_macs(transformers.WavLMConfig())
    assert counts and round(counts.benchmark / 1e9) == 1670


def test_the_filter_banks_of_the_leaderboard_are_two_products_of_their_frames() -> None:
    """What the module says of a figure that it does not count."""
    frames = sum((samples - 400) // 160 + 1 for samples in LENGTHS)
    assert round((frames * 257 * 80 + 2 * frames * 80 * 5) / 1e9, 3) == 0.479


@pytest.mark.parametrize(
    "config",
    [
        transformers.SEWConfig(),
        transformers.Wav2Vec2ConformerConfig(),
        transformers.Wav2Vec2Config(add_adapter=True),
        transformers.Wav2Vec2Config(adapter_attn_dim=16, do_stable_layer_norm=True),
    ],
    ids=["sew", "conformer", "adapter", "attention adapter"],
)
def test_a_network_with_parts_that_are_not_counted_has_no_count(config: Any) -> None:
    assert benchmark_macs(config) is None


def test_a_waveform_too_short_for_a_frame_costs_its_convolutions_alone() -> None:
    assert macs(HubertConfig(**SMALL), 300) == Macs(29 * 8 * 20 + 2 * 8 * 6 * 16, 29 * 8 * 20 + 2 * 8 * 6 * 16)


def test_counting_imports_no_torch() -> None:
    code = "import sys, toolkit.models.macs, toolkit.models.model_files; sys.exit('torch' in sys.modules)"
    root = Path(__file__).resolve().parents[2]
    assert subprocess.run([sys.executable, "-c", code], cwd=root).returncode == 0
