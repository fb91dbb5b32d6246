"""Features of any layer: the same numbers as transformers' own, whatever stands beside an utterance."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from toolkit.core.config import load_config
from toolkit.core.errors import UserError
from toolkit.data.audio import read_audio
from toolkit.data.labels import Labels
from toolkit.units import kmeans, label, sample
from toolkit.units.codebook import Codebook
from toolkit.units.config import FeatureConfig, UnitsConfig
from toolkit.units.features import MfccSource, open_source
from toolkit.units.label import LabelConfig
from toolkit.units.layer import LayerSource

SHAPE = {
    "num_hidden_layers": 3,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_attention_heads": 2,
    "conv_dim": (16,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture(scope="module", params=["hubert", "wav2vec2"])
def teacher(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small random encoder: one that our own network can hold, and one for transformers."""
    import transformers

    kinds = {
        "hubert": (transformers.HubertConfig, transformers.HubertModel),
        "wav2vec2": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model),
    }
    config, model = kinds[request.param]
    folder = tmp_path_factory.mktemp("teacher") / request.param
    torch.manual_seed(0)
    stable = {"do_stable_layer_norm": True, "feat_extract_norm": "layer"} if request.param == "wav2vec2" else {}
    model(config(**SHAPE, **stable)).eval().save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=False).save_pretrained(folder)
    return folder


def wave(seconds: float = 1.0, seed: int = 0) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).standard_normal(int(16000 * seconds))).astype(np.float32)


def test_every_layer_is_the_residual_stream_that_transformers_shows(teacher: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(teacher).eval()
    with torch.no_grad():
        states = model(torch.from_numpy(wave())[None], output_hidden_states=True).hidden_states
    last = 2 if "wav2vec2" in teacher.name else 3  # pre-LN: transformers normalises its last one
    for layer in range(last + 1):
        source = LayerSource(teacher, layer, 60.0)
        torch.testing.assert_close(source(wave()), states[layer][0], atol=1e-4, rtol=1e-4)
        assert source.frames(16000) == len(source(wave())) == 49
        assert (source.rate, source.dim) == (50.0, 32) and source.name.startswith(f"layer {layer} of ")


def test_layers_after_the_one_asked_for_are_never_computed(teacher: Path) -> None:
    from toolkit.models.encoder import load_encoder

    source = LayerSource(teacher, 2, 60.0)
    assert sum(p.numel() for p in source.encoder.parameters()) < load_encoder(teacher).parameter_count
    whole = load_encoder(teacher).states(torch.from_numpy(wave())[None])
    assert torch.equal(source(wave()), whole[2][0])


def test_an_utterance_longer_than_the_window_has_as_many_frames(teacher: Path) -> None:
    source, pieces = LayerSource(teacher, 1, 60.0), LayerSource(teacher, 1, 1.0)
    for seconds in (0.02, 0.03, 1.0, 1.7, 3.111):
        assert len(pieces(wave(seconds))) == len(source(wave(seconds))) == source.frames(len(wave(seconds)))
    assert torch.equal(pieces(wave(0.9)), source(wave(0.9)))


def test_the_teachers_weights_are_known_by_their_hash(teacher: Path, tmp_path: Path) -> None:
    same = Path(shutil.copytree(teacher, tmp_path / "same" / teacher.name))
    assert LayerSource(same, 1, 60.0).info == LayerSource(teacher, 1, 60.0).info
    changed = _copy(teacher, tmp_path)
    assert LayerSource(changed, 1, 60.0).info.teacher != LayerSource(teacher, 1, 60.0).info.teacher


@pytest.mark.parametrize("threads", ["0", "100000"])
def test_threads_that_would_end_the_process_are_refused(threads: str) -> None:
    fields = ((UnitsConfig, "features.threads"), (UnitsConfig, "kmeans.threads"), (LabelConfig, "threads"))
    for config, field in fields:
        with pytest.raises(UserError, match=f"{field} must be 1 to 1024"):
            load_config(config, None, {field: threads})


def test_a_layer_that_is_not_there_is_refused(teacher: Path) -> None:
    with pytest.raises(UserError, match="layer 4 of an encoder with 3"):
        LayerSource(teacher, 4, 60.0)


def test_a_teacher_too_many_or_too_few_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="need a teacher"):
        open_source(FeatureConfig("layer", 1), None)
    with pytest.raises(UserError, match=r"features\.kind is mfcc"):
        open_source(FeatureConfig("mfcc"), tmp_path)
    with pytest.raises(UserError, match="no speech encoder here"):
        open_source(FeatureConfig("layer", 1), tmp_path)


def test_mfcc_come_at_100_hz() -> None:
    source = MfccSource()
    assert (source.rate, source.dim, source.name) == (100.0, 39, "mfcc")
    assert source(wave()).shape == (98, 39) and source.frames(16000) == 98


def test_units_of_a_layer_are_made_by_the_teacher_of_the_sample_and_by_no_other(
    teacher: Path, make_data: Callable[..., Path], run_step: Callable[..., Any], tmp_path: Path
) -> None:
    data, fields = make_data(n=6), {"features.kind": "layer", "features.layer": 2, "kmeans.k": 5, "sample.frames": 150}
    run_step(sample, UnitsConfig, [data, teacher], tmp_path / "s", fields)
    run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "c", fields)
    run_step(label, LabelConfig, [data, tmp_path / "c", teacher], tmp_path / "l")
    labels = Labels.open(tmp_path / "l", rate=50.0)
    assert labels.layer == f"layer 2 of {teacher.name}" and "1-based" in labels.header.convention
    source, codebook = LayerSource(teacher, 2, 60.0), Codebook.read(tmp_path / "c")
    for id in labels:
        x = source(read_audio(tmp_path / f"audio/{id}.wav"))
        assert labels[id].tolist() == torch.cdist(x, codebook.centroids_KP).argmin(1).tolist()
    random = _copy(teacher, tmp_path)
    with pytest.raises(UserError, match="a codebook of layer 2"):
        run_step(label, LabelConfig, [data, tmp_path / "c", random], tmp_path / "other")
    with pytest.raises(UserError, match="need a teacher"):
        run_step(label, LabelConfig, [data, tmp_path / "c"], tmp_path / "other")
    with pytest.raises(UserError, match="a sample of layer 2"):
        run_step(kmeans, UnitsConfig, [tmp_path / "s"], tmp_path / "d", {"kmeans.k": 5})


def _copy(teacher: Path, folder: Path) -> Path:
    """The same network, a weight of its first block changed."""
    changed = Path(shutil.copytree(teacher, folder / teacher.name))
    weights = load_file(changed / "model.safetensors")
    weights["encoder.layers.0.attention.k_proj.weight"] += 1e-3
    save_file(weights, changed / "model.safetensors", {"format": "pt"})
    return changed
