"""What a folder says of its network's input: whether waveforms are normalised, which spectrogram it takes.

transformers keeps it in preprocessor_config.json, or, as newer releases write it, inside processor_config.json.
Settings that only say how a batch is padded (padding_side, padding_value, return_attention_mask) change nothing here:
the states of an utterance are those of it alone. Imports no torch.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from ..core.errors import UserError
from .model_files import CONFIG, OURS, PREPROCESSOR, PROCESSOR, read_mapping

INSIDE = ("feature_extractor", "audio_processor")  # sections of processor_config.json
TYPE = "feature_extractor_type"
OF_WAVEFORMS, OF_MELS = "Wav2Vec2FeatureExtractor", "WhisperFeatureExtractor"
RATE, FFT, HOP = 16000, 400, 160  # samples a second, under a mel frame, from one frame to the next
ONLY_OF_MELS = ("num_mel_bins", "n_fft", "hop_length", "nb_max_frames", "chunk_length")
ITSELF = "copy the file of the model itself"


def input_settings(folder: Path) -> tuple[Path, dict[str, Any]] | None:
    """The file that says how the input is made, and what it says; None if there is none.

    Raises UserError for a damaged file, and for two files that contradict each other.
    """
    path, nested = folder / PREPROCESSOR, _nested(folder / PROCESSOR)
    own = read_mapping(path) if path.is_file() else None
    if nested is None:
        return None if own is None else (path, own)
    for name in sorted(nested.keys() & (own or {}).keys() - {"processor_class"}):
        if own and own[name] != nested[name]:
            message = f"{name} is {own[name]} in {PREPROCESSOR} and {nested[name]} in {PROCESSOR}"
            raise UserError(message, str(folder), "keep the one of the model itself")
    return folder / PROCESSOR, {**(own or {}), **nested}


def _nested(path: Path) -> dict[str, Any] | None:
    """The part of processor_config.json on audio; None without one: older files say nothing of it."""
    tree = read_mapping(path) if path.is_file() else {}
    for name in INSIDE:
        if name in tree:
            if not isinstance(tree[name], dict):
                raise UserError(f"{name} is no mapping of names to values", str(path), ITSELF)
            return dict(tree[name])
    return None


def normalizes(folder: Path) -> bool:
    """True if the speech encoder in `folder` was trained on waveforms of mean 0 and variance 1.

    The preprocessor says so, and of a folder of ours config.json. Without both it follows from the front end, which a
    note says: published networks with feat_extract_norm `layer` take normalised waveforms, those with `group` were
    trained without. Source: wav2vec 2.0's training code, whose checkpoints pair the two settings.

    Raises UserError for a preprocessor that makes another input than waveforms at 16 kHz, or contradicts config.json.
    """
    tree, settings = read_mapping(folder / CONFIG), input_settings(folder)
    own = tree.get(OURS, {}).get("normalize_waveform")
    if settings is None:
        return own if isinstance(own, bool) else _inferred(folder, tree)
    path, values = settings
    _refuse_no_waveform(path, values)
    normalize = values.get("do_normalize", True)  # as transformers defaults
    if not isinstance(normalize, bool):
        raise UserError(f"do_normalize is {normalize!r}, neither true nor false", str(path), ITSELF)
    if isinstance(own, bool) and own != normalize:
        message = f"do_normalize is {normalize}, and normalize_waveform {own} in {CONFIG}"
        raise UserError(message, str(path), ITSELF)
    return normalize


def _refuse_no_waveform(path: Path, values: Mapping[str, Any]) -> None:
    """Raise UserError for settings that make something else than one waveform at 16 kHz."""
    kind = values.get(TYPE, OF_WAVEFORMS)
    mels = [name for name in ONLY_OF_MELS if name in values]
    if kind != OF_WAVEFORMS or mels:
        given = f" with {mels[0]}" if mels else ""
        message = f"an input made by {kind}{given}, not waveforms"
        raise UserError(message, str(path), f"encoders that take waveforms work here ({OF_WAVEFORMS})")
    for name, only in (("sampling_rate", RATE), ("feature_size", 1)):
        if values.get(name, only) != only:
            message = f"{name} is {values[name]!r}: audio has {RATE} samples a second and one channel here"
            raise UserError(message, str(path), "name another network, or one that was trained so")


def _inferred(folder: Path, tree: Mapping[str, Any]) -> bool:
    layers = "layer" if tree.get("model_type") == "data2vec-audio" else "group"  # what the classes have unless told
    norm = tree.get("feat_extract_norm", layers)
    if norm not in ("layer", "group"):
        raise UserError(f"no {PREPROCESSOR}, and feat_extract_norm is {norm!r}", str(folder), "copy the file there")
    _note(folder, str(norm))
    return norm == "layer"


@cache
def _note(folder: Path, norm: str) -> None:
    """Said once in a process."""
    heard = "scaled to mean 0 and variance 1" if norm == "layer" else "taken unscaled"
    because = f"as networks with feat_extract_norm {norm} are trained; with the file, it decides"
    print(f"NOTE: {folder} has no {PREPROCESSOR}: waveforms are {heard}, {because}", flush=True)


def refuse_other_mels(folder: Path, mels: int, seconds: float | None = None) -> None:
    """Raise UserError if the preprocessor in `folder` makes other spectrograms than the network takes.

    Args:
        mels: mel bins that the network takes.
        seconds: length of its longest window; None: any.
    """
    if (settings := input_settings(folder)) is None:
        return
    path, values = settings
    if (kind := values.get(TYPE, OF_MELS)) != OF_MELS:
        raise UserError(f"an input made by {kind}, no {OF_MELS}", str(path), ITSELF)
    pairs: dict[str, tuple[float, float]] = {  # default, right
        "feature_size": (80, mels),
        "sampling_rate": (RATE, RATE),
        "n_fft": (FFT, FFT),
        "hop_length": (HOP, HOP),
        "chunk_length": (30, 30 if seconds is None else seconds),
    }
    for name, (default, right) in pairs.items():
        if (name != "chunk_length" or seconds is not None) and values.get(name, default) != right:
            of = f"{CONFIG} (num_mel_bins)" if name == "feature_size" else "the network"
            message = f"{name} is {values.get(name, default)} in {path.name}, and {right:g} by {of}"
            raise UserError(message, str(path), ITSELF)
