"""Encoders of other frame rates and widths, and of other families, beside those of 50 frames a second."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from tones import CONFIG, TASKS, results

from toolkit.core.errors import UserError
from toolkit.core.results import System
from toolkit.core.schema import read
from toolkit.core.step import Step
from toolkit.models.encoder import load_encoder
from toolkit.tasks import fit

SHORT = {name: replace(task, steps=3, lr=task.lr[-1:]) for name, task in TASKS.items()}
SHAPE: dict[str, Any] = {
    "num_hidden_layers": 1,
    "hidden_size": 24,
    "intermediate_size": 16,
    "num_attention_heads": 2,
    "num_conv_pos_embeddings": 4,
    "num_conv_pos_embedding_groups": 2,
}
MODELS: dict[str, tuple[Any, Any, dict[str, Any], float]] = {
    "slow": (
        transformers.HubertConfig,
        transformers.HubertModel,
        {"conv_dim": (8,) * 4, "conv_kernel": (20, 16, 4, 2), "conv_stride": (10, 8, 4, 2)},
        25.0,
    ),
    "fast": (
        transformers.WavLMConfig,
        transformers.WavLMModel,
        {"conv_dim": (8,) * 3, "conv_kernel": (20, 16, 4), "conv_stride": (10, 8, 2), "hidden_size": 12},
        100.0,
    ),
    "squeezed": (
        transformers.SEWConfig,
        transformers.SEWModel,
        {"conv_dim": (8,) * 3, "conv_kernel": (20, 16, 4), "conv_stride": (10, 8, 4), "squeeze_factor": 2},
        25.0,
    ),
}


def unread(path: Path, why: str) -> Exception:
    return AssertionError(f"{path}: {why}")


def test_encoders_of_any_rate_and_width_do_every_task_side_by_side(corpus: Path, tmp_path: Path) -> None:
    torch.manual_seed(0)
    for name, (config_class, model_class, more, _) in MODELS.items():
        model_class(config_class(**{**SHAPE, **more})).save_pretrained(tmp_path / name)
    config = replace(CONFIG, tasks=SHORT, rows=("models",), cost_utterances=1, cost_seconds=0.1)
    ins = [corpus / "data", corpus / "exp/it1/base", *(tmp_path / name for name in MODELS)]
    (tmp_path / "out").mkdir()
    fit.run(Step(config, ins, tmp_path / "out", ["tasks.fit"]))
    for name, (*_, rate) in MODELS.items():
        encoder = load_encoder(tmp_path / name)
        system = read(System, tmp_path / f"out/{name}/row.json", unread)
        counts = (system.macs_products, system.macs_benchmark)
        assert encoder.rate == rate and system.dim == encoder.dim
        assert counts == (encoder.macs or (None, None)) and (encoder.macs is None) == (name == "squeezed")
    phones = {name: results(tmp_path / "out", name, "phone").decides.n for name in ("it1.base", *MODELS)}
    assert phones["slow"] == pytest.approx(phones["it1.base"] / 2, rel=0.1)  # frames that are scored
    assert phones["fast"] == pytest.approx(phones["it1.base"] * 2, rel=0.1)
    for task in ("asr", "dialect"):
        assert {results(tmp_path / "out", name, task).references for name in MODELS} == {
            results(tmp_path / "out", "it1.base", task).references
        }


def test_a_model_of_another_family_is_refused_before_anything_is_trained(corpus: Path, tmp_path: Path) -> None:
    transformers.WhisperConfig(d_model=16).save_pretrained(tmp_path / "whisper")
    (tmp_path / "out").mkdir()
    config = replace(CONFIG, tasks=SHORT, rows=("models",))
    with pytest.raises(UserError, match="not a speech encoder: a model of type whisper") as error:
        fit.run(Step(config, [corpus / "data", tmp_path / "whisper"], tmp_path / "out", ["tasks.fit"]))
    assert "hubert, wav2vec2, wavlm" in error.value.remedy and not list((tmp_path / "out").glob("*/row.json"))
