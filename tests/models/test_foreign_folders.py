"""Folders of others: weights that are pickles alone, adapters and kernels that nobody asked for. None of it runs."""

import contextlib
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
import transformers
from networks import SMALL
from safetensors.torch import load_file, save_file
from whispers import tiny_whisper_folder

from toolkit.core.errors import UserError
from toolkit.core.files import read_json, write_json
from toolkit.models import convert as converting
from toolkit.models import pickled
from toolkit.models.adapters import load_adapter
from toolkit.models.encoder import hears_normalized, load_encoder, refuse_unusable
from toolkit.models.export import whisper_config
from toolkit.models.fetch import fetch_omni, fetch_whisper
from toolkit.models.hugging_face import read_config
from toolkit.models.omni_files import find_omni
from toolkit.models.tuned import folder_of
from toolkit.models.whisper_files import find_model, load_whisper, read_whisper_config

from .hostile import Hostile


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are read in this process: fast. tests/models/test_convert.py has what the other process is for."""

    def run(words: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", words[2:])
        with contextlib.redirect_stdout(io.StringIO()) as lines:
            pickled.main()
        return subprocess.CompletedProcess(words, 0, lines.getvalue(), "")

    monkeypatch.setattr(pickled, "die_with_parent", lambda: None)
    monkeypatch.setattr(subprocess, "run", run)


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Whisper, a speech encoder, an audio LLM and an adapter, all without their weights."""
    made = tmp_path_factory.mktemp("folders")
    tiny_whisper_folder(made / "whisper")
    (made / "whisper/model.safetensors").unlink()
    transformers.WavLMConfig(**SMALL).save_pretrained(made / "encoder")
    (made / "omni").mkdir()
    write_json(made / "omni/config.json", {"model_type": "qwen2_5_omni_thinker"})
    (made / "adapter").mkdir()
    write_json(made / "adapter/adapter_config.json", {"peft_type": "LORA"})
    return made


READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "encoder": ("encoder", load_encoder),
    "encoder of a plan": ("encoder", refuse_unusable),
    "whisper": ("whisper", load_whisper),
    "export": ("whisper", whisper_config),
    "omni": ("omni", find_omni),
    "answers": ("omni", folder_of),
    "adapter": ("adapter", folder_of),
}


@pytest.mark.parametrize("file", ["pytorch_model.bin", "model.pt", "last.ckpt", "tf_model.h5", "flax_model.msgpack"])
@pytest.mark.parametrize("reader", READERS)
def test_pickled_weights_alone_are_an_error_that_names_the_command(
    reader: str, file: str, folders: Path, tmp_path: Path, here: None
) -> None:
    kind, read = READERS[reader]
    folder = Path(shutil.copytree(folders / kind, tmp_path / "in"))
    file = "adapter_model.bin" if kind == "adapter" and file == "pytorch_model.bin" else file
    torch.save({"a": Hostile(tmp_path / "ran")}, folder / file)
    with pytest.raises(UserError, match="never loaded as they are") as e:
        read(folder)
    assert "python3 -m toolkit.models.convert" in e.value.remedy and e.value.where == str(folder)
    if file.endswith(".bin"):
        assert e.value.remedy == f"convert them once: python3 -m toolkit.models.convert {folder}"
        with pytest.raises(UserError, match="which makes no tensor"):
            converting.convert_folder(folder)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(("kind", "fetch"), [("whisper", fetch_whisper), ("omni", fetch_omni)])
def test_a_model_without_weights_is_not_fetched(
    kind: str, fetch: Callable[[str, Path], int], folders: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match="a model without weights"):
        fetch(str(folders / kind), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_whisper_of_pickles_is_converted_as_it_is_fetched(tmp_path: Path, here: None) -> None:
    folder = tiny_whisper_folder(tmp_path / "tiny", layers=1, d=8)
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    fetch_whisper(str(folder), tmp_path / "out")
    read = load_file(tmp_path / "out/model.safetensors")
    assert read.keys() == weights.keys() and all(torch.equal(read[name], t) for name, t in weights.items())
    load_whisper(tmp_path / "out")


def test_the_pickle_of_an_adapter_is_converted_tensor_by_tensor(
    folders: Path, tmp_path: Path, here: None, capsys: Any
) -> None:
    folder = Path(shutil.copytree(folders / "adapter", tmp_path / "محول"))
    weights = {f"base_model.model.q_proj.lora_{part}.weight": torch.randn(3, 4) for part in "AB"}
    torch.save(weights, folder / "adapter_model.bin")
    converting.main([str(folder)])
    assert "adapter_model.safetensors: 2 tensors" in capsys.readouterr().out
    read = load_file(folder / "adapter_model.safetensors")
    assert read.keys() == weights.keys() and all(torch.equal(read[name], t) for name, t in weights.items())
    assert folder_of(folder) == folder
    converting.main([str(folder)])
    assert "nothing to do" in capsys.readouterr().out


FINDERS: dict[str, Callable[[Path], Any]] = {
    "encoder": refuse_unusable,
    "whisper": find_model,
    "transcribe": read_whisper_config,
    "export": whisper_config,
    "omni": find_omni,
    "fetch": lambda folder: fetch_omni(str(folder), folder / "out"),
}


@pytest.mark.parametrize("reader", FINDERS)
@pytest.mark.parametrize("beside", ["config", "weights"])
def test_an_adapter_beside_a_models_weights_is_neither_added_nor_left_out_unasked(
    reader: str, beside: str, folders: Path, tmp_path: Path
) -> None:
    """Left out, the word error rate of the base would be taken for that of the tuned model."""
    kind = {"encoder": "encoder", "omni": "omni", "fetch": "omni"}.get(reader, "whisper")
    folder = Path(shutil.copytree(folders / kind, tmp_path / "in"))
    save_file({"a": torch.ones(1)}, folder / "model.safetensors")
    name = {"config": "adapter_config.json", "weights": "adapter_model.safetensors"}[beside]
    write_json(folder / name, {"peft_type": "LORA", "base_model_name_or_path": "someone/else"})
    with pytest.raises(UserError, match=f"a model with an adapter beside it .{name}") as e:
        FINDERS[reader](folder)
    assert "merge_and_unload" in e.value.remedy


@pytest.mark.parametrize("reader", ["encoder", "whisper"])
def test_an_adapter_alone_is_told_to_be_merged_and_its_base_is_not_looked_for(reader: str, folders: Path) -> None:
    with pytest.raises(UserError, match=r"an adapter .*, which must be merged into its base first"):
        FINDERS[reader](folders / "adapter")


@pytest.mark.parametrize(
    "asked",
    [
        {"attn_implementation": "someone/kernel"},
        {"_attn_implementation": "someone/kernel"},
        {"audio_config": {"attn_implementation": {"": "someone/kernel"}}},
        {"experts_implementation": "someone/kernel@main"},
    ],
)
@pytest.mark.parametrize("kind", ["encoder", "omni"])
def test_a_kernel_that_a_config_asks_for_is_refused(
    kind: str, asked: dict[str, Any], folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders / kind, tmp_path / "in"))
    write_json(folder / "config.json", {**read_json(folder / "config.json"), **asked})
    with pytest.raises(UserError, match="asks for code of a hub"):
        (load_encoder if kind == "encoder" else find_omni)(folder)


def test_a_quantiser_that_is_not_here_is_a_users_error(tmp_path: Path) -> None:
    transformers.WavLMModel(transformers.WavLMConfig(**SMALL)).save_pretrained(tmp_path)
    tree = {**read_json(tmp_path / "config.json"), "quantization_config": {"quant_method": "gptq", "bits": 4}}
    write_json(tmp_path / "config.json", tree)
    with pytest.raises(UserError, match="transformers cannot load it"):
        load_encoder(tmp_path)


@pytest.mark.parametrize("name", ["config.json", "preprocessor_config.json"])
def test_a_description_without_an_end_is_refused_before_it_is_read(
    name: str, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("toolkit.models.model_files.LARGEST_JSON", 1000)
    folder = Path(shutil.copytree(folders / "encoder", tmp_path / "in"))
    if name != "config.json":
        write_json(folder / "config.json", {"model_type": "wavlm"})
    (folder / name).write_text("[" * 2000)
    with pytest.raises(UserError, match=r"2,000 bytes, more than 1,000"):
        hears_normalized(folder)


def test_an_adapter_that_names_a_module_to_import_is_refused(folders: Path, tmp_path: Path) -> None:
    asked = {"peft_type": "LORA", "megatron_config": {"a": 1}, "megatron_core": "someone.module"}
    write_json(tmp_path / "adapter_config.json", asked)
    save_file({"base_model.model.q_proj.lora_A.weight": torch.ones(2, 2)}, tmp_path / "adapter_model.safetensors")
    with pytest.raises(UserError, match="names a module to import"):
        load_adapter(cast(Any, None), tmp_path)


@pytest.mark.parametrize("kind", ["encoder", "whisper", "omni"])
def test_a_section_of_ours_that_is_no_section_is_a_users_error(kind: str, folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(folders / kind, tmp_path / "in"))
    write_json(folder / "config.json", {**read_json(folder / "config.json"), "sawt": ["x"]})
    read = {"encoder": load_encoder, "whisper": load_whisper, "omni": find_omni}[kind]
    with pytest.raises(UserError, match="sawt is no mapping"):
        read(folder)


@pytest.mark.parametrize(
    "field, value, message",
    [
        ("hidden_act", "__import__", "hidden_act is '__import__', an activation"),
        ("feat_extract_activation", ["gelu"], "feat_extract_activation is "),
        ("conv_dim", [512, 10**9], "conv_dim has 1000000000; it must have 1 to 8,192"),
    ],
)
def test_an_encoder_of_no_such_activation_or_width_is_refused_by_the_field(
    field: str, value: Any, message: str, folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(folders / "encoder", tmp_path / "in"))
    write_json(folder / "config.json", {**read_json(folder / "config.json"), field: value})
    with pytest.raises(UserError, match=message):
        read_config(folder)


@pytest.mark.parametrize(
    "field, value",
    [
        ("hidden_size", "32"),
        ("do_stable_layer_norm", "false"),
        ("layerdrop", "0"),
        ("num_hidden_layers", True),
        ("num_hidden_layers", 2.0),
        ("conv_kernel", [10, "3", 3, 3, 3, 2, 2]),
        ("conv_stride", 5),
    ],
)
def test_a_value_of_another_type_in_the_config_of_a_hubert_is_refused_by_the_field(
    field: str, value: Any, tmp_path: Path
) -> None:
    transformers.HubertConfig(**SMALL).save_pretrained(tmp_path)
    assert read_config(tmp_path) is not None
    write_json(tmp_path / "config.json", {**read_json(tmp_path / "config.json"), field: value})
    with pytest.raises(UserError, match=f"a broken config.json: {field} is "):
        read_config(tmp_path)
