"""HuBERT in Hugging Face's format: written and read as config.json and safetensors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ..core.errors import UserError
from ..core.files import atomic, write_json, write_text
from .config import HubertConfig
from .foreign_encoder import of_head
from .hubert import Hubert
from .input_settings import normalizes
from .model_files import CONFIG, OURS, PROJECTION, REUSING, WEIGHTS, read_mapping, refuse_too_deep
from .tensors import read_tensors, refuse_unfilled, write_tensors
from .weight_headers import refuse_unlike_network

PREFIX = "hubert."  # of the encoder's weights where they are saved with a head
OWN_FIELDS = ("init", "projection", "reuse_attention", "feature_grad_mult", "normalize_waveform")
RARE = {"projection": True, "reuse_attention": False}  # fields that are only told where they differ
ACTIVATIONS = ("feat_extract_activation", "hidden_act")
WIDEST = 8192  # channels of a convolution; releases have 512
FIXED = {  # fixed properties of this network, by transformers' names
    "feat_extract_activation": "gelu",
    "hidden_act": "gelu",
    "feat_proj_layer_norm": True,
    "conv_pos_batch_norm": False,
}


def save_pretrained(model: Hubert, folder: Path, card: str = "", about: Mapping[str, Any] | None = None) -> None:
    """Write config.json, preprocessor_config.json, model.safetensors and the model card, all or none of them.

    Args:
        about: further facts about the network, for the section "sawt" of config.json.

    `transformers.HubertModel.from_pretrained(folder)` loads it without a missing or unexpected key, but for a network
    whose blocks reuse attention weights, which is of a type of ours.
    """
    with atomic(folder) as temporary:
        temporary.mkdir(parents=True)
        tree = hugging_face_config(model.config)
        write_json(temporary / "config.json", {**tree, OURS: {**(about or {}), **tree[OURS]}})
        wave = {"do_normalize": model.config.normalize_waveform, "feature_size": 1, "sampling_rate": 16000}
        extractor = {
            "feature_extractor_type": "Wav2Vec2FeatureExtractor",
            "padding_value": 0.0,
            "return_attention_mask": model.config.feat_extract_norm
            == "layer",  # like transformers: group norm was trained without a mask
        }
        write_json(temporary / "preprocessor_config.json", {**wave, **extractor})
        if card:
            write_text(temporary / "README.md", card)
        weights = {name: t.float() for name, t in model.state_dict().items()}
        weights |= {} if model.config.projection else _identity(model.config.hidden_size)
        write_tensors(temporary / "model.safetensors", weights, {"format": "pt"})


def hugging_face_config(config: HubertConfig) -> dict[str, Any]:
    """config.json for transformers; fields that it does not have are under "sawt"."""
    values = asdict(config)
    ours = {name: values.pop(name) for name in OWN_FIELDS}
    ours = {name: value for name, value in ours.items() if value != RARE.get(name)}
    kind = REUSING if config.reuse_attention else "hubert"
    return {
        **FIXED,
        **values,
        "architectures": ["HubertModel" if kind == "hubert" else "SawtHubert"],
        "model_type": kind,
        "num_feat_extract_layers": len(config.conv_dim),
        "mask_time_prob": 0.05,  # must be above 0, else transformers makes no masked_spec_embed
        "dtype": "float32",
        OURS: ours,
    }


def _identity(width: int) -> dict[str, Tensor]:
    """The projection of a network that has none, as Hugging Face's format needs it."""
    return {f"{PROJECTION}.weight": torch.eye(width), f"{PROJECTION}.bias": torch.zeros(width)}


def read_config(folder: Path, inputs: bool = True) -> HubertConfig | None:
    """Config of a Hugging Face HuBERT folder; None for a network that this module cannot build.

    Raises UserError if a file of it is damaged, or if the network takes another input than waveforms at 16 kHz.

    Args:
        inputs: False: normalize_waveform is not looked for, as only config.json may be there.
    """
    tree = read_mapping(folder / CONFIG)
    _refuse_impossible(tree, folder)
    if tree.get("model_type") not in ("hubert", REUSING) or any(
        tree.get(name, value) != value for name, value in FIXED.items()
    ):
        return None
    heard = {"normalize_waveform": normalizes(folder)} if inputs else {}
    tree = {**tree, **tree.get(OURS, {}), **heard}
    values: dict[str, Any] = {f.name: tree[f.name] for f in fields(HubertConfig) if f.name in tree}
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
    _refuse_other_types(values, folder)
    try:
        return HubertConfig(**values)
    except (TypeError, ValueError) as e:
        raise UserError(f"a broken config.json: {e}", str(folder), "copy or make it again") from None


def _refuse_other_types(values: Mapping[str, Any], folder: Path) -> None:
    """Raise UserError for a value of another type than the field's: "false", a word, would be taken for true."""
    for field in fields(HubertConfig):
        value, like = values.get(field.name, field.default), field.default
        items, of = (value, int) if isinstance(like, tuple) and isinstance(value, tuple) else ([value], type(like))
        if any(type(item) is not of and not (of is float and type(item) is int) for item in items):
            problem = f"{field.name} is {str(value)[:100]!r}, no {of.__name__}"
            raise UserError(f"a broken {CONFIG}: {problem}", str(folder), "copy or make it again")


def _refuse_impossible(tree: Mapping[str, Any], folder: Path) -> None:
    """Raise UserError for an activation that transformers does not know, and for layers of a width that none has."""
    where, remedy = str(folder / CONFIG), "copy or fetch it again, or name another model"
    for name in ACTIVATIONS:
        word = tree.get(name, "gelu")
        if word != "gelu":
            from transformers.activations import ACT2FN

            if not isinstance(word, str) or word not in ACT2FN:
                raise UserError(f"{name} is {str(word)[:100]!r}, an activation that is not known", where, remedy)
    widths = tree.get("conv_dim", [])
    for width in widths if isinstance(widths, list) else [widths]:
        if type(width) is not int or not 1 <= width <= WIDEST:
            raise UserError(f"conv_dim has {str(width)[:100]}; it must have 1 to {WIDEST:,}", where, remedy)
    refuse_too_deep(folder, tree.get("num_hidden_layers"))


def load_pretrained(folder: Path) -> Hubert:
    """Network of a Hugging Face HuBERT folder with model.safetensors, in eval mode on the CPU. Raises UserError."""
    config = read_config(folder)
    if config is None:
        raise UserError("not a HuBERT that this toolkit builds", str(folder / "config.json"), "load it by load_encoder")
    model = Hubert(config)
    tensors = read_tensors(folder / WEIGHTS)
    refuse_unlike_network(folder)
    refuse_unfilled(tensors, str(folder))
    weights = _of_encoder(tensors)
    weights.setdefault("masked_spec_embed", model.masked_spec_embed.detach())  # a network trained without has none
    if not config.projection:
        for name, identity in _identity(config.hidden_size).items():
            if not torch.equal(weights.pop(name, identity), identity):
                problem = f"{name} is not the identity, and config.json says that there is no projection"
                raise UserError(problem, str(folder), "copy or make it again")
    try:
        model.load_state_dict(weights)
    except RuntimeError as e:
        problem = f"weights that do not fit {CONFIG}: {' '.join(str(e).split())[:300]}"
        raise UserError(problem, str(folder), f"copy {CONFIG} and the weights of one model") from None
    return model.eval()


def _of_encoder(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights by their new names; those of a head, e.g. of CTC or of pre-training, are left out."""
    inside = {name: t for name, t in tensors.items() if not of_head(name, tensors, PREFIX)}
    return {_new_name(name): t.float() for name, t in inside.items()}


def _new_name(name: str) -> str:
    """Renames weight_g and weight_v, the names of weight normalisation before torch 2."""
    name = name.removeprefix(PREFIX)
    return name.replace("conv.weight_g", "conv.parametrizations.weight.original0").replace(
        "conv.weight_v", "conv.parametrizations.weight.original1"
    )
