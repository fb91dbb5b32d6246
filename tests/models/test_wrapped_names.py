"""Weights that a training saved with the name of a wrapper: refused with the command that takes it away."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.models.adapters import load_adapter
from toolkit.models.convert import convert_folder
from toolkit.models.encoder import load_encoder, refuse_unusable
from toolkit.models.whisper_files import load_whisper
from toolkit.models.wrapped_names import unwrapped

READERS: dict[str, tuple[str, Callable[[Path], Any]]] = {
    "whisper": ("whisper", load_whisper),
    "our encoder": ("hubert", load_encoder),
    "an encoder of transformers": ("wavlm", load_encoder),
    "an encoder of a plan": ("hubert", refuse_unusable),
}


@pytest.mark.parametrize("wrapper", ["_orig_mod.", "module.", "module._orig_mod."])
@pytest.mark.parametrize("reader", READERS)
def test_names_with_a_wrappers_name_are_refused_with_the_command_that_takes_it_away(
    reader: str, wrapper: str, network_folders: Path, tmp_path: Path, capsys: Any
) -> None:
    kind, read = READERS[reader]
    folder = Path(shutil.copytree(network_folders / kind, tmp_path / "نموذج"))
    weights = load_file(folder / "model.safetensors")
    save_file({wrapper + name: t for name, t in weights.items()}, folder / "model.safetensors")
    with pytest.raises(UserError, match=f"names of {len(weights)} weights have .*{wrapper}") as e:
        read(folder)
    assert e.value.remedy == f"write them without: python3 -m toolkit.models.convert '{folder}'"
    convert_folder(folder)
    assert f"{len(weights)} tensors" in capsys.readouterr().out
    plain = load_file(folder / "model.safetensors")
    assert plain.keys() == weights.keys() and all(torch.equal(plain[name], t) for name, t in weights.items())
    read(folder)


class Small(nn.Module):
    """`module` is here also a name that the network itself has for a part."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.module = nn.Conv1d(1, 2, 3), nn.Linear(2, 2)


def test_the_names_that_torch_itself_makes_become_those_of_the_network() -> None:
    wanted = [name for name in Small().state_dict() if not name.startswith("module.")]
    compiled = torch.compile(Small()).state_dict()  # compiles nothing before its first call
    assert [unwrapped(name) for name in compiled if "conv" in name] == wanted
    inside = nn.Module()
    inside.encoder = torch.compile(Small())
    assert [unwrapped(name) for name in inside.state_dict()] == [f"encoder.{name}" for name in Small().state_dict()]


def test_a_pickle_of_wrapped_names_is_converted_to_plain_ones(network_folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(network_folders / "hubert", tmp_path / "in"))
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    torch.save({f"module.{name}": t for name, t in weights.items()}, folder / "pytorch_model.bin")
    convert_folder(folder)
    plain = load_file(folder / "model.safetensors")
    assert plain.keys() == weights.keys() and all(torch.equal(plain[name], t) for name, t in weights.items())


def test_two_weights_for_one_name_are_not_made_one(network_folders: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(network_folders / "hubert", tmp_path / "in"))
    weights = load_file(folder / "model.safetensors")
    save_file({**weights, "module.masked_spec_embed": torch.ones(3)}, folder / "model.safetensors")
    before = (folder / "model.safetensors").read_bytes()
    with pytest.raises(UserError, match=r"two weights for one name: module\.masked_spec_embed and masked_spec_embed"):
        convert_folder(folder)
    assert (folder / "model.safetensors").read_bytes() == before


def test_what_the_pre_training_of_fairseq_leaves_in_a_hubert_changes_no_state(
    network_folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(network_folders / "hubert", tmp_path / "in"))
    weights = load_file(folder / "model.safetensors")
    heads = {
        "label_embs_concat": torch.ones(5, 4),
        "final_proj.weight": torch.ones(4, 8),
        "final_proj.bias": torch.ones(4),
    }
    save_file({**weights, **heads}, folder / "model.safetensors")
    encoder = load_encoder(folder).model
    states = encoder.state_dict()
    assert states.keys() == weights.keys() and all(torch.equal(states[name], t) for name, t in weights.items())
    save_file({**weights, "encoder.layers.7.attention.k_proj.bias": torch.ones(4)}, folder / "model.safetensors")
    with pytest.raises(UserError, match=r"weights that do not fit config\.json: .*encoder\.layers\.7"):
        load_encoder(folder)


def test_an_adapter_of_a_compiled_model_is_told_and_converted(tmp_path: Path, capsys: Any) -> None:
    weights = {f"base_model.model.layers.0.q_proj.lora_{part}.weight": torch.randn(2, 3) for part in "AB"}
    save_file({f"_orig_mod.{name}": t for name, t in weights.items()}, tmp_path / "adapter_model.safetensors")
    write_json(tmp_path / "adapter_config.json", {"peft_type": "LORA"})
    with pytest.raises(UserError, match=r"names of 2 weights have _orig_mod\. in them, of torch.compile"):
        load_adapter(cast(Any, None), tmp_path)
    convert_folder(tmp_path)
    assert "2 tensors, by the names that the network itself has" in capsys.readouterr().out
    plain = load_file(tmp_path / "adapter_model.safetensors")
    assert plain.keys() == weights.keys() and all(torch.equal(plain[name], t) for name, t in weights.items())
