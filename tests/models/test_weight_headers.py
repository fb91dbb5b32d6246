"""Weights that are not those of the network: refused by the name of the first one, with what to do."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from toolkit.core.errors import UserError
from toolkit.core.files import write_json
from toolkit.models.convert import convert_folder
from toolkit.models.encoder import load_encoder
from toolkit.models.whisper_files import load_whisper

Weights = dict[str, Tensor]


READERS: dict[str, Callable[[Path], Any]] = {"whisper": load_whisper, "hubert": load_encoder, "wavlm": load_encoder}


def a_matrix(weights: Weights) -> str:
    """The name of a projection of attention."""
    return next(name for name in sorted(weights) if name.endswith(("k_proj.weight", "attention.k_proj.weight")))


def quantised(weights: Weights) -> Weights:
    return weights | {a_matrix(weights): torch.ones_like(weights[a_matrix(weights)], dtype=torch.int8)}


def eighths(weights: Weights) -> Weights:
    return weights | {a_matrix(weights): weights[a_matrix(weights)].to(torch.float8_e4m3fn)}


def with_scales(weights: Weights) -> Weights:
    return weights | {a_matrix(weights).replace(".weight", ".SCB"): torch.ones(8)}


def adapted(weights: Weights) -> Weights:
    return weights | {a_matrix(weights).replace(".weight", ".lora_A.default.weight"): torch.ones(2, 8)}


def inside_peft(weights: Weights) -> Weights:
    return {f"base_model.model.{name}": t for name, t in weights.items()}


def unfilled(weights: Weights) -> Weights:
    return weights | {a_matrix(weights): torch.zeros_like(weights[a_matrix(weights)])}


WRONG = {
    quantised: (r"quantised weights: .*k_proj\.weight is of type I8", "float32, float16 or bfloat16"),
    eighths: (r"quantised weights: .*k_proj\.weight is of type F8_E4M3", "float32, float16 or bfloat16"),
    with_scales: (r"quantised weights: .*k_proj\.SCB is of type F32", "float32, float16 or bfloat16"),
    adapted: (r"an adapter in them that is not merged, of peft: .*k_proj\.lora_A", "merge_and_unload"),
    inside_peft: (r"an adapter in them that is not merged, of peft: base_model\.", "merge_and_unload"),
    unfilled: (r"damaged weights: .*k_proj\.weight holds zeros alone", "copy or fetch it again"),
}


@pytest.mark.parametrize("kind", READERS)
@pytest.mark.parametrize("change", WRONG)
def test_weights_that_are_not_those_of_the_network_are_refused(
    change: Callable[[Weights], Weights], kind: str, network_folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(network_folders / kind, tmp_path / "نموذج"))
    READERS[kind](folder)
    weights = change(load_file(folder / "model.safetensors"))
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    problem, remedy = WRONG[change]
    with pytest.raises(UserError, match=problem) as e:
        READERS[kind](folder)
    assert remedy in (e.value.remedy or "") and e.value.where == str(folder)


@pytest.mark.parametrize("kind", READERS)
def test_weights_in_one_file_and_in_parts_are_refused_and_either_of_them_is_read(
    kind: str, network_folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(network_folders / kind, tmp_path / "نموذج"))
    in_parts(folder)
    with pytest.raises(UserError, match=r"there twice: model\.safetensors, and in parts: model-00001-of-00002") as e:
        READERS[kind](folder)
    assert "model.safetensors.index.json and the parts if both are the same" in (e.value.remedy or "")
    (folder / "model.safetensors").rename(tmp_path / "away")
    READERS[kind](folder)
    (tmp_path / "away").rename(folder / "model.safetensors")
    (folder / "model.safetensors.index.json").unlink()
    READERS[kind](folder)


def in_parts(folder: Path, prefix: str = "") -> None:
    """The weights of a folder, beside its file, as two parts and their index."""
    weights = {prefix + name: t for name, t in load_file(folder / "model.safetensors").items()}
    parts = {name: f"model-0000{1 + i % 2}-of-00002.safetensors" for i, name in enumerate(sorted(weights))}
    for part in set(parts.values()):
        save_file({name: weights[name] for name, p in parts.items() if p == part}, folder / part, {"format": "pt"})
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": parts})


def test_parts_with_names_of_a_wrapper_become_one_file_and_their_index_stands_aside(
    network_folders: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(network_folders / "hubert", tmp_path / "نموذج"))
    plain = load_file(folder / "model.safetensors")
    in_parts(folder, "_orig_mod.")
    (folder / "model.safetensors").unlink()
    convert_folder(folder)
    made = load_file(folder / "model.safetensors")
    assert made.keys() == plain.keys() and all(torch.equal(made[name], t) for name, t in plain.items())
    assert (folder / "model.safetensors.index.json.aside-before").is_file()
    load_encoder(folder)
