"""Low-rank adapters (LoRA, arXiv 2106.09685) of a Qwen2.5-Omni thinker, made, written and read by peft.

An expression names the layers that are adapted, as q_proj alone would also name those of the audio tower: its drift
would make every kept state stale, unseen. What peft only warns of is an error here: layers that the expression does not
reach, an adapter of a release whose modules have other names, an adapter whose weights are all 0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import atomic, read_json, write_json, write_text
from .adapter_config import matched, refuse_faults
from .model_files import ADAPTER_CONFIG, ADAPTER_WEIGHTS, CARD, read_mapping, refuse_pickles, shapes_of
from .omni import Omni
from .tensors import read_tensors, write_tensors
from .wrapped_names import refuse_wrapped

CONFIG, WEIGHTS = ADAPTER_CONFIG, ADAPTER_WEIGHTS
ABOUT = "sawt.json"  # origin of the adapter, beside peft's files
ALL_LINEAR = "all-linear"  # peft's word in target_modules, no expression
OUTSIDE = "audio_tower|visual|talker|token2wav"
ATTENTION = r"self_attn\.(q_proj|k_proj|v_proj|o_proj)"
FEED_FORWARD = r"mlp\.(gate_proj|up_proj|down_proj)"
TOWER = r"(.*\.)?audio_tower\..*self_attn\.(q_proj|k_proj|v_proj|out_proj)"
ROOT = "base_model.model."  # before the names of a model's own modules in peft's files
TREES = (("model.language_model.layers.", "model.layers."), ("model.audio_tower.", "audio_tower."))  # 5.23 and 5.17


def expression(mlp: bool = False, tower: bool = False) -> str:
    """Regular expression of the adapted layers' names."""
    inside = f"({ATTENTION}|{FEED_FORWARD})" if mlp else ATTENTION
    text = rf"(?!.*({OUTSIDE})).*{inside}"
    return f"^(({text})|({TOWER}))$" if tower else f"^{text}$"


def add_adapter(
    omni: Omni, rank: int, alpha: int, dropout: float, seed: int, mlp: bool = False, tower: bool = False
) -> Any:
    """Put a new adapter into the model; returns peft's. Raises UserError unless it reaches what it should."""
    from peft import LoraConfig, get_peft_model

    wanted = expression(mlp, tower)
    torch.manual_seed(seed)
    with _without_warnings():
        adapter = get_peft_model(
            omni.model, LoraConfig(r=rank, lora_alpha=alpha, lora_dropout=dropout, target_modules=wanted)
        )
    names = adapted(omni.model)
    inside = [name for name in names if "audio_tower" not in name]
    expected = omni.layers * (7 if mlp else 4)
    heard = 4 * len(omni.tower.layers) if tower else 0
    if len(inside) != expected or len(names) - len(inside) != heard:
        problem = f"{len(inside)} layers of the text model are adapted instead of {expected}, of the tower "
        problem += f"{len(names) - len(inside)} instead of {heard}"
        raise UserError(problem, str(omni.folder), f"this release names its modules otherwise; see {__name__}")
    return adapter


def adapted(model: Any) -> list[str]:
    """Names of the layers that have an adapter."""
    return [name for name, module in model.named_modules() if hasattr(module, "lora_A")]


def save_adapter(adapter: Any, folder: Path, card: str, about: Mapping[str, Any]) -> None:
    """Write peft's folder, completely or not at all. `about`: its origin; `base` is the folder of its base."""
    from peft import get_peft_model_state_dict

    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        config = adapter.peft_config["default"]
        config.base_model_name_or_path, config.inference_mode = str(about["base"]), True
        config.save_pretrained(str(temporary))
        tree = read_json(temporary / CONFIG)
        write_json(temporary / CONFIG, {**tree, "target_modules": _sorted(tree["target_modules"])})
        weights = {name: t.float() for name, t in get_peft_model_state_dict(adapter).items()}
        write_tensors(temporary / WEIGHTS, weights, {"format": "pt"})
        write_json(temporary / ABOUT, dict(about))
        write_text(temporary / CARD, card)


def _sorted(targets: Any) -> Any:
    return sorted(targets) if isinstance(targets, list) else targets


def load_adapter(omni: Omni, folder: Path) -> Any:
    """Put the adapter of a folder into the model; returns peft's.

    Names of the other module tree are translated. Raises UserError for an adapter that does not take.
    """
    from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict

    where, remedy = str(folder), "name an adapter of this base"
    refuse_pickles(folder, adapter=True)
    weights = read_tensors(folder / WEIGHTS, "name a folder that train.instruct, or peft, has written")
    refuse_wrapped(weights, folder)
    tree = read_mapping(folder / CONFIG)
    if tree.get("peft_type") != "LORA":
        raise UserError(f"an adapter of type {tree.get('peft_type')}, not LORA", where, remedy)
    if tree.get("megatron_config"):
        raise UserError("an adapter that names a module to import (megatron): foreign code is never run", where, remedy)
    refuse_faults(tree, {name: t.shape for name, t in weights.items()}, str(folder / CONFIG))
    with _without_warnings():
        config = LoraConfig.from_pretrained(str(folder), trust_remote_code=False)
        if isinstance(config.target_modules, str) and config.target_modules != ALL_LINEAR:
            names = [name for name, _ in omni.model.named_modules()]
            config.target_modules = set(matched(config.target_modules, names, str(folder / CONFIG)))
        try:
            adapter = get_peft_model(omni.model, config)
        except ValueError as e:
            raise UserError(f"an adapter that peft does not take: {' '.join(str(e).split())[:300]}", where) from None
    own = get_peft_model_state_dict(adapter)
    weights = _translated(weights, own)
    if absent := sorted(own.keys() ^ weights.keys()):
        problem = f"an adapter of another model or release: {len(absent)} of its layers are not this model's"
        raise UserError(f"{problem}, e.g. {absent[0]}", where, remedy)
    if wrong := [name for name, t in own.items() if t.shape != weights[name].shape]:
        raise UserError(f"an adapter of a model of another width: {wrong[0]}", where, remedy)
    if not any(bool(t.any()) for name, t in weights.items() if "lora_B" in name):
        raise UserError("an adapter whose weights are all 0: it was not trained", where, remedy)
    set_peft_model_state_dict(adapter, weights)
    adapter.requires_grad_(False)
    adapter.eval()
    return adapter


def _translated(weights: Mapping[str, Tensor], own: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights under the names of this release, if that makes them fit."""
    for change in (lambda name: name, _to_older, _to_newer):
        renamed = {change(name): t for name, t in weights.items()}
        if renamed.keys() == own.keys():
            return renamed
    return dict(weights)


def _to_older(name: str) -> str:
    for newer, older in TREES:
        name = name.replace(ROOT + newer, ROOT + older)
    return name


def _to_newer(name: str) -> str:
    for newer, older in TREES:
        name = name.replace(ROOT + older, ROOT + newer)
    return name


def adapts_tower(folder: Path) -> bool:
    """True if an adapter has layers of the audio tower."""
    return any("audio_tower" in name for name in shapes_of(folder / WEIGHTS))


def is_adapter(folder: Path) -> bool:
    """True for a folder of peft."""
    return (folder / CONFIG).is_file()


def base_of(folder: Path) -> Path:
    """Folder of an adapter's base: as its training noted it, relative to the adapter, else as peft has it."""
    about = read_json(folder / ABOUT) if (folder / ABOUT).is_file() else {}
    noted = about.get("base_from_here")
    if noted and (folder / noted).exists():
        return Path(folder / noted)
    return Path(str(read_json(folder / CONFIG).get("base_model_name_or_path", "")))


def merged(adapter: Any) -> Any:
    """The model with the adapter added to its weights, without peft."""
    return adapter.merge_and_unload()


@contextmanager
def _without_warnings() -> Iterator[None]:
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
