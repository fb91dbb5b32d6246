"""Speech encoders from a hub and from folders. The hub is a server of our own; huggingface_hub itself asks it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from hubs import REVISION, Hub, hub_of_ours
from networks import SMALL
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.core.step import Step
from toolkit.models import fetch
from toolkit.models.config import FetchConfig
from toolkit.models.encoder import encoder_shape, load_encoder

NEEDED = {"config.json", "preprocessor_config.json", "model.safetensors", "README.md", "source.json"}


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    with hub_of_ours(tmp_path / "cache") as hub:
        yield hub


@pytest.fixture(scope="module")
def wavlm() -> transformers.WavLMModel:
    torch.manual_seed(0)
    return transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).eval()


@pytest.fixture
def uploaded(hub: Hub, wavlm: transformers.WavLMModel, tmp_path: Path) -> Path:
    """The folder of ahmad/wavlm on the hub, with more than is needed."""
    folder = tmp_path / "uploaded"
    wavlm.save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor(do_normalize=True).save_pretrained(folder)
    (folder / "README.md").write_text("بطاقة")
    for name in ("pytorch_model.bin", "tf_model.h5", "flax_model.msgpack", "modeling.py"):
        (folder / name).write_bytes(b"not needed")
    hub.models["ahmad/wavlm"] = folder
    return folder


def fetched(model: str, out: Path) -> tuple[Path, dict[str, float]]:
    out.mkdir(parents=True, exist_ok=True)
    step = Step(FetchConfig(model), [], out, ["models.fetch"])
    fetch.run(step)
    return out / "hf", step.counts


def test_an_encoder_of_the_hub_is_fetched_with_its_card_and_nothing_else(
    hub: Hub, uploaded: Path, wavlm: transformers.WavLMModel, tmp_path: Path
) -> None:
    folder, counts = fetched("ahmad/wavlm", tmp_path / "out")
    assert {p.name for p in folder.iterdir()} == NEEDED
    assert all((folder / n).read_bytes() == (uploaded / n).read_bytes() for n in NEEDED - {"source.json"})
    assert sorted(hub.sent) == sorted(NEEDED - {"source.json"})
    about = {"model": "ahmad/wavlm", "model_type": "wavlm", "revision": REVISION, "converted_from_pickles": False}
    assert read_json(folder / "source.json") == about
    assert counts == {"parameters": wavlm.num_parameters()}
    assert load_encoder(tmp_path / "out").parameter_count == counts["parameters"]


def test_pickles_of_the_hub_are_converted_and_that_is_told(
    hub: Hub, uploaded: Path, wavlm: transformers.WavLMModel, tmp_path: Path, capsys: Any
) -> None:
    (uploaded / "model.safetensors").unlink()
    torch.save(wavlm.state_dict(), uploaded / "pytorch_model.bin")
    folder, counts = fetched("ahmad/wavlm", tmp_path / "out")
    assert "pickles alone: they are converted" in capsys.readouterr().out
    assert {p.name for p in folder.iterdir()} == NEEDED and counts["parameters"] == wavlm.num_parameters()
    assert read_json(folder / "source.json")["converted_from_pickles"]
    weights = load_encoder(folder).model.state_dict()
    assert all(torch.equal(weights[name], t) for name, t in wavlm.state_dict().items())


def test_pickles_of_the_hub_are_not_loaded_without_conversion(hub: Hub, uploaded: Path) -> None:
    (uploaded / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no safetensors") as error:
        load_encoder("ahmad/wavlm")
    assert "toolkit.models.fetch --model ahmad/wavlm --out downloads/wavlm" in error.value.remedy
    assert "pytorch_model.bin" not in hub.sent


def test_an_encoder_of_the_hub_is_loaded_by_its_name_and_its_shape_by_its_config_alone(
    hub: Hub, uploaded: Path, wavlm: transformers.WavLMModel
) -> None:
    assert encoder_shape("ahmad/wavlm") == (16, 2) and hub.sent == ["config.json"]
    encoder = load_encoder("ahmad/wavlm")
    assert (encoder.name, encoder.normalize) == ("wavlm", True)
    assert encoder.parameter_count == wavlm.num_parameters()


def test_weights_in_parts_are_fetched_with_their_index(
    hub: Hub, uploaded: Path, wavlm: transformers.WavLMModel, tmp_path: Path
) -> None:
    (uploaded / "model.safetensors").unlink()
    wavlm.save_pretrained(uploaded, max_shard_size="20KB")
    parts = {p.name for p in uploaded.glob("model-*.safetensors")}
    assert len(parts) > 1
    folder, counts = fetched("ahmad/wavlm", tmp_path / "out")
    assert {p.name for p in folder.glob("model*")} == parts | {"model.safetensors.index.json"}
    assert counts["parameters"] == wavlm.num_parameters() == load_encoder(folder).parameter_count


def test_a_whisper_of_the_hub_is_fetched_as_it_is(hub: Hub, tmp_path: Path) -> None:
    hub.models["ahmad/whisper"] = tiny_whisper_folder(tmp_path / "tiny")
    folder, _ = fetched("ahmad/whisper", tmp_path / "out")
    source = {p.name: p.read_bytes() for p in (tmp_path / "tiny").iterdir()}
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == source


@pytest.mark.parametrize("kind", ["bert", "whisper-of-mine"])
def test_of_a_model_that_is_no_encoder_only_its_config_is_fetched(
    kind: str, hub: Hub, uploaded: Path, tmp_path: Path
) -> None:
    write_json(uploaded / "config.json", {"model_type": kind})
    with pytest.raises(UserError, match=f"not a speech encoder: a model of type {kind}") as error:
        fetched("ahmad/wavlm", tmp_path / "out")
    assert "hubert, wav2vec2, wavlm" in error.value.remedy
    assert hub.sent == ["config.json"] and not (tmp_path / "out/hf").exists()


def test_a_name_that_the_hub_does_not_have_is_a_users_error(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a folder nor to be had from the hub"):
        fetched("ahmad/nothing", tmp_path / "out")


def test_a_hubert_with_a_head_of_ctc_is_counted_and_loaded_without_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = transformers.HubertForCTC(transformers.HubertConfig(**SMALL, vocab_size=40)).eval()
    model.save_pretrained(tmp_path / "in")
    folder, counts = fetched(str(tmp_path / "in"), tmp_path / "out")
    assert counts["parameters"] == model.hubert.num_parameters() < model.num_parameters()
    encoder, wave_BN = load_encoder(folder), torch.randn(1, 2000)
    with torch.no_grad():
        expected = model.hubert(wave_BN).last_hidden_state
    torch.testing.assert_close(encoder.states(wave_BN)[-1], expected, atol=1e-5, rtol=0)
    assert encoder.parameter_count == counts["parameters"]


def test_a_folder_of_pickles_is_fetched_converted_and_left_as_it_is(
    wavlm: transformers.WavLMModel, tmp_path: Path
) -> None:
    wavlm.config.save_pretrained(tmp_path / "in")
    torch.save(wavlm.state_dict(), tmp_path / "in/pytorch_model.bin")
    folder, _ = fetched(str(tmp_path / "in"), tmp_path / "out")
    assert {p.name for p in folder.iterdir()} == {"config.json", "model.safetensors", "source.json"}
    assert {p.name for p in (tmp_path / "in").iterdir()} == {"config.json", "pytorch_model.bin"}


@pytest.mark.parametrize("harm", ["broken", "gone", "a part is gone"])
def test_weights_that_are_broken_or_missing_are_not_fetched(
    harm: str, wavlm: transformers.WavLMModel, tmp_path: Path
) -> None:
    wavlm.save_pretrained(tmp_path / "in", max_shard_size="20KB" if harm == "a part is gone" else "1GB")
    part = sorted((tmp_path / "in").glob("model*.safetensors"))[-1]
    if harm == "broken":
        part.write_bytes(part.read_bytes()[:100])
    else:
        part.unlink()
    with pytest.raises(UserError, match="weights"):
        fetched(str(tmp_path / "in"), tmp_path / "out")
    assert not (tmp_path / "out/hf").exists()
    shutil.rmtree(tmp_path / "in")
