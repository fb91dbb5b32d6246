"""What a folder says of its network's input is read whole. Oracle: transformers' feature extractor and its network."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from networks import LARGE, SMALL
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models.config import HubertConfig
from toolkit.models.encoder import hears_normalized, load_encoder, random_encoder
from toolkit.models.export import whisper_config
from toolkit.models.hubert import Hubert, initialise
from toolkit.models.hugging_face import save_pretrained
from toolkit.models.input_settings import refuse_other_mels
from toolkit.models.whisper_files import load_whisper, read_whisper_config

KINDS = {
    "wav2vec2 layer": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, LARGE, True),
    "wav2vec2 group": (transformers.Wav2Vec2Config, transformers.Wav2Vec2Model, {}, False),
    "hubert layer": (transformers.HubertConfig, transformers.HubertModel, LARGE, True),
    "hubert group": (transformers.HubertConfig, transformers.HubertModel, {}, False),
    "data2vec": (
        transformers.Data2VecAudioConfig,
        transformers.Data2VecAudioModel,
        {"conv_pos_kernel_size": 5, "num_conv_pos_embeddings": 2},
        True,
    ),
}


def waveform() -> torch.Tensor:
    """Off zero, so that normalising changes it."""
    return torch.randn(1, 5000, generator=torch.Generator().manual_seed(0)) * 0.3 + 0.5


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_preprocessor_the_front_end_tells_whether_waveforms_are_normalised(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config_class, model_class, shape, normal = KINDS[kind]
    torch.manual_seed(0)
    model = model_class(config_class(**{**SMALL, **shape})).eval()
    model.save_pretrained(tmp_path)
    wave_BN = waveform()
    extractor = transformers.Wav2Vec2FeatureExtractor(do_normalize=normal)
    heard = extractor(wave_BN[0].numpy(), sampling_rate=16000, return_tensors="pt").input_values
    with torch.no_grad():
        states, raw = ([*model(x, output_hidden_states=True).hidden_states][1] for x in (heard, wave_BN))
    encoder = load_encoder(tmp_path)
    assert encoder.normalize is normal
    torch.testing.assert_close(encoder.states(wave_BN)[1], states, atol=2e-3, rtol=0)
    if normal:
        assert (states - raw).norm() > 0.1 * raw.norm()
    hears_normalized(tmp_path)
    random_encoder(tmp_path, 1)
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOTE")]
    how = "scaled to mean 0 and variance 1" if normal else "taken unscaled"
    assert len(notes) == 1 and f"no preprocessor_config.json: waveforms are {how}" in notes[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a wav2vec 2.0, without its weights."""
    transformers.Wav2Vec2Config(**{**SMALL, **LARGE}).save_pretrained(tmp_path)
    return tmp_path


OURS = {"feature_extractor_type": "Wav2Vec2FeatureExtractor", "feature_size": 1, "sampling_rate": 16000}


@pytest.mark.parametrize(
    ("files", "normal"),
    [
        ({"preprocessor_config.json": {**OURS, "do_normalize": False}}, False),
        ({"preprocessor_config.json": {**OURS, "do_normalize": True}}, True),
        ({"preprocessor_config.json": {"padding_value": 0, "return_attention_mask": True}}, True),
        ({"processor_config.json": {"feature_extractor": {**OURS, "do_normalize": False}}}, False),
        (
            {
                "processor_config.json": {"processor_class": "Wav2Vec2Processor"},
                "preprocessor_config.json": {**OURS, "do_normalize": False},
            },
            False,
        ),
    ],
)
def test_a_preprocessor_says_it_in_whichever_file_transformers_reads(
    files: dict[str, Any], normal: bool, folder: Path
) -> None:
    for name, tree in files.items():
        write_json(folder / name, tree)
    if "feature_extractor_type" in str(files):
        assert transformers.AutoFeatureExtractor.from_pretrained(folder).do_normalize is normal
    assert hears_normalized(folder) is normal


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sampling_rate": 8000}, "sampling_rate is 8000"),
        ({"sampling_rate": None}, "sampling_rate is None"),
        ({"feature_size": 2}, "feature_size is 2"),
        ({"feature_extractor_type": "SeamlessM4TFeatureExtractor", "num_mel_bins": 80}, "SeamlessM4TFeatureExtractor"),
        ({"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80}, "WhisperFeatureExtractor"),
        ({"n_fft": 400, "hop_length": 160}, "n_fft"),
        ({"do_normalize": "false"}, "do_normalize is 'false'"),
    ],
)
@pytest.mark.parametrize("nested", [False, True])
def test_an_input_that_is_no_waveform_at_16_khz_is_refused_by_its_name(
    settings: dict[str, Any], message: str, nested: bool, folder: Path
) -> None:
    name = "processor_config.json" if nested else "preprocessor_config.json"
    write_json(folder / name, {"feature_extractor": settings} if nested else settings)
    with pytest.raises(UserError, match=message) as e:
        hears_normalized(folder)
    assert e.value.where == str(folder / name)


def test_two_files_that_contradict_each_other_are_refused(folder: Path) -> None:
    write_json(folder / "preprocessor_config.json", {**OURS, "do_normalize": True})
    write_json(folder / "processor_config.json", {"feature_extractor": {**OURS, "do_normalize": False}})
    with pytest.raises(UserError, match=r"do_normalize is True in preprocessor_config\.json and False in processor"):
        hears_normalized(folder)
    write_json(folder / "processor_config.json", {"feature_extractor": ["x"]})
    with pytest.raises(UserError, match="no mapping of names"):
        hears_normalized(folder)


@pytest.mark.parametrize("normal", [False, True])
def test_a_network_of_ours_says_itself_what_it_hears(normal: bool, tmp_path: Path) -> None:
    config = HubertConfig(**SMALL, init="fan_in", normalize_waveform=normal)
    model = Hubert(config)
    initialise(model, config, torch.Generator().manual_seed(0))
    save_pretrained(model, tmp_path / "hf")
    assert load_encoder(tmp_path / "hf").normalize is normal
    path = tmp_path / "hf/preprocessor_config.json"
    write_json(path, {**read_json(path), "do_normalize": not normal})
    with pytest.raises(UserError, match=f"do_normalize is {not normal}, and normalize_waveform {normal} in config"):
        load_encoder(tmp_path / "hf")
    path.unlink()
    assert load_encoder(tmp_path / "hf").normalize is normal


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_whisper_folder(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def whisper(tiny: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny, tmp_path / "whisper"))


@pytest.mark.parametrize("read", [read_whisper_config, load_whisper, whisper_config], ids=lambda f: f.__name__)
def test_a_preprocessor_of_128_mels_is_refused_for_a_network_of_80(read: Callable[[Path], Any], whisper: Path) -> None:
    read(whisper)
    transformers.WhisperFeatureExtractor(feature_size=128).save_pretrained(whisper)
    with pytest.raises(UserError) as e:
        read(whisper)
    assert "feature_size is 128 in preprocessor_config.json, and 80 by config.json (num_mel_bins)" in str(e.value)
    assert e.value.remedy == "copy the file of the model itself"


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [("n_fft", 512, 400), ("hop_length", 80, 160), ("sampling_rate", 8000, 16000), ("chunk_length", 15, 30)],
)
@pytest.mark.parametrize("read", [load_whisper, whisper_config], ids=lambda f: f.__name__)
def test_torch_and_an_export_refuse_a_preprocessor_that_hears_otherwise(
    read: Callable[[Path], Any], name: str, value: int, right: int, whisper: Path
) -> None:
    path = whisper / "preprocessor_config.json"
    write_json(path, {**read_json(path), name: value})
    with pytest.raises(UserError, match=rf"{name} is {value} in preprocessor_config\.json, and {right} by the network"):
        read(whisper)


@pytest.mark.parametrize("read", [load_whisper, whisper_config], ids=lambda f: f.__name__)
def test_a_network_of_shorter_windows_is_refused(read: Callable[[Path], Any], whisper: Path) -> None:
    """Audio is cut every 30 s: such a network would hear the first half of each window, and nobody would know."""
    write_json(whisper / "config.json", {**read_json(whisper / "config.json"), "max_source_positions": 750})
    with pytest.raises(UserError, match="max_source_positions 750, which no release has"):
        read(whisper)


def test_a_whisper_with_another_kind_of_input_is_refused(whisper: Path) -> None:
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(whisper)
    with pytest.raises(UserError, match="an input made by Wav2Vec2FeatureExtractor, no WhisperFeatureExtractor"):
        read_whisper_config(whisper)


def test_an_audio_llm_has_windows_of_any_length_and_its_own_mels(tmp_path: Path) -> None:
    """As Qwen2.5-Omni's file says: 128 mels, 300 s."""
    transformers.WhisperFeatureExtractor(feature_size=128, chunk_length=300).save_pretrained(tmp_path)
    refuse_other_mels(tmp_path, 128)
    with pytest.raises(UserError, match="feature_size is 128"):
        refuse_other_mels(tmp_path, 80)
