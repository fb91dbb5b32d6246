"""Sizes of networks for --plan: by their files, or by the config of the stage that will make them. Imports no torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from ..core.links import absent
from ..core.plan import Disk, Planned
from .config import HubertConfig, hubert_parameters
from .model_files import CONFIG, HUB_ID, encoder_parameters, has_weights, read_mapping
from .whisper_shape import WhisperConfig, parameter_count

BYTES = 4  # float32
TOKEN_BYTES = 60  # of the tokenizer's files, a token
MB = 1e6


def _published(d: int, encoder: int, decoder: int | None = None, mels: int = 80, tokens: int = 51865) -> WhisperConfig:
    heads, inner, decoder = d // 64, 4 * d, decoder or encoder
    return WhisperConfig(tokens, mels, d, encoder, heads, inner, decoder, heads, inner)


PUBLISHED = {  # from the config.json of the releases
    "whisper-tiny": _published(384, 4),
    "whisper-base": _published(512, 6),
    "whisper-small": _published(768, 12),
    "whisper-medium": _published(1024, 24),
    "whisper-large": _published(1280, 32),
    "whisper-large-v2": _published(1280, 32),
    "whisper-large-v3": _published(1280, 32, mels=128, tokens=51866),
    "whisper-large-v3-turbo": _published(1280, 32, 4, mels=128, tokens=51866),
}


def _folder(name: str) -> Path | None:
    """The folder with the config.json of a model that is there."""
    return next((folder for folder in (Path(name, "hf"), Path(name)) if (folder / CONFIG).is_file()), None)


def encoder_shape(planned: Planned, name: str) -> tuple[int, int] | None:
    """(blocks, width) of a speech encoder; None for one that is not there and that no training will make."""
    if folder := _folder(name):
        tree: Mapping[str, Any] = read_mapping(folder / CONFIG)
    else:
        network = getattr(planned.config_of(name), "model", None)
        tree = vars(network) if isinstance(network, HubertConfig) else {}
    blocks, width = tree.get("num_hidden_layers"), tree.get("hidden_size")
    return (blocks, width) if isinstance(blocks, int) and isinstance(width, int) else None


def encoder_weights(planned: Planned, name: str) -> int | None:
    """Number of weights of a speech encoder; None as `encoder_shape`."""
    if folder := _folder(name):
        return encoder_parameters(folder) if has_weights(folder) else None
    network = getattr(planned.config_of(name), "model", None)
    return sum(hubert_parameters(network).values()) if isinstance(network, HubertConfig) else None


def fetch_mistakes(planned: Planned) -> Iterator[UserError]:
    """What models.fetch would refuse: a model that is neither there nor called as those of the hub."""
    model = planned.config.model
    if not Path(model).exists() and not HUB_ID.fullmatch(model):
        remedy = "name a folder with config.json, or an id of the hub such as openai/whisper-base"
        yield UserError(
            f"no model {model}: {absent(model, 'folder')}, and no id of the hub", f"--model {model}", remedy
        )


def whisper_shape(planned: Planned, name: str) -> WhisperConfig | None:
    """Shape of a Whisper that is there, that is published, or that a stage will make of another; None of others."""
    if folder := _folder(name):
        tree = read_mapping(folder / CONFIG)
        sizes = {f.name: tree[f.name] for f in fields(WhisperConfig) if isinstance(tree.get(f.name), int)}
        return WhisperConfig(**sizes) if tree.get("model_type") == "whisper" else None
    made = planned.made_by(name)
    step, maker = made if made else ("", planned)
    if step == "models.student" and (teacher := whisper_input(maker)):
        return _student(teacher, maker.config)
    if step == "train.whisper":
        return whisper_input(maker)
    known = str(maker.config.model) if step == "models.fetch" else name
    return PUBLISHED.get(Path(known).name)


def whisper_input(planned: Planned) -> WhisperConfig | None:
    """Shape of the first Whisper among the inputs: of a training, the one that it begins with."""
    return next((shape for name in planned.ins if (shape := whisper_shape(planned, name))), None)


def whisper_mb(shape: WhisperConfig) -> float:
    """MB of the folder of a Whisper: weights and tokenizer."""
    return (BYTES * parameter_count(shape) + TOKEN_BYTES * shape.vocab_size) / MB


def student_disk(planned: Planned) -> Disk | None:
    """Disk of models.student; None if its teacher is not known yet."""
    teacher = whisper_input(planned)
    return Disk(whisper_mb(_student(teacher, planned.config)), by_audio=False) if teacher else None


def fetch_disk(planned: Planned) -> Disk | None:
    """Disk of models.fetch: the model, and as much again in the cache; None for a model of unknown size."""
    shape = PUBLISHED.get(Path(planned.config.model).name)
    return Disk(2 * whisper_mb(shape), by_audio=False) if shape else None


def _student(teacher: WhisperConfig, config: Any) -> WhisperConfig:
    """The teacher with as many blocks as a StudentConfig says."""
    return replace(teacher, encoder_layers=config.encoder_layers, decoder_layers=config.decoder_layers)
